//! What a broker answers: requests in, answers out, both plain values, so that the world stays free of sockets.

pub(crate) mod bucket;
pub(crate) mod cluster;
mod exporting;
mod management;
mod metrics;
mod rest;
pub(crate) mod search;
pub(crate) mod topology;
pub(crate) mod wire;

use std::collections::BTreeMap;

use bytes::Bytes;
use c8dr_engine::clock::Moment;
use http::Method;
use serde::Serialize;

use crate::ids::BrokerId;
use crate::world::World;

/// Which of a broker's ports is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Port {
    /// 8080: the orchestration REST API.
    Rest,
    /// 9600: the management API, without authentication.
    Management,
    /// 26500: gRPC.
    Grpc,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(method: Method, path: &str, query: Option<&str>, body: Bytes) -> Call {
        let pairs = query.unwrap_or_default().split('&').filter(|p| !p.is_empty());
        let query = pairs
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        Call {
            method,
            path: path.to_owned(),
            query,
            body,
        }
    }

    /// No call at all: for questions that are values.
    pub(crate) fn none() -> Call {
        Call {
            method: Method::GET,
            path: String::new(),
            query: BTreeMap::new(),
            body: Bytes::new(),
        }
    }

    /// Whether this call might change something.
    pub(crate) fn mutates(&self) -> bool {
        self.method != Method::GET && self.method != Method::OPTIONS && self.method != Method::HEAD
    }

    /// A boolean query parameter: absent is false, and anything but true and false is Spring's 400.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, BadFlag> {
        match self.query.get(name).map(String::as_str) {
            None | Some("false" | "") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(BadFlag),
        }
    }
}

/// A query parameter that Spring cannot convert.
pub(crate) struct BadFlag;

/// A response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const ACTUATOR: &str = "application/vnd.spring-boot.actuator.v3+json";
pub(crate) const PROBLEM: &str = "application/problem+json";
pub(crate) const TEXT: &str = "text/plain;charset=UTF-8";

impl Reply {
    pub(crate) fn json(status: u16, content_type: &'static str, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Reply {
            status,
            content_type: Some(content_type),
            body,
        }
    }

    /// JSON that was written before.
    pub(crate) fn written(body: Vec<u8>) -> Reply {
        Reply {
            status: 200,
            content_type: Some(JSON),
            body,
        }
    }

    pub(crate) fn message(status: u16, message: impl Into<String>) -> Reply {
        Reply::json(
            status,
            JSON,
            &wire::Message {
                message: message.into(),
            },
        )
    }

    pub(crate) fn empty(status: u16) -> Reply {
        Reply {
            status,
            content_type: None,
            body: Vec::new(),
        }
    }

    pub(crate) fn text(status: u16, text: &str) -> Reply {
        Reply {
            status,
            content_type: Some(TEXT),
            body: text.as_bytes().to_vec(),
        }
    }
}

/// What comes of asking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer<T = Reply> {
    /// This, after a usual answer's time.
    Soon(T),
    /// This, not before then.
    At(Moment, T),
    /// Nothing yet: ask again then, with this ticket.
    Again(Moment, Option<u64>),
}

/// A question as it stands: who is asked, since when, and what it has led to so far.
pub(crate) struct Asked<'a> {
    pub(crate) broker: BrokerId,
    pub(crate) call: &'a Call,
    pub(crate) at: Moment,
    pub(crate) ticket: Option<u64>,
}

impl World {
    /// The answer of one of a broker's HTTP ports.
    pub(crate) fn answer(&mut self, port: Port, asked: &Asked<'_>) -> Answer {
        match port {
            Port::Management => self.management(asked),
            Port::Rest | Port::Grpc => self.rest(asked),
        }
    }

    /// Spring's own error body.
    pub(crate) fn spring(&self, status: u16, path: &str) -> Answer {
        let error = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|s| s.canonical_reason())
            .unwrap_or("None");
        let body = wire::SpringError {
            timestamp: self.wall.spring(self.now),
            status,
            error,
            path,
        };
        Answer::Soon(Reply::json(status, JSON, &body))
    }
}

/// With `%2C` and its like resolved; what is not UTF-8 then stays as it was.
pub(crate) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decoded("/a%2Cb*/%zz"), "/a,b*/%zz");
    }
}
