//! From an answer to a change to what is known of its effect. In doubt it is unknown.

use c8dr_domain::effect::Answer;

use super::wire;
use crate::call::Reply;
use crate::http::Fault;
use crate::reading::{explained, not_understood, redirected, unanswered};

/// What is known of a change after its call.
pub(super) fn answer(outcome: Result<Reply, Fault>) -> Answer {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(fault) => return unanswered(fault),
    };
    let status = reply.status;
    let unknown = |detail| Answer::Unknown {
        status: Some(status),
        detail,
    };
    match (status, wire::error_type(&reply.body).as_deref()) {
        (200, _) => match wire::is_taken(&reply.body) {
            Ok(true) => Answer::Done,
            Ok(false) => unknown("not every node acknowledged it in time".to_owned()),
            Err(garbled) => not_understood(&reply, garbled),
        },
        // Another snapshot, restore or clean-up is under way, so this one was not begun. `spec: api.md §9`
        (400.., Some("concurrent_snapshot_execution_exception" | "snapshot_in_progress_exception"))
        | (409, _) => Answer::Conflict {
            message: reply.message(),
        },
        // Both servers check before they begin a restore, and answer 500 if it cannot be. `spec: real-parts.md §1`
        (status @ 500, Some("snapshot_restore_exception"))
        | (status @ (400 | 401 | 403 | 404 | 405 | 501), _) => Answer::Refused {
            status,
            message: explained_by_type(&reply),
        },
        (300..=399, _) => unknown(redirected(&reply)),
        (201..=299, _) => unknown(format!(
            "{status} is no answer to this request: {}",
            reply.message()
        )),
        (_, _) => unknown(explained(&reply)),
    }
}

/// What is known of an effect of several requests, of which some have had theirs before this last one was answered.
pub(super) fn partly(last: Answer, before: &str) -> Answer {
    match last {
        Answer::Accepted { .. } | Answer::Done | Answer::Stale { .. } => last,
        Answer::Refused { status, message } => Answer::Refused {
            status,
            message: format!("{message} ({before})"),
        },
        Answer::Conflict { message } => Answer::Conflict {
            message: format!("{message} ({before})"),
        },
        Answer::Unknown { status, detail } => Answer::Unknown {
            status,
            detail: format!("{detail} ({before})"),
        },
        // It would say that nothing was done, which is no longer so.
        Answer::NotSent { why, detail } => Answer::Unknown {
            status: None,
            detail: format!("not sent: {why}: {detail} ({before})"),
        },
    }
}

/// A 404 with an error of the server's own is about a repository or an index, not about the URL.
fn explained_by_type(reply: &Reply) -> String {
    match wire::error_type(&reply.body) {
        Some(_) if reply.status == 404 => reply.message(),
        _ => explained(reply),
    }
}
