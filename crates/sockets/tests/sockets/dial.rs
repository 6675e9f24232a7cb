//! The adapters' lower seam on the simulated network.

use std::io::ErrorKind;

use c8dr_domain::observation::Silence;
use c8dr_engine::clock::Moment;
use c8dr_systems::dial::{ByteStream, Dial, NoConnection, Target};
use futures_util::future::BoxFuture;
use turmoil::net::TcpStream;

use crate::stage::Links;

/// Dials from the host on which it is called.
pub(crate) struct SimulatedTcp {
    pub(crate) links: Links,
}

impl Dial for SimulatedTcp {
    fn dial<'a>(
        &'a self,
        target: &'a Target,
        _deadline: Moment,
    ) -> BoxFuture<'a, Result<ByteStream, NoConnection>> {
        Box::pin(async move {
            let connected = TcpStream::connect((target.host.as_str(), target.port)).await;
            // turmoil lets the answer to a SYN pass a cut, and calls a lost SYN a refusal. On a real network either is
            // silence: the connector ends the wait at its deadline.
            if self.links.is_cut(&target.host) {
                return std::future::pending().await;
            }
            match connected {
                Ok(stream) => {
                    self.links.connected(&target.host);
                    Ok(Box::new(stream) as ByteStream)
                }
                Err(error) => Err(NoConnection {
                    why: match error.kind() {
                        ErrorKind::ConnectionRefused => Silence::Refused,
                        _ => Silence::NoConnection,
                    },
                    detail: format!("{target}: {error}"),
                }),
            }
        })
    }
}
