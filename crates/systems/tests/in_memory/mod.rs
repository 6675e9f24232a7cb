//! An HTTP server in a network in memory.

use axum::Router;
use c8dr_systems::dial::memory::{Listener, Network};
use tokio::io::DuplexStream;

struct InMemory(Listener);

impl axum::serve::Listener for InMemory {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.accept().await {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Serves `router` at a place in the network.
pub(crate) fn serve(network: &Network, host: &str, port: u16, router: Router) {
    let listener = InMemory(network.listen(host, port));
    tokio::spawn(async move { axum::serve(listener, router).await });
}
