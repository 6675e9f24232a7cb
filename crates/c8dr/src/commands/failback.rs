//! `c8dr plan failback` and `c8dr failback`: look, plan, check, ask, carry out.

use std::path::Path;

use c8dr_domain::check::errors;
use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::diagnose::Code;
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failback::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal, RefusalCode};
use c8dr_engine::backoff::Backoff;
use c8dr_engine::observe::{Look, observe_all};

use super::{carry, failover, releases};
use crate::args::{Args, Failback, Returning};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::progress::Progress;
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::HICCUP;

pub(super) async fn plan_only(
    args: &Args,
    screen: &Screen,
    returning: &Returning,
    save: Option<&Path>,
) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let plan = planned(&site, screen, returning, &mut History::new()).await?;
    failover::saved(screen, &plan, save)?;
    screen.result(&plan, || show::plan::human(&plan))?;
    Ok(Exit::Done)
}

pub(super) async fn run(args: &Args, screen: &Screen, failback: &Failback) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    site.region(&failback.returning.returning)?;
    if failback.consent.dry_run {
        let plan = planned(&site, screen, &failback.returning, &mut History::new()).await?;
        screen.result(&plan, || show::plan::human(&plan))?;
        return Ok(Exit::Done);
    }
    let _claimed = carry::claim(&site, screen, None)?;
    let mut history = History::new();
    let plan = planned(&site, screen, &failback.returning, &mut history).await?;
    carry::agree(screen, &plan, &failback.consent).await?;
    carry::out(&site, screen, plan, history, failback.consent.reason.clone()).await
}

/// Looks until a plan can be made, or until looking longer would not help. What was seen is in `history` either way.
pub(super) async fn planned(
    site: &Site,
    screen: &Screen,
    returning: &Returning,
    history: &mut History,
) -> Result<Plan, CliError> {
    let request = request(site, returning).await?;
    let progress = Progress::new(*screen, site.clock.clone());
    progress.now("looking …");
    let outcome = watch_for_plan(site, &request, history, &progress).await;
    progress.finish();
    let plan = outcome?;
    if plan.diagnosis.code == Code::Healthy {
        screen.note(
            "Nothing is failed over: both regions are members, and both exporters are on. Only what must hold is read again; `c8dr status` shows the rest.",
        );
    }
    let wrong = errors(&plan, history.latest());
    if wrong.is_empty() {
        releases::checked(site, history, plan).await
    } else {
        Err(CliError::WrongPlan(wrong))
    }
}

/// What is asked for, with everything that the configuration has to say about it.
pub(super) async fn request(site: &Site, returning: &Returning) -> Result<Request, CliError> {
    let region = site.region(&returning.returning)?;
    let rebuild = &site.config.rebuild;
    let repository = site.repository().await?;
    let missing: Vec<&str> = [
        (repository.is_none(), "`snapshots`"),
        (rebuild.searches.len() < 2, "`search` in both regions"),
        (rebuild.platforms.len() < 2, "`platform` in both regions"),
    ]
    .into_iter()
    .filter_map(|(is_missing, what)| is_missing.then_some(what))
    .collect();
    let Some(repository) = repository.filter(|_| missing.is_empty()) else {
        return Err(CliError::NotConfigured {
            what: format!("a failback needs {}", missing.join(" and ")),
            path: site.config.path.clone(),
            help: "`c8dr failback --help` says what goes there; the lab's own configuration is an example (`c8dr lab up` prints where it lies).",
        });
    };
    Ok(Request {
        management: site.management_of(region.other()),
        searches: rebuild
            .searches
            .iter()
            .map(|(region, endpoint)| (*region, endpoint.url.to_string()))
            .collect(),
        platform_commands: site.platform_commands(),
        webapps: rebuild.webapps,
        trial_writes: site.kubernetes.contains_key(&region.other()),
        adopt_pause: returning.adopt_pause.clone(),
        floor_s: rebuild.floor_s,
        reserve_bytes: rebuild.reserve_bytes,
        traffic: site.reroute(),
        ..Request::new(region, repository)
    })
}

/// What a plan is made from: both platforms and both searches.
pub(super) fn asks(returning: RegionId) -> Asks {
    Asks {
        both_regions: true,
        platforms: [returning, returning.other()].into(),
        searches: [returning, returning.other()]
            .map(|region| {
                let asks = SearchAsks {
                    indices: true,
                    ..SearchAsks::default()
                };
                (region, asks)
            })
            .into(),
        ..Asks::default()
    }
}

async fn watch_for_plan(
    site: &Site,
    request: &Request,
    history: &mut History,
    progress: &Progress,
) -> Result<Plan, Refusal> {
    let began = site.clock.now();
    let mut backoff = Backoff::seeded(0);
    let asks = asks(request.returning);
    loop {
        history.add(observe_all(&site.sources(), &site.clock, Look::Everything, &asks).await);
        let refusal = match plan(&site.config.installation, history, request, site.clock.wall()) {
            Ok(plan) => return Ok(plan),
            Err(refusal) => refusal,
        };
        // What may be a hiccup is looked at again; the rest is refused at once.
        let may_pass = matches!(
            refusal.code,
            RefusalCode::SurvivorDown
                | RefusalCode::NothingAnswers
                | RefusalCode::MembersUnreadable
                | RefusalCode::PlatformUnseen
        );
        if !may_pass || site.clock.now().since(began) >= HICCUP {
            return Err(refusal);
        }
        progress.now(&refusal.summary);
        site.clock.sleep(backoff.pause()).await;
    }
}
