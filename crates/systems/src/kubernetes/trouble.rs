//! What may go wrong between us and an API server, said so that somebody can act on it.

use std::fmt;

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::{Sight, Silence};
use serde::Deserialize;

use crate::dial::NoConnection;
use crate::foreign::{Garbled, json, page, shown};
use crate::http::Fault;
use crate::reading::{unanswered, unheard};

/// Why a call to an API server brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nothing was sent, as it is not known where to, or as whom.
    #[error("{what}. {help}")]
    Access {
        /// What is wrong.
        what: String,
        /// The way out.
        help: String,
    },
    /// Nothing whole was heard of the API server. This says nothing of what runs in its cluster.
    #[error("the API server of {cluster} was not heard: {fault}")]
    Unheard {
        /// Whose.
        cluster: String,
        /// How far it got.
        fault: Fault,
    },
    /// The API server said no.
    #[error("{}", refused(.cluster, .asked, *.status, .message))]
    Refused {
        /// Whose.
        cluster: String,
        /// What was asked.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// What came is no answer to the question.
    #[error("the answer of {cluster} to `{asked}` is not understood: {problem}")]
    Garbled {
        /// Whose.
        cluster: String,
        /// What was asked.
        asked: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A refusal with what it means, and what to do.
fn refused(cluster: &str, asked: &str, status: u16, message: &str) -> String {
    match status {
        401 => format!(
            "{cluster} does not know us (401): the credentials have expired or are wrong. Log in again as you do for kubectl, and try `kubectl auth whoami` there"
        ),
        403 => format!(
            "{cluster} does not allow us to {asked} (403): {message}. The roles in `deploy/rbac` grant it"
        ),
        404 => format!("{cluster} has none of that ({asked}, 404): {message}"),
        409 => format!("{cluster} took no change ({asked}, 409): {message}"),
        status => format!("{cluster} could not {asked} ({status}): {message}"),
    }
}

/// What an API server sends in place of an object.
#[derive(Deserialize)]
struct Status {
    kind: Option<String>,
    message: Option<String>,
}

/// The message of a refusal, whatever its shape.
pub(super) fn message_of(content_type: Option<&str>, body: &[u8]) -> String {
    const CHARS_MAX: usize = 400;
    if let Some(title) = page(content_type, body) {
        return format!("an HTML page, {title:?}: a proxy or a login page answered, not an API server");
    }
    match json::read::<Status>(body) {
        Ok(Status {
            kind: Some(kind),
            message: Some(message),
        }) if kind == "Status" => shown(message.as_bytes(), CHARS_MAX),
        _ => shown(body, CHARS_MAX),
    }
}

impl Trouble {
    /// Whether the API server says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Trouble::Refused { status: 404, .. })
    }

    /// Whether the API server says that we may not.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Trouble::Refused { status: 403, .. })
    }

    pub(super) fn garbled(cluster: impl fmt::Display, asked: String, garbled: &Garbled) -> Self {
        Trouble::Garbled {
            cluster: cluster.to_string(),
            asked,
            problem: garbled.to_string(),
        }
    }

    /// What it is as a sight of something.
    pub fn sight<T>(self) -> Sight<T> {
        let detail = self.to_string();
        match self {
            Trouble::Access { .. } => Sight::Silent {
                why: Silence::NoConnection,
                detail,
            },
            Trouble::Unheard { fault, .. } => match unheard::<T>(&fault) {
                // The API server refuses, which is not to say that anything else there would.
                Sight::Silent { why, .. } => Sight::Silent {
                    why: of_the_way(why),
                    detail,
                },
                Sight::Garbled { .. } => Sight::Garbled { problem: detail },
                other => other,
            },
            Trouble::Refused { status, .. } => Sight::Declined {
                status,
                message: detail,
            },
            Trouble::Garbled { .. } => Sight::Garbled { problem: detail },
        }
    }

    /// What is known of a change that went this way.
    pub fn answer(self) -> Answer {
        let detail = self.to_string();
        match self {
            Trouble::Access { .. } => Answer::NotSent {
                why: Silence::NoConnection,
                detail,
            },
            Trouble::Unheard { fault, .. } => match unanswered(fault) {
                Answer::NotSent { why, .. } => Answer::NotSent {
                    why: of_the_way(why),
                    detail,
                },
                Answer::Unknown { status, .. } => Answer::Unknown { status, detail },
                other => other,
            },
            Trouble::Refused { status: 409, .. } => Answer::Conflict { message: detail },
            Trouble::Refused {
                status: status @ (400 | 401 | 403 | 404 | 405 | 410 | 415 | 422),
                ..
            } => Answer::Refused {
                status,
                message: detail,
            },
            Trouble::Refused { status, .. } => Answer::Unknown {
                status: Some(status),
                detail,
            },
            Trouble::Garbled { .. } => Answer::Unknown { status: None, detail },
        }
    }

    /// Why no connection came about to something inside of the cluster.
    pub(super) fn no_connection(self, target: &str) -> NoConnection {
        let why = match &self {
            Trouble::Refused { status: 404, .. } => Silence::NoSuchHost,
            Trouble::Unheard { fault, .. } => match unheard::<()>(fault) {
                Sight::Silent { why, .. } => of_the_way(why),
                _ => Silence::NoConnection,
            },
            Trouble::Access { .. } | Trouble::Refused { .. } | Trouble::Garbled { .. } => {
                Silence::NoConnection
            }
        };
        NoConnection {
            why,
            detail: format!("{target}: {self}"),
        }
    }
}

/// A silence of the API server, which stands between us and what we ask for: that it refuses, or has no name, says nothing
/// of what lies behind it.
fn of_the_way(why: Silence) -> Silence {
    match why {
        Silence::Refused | Silence::NoSuchHost | Silence::Broken | Silence::NoAnswer => Silence::NoConnection,
        Silence::NoConnection | Silence::Tls => why,
    }
}
