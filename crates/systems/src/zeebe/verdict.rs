//! From an answer to a change to what is known of its effect. In doubt it is unknown, never success, never failure.

use c8dr_domain::effect::Answer;

use super::call::Reply;
use super::reading::{explained, redirected};
use super::wire::{self, Garbled};
use crate::http::Fault;

/// What a server answers when it has done as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// 202 with a planned change.
    Planned,
    /// 200 with the configuration, or 204: the cancel.
    Configuration,
    /// 200 or 204, with or without a body: the rebalance.
    Nothing,
    /// 204, or a 200 whose body tells: `status` 204 in it is success, 500 a failure that may have done half; a broker's
    /// own answer shows its partitions instead. `spec: api.md §4`, `edge-cases.md E3`
    Wrapped,
}

/// What is known of a change after its call.
pub(super) fn answer(outcome: Result<Reply, Fault>, expected: Expected) -> Answer {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(fault) => return unanswered(fault),
    };
    match (reply.status, expected) {
        (202, Expected::Planned) => match wire::planned_change(&reply.body) {
            Ok(plan) => Answer::Accepted {
                change: plan.change,
                planned: plan.planned,
                members: plan.members,
            },
            Err(garbled) => not_understood(&reply, garbled),
        },
        (200, Expected::Configuration) => match wire::configuration(&reply.body) {
            Ok(_) => Answer::Done,
            Err(garbled) => not_understood(&reply, garbled),
        },
        // A page is a stranger's: a proxy answers 200 to whatever it does not let through.
        (200, Expected::Nothing) if reply.page().is_none() => Answer::Done,
        (204, Expected::Configuration | Expected::Nothing | Expected::Wrapped) => Answer::Done,
        (200, Expected::Wrapped) => match wire::exporting_outcome(&reply.body) {
            Ok(wire::ExportingOutcome::Done) => Answer::Done,
            Ok(wire::ExportingOutcome::Failed { status, message }) => Answer::Unknown {
                status: Some(status),
                detail: message,
            },
            Err(garbled) => not_understood(&reply, garbled),
        },
        (status @ (400 | 401 | 403 | 404 | 405 | 501), _) => Answer::Refused {
            status,
            message: explained(&reply),
        },
        (409, _) => Answer::Conflict {
            message: reply.message(),
        },
        (status @ 300..=399, _) => Answer::Unknown {
            status: Some(status),
            detail: redirected(&reply),
        },
        (status @ 200..=299, _) => {
            let detail = format!("{status} is no answer to this request: {}", explained(&reply));
            Answer::Unknown {
                status: Some(status),
                detail,
            }
        }
        (status, _) => Answer::Unknown {
            status: Some(status),
            detail: explained(&reply),
        },
    }
}

fn unanswered(fault: Fault) -> Answer {
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

fn not_understood(reply: &Reply, garbled: Garbled) -> Answer {
    let detail = match reply.page() {
        Some(title) => format!("an HTML page, {title:?}: a proxy or a login page answered, not Zeebe"),
        None => format!("the answer is not understood: {}", reply.problem(garbled)),
    };
    Answer::Unknown {
        status: Some(reply.status),
        detail,
    }
}
