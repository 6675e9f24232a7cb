//! One cluster's API server: opened lazily, asked one call at a time, each with a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use c8dr_domain::observation::Silence;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::ports::{Exchange, Tap};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::{Body, ConfigExt};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tower::{BoxError, ServiceBuilder};

use super::access::Access;
use super::ask::Ask;
use super::forward::unopened;
use super::object::{self, Object};
use super::transport::{Transport, fault_of};
use super::trouble::{Trouble, message_of};
use crate::dial::{Connector, Dial};
use crate::foreign::Garbled;
use crate::http::{Fault, chain};
use crate::platform::kubernetes::Page;

/// How long calls may take, and how much they may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection to the API server, TLS included: it may stand on another continent.
    pub connect: Duration,
    /// For an answer. An API server answers from its memory; one whose etcd elects a leader takes some seconds.
    pub answer: Duration,
    /// For a credential plugin: those that ask a cloud take two seconds.
    pub plugin: Duration,
    /// How long a login is kept. Clouds let their tokens live for 14 minutes and more.
    pub login: Duration,
    /// The longest page of a list: 500 objects of 10 kB, and as much again.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            plugin: Duration::from_secs(20),
            login: Duration::from_secs(5 * 60),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// How many objects of a list are asked for at once, as kubectl does.
const PAGE: usize = 500;

/// A list of more pages than this is not one that belongs to an installation.
const PAGES_MAX: usize = 40;

/// One cluster. Cheap to clone; clones share one login.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    access: Access,
    dial: Arc<dyn Dial>,
    clock: Clock,
    limits: Limits,
    tap: Option<Tap>,
    session: Mutex<Option<Session>>,
}

struct Session {
    client: Client,
    opened: Moment,
}

impl Cluster {
    /// A cluster that is reached by `access` over `dial`. Nothing is read or sent yet. Every call is told to `tap`, without
    /// what it brought.
    pub fn new(access: Access, dial: Arc<dyn Dial>, clock: Clock, limits: Limits, tap: Option<Tap>) -> Self {
        Cluster(Arc::new(Inner {
            access,
            dial,
            clock,
            limits,
            tap,
            session: Mutex::new(None),
        }))
    }

    /// How it is found.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// A client with a login that is not old.
    pub(super) async fn client(&self) -> Result<Client, Trouble> {
        let mut session = self.0.session.lock().await;
        let now = self.0.clock.now();
        if let Some(session) = session
            .as_ref()
            .filter(|session| now.since(session.opened) < self.0.limits.login)
        {
            return Ok(session.client.clone());
        }
        *session = None;
        let opened = self.0.access.open(&self.0.clock, self.0.limits.plugin).await?;
        let transport = Transport {
            connector: Connector::new(self.0.dial.clone(), opened.tls, self.0.clock.clone()),
            server_name: opened.server_name,
            connect: self.0.limits.connect,
        };
        let unusable = |error: &kube::Error| Trouble::Access {
            what: format!("{} cannot be used: {}", self.0.access, chain(error)),
            help: "Does `kubectl get pods` work with it?".to_owned(),
        };
        let config = opened.config;
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .layer(config.extra_headers_layer().map_err(|error| unusable(&error))?)
            .option_layer(config.auth_layer().map_err(|error| unusable(&error))?)
            .map_err(BoxError::from)
            .service(transport);
        let client = Client::new(service, config.default_namespace.clone());
        *session = Some(Session {
            client: client.clone(),
            opened: now,
        });
        Ok(client)
    }

    /// Forgets the login, as the API server does not take it any more.
    async fn forget(&self) {
        *self.0.session.lock().await = None;
    }

