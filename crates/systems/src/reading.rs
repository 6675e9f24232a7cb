//! From an answer to what was seen, or to what is known of a change. In doubt it is unknown.

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::{Sight, Silence};

use crate::call::Reply;
use crate::foreign::Garbled;
use crate::http::Fault;

/// What a read brought: `read` makes sense of a 200's body.
pub(crate) fn sight<T>(
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
pub(crate) fn understood<T>(reply: &Reply, read: impl FnOnce(&[u8]) -> Result<T, Garbled>) -> Sight<T> {
    if let Some(title) = reply.page() {
        return Sight::Garbled {
            problem: stranger(reply, &title),
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
pub(crate) fn instead<T>(reply: &Reply) -> Sight<T> {
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
                problem: stranger(reply, &title),
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

/// What came instead of a value, as a sight of something else.
pub(crate) fn without<S, T>(sight: Sight<S>) -> Sight<T> {
    match sight {
        Sight::Seen(_) | Sight::Empty => Sight::Empty,
        Sight::Silent { why, detail } => Sight::Silent { why, detail },
        Sight::Declined { status, message } => Sight::Declined { status, message },
        Sight::Garbled { problem } => Sight::Garbled { problem },
        Sight::NotAsked => Sight::NotAsked,
    }
}

/// Nothing whole was heard: why.
pub(crate) fn unheard<T>(fault: &Fault) -> Sight<T> {
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
pub(crate) fn explained(reply: &Reply) -> String {
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
pub(crate) fn redirected(reply: &Reply) -> String {
    format!(
        "{}, redirected to {}: wrong base path or a login page",
        reply.status,
        reply.redirected_to()
    )
}

/// What an HTML page means.
fn stranger(reply: &Reply, title: &str) -> String {
    let Reply { status, system, .. } = reply;
    format!("{status} with an HTML page, {title:?}: a proxy or a login page answered, not {system}")
}

/// What is known of a change that brought no whole answer.
pub(crate) fn unanswered(fault: Fault) -> Answer {
    let detail = fault.to_string();
    match fault {
        Fault::NotSent { why, detail } => Answer::NotSent { why, detail },
        Fault::TooLate { status, .. } | Fault::Broken { status, .. } => Answer::Unknown { status, detail },
        Fault::TooLong { status, .. } => Answer::Unknown {
            status: Some(status),
            detail,
        },
        Fault::NotHttp { .. } => Answer::Unknown { status: None, detail },
    }
}

/// What is known of a change whose answer makes no sense.
pub(crate) fn not_understood(reply: &Reply, garbled: Garbled) -> Answer {
    let detail = match reply.page() {
        Some(title) => {
            let system = reply.system;
            format!("an HTML page, {title:?}: a proxy or a login page answered, not {system}")
        }
        None => format!("the answer is not understood: {}", reply.problem(garbled)),
    };
    Answer::Unknown {
        status: Some(reply.status),
        detail,
    }
}
