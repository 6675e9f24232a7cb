//! `c8dr plan failover` and `c8dr failover`: watch, plan, check, ask, carry out.

use std::path::Path;

use c8dr_domain::check::errors;
use c8dr_domain::condition::Asks;
use c8dr_domain::history::History;
use c8dr_domain::plain;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::reinforce::{Reinforce, Wanted};
use c8dr_domain::plan::{Plan, Refusal, RefusalCode};
use c8dr_domain::record;
use c8dr_engine::backoff::Backoff;
use c8dr_engine::observe::{Look, Sources, observe_all};

use super::carry;
use crate::args::{Args, Failover, Lost};
use crate::config::Policy;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::progress::Progress;
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::{HICCUP, PATIENCE};

pub(super) async fn plan_only(
    args: &Args,
    screen: &Screen,
    lost: &Lost,
    save: Option<&Path>,
) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let plan = planned(&site, screen, lost, &mut History::new()).await?;
    saved(screen, &plan, save)?;
    screen.result(&plan, || show::plan::human(&plan))?;
    Ok(Exit::Done)
}

/// Saves a plan, where that was asked for.
pub(super) fn saved(screen: &Screen, plan: &Plan, save: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = save {
        let text = record::sealed(plan).map_err(|error| CliError::Unwritable {
            form: "JSON",
            why: error.to_string(),
        })?;
        std::fs::write(path, plain::json(text)).map_err(|source| CliError::Io {
            doing: "write",
            path: path.to_owned(),
            source,
        })?;
        screen.note(&format!(
            "Saved. Carry it out with `c8dr apply {}`.",
            path.display()
        ));
    }
    Ok(())
}

pub(super) async fn run(args: &Args, screen: &Screen, failover: &Failover) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    site.region(&failover.lost.lost)?;
    if failover.consent.dry_run {
        let plan = planned(&site, screen, &failover.lost, &mut History::new()).await?;
        screen.result(&plan, || show::plan::human(&plan))?;
        return Ok(Exit::Done);
    }
    let loss = failover.lost.accept_data_loss.as_deref();
    let claimed = carry::claim(
        &site,
        screen,
        loss.and_then(|_| site.region(&failover.lost.lost).ok()),
    )?;
    let mut history = History::new();
    let plan = planned(&site, screen, &failover.lost, &mut history).await?;
    carry::agree(screen, &plan, &failover.consent).await?;
    let _claimed = claimed.override_runs(&site, loss.unwrap_or_default())?;
    carry::out(&site, screen, plan, history, failover.consent.reason.clone()).await
}

/// Watches until a plan can be made, or until watching longer would not help. What was seen is in `history` either way.
pub(super) async fn planned(
    site: &Site,
    screen: &Screen,
    lost: &Lost,
    history: &mut History,
) -> Result<Plan, CliError> {
    let request = request(site, lost)?;
    let progress = Progress::new(*screen, site.clock.clone());
    progress.now("looking …");
    let outcome = watch_for_plan(site, &request, history, &progress).await;
    progress.finish();
    let plan = outcome?;
    let wrong = errors(&plan, history.latest());
    if wrong.is_empty() {
        Ok(plan)
    } else {
        Err(CliError::WrongPlan(wrong))
    }
}

/// What is asked for, with what the configuration has to say about it.
pub(super) fn request(site: &Site, lost: &Lost) -> Result<Request, CliError> {
    let region = site.region(&lost.lost)?;
    Ok(Request {
        accept_unfenced: lost.accept_unfenced.clone(),
        accept_data_loss: lost.accept_data_loss.clone(),
        accept_unrecorded: lost.accept_unrecorded.clone(),
        is_recorded: site.bucket.is_some(),
        management: site.management_of(region.other()),
        traffic: site.reroute(),
        reinforce: reinforce(site, lost)?,
        ..Request::new(region)
    })
}

/// Whether the survivors are reinforced afterwards: by what was typed, and by the site's policy.
fn reinforce(site: &Site, lost: &Lost) -> Result<Option<Reinforce>, CliError> {
    let wanted = match (lost.reinforce, site.config.reinforce) {
        (true, Policy::Never) => {
            return Err(CliError::Usage {
                what: "`reinforce: never` in the configuration rules `--reinforce` out".to_owned(),
                help: "Take it out there, or change it to `offer`, if that policy no longer holds."
                    .to_owned(),
            });
        }
        (true, _) => Wanted::Asked,
        (false, Policy::Never) => return Ok(None),
        (false, Policy::Offer) => Wanted::Offered,
        (false, Policy::Always) => Wanted::Always,
    };
    Ok(Some(Reinforce {
        wanted,
        accept_unknown_disks: lost.accept_unknown_disks.clone(),
        reserve_bytes: site.config.rebuild.reserve_bytes,
    }))
}

async fn watch_for_plan(
    site: &Site,
    request: &Request,
    history: &mut History,
    progress: &Progress,
) -> Result<Plan, Refusal> {
    let began = site.clock.now();
    let mut backoff = Backoff::seeded(0);
    let mut look = Look::Everything;
    let sources = Sources::of(&site.cluster);
    // Disks matter to nothing else here.
    let asks = Asks {
        metrics: (request.reinforce.as_ref()).is_some_and(|wanted| wanted.wanted != Wanted::Offered),
        ..Asks::default()
    };
    loop {
        history.add(observe_all(&sources, &site.clock, look, &asks).await);
        let refusal = match plan(&site.config.installation, history, request, site.clock.wall()) {
            Ok(plan) => return Ok(plan),
            Err(refusal) => refusal,
        };
        // What time may close is watched; the rest is refused at once.
        let patience = match refusal.code {
            RefusalCode::NotFenced => PATIENCE,
            RefusalCode::SurvivorDown | RefusalCode::NothingAnswers => HICCUP,
            _ => return Err(refusal),
        };
        if site.clock.now().since(began) >= patience {
            return Err(refusal);
        }
        progress.now(
            refusal
                .evidence
                .last()
                .map_or(refusal.summary.as_str(), String::as_str),
        );
        look = Look::Loss { lost: request.lost };
        site.clock.sleep(backoff.pause()).await;
    }
}
