//! Dials over TCP.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use c8dr_domain::observation::Silence;
use c8dr_engine::clock::{Clock, Moment};
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use super::{ByteStream, Dial, NoConnection, Target};

/// Connects over TCP, name resolution by the operating system.
#[derive(Clone, Debug)]
pub struct Tcp {
    clock: Clock,
}

impl Tcp {
    /// A dialer that counts its deadlines on `clock`.
    pub fn new(clock: Clock) -> Self {
        Tcp { clock }
    }

    async fn connect(&self, target: &Target, deadline: Moment) -> Result<ByteStream, NoConnection> {
        let addresses = self.resolve(target, deadline).await?;
        let mut last = None;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for (tried, address) in (0..).zip(addresses) {
            // Each address gets an even share of what is left, so that a dead first one cannot use up the limit.
            let share = deadline.since(self.clock.now()) / count.saturating_sub(tried).max(1);
            match self.clock.timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are small and single; waiting to fill a segment only adds delay.
                    let _ = stream.set_nodelay(true);
                    return Ok(Box::new(stream));
                }
                Ok(Err(error)) => {
                    let why = why(&error);
                    let failed = NoConnection {
                        why,
                        // A refusal has no more to say than that it is one.
                        detail: match why {
                            Silence::Refused => target.to_string(),
                            _ => format!("{target}: {error}"),
                        },
                    };
                    last = Some(worse(last, failed));
                }
                Err(_) => {
                    let failed = NoConnection {
                        why: Silence::NoConnection,
                        detail: format!(
                            "{target}: {} did not accept a connection within {}",
                            address.ip(),
                            rounded(share)
                        ),
                    };
                    last = Some(worse(last, failed));
                }
            }
        }
        Err(last.unwrap_or_else(|| NoConnection {
            why: Silence::NoSuchHost,
            detail: format!("{target}: the name has no address"),
        }))
    }

    async fn resolve(&self, target: &Target, deadline: Moment) -> Result<Vec<SocketAddr>, NoConnection> {
        if let Ok(ip) = target.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, target.port)]);
        }
        let left = deadline.since(self.clock.now());
        let lookup = tokio::net::lookup_host((target.host.as_str(), target.port));
        match self.clock.timeout(left, lookup).await {
            Ok(Ok(addresses)) => Ok(addresses.collect()),
            Ok(Err(error)) => Err(NoConnection {
                why: Silence::NoSuchHost,
                detail: format!("{target}: {error}"),
            }),
            Err(_) => Err(NoConnection {
                why: Silence::NoSuchHost,
                detail: format!("{target}: no answer from the resolver within {}", rounded(left)),
            }),
        }
    }
}

impl Dial for Tcp {
    fn dial<'a>(
        &'a self,
        target: &'a Target,
        deadline: Moment,
    ) -> BoxFuture<'a, Result<ByteStream, NoConnection>> {
        Box::pin(self.connect(target, deadline))
    }
}

/// A share of a limit, without the microseconds that are gone already.
fn rounded(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn why(error: &std::io::Error) -> Silence {
    match error.kind() {
        ErrorKind::ConnectionRefused => Silence::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Silence::Broken,
        _ => Silence::NoConnection,
    }
}

/// Of two failed addresses the one to report: "refused" proves that nobody listens only if *every* address says so.
fn worse(earlier: Option<NoConnection>, later: NoConnection) -> NoConnection {
    match earlier {
        Some(earlier) if later.why == Silence::Refused => earlier,
        _ => later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn dialled(host: &str, port: u16) -> Result<(), NoConnection> {
        let clock = Clock::system();
        let deadline = clock.now() + Duration::from_secs(5);
        let tcp = Tcp::new(clock);
        tcp.dial(
            &Target {
                host: host.to_owned(),
                port,
            },
            deadline,
        )
        .await
        .map(|_| ())
    }

    #[tokio::test]
    async fn connects_to_a_listener() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(dialled("127.0.0.1", port).await, Ok(()));
    }

    #[tokio::test]
    async fn a_port_without_a_listener_is_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(
            dialled("127.0.0.1", port).await.unwrap_err().why,
            Silence::Refused
        );
    }

    #[tokio::test]
    async fn an_unknown_name_is_no_such_host() {
        // `.invalid` never resolves, by RFC 6761.
        assert_eq!(
            dialled("nobody.invalid", 9600).await.unwrap_err().why,
            Silence::NoSuchHost
        );
    }

    #[tokio::test]
    async fn a_host_that_swallows_connections_is_told_from_one_that_refuses() {
        let clock = Clock::system();
        let tcp = Tcp::new(clock.clone());
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        // Nobody accepts: once the backlog is full the kernel drops what comes, as a firewall does.
        let mut waiting = Vec::new();
        let failed = loop {
            match tcp.dial(&target, clock.now() + Duration::from_millis(200)).await {
                Ok(stream) => waiting.push(stream),
                Err(failed) => break failed,
            }
            assert!(waiting.len() < 100, "the backlog never filled");
        };
        assert_eq!(failed.why, Silence::NoConnection);
        assert!(failed.detail.contains("did not accept"), "{}", failed.detail);
    }

    #[test]
    fn one_silent_address_outweighs_a_refusing_one() {
        let silent = NoConnection {
            why: Silence::NoConnection,
            detail: "a".to_owned(),
        };
        let refused = NoConnection {
            why: Silence::Refused,
            detail: "b".to_owned(),
        };
        assert_eq!(worse(Some(silent.clone()), refused.clone()), silent);
        assert_eq!(worse(Some(refused.clone()), silent.clone()), silent);
        assert_eq!(worse(None, refused.clone()), refused);
    }
}
