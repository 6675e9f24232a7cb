//! `c8dr apply`: a saved plan, if the world is still as it was when it was made.

use std::io::Read as _;

use c8dr_domain::history::History;
use c8dr_domain::ids::clause;
use c8dr_domain::picture::Picture;
use c8dr_domain::plain;
use c8dr_domain::plan::{Accepted, Kind, Plan, Seen, StepId};
use c8dr_domain::record;

use super::{carry, failback, failover};
use crate::args::{Apply, Args, Lost, Returning};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen};
use crate::site::Site;

/// The file name that stands for the standard input.
const STDIN: &str = "-";

pub(super) async fn run(args: &Args, screen: &Screen, apply: &Apply) -> Result<Exit, CliError> {
    let saved = read(apply)?;
    let site = Site::open(args, screen)?;
    if saved.installation != site.config.installation {
        return Err(CliError::OtherInstallation {
            what: format!("the plan in {}", apply.plan.display()),
        });
    }
    let lock = if apply.consent.dry_run {
        None
    } else {
        Some(carry::claim(&site, screen, None)?)
    };
    let mut history = History::new();
    let planned = match saved.kind {
        Kind::Failover => failover::planned(&site, screen, &lost(&saved), &mut history).await,
        Kind::Failback => failback::planned(&site, screen, &returning(&saved), &mut history).await,
    };
    let seen = Picture::of(&site.config.installation, &history).map(|picture| Seen::of(&picture));
    let moved = seen.map_or_else(Vec::new, |now| saved.seen.moved(&now));
    let now = planned.map_err(|error| since(&saved, &moved, error))?;
    let differences = saved.differences(&now);
    if now.steps.is_empty() && !saved.steps.is_empty() && saved.lost == now.lost {
        screen.note(&format!(
            "Nothing of this plan is owed any more: {} no longer owed. Only what must hold at the end is read again.",
            clause("step", saved.steps.iter().map(|step| step.id), "is", "are")
        ));
    } else if !differences.is_empty() {
        return Err(CliError::PlanOutdated {
            made_at: saved.made_at,
            differences: bullets("What would be done is otherwise:", &differences),
            moved: bullets("What was seen is otherwise:", &moved),
            again: again(&saved),
        });
    }
    if lock.is_none() {
        screen.result(&now, || show::plan::human(&now))?;
        return Ok(Exit::Done);
    }
    carry::agree(screen, &now, &apply.consent).await?;
    carry::out(&site, screen, now, history, apply.consent.reason.clone()).await
}

/// A refusal with what has moved since the plan was made: that is why it was possible then.
fn since(saved: &Plan, moved: &[String], error: CliError) -> CliError {
    match error {
        CliError::Refused(mut refusal) => {
            refusal
                .evidence
                .push(format!("The plan was made at {:.0}.", saved.made_at));
            refusal
                .evidence
                .extend(moved.iter().map(|moved| format!("Since then: {moved}")));
            CliError::Refused(refusal)
        }
        other => other,
    }
}

fn bullets(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    format!("{title}{lines}\n")
}

/// The command that makes the plan anew.
fn again(plan: &Plan) -> String {
    let region = &plan.installation.region(plan.lost).name;
    match plan.kind {
        Kind::Failover => format!("c8dr plan failover --lost {region} --save FILE"),
        Kind::Failback => format!("c8dr plan failback --returning {region} --save FILE"),
    }
}

fn read(apply: &Apply) -> Result<Plan, CliError> {
    let path = &apply.plan;
    let text = match path.to_str() {
        Some(STDIN) => {
            let mut text = Vec::new();
            std::io::stdin().read_to_end(&mut text).map(|_| text)
        }
        _ => std::fs::read(path),
    }
    .map_err(|source| CliError::Io {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    // What was found instead is repeated in it, however long that is.
    let not_a_plan = |why: String| CliError::NotAPlan {
        path: path.clone(),
        why: plain::quoted(&why, 300),
    };
    let mut value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| not_a_plan(error.to_string()))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        None => return Err(not_a_plan("it names no format".to_owned())),
        Some(found) if found > u64::from(record::FORMAT) => {
            return Err(CliError::NewerPlan {
                path: path.clone(),
                found,
                reads: record::FORMAT,
            });
        }
        Some(_) => {}
    }
    let promised = value
        .as_object_mut()
        .and_then(|plan| plan.remove(record::FINGERPRINT))
        .ok_or_else(|| {
            not_a_plan(format!(
                "it has no `{}`, which `--save` writes and `--output json` does not",
                record::FINGERPRINT
            ))
        })?;
    let plan: Plan = serde_json::from_value(value).map_err(|error| not_a_plan(error.to_string()))?;
    let fingerprint = record::fingerprint(&plan).map_err(|error| not_a_plan(error.to_string()))?;
    match promised.as_str() == Some(fingerprint.as_str()) {
        true => Ok(plan),
        false => Err(CliError::EditedPlan { path: path.clone() }),
    }
}

/// What was asked for when the plan was made.
fn lost(plan: &Plan) -> Lost {
    let mut lost = Lost {
        lost: plan.installation.region(plan.lost).name.clone(),
        accept_unfenced: None,
        accept_data_loss: None,
        accept_unrecorded: None,
        reinforce: plan.steps.iter().any(|step| step.id == StepId::Re1),
        accept_unknown_disks: None,
    };
    for accepted in &plan.accepted {
        match accepted {
            Accepted::Unfenced { reason } => lost.accept_unfenced = Some(reason.clone()),
            Accepted::DataLoss { reason } => lost.accept_data_loss = Some(reason.clone()),
            Accepted::Unrecorded { reason } => lost.accept_unrecorded = Some(reason.clone()),
            Accepted::UnknownDisks { reason } => lost.accept_unknown_disks = Some(reason.clone()),
            Accepted::PauseAdopted { .. } => {}
        }
    }
    lost
}

/// The same of a failback.
fn returning(plan: &Plan) -> Returning {
    Returning {
        returning: plan.installation.region(plan.lost).name.clone(),
        adopt_pause: plan.accepted.iter().find_map(|accepted| match accepted {
            Accepted::PauseAdopted { reason } => Some(reason.clone()),
            _ => None,
        }),
    }
}