    /// Asks once, and waits for the whole answer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Bytes, Trouble> {
        let began = self.0.clock.now();
        let outcome = self.exchange(ask).await;
        self.tell(ask, began, &outcome);
        if matches!(outcome, Err(Trouble::Refused { status: 401, .. })) {
            self.forget().await;
        }
        outcome
    }

    async fn exchange(&self, ask: &Ask) -> Result<Bytes, Trouble> {
        let limits = &self.0.limits;
        let client = self.client().await?;
        let unheard = |fault| Trouble::Unheard {
            cluster: self.to_string(),
            fault,
        };
        let request = ask.request::<Body>().map_err(|error| {
            unheard(Fault::NotSent {
                why: Silence::NoSuchHost,
                detail: error.to_string(),
            })
        })?;
        let call = async {
            let response = client.send(request).await.map_err(|error| fault_of(&error))?;
            let status = response.status().as_u16();
            // The head holds what keeps the connection going, and is kept until the body is whole.
            let (head, body) = response.into_parts();
            let body = match Limited::new(body, limits.body_bytes_max).collect().await {
                Ok(collected) => collected.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(Fault::TooLong {
                        status,
                        bytes_max: limits.body_bytes_max,
                    });
                }
                Err(error) => {
                    return Err(Fault::Broken {
                        why: Silence::Broken,
                        status: Some(status),
                        detail: chain(error.as_ref()),
                    });
                }
            };
            Ok((head, body))
        };
        // The connection has a limit of its own, and tells more about what it waited for.
        let limit = limits.connect + limits.answer;
        let (head, body) = match self.0.clock.timeout(limit, call).await {
            Ok(outcome) => outcome.map_err(unheard)?,
            Err(_) => return Err(unheard(Fault::TooLate { status: None, limit })),
        };
        match head.status.as_u16() {
            200..=299 => Ok(body),
            status => Err(Trouble::Refused {
                cluster: self.to_string(),
                asked: ask.words(),
                status,
                message: message_of(
                    head.headers
                        .get(header::CONTENT_TYPE)
                        .and_then(|kind| kind.to_str().ok()),
                    &body,
                ),
            }),
        }
    }

    fn tell(&self, ask: &Ask, began: Moment, outcome: &Result<Bytes, Trouble>) {
        let line = format!("{} of {self}", ask.line());
        let (status, received) = match outcome {
            // What is in it is nobody's business here: configuration maps and the like may hold anything.
            Ok(body) => (Some(200), format!("{} bytes", body.len())),
            Err(Trouble::Refused { status, message, .. }) => (Some(*status), message.clone()),
            Err(trouble) => (None, trouble.to_string()),
        };
        tracing::debug!(request = line, ?status, received, "asked Kubernetes");
        if let Some(tap) = &self.0.tap {
            tap(Exchange {
                at: self.0.clock.wall_at(began),
                took: self.0.clock.now().since(began),
                request: line,
                sent: ask.sent(),
                status,
                received,
                date: None,
            });
        }
    }

    /// Opens a stream, such as a port-forward's. It has no deadline of its own: whoever asks for it has one.
    pub(super) async fn stream(&self, ask: &Ask) -> Result<kube::client::Connection, Trouble> {
        let began = self.0.clock.now();
        let client = self.client().await?;
        let outcome = match ask.request::<Vec<u8>>() {
            Ok(request) => client
                .connect(request)
                .await
                .map_err(|error| unopened(&self.to_string(), ask.words(), &error)),
            Err(error) => Err(Trouble::Unheard {
                cluster: self.to_string(),
                fault: Fault::NotSent {
                    why: Silence::NoSuchHost,
                    detail: error.to_string(),
                },
            }),
        };
        match &outcome {
            // What goes through it is told by those who send it.
            Ok(_) => self.tell(ask, began, &Ok(Bytes::new())),
            Err(trouble) => self.tell(ask, began, &Err(trouble.clone())),
        }
        if matches!(outcome, Err(Trouble::Refused { status: 401, .. })) {
            self.forget().await;
        }
        outcome
    }

    /// One object, or whatever a change answers with.
    pub(super) async fn object<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, Trouble> {
        let body = self.ask(ask).await?;
        object::one(&body).map_err(|garbled| Trouble::garbled(self, ask.words(), &garbled))
    }

    /// A whole list, page by page. If the server forgets where it was in between (410), there is none.
    pub(super) async fn list(&self, ask: &Ask) -> Result<Vec<Object>, Trouble> {
        self.list_of(ask, object::page).await
    }

    /// The same, each page read by `read`.
    pub(super) async fn list_of<T>(
        &self,
        ask: &Ask,
        read: impl Fn(&[u8]) -> Result<Page<T>, Garbled>,
    ) -> Result<Vec<T>, Trouble> {
        let mut all = Vec::new();
        let mut more: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut next = ask.clone().with_query("limit", PAGE.to_string());
            if let Some(token) = more.take() {
                next = next.with_query("continue", token);
            }
            let body = self.ask(&next).await?;
            let (items, rest) =
                read(&body).map_err(|garbled| Trouble::garbled(self, ask.words(), &garbled))?;
            all.extend(items);
            match rest {
                Some(token) => more = Some(token),
                None => return Ok(all),
            }
        }
        Err(Trouble::Garbled {
            cluster: self.to_string(),
            asked: ask.words(),
            problem: format!("the list goes on after {PAGES_MAX} pages of {PAGE}"),
        })
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.access.fmt(f)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.0.access).finish()
    }
}
