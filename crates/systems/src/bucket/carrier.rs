//! Carries the library's requests over our own seam: our dialing, our TLS, our clock, each sent once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use tower::ServiceExt;

use crate::auth::Secrets;
use crate::foreign;
use crate::http::{Bounds, Service};

/// An answer that is no success. It travels as an error through the library, which knows too little of statuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub(super) struct Answered {
    pub(super) status: u16,
    /// S3's own code, such as `NoSuchKey`.
    pub(super) code: Option<String>,
    /// Fit to be shown, and without secrets.
    pub(super) message: String,
}

/// A success of somebody else: the library would take a proxy's page for an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no list of objects: a proxy or a login page answered, not the bucket")]
pub(super) struct NoList;

#[derive(Clone)]
pub(super) struct Carrier {
    pub(super) service: Service,
    pub(super) bounds: Bounds,
    pub(super) secrets: Arc<Secrets>,
}

impl Carrier {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut head, body) = request.into_parts();
        head.extensions.insert(self.bounds);
        let line = format!("{} {}", head.method, head.uri);
        let is_list = head
            .uri
            .query()
            .is_some_and(|query| query.contains("list-type=2"));
        let body = body.collect().await?.to_bytes();
        let sent = self
            .service
            .clone()
            .oneshot(http::Request::from_parts(head, Full::new(body)))
            .await;
        match sent {
            Ok(response) if response.status().is_success() => {
                tracing::debug!(request = line, status = response.status().as_u16(), "answered");
                let (head, body) = response.into_parts();
                if is_list && element(&String::from_utf8_lossy(&body), "ListBucketResult").is_none() {
                    return Err(HttpError::new(HttpErrorKind::Decode, NoList));
                }
                Ok(HttpResponse::from_parts(head, body.into()))
            }
            Ok(response) => {
                let answered = self.answered(&response);
                tracing::debug!(request = line, status = answered.status, "answered");
                Err(HttpError::new(HttpErrorKind::Unknown, answered))
            }
            Err(fault) => {
                tracing::debug!(request = line, %fault, "no answer");
                Err(HttpError::new(HttpErrorKind::Unknown, fault))
            }
        }
    }

    fn answered(&self, response: &http::Response<Bytes>) -> Answered {
        // Scrubbed before anything is cut, so that no half of a secret is left.
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let text = self.secrets.scrubbed(text);
        let code = element(&text, "Code").map(|code| foreign::shown(code.as_bytes(), 60));
        let message = match (&code, element(&text, "Message")) {
            (Some(code), Some(message)) => format!("{code}: {}", foreign::shown(message.as_bytes(), 300)),
            (Some(code), None) => code.clone(),
            (None, _) => match foreign::page(None, text.as_bytes()) {
                Some(title) => format!("an HTML page, {title:?}: a proxy or a login page answered"),
                None => foreign::shown(text.as_bytes(), 300),
            },
        };
        Answered {
            status: response.status().as_u16(),
            code,
            message,
        }
    }
}

/// What stands in an XML element. S3's errors are flat, and only shown or compared.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}"))?;
    // The name of another element may begin alike; attributes may follow.
    let rest = rest.strip_prefix('>').or_else(|| rest.strip_prefix(' '))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content)
}

impl HttpService for Carrier {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.carry(request))
    }
}

impl HttpConnector for Carrier {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
