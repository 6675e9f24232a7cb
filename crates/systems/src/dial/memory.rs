//! Dials into listeners in this process: for tests and for drills in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use c8dr_domain::observation::Silence;
use c8dr_engine::clock::Moment;
use futures_util::future::BoxFuture;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::{ByteStream, Dial, NoConnection, Target};

/// How many bytes wait in one direction of a connection before the writer has to wait: a usual socket buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many connections wait to be accepted: a usual listen backlog. One more waits as on a real network.
const BACKLOG: usize = 128;

#[derive(Clone, Debug)]
enum Place {
    Listening(mpsc::Sender<DuplexStream>),
    Dark,
}

/// A network in memory. Clones are the same network.
///
/// A target where nobody listens refuses; one that was made [dark](Network::darken) never answers.
#[derive(Clone, Debug, Default)]
pub struct Network {
    places: Arc<Mutex<BTreeMap<Target, Place>>>,
}

impl Network {
    /// A network without any listener.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens at `host:port`, instead of whoever did before. Connections are refused once the listener is dropped.
    pub fn listen(&self, host: &str, port: u16) -> Listener {
        let (sender, incoming) = mpsc::channel(BACKLOG);
        self.places().insert(
            Target {
                host: host.to_owned(),
                port,
            },
            Place::Listening(sender),
        );
        Listener { incoming }
    }

    /// Swallows connections to `host:port` from now on, as a dead host or a firewall does. Standing ones live on.
    pub fn darken(&self, host: &str, port: u16) {
        self.places().insert(
            Target {
                host: host.to_owned(),
                port,
            },
            Place::Dark,
        );
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<Target, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dial for Network {
    fn dial<'a>(
        &'a self,
        target: &'a Target,
        _deadline: Moment,
    ) -> BoxFuture<'a, Result<ByteStream, NoConnection>> {
        let place = self.places().get(target).cloned();
        Box::pin(async move {
            let refused = || NoConnection {
                why: Silence::Refused,
                detail: format!("{target}: nobody listens there in memory"),
            };
            match place {
                // The connector ends the wait at the deadline.
                Some(Place::Dark) => std::future::pending().await,
                None => Err(refused()),
                Some(Place::Listening(sender)) => {
                    let (near, far) = tokio::io::duplex(BUFFER_BYTES);
                    sender.send(far).await.map_err(|_| refused())?;
                    Ok(Box::new(near) as ByteStream)
                }
            }
        })
    }
}

/// The accepting end of one place in a [`Network`].
#[derive(Debug)]
pub struct Listener {
    incoming: mpsc::Receiver<DuplexStream>,
}

impl Listener {
    /// The next connection; `None` once nobody can dial this listener any more.
    pub async fn accept(&mut self) -> Option<DuplexStream> {
        self.incoming.recv().await
    }
}
