//! Requests to Amazon, signed with version 4 of its signature by the library that also signs those to the bucket.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use secrecy::ExposeSecret;

use crate::bucket::Credentials;

/// What requests are signed for.
const SERVICE: &str = "route53";

/// A key that cannot be used. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Its id or its token is not what can stand in a header.
    #[error("the access key's id, or its token, has characters that no header takes")]
    Odd,
    /// Half of it is missing.
    #[error("the access key is empty")]
    Empty,
}

/// Why a request could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsigned {
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error("it could not be signed: {0}")]
    Signature(#[from] object_store::Error),
}

/// Whether the key can sign.
///
/// # Errors
/// If it cannot.
pub fn check(credentials: &Credentials) -> Result<(), BadKey> {
    if credentials.access_key_id.is_empty() || credentials.secret_access_key.expose_secret().is_empty() {
        return Err(BadKey::Empty);
    }
    // The library takes it for granted.
    let token = credentials
        .session_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let is_odd = |text: &str| HeaderValue::from_str(text).is_err();
    match is_odd(&credentials.access_key_id) || token.is_some_and(is_odd) {
        true => Err(BadKey::Odd),
        false => Ok(()),
    }
}

/// A request with its signature.
pub(super) fn request(
    method: Method,
    uri: Uri,
    body: String,
    credentials: &Credentials,
    region: &str,
) -> Result<Request<Full<Bytes>>, Unsigned> {
    let key = AwsCredential {
        key_id: credentials.access_key_id.clone(),
        secret_key: credentials.secret_access_key.expose_secret().to_owned(),
        token: credentials
            .session_token
            .as_ref()
            .map(|token| token.expose_secret().to_owned()),
    };
    let body = Bytes::from(body);
    let mut unsigned: HttpRequest = Request::builder()
        .method(method)
        .uri(uri)
        .body(HttpRequestBody::from(body.clone()))?;
    AwsAuthorizer::new(&key, SERVICE, region).try_authorize(&mut unsigned, None)?;
    let (mut head, _) = unsigned.into_parts();
    for name in [
        header::AUTHORIZATION,
        header::HeaderName::from_static("x-amz-security-token"),
    ] {
        if let Some(value) = head.headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
    head.headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("c8dr/", env!("CARGO_PKG_VERSION"))),
    );
    if !body.is_empty() {
        head.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    }
    Ok(Request::from_parts(head, Full::new(body)))
}
