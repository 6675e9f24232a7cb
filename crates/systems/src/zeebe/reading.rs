//! From an answer to a read to what was seen.

use c8dr_domain::observation::{Sight, Silence};

use super::call::Reply;
use super::wire::Garbled;
use crate::http::Fault;

/// What a read brought: `read` makes sense of a 200's body.
pub(super) fn sight<T>(
    outcome: Result<Reply, Fault>,
    read: impl FnOnce(&[u8]) -> Result<T, Garbled>,
) -> Sight<T> {
    match outcome {
        Err(fault) => unheard(&fault),
        Ok(reply) if reply.status == 200 => understood(&reply, read),
        Ok(reply) => instead(&reply),
    }
}

/// What a body says, whatever its status.
pub(super) fn understood<T>(reply: &Reply, read: impl FnOnce(&[u8]) -> Result<T, Garbled>) -> Sight<T> {
    if let Some(title) = reply.page() {
        return Sight::Garbled {
            problem: stranger(reply.status, &title),
        };
    }
    match read(&reply.body) {
        Ok(value) => Sight::Seen(value),
        Err(garbled) => Sight::Garbled {
            problem: reply.problem(garbled),
        },
    }
}

/// What an answer is that does not bring what was asked for.
pub(super) fn instead<T>(reply: &Reply) -> Sight<T> {
    match reply.status {
        401 | 403 => Sight::Declined {
            status: reply.status,
            message: explained(reply),
        },
        300..=399 => Sight::Garbled {
            problem: redirected(reply),
        },
        400.. => match reply.page() {
            Some(title) => Sight::Garbled {
                problem: stranger(reply.status, &title),
            },
            None => Sight::Declined {
                status: reply.status,
                message: explained(reply),
            },
        },
        status => Sight::Garbled {
            problem: format!("{status}, which is no answer to this question"),
        },
    }
}

/// Nothing whole was heard: why.
pub(super) fn unheard<T>(fault: &Fault) -> Sight<T> {
    let detail = fault.to_string();
    match fault {
        Fault::NotSent { why, detail } => Sight::Silent {
            why: *why,
            detail: detail.clone(),
        },
        Fault::TooLate { .. } => Sight::Silent {
            why: Silence::NoAnswer,
            detail,
        },
        Fault::Broken { why, .. } => Sight::Silent { why: *why, detail },
        Fault::NotHttp { .. } | Fault::TooLong { .. } => Sight::Garbled { problem: detail },
    }
}

/// The server's message, with what it usually means where that helps.
pub(super) fn explained(reply: &Reply) -> String {
    let message = match reply.page() {
        Some(title) => format!("an HTML page, {title:?}"),
        None => reply.message(),
    };
    match reply.status {
        401 => format!("the credentials are missing or wrong: {message}"),
        403 => format!("the credentials do not suffice for this: {message}"),
        404 => format!("no such path; wrong port, base path or version? {message}"),
        _ => message,
    }
}

/// What a redirect means.
pub(super) fn redirected(reply: &Reply) -> String {
    format!(
        "{}, redirected to {}: wrong base path or a login page",
        reply.status,
        reply.redirected_to()
    )
}

/// What an HTML page means.
fn stranger(status: u16, title: &str) -> String {
    format!("{status} with an HTML page, {title:?}: a proxy or a login page answered, not Zeebe")
}
