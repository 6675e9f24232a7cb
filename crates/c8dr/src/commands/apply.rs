//! `c8dr apply`: a saved plan, if the world is still as it was when it was made.

use c8dr_domain::plan::{Accepted, Kind, Plan};
use c8dr_domain::record;

use super::{carry, failback, failover};
use crate::args::{Apply, Args, Lost, Returning};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen};
use crate::site::Site;

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
        Some(carry::claim(&site, None)?)
    };
    let (now, history) = match saved.kind {
        Kind::Failover => failover::planned(&site, screen, &lost(&saved)).await?,
        Kind::Failback => failback::planned(&site, screen, &returning(&saved)).await?,
    };
    let differences = saved.differences(&now);
    if !differences.is_empty() {
        return Err(CliError::PlanOutdated {
            differences: differences.join("\n"),
        });
    }
    if lock.is_none() {
        screen.result(&now, || show::plan::human(&now))?;
        return Ok(Exit::Done);
    }
    carry::agree(screen, &now, &apply.consent).await?;
    carry::out(&site, screen, now, history, apply.consent.reason.clone()).await
}

fn read(apply: &Apply) -> Result<Plan, CliError> {
    let path = &apply.plan;
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Io {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    let not_a_plan = |why: String| CliError::NotAPlan {
        path: path.clone(),
        why,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| not_a_plan(error.to_string()))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        None => return Err(not_a_plan("it names no format".to_owned())),
        Some(format) if format > u64::from(record::FORMAT) => {
            return Err(not_a_plan(format!(
                "it has format {format}; this c8dr reads up to {}",
                record::FORMAT
            )));
        }
        Some(_) => {}
    }
    serde_json::from_value(value).map_err(|error| not_a_plan(error.to_string()))
}

/// What was asked for when the plan was made.
fn lost(plan: &Plan) -> Lost {
    let mut lost = Lost {
        lost: plan.installation.region(plan.lost).name.clone(),
        accept_unfenced: None,
        accept_data_loss: None,
        accept_unrecorded: None,
    };
    for accepted in &plan.accepted {
        match accepted {
            Accepted::Unfenced { reason } => lost.accept_unfenced = Some(reason.clone()),
            Accepted::DataLoss { reason } => lost.accept_data_loss = Some(reason.clone()),
            Accepted::Unrecorded { reason } => lost.accept_unrecorded = Some(reason.clone()),
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
