//! From an answer to a change to what is known of its effect. In doubt it is unknown, never success, never failure.

use c8dr_domain::effect::Answer;
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::topology::{ExporterPhase, OwnPartitions};

use super::wire;
use crate::call::Reply;
use crate::http::Fault;
use crate::reading::{explained, not_understood, redirected, unanswered};

/// What a server answers when it has done as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// 202 with a planned change.
    Planned,
    /// 200 with the configuration, or 204: the cancel.
    Configuration,
    /// 200 or 204, with or without a body: the rebalance.
    Nothing,
    /// 204, or a 200 whose body tells: `status` 204 in it is success, 500 a failure that may have done half.
    /// `spec: api.md §4`
    Wrapped,
    /// 200 with a broker's own partitions, all of them exporting. Here 204 is the answer to a verb that the broker
    /// does not know, with nothing done. `spec: edge-cases.md E3`
    Exporting,
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
            Ok(_) if planted::is(Bug::WrappedFailureBelieved) => Answer::Done,
            Ok(wire::ExportingOutcome::Failed { status, message }) => Answer::Unknown {
                status: Some(status),
                detail: message,
            },
            Err(garbled) => not_understood(&reply, garbled),
        },
        (200, Expected::Exporting) => match wire::own_partitions(&reply.body) {
            Ok(partitions) => all_exporting(&partitions),
            Err(garbled) => not_understood(&reply, garbled),
        },
        (204, Expected::Exporting) => Answer::Unknown {
            status: Some(204),
            detail: "204 without the broker's partitions: it does not know how to resume by itself"
                .to_owned(),
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

/// Whether a broker that was told to resume shows every phase as it should be; a replica without one says nothing.
fn all_exporting(partitions: &OwnPartitions) -> Answer {
    let otherwise: Vec<String> = partitions
        .iter()
        .filter_map(|(id, replica)| match &replica.exporter_phase {
            None | Some(ExporterPhase::Exporting) => None,
            Some(phase) => Some(format!("partition {id} is {phase}")),
        })
        .collect();
    let says_something = partitions
        .values()
        .any(|replica| replica.exporter_phase.is_some());
    let detail = match (says_something, otherwise.is_empty()) {
        (true, true) => return Answer::Done,
        (true, false) => format!("resumed, and yet {}", otherwise.join(", ")),
        (false, _) => "the broker shows no partition that could export".to_owned(),
    };
    Answer::Unknown {
        status: Some(200),
        detail,
    }
}
