//! What carries kube's requests: one fresh connection each over our own seam, so that it is known how far each got.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, Uri, header};
use c8dr_domain::observation::Silence;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::task::AbortHandle;

use crate::dial::{Connector, NoConnection, Protocol};
use crate::http::{Fault, chain, failed, host_of, target_of, unsent};

/// Carries requests to one API server.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pub(super) connector: Connector,
    /// The name in the server's certificate, where it is not the host's.
    pub(super) server_name: Option<String>,
    /// For a connection, TLS included.
    pub(super) connect: Duration,
}

impl tower::Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Response<Incoming>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move { transport.exchange(request).await })
    }
}

/// A connection moves its bytes in a task of its own, which ends with the answer that it was opened for.
struct Moving(Option<AbortHandle>);

impl Drop for Moving {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl Transport {
    async fn exchange(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Fault> {
        let (target, security) = target_of(request.uri())?;
        let stream = self
            .connector
            .connect_as(
                &target,
                self.server_name.as_deref(),
                security,
                Protocol::Http1,
                self.connect,
            )
            .await?;
        let unusable = |error: &dyn std::error::Error| NoConnection {
            why: Silence::NoSuchHost,
            detail: error.to_string(),
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let path = Uri::try_from(path).map_err(|error| unusable(&error))?;
        let host = host_of(&target, security);
        let host = HeaderValue::try_from(host).map_err(|error| unusable(&error))?;
        *request.uri_mut() = path;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        // A port-forward keeps its own.
        headers
            .entry(header::CONNECTION)
            .or_insert(HeaderValue::from_static("close"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unsent(&target, &error))?;
        let mut moving = Moving(Some(tokio::spawn(connection.with_upgrades()).abort_handle()));
        let mut response = sender.try_send_request(request).await.map_err(|mut error| {
            // hyper hands the request back only if not a byte of it was written.
            if error.take_message().is_some() {
                unsent(&target, error.error())
            } else {
                failed(error.error(), None)
            }
        })?;
        match response.status().as_u16() {
            // It ends by itself once the stream is taken out of it.
            101 => drop(moving.0.take()),
            _ => drop(response.extensions_mut().insert(Arc::new(moving))),
        }
        Ok(response)
    }
}

/// What went wrong, out of the wrappings that kube puts around it.
pub(super) fn fault_of(error: &(dyn std::error::Error + 'static)) -> Fault {
    for cause in crate::dial::causes(error) {
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            return fault.clone();
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return failed(error, None);
        }
    }
    Fault::NotSent {
        why: Silence::NoConnection,
        detail: chain(error),
    }
}
