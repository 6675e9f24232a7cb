//! One call to one endpoint: builds the request, sends it once, and tells the tap.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use c8dr_domain::observation::Silence;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::ports::{Exchange, Tap};
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use tower::ServiceExt;

use crate::auth::Secrets;
use crate::base_url::BaseUrl;
use crate::foreign::{self, Garbled};
use crate::http::{Bounds, Fault, Service};

/// How much of a body an [`Exchange`] keeps: enough for a 12-broker configuration, little enough for a report.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// An endpoint, with what it takes to be let in.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) base: BaseUrl,
    pub(crate) authorization: Option<HeaderValue>,
}

/// Sends calls.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) service: Service,
    /// Who is expected to answer, for words such as "not Zeebe".
    pub(crate) system: &'static str,
    pub(crate) clock: Clock,
    pub(crate) tap: Option<Tap>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) connect: Duration,
    pub(crate) body_bytes_max: usize,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// With its leading slash, perhaps with a query.
    pub(crate) path: String,
    /// The body, if there is one.
    pub(crate) json: Option<String>,
    /// How long the whole answer may take once the connection stands.
    pub(crate) answer: Duration,
    /// How much of the answer is told to the tap.
    pub(crate) kept_bytes_max: usize,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>, answer: Duration) -> Self {
        Call {
            method,
            path: path.into(),
            json: None,
            answer,
            kept_bytes_max: KEPT_BYTES_MAX,
        }
    }

    pub(crate) fn get(path: impl Into<String>, answer: Duration) -> Self {
        Self::new(Method::GET, path, answer)
    }

    pub(crate) fn with(self, json: Option<String>) -> Self {
        Call { json, ..self }
    }
}

/// A whole answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    content_type: Option<String>,
    location: Option<String>,
    /// What the server's clock shows, if it says so.
    date: Option<jiff::Timestamp>,
    /// Who was expected to answer.
    pub(crate) system: &'static str,
    secrets: Arc<Secrets>,
}

impl Caller {
    /// Sends one request and waits for its whole answer.
    pub(crate) async fn call(&self, door: &Door, call: Call) -> Result<Reply, Fault> {
        let began = self.clock.now();
        // Whom nobody listens to need not say what he does.
        let is_told = self.tap.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        let line = match is_told {
            true => format!("{} {}{}", call.method, door.base, call.path),
            false => String::new(),
        };
        let outcome = match self.request(door, &call) {
            Ok(request) => self.send(request).await,
            Err(error) => Err(Fault::NotSent {
                why: Silence::NoSuchHost,
                detail: error.to_string(),
            }),
        };
        match &outcome {
            Ok(reply) => tracing::debug!(request = line, status = reply.status, "answered"),
            Err(fault) => tracing::debug!(request = line, %fault, "no answer"),
        }
        self.tell(began, line, call, &outcome);
        outcome
    }

    fn request(&self, door: &Door, call: &Call) -> Result<Request<Full<Bytes>>, http::Error> {
        let bounds = Bounds {
            connect: self.connect,
            answer: call.answer,
            body_bytes_max: self.body_bytes_max,
        };
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(door.base.join(&call.path)?)
            .extension(bounds)
            .header(header::USER_AGENT, concat!("c8dr/", env!("CARGO_PKG_VERSION")))
            .header(
                header::ACCEPT,
                "application/json, application/*+json, text/plain;q=0.5",
            );
        if let Some(authorization) = &door.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if call.json.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(call.json.clone().map(Bytes::from).unwrap_or_default()))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Reply, Fault> {
        let (head, body) = self.service.clone().oneshot(request).await?.into_parts();
        let text = |name| {
            head.headers
                .get(name)
                .map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(Reply {
            status: head.status.as_u16(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            date: text(header::DATE).and_then(|date| dated(&date)),
            body,
            system: self.system,
            secrets: self.secrets.clone(),
        })
    }

    fn tell(&self, began: Moment, line: String, call: Call, outcome: &Result<Reply, Fault>) {
        if self.tap.is_none() {
            return;
        }
        let (status, received, date) = match outcome {
            Ok(reply) => (
                Some(reply.status),
                reply.kept_text(call.kept_bytes_max),
                reply.date,
            ),
            Err(fault) => (None, fault.to_string(), None),
        };
        self.tell_exchange(began, line, call.json, (status, date), received);
    }

    /// Tells the tap of an exchange that began at `began` and has just ended.
    pub(crate) fn tell_exchange(
        &self,
        began: Moment,
        request: String,
        sent: Option<String>,
        (status, date): (Option<u16>, Option<jiff::Timestamp>),
        received: String,
    ) {
        let Some(tap) = &self.tap else { return };
        let took = self.clock.now().since(began);
        tap(Exchange {
            at: self.clock.wall_at(began),
            took,
            request,
            sent,
            status,
            received,
            date,
        });
    }
}

/// The time in a `Date` header; servers write it in one form only.
fn dated(header: &str) -> Option<jiff::Timestamp> {
    let parsed = jiff::fmt::rfc2822::parse(header).ok()?;
    Some(parsed.timestamp())
}

impl Reply {
    /// The server's own message in an error's body.
    pub(crate) fn message(&self) -> String {
        foreign::refusal(&self.sayable())
    }

    /// The title, if the body is an HTML page.
    pub(crate) fn page(&self) -> Option<String> {
        // The glance comes before the body is copied for scrubbing: every answer passes here, and hardly one is a page.
        let kind = self.content_type.as_deref();
        foreign::may_be_page(kind, &self.body)
            .then(|| foreign::page(kind, &self.sayable()))
            .flatten()
    }

    /// The body without secrets. Only for what is said of it: scrubbed before anything is cut, so that no half of a
    /// secret is left; never for what is read from it, as a short secret may be part of a host's name.
    fn sayable(&self) -> Cow<'_, [u8]> {
        let text = String::from_utf8_lossy(&self.body);
        if self.secrets.are_in(&text) {
            Cow::Owned(self.secrets.scrubbed(text.into_owned()).into_bytes())
        } else {
            Cow::Borrowed(&self.body)
        }
    }

    /// Why a body is not understood, without anything secret that stands in it.
    pub(crate) fn problem(&self, garbled: Garbled) -> String {
        if self.secrets.are_in(&String::from_utf8_lossy(&self.body)) {
            let what = "the body is not understood, and not shown, as it repeats a credential".to_owned();
            return Garbled {
                what,
                excerpt: String::new(),
                ..garbled
            }
            .to_string();
        }
        garbled.to_string()
    }

    /// Where a redirect leads, without its query, which often holds tokens.
    pub(crate) fn redirected_to(&self) -> String {
        let Some(location) = &self.location else {
            return "nowhere".to_owned();
        };
        let location = location.split(['?', '#']).next().unwrap_or_default();
        let without_user = match location.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit('@').next().unwrap_or_default();
                format!("{scheme}://{host}/{path}")
            }
            None => location.to_owned(),
        };
        foreign::shown(self.secrets.scrubbed(without_user).as_bytes(), 200)
    }

    fn kept_text(&self, bytes_max: usize) -> String {
        // A secret that lies across the cut must not survive in part, so it is cut only after scrubbing.
        let mut text = self
            .secrets
            .scrubbed(String::from_utf8_lossy(&self.body).into_owned());
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
            text.push('…');
        }
        text
    }
}
