//! `c8dr drill`: a lab in this process loses a region, and the very engine that would act in production fails it over.

use std::path::Path;
use std::time::Duration;

use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::plan::Plan;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::run::Run;
use c8dr_engine::backoff::Backoff;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Driver, Finish};
use c8dr_engine::journal::Store;
use c8dr_engine::observe::{Look, observe};
use c8dr_lab::{Lab, Listen};

use super::{carry, failback, interrupts, lab};
use crate::args::{Drill, Returning};
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::report::files::{self, DrillRuns};
use crate::report::{DrillReport, Loss, Rpo, Rto, RunReport};
use crate::show::progress::Progress;
use crate::show::{DIM, HEAD, Screen, styled};
use crate::site::Site;

/// How long all is well before the loss: enough for clients to have something to lose.
const CALM: Duration = Duration::from_secs(2);
/// How long a loss may take to be proven before the drill is called off. Recorded: 5 to 11 s.
const DETECTION_LIMIT: Duration = Duration::from_secs(60);
/// How often the lab is asked whether clients are served: finer than their own pace.
const SERVED_EVERY: Duration = Duration::from_millis(50);
/// How long the exporters may take to bring everything to both searches when all is over.
const EXPORTED_LIMIT: Duration = Duration::from_secs(30);
/// How long clients go on after the failover, so that the reckoning includes the survivors' own work.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Where drills are kept: apart from the runs of installations, which a drill must not stand in the way of.
pub(super) fn store(home: &Path) -> Store {
    Store::at(home.join("drills"))
}

pub(super) async fn run(screen: &Screen, drill: &Drill) -> Result<Exit, CliError> {
    let clock = Clock::at_speed(drill.world.speed);
    let lab = lab::new(&drill.world, clock.clone())?;
    let region = lab.region(&drill.lose).map_err(|error| CliError::Lab {
        what: error.to_string(),
        help: "Name one of them with `--lose`.".to_owned(),
    })?;
    let endpoints = lab
        .serve(Listen::Loopback)
        .await
        .map_err(|error| lab::not_served(&error))?;
    let store = store(&environment::home());
    let config = lab::config(&lab, &endpoints, drill.world.speed, store.home())?;
    let site = Site::with(config, clock.clone(), store, screen)?;
    let progress = Progress::new(*screen, site.clock.clone());
    let scene = Scene {
        screen,
        site: &site,
        lab: &lab,
        progress: &progress,
        clock: &clock,
    };

    let mut history = History::new();
    scene.say(&format!(
        "A lab with {} brokers and {} partitions; clients create process instances all the time.",
        drill.world.brokers, drill.world.partitions
    ));
    scene.until_healthy(&mut history).await?;
    clock.sleep(CALM).await;
    history.add(observe(&site.cluster, &clock, Look::Everything).await);
    lab.lose_region(region);
    let lost_at = clock.now();
    scene.say(&format!(
        "Region {} is lost: its brokers are killed, its search with them.",
        drill.lose
    ));
    let detected_at = scene.until_lost(&mut history).await?;
    scene.say(&format!(
        "Proven lost {:.1} s after the kill.",
        detected_at.since(lost_at).as_secs_f64()
    ));

    let lost = site.region(&drill.lose)?;
    let request = Request {
        management: site.management_of(lost.other()),
        is_recorded: site.bucket.is_some(),
        ..Request::new(lost)
    };
    let plan = plan(&site.config.installation, &history, &request, clock.wall())?;
    let decided_at = clock.now();
    let (failover, outage) = {
        let served = served_again(&lab, decided_at);
        let mut served = std::pin::pin!(served);
        let mut driven = std::pin::pin!(scene.drive(plan, history));
        let mut outage = None;
        let driven = loop {
            tokio::select! {
                driven = &mut driven => break driven,
                at = &mut served, if outage.is_none() => outage = Some(at.since(lost_at)),
            }
        };
        (driven?, outage)
    };
    clock.sleep(AFTERMATH).await;
    // The failover has a report of its own; the drill's tells of both runs.
    let _ = carry::reported(&site, screen, &failover.run);
    let failback = match failover.finish {
        Finish::Verified { .. } => {
            lab.rebuild_bare(region);
            scene.say(&format!(
                "Region {} is rebuilt: a new platform, with nothing on it yet.",
                drill.lose
            ));
            Some(scene.fail_back(&drill.lose).await)
        }
        _ => None,
    };
    progress.finish();

    let (failback, trouble) = match failback {
        Some(Ok(driven)) => (Some(driven), None),
        // The report is written all the same: it says how far it came.
        Some(Err(trouble)) => (None, Some(trouble)),
        None => (None, None),
    };
    let told = Toll {
        drill,
        lab: &lab,
        loss: Loss {
            lost_at: clock.wall_at(lost_at),
            detected_at: clock.wall_at(detected_at),
            served_at: outage.map(|outage| clock.wall_at(lost_at + outage)),
        },
        outage,
    };
    let mut report = told.report(&failover.run, failback.as_ref().map(|driven| &driven.run));
    report.stopped = trouble.as_ref().map(ToString::to_string);
    if trouble.is_some() {
        "stopped".clone_into(&mut report.outcome);
    }
    let directory = |driven: &Driven| site.store.directory(&driven.run.id);
    let there = directory(&failover);
    let back = failback.as_ref().map(directory);
    let runs = DrillRuns {
        failover: &there,
        failback: back.as_deref(),
        loss: told.loss,
    };
    files::of_drill(&runs, &mut report, &site.recorder.take())?;
    if let Some(trouble) = trouble {
        screen.note(&report.human());
        return Err(trouble);
    }
    screen.result(&report, || report.human())?;
    lab.stop();
    let finish = failback.unwrap_or(failover).finish;
    Ok(match finish {
        Finish::Verified { .. } if report.rpo.missing == 0 => Exit::Done,
        Finish::Verified { .. } => Exit::VerificationFailed,
        Finish::TurnedBack { .. } => Exit::Waiting,
        Finish::Stopped { stop, .. } => Exit::from(stop),
    })
}

/// A run that was driven to its end.
struct Driven {
    finish: Finish,
    run: Run,
}

struct Scene<'a> {
    screen: &'a Screen,
    site: &'a Site,
    lab: &'a Lab,
    progress: &'a Progress,
    clock: &'a Clock,
}

impl Scene<'_> {
    fn say(&self, text: &str) {
        let at = self.clock.now().since_start().as_secs_f64();
        self.progress.line(&format!(
            "{} {}",
            styled(DIM, format!("{at:5.1} s")),
            styled(HEAD, text)
        ));
    }

    /// Carries a plan out, as the commands do.
    async fn drive(&self, plan: Plan, history: History) -> Result<Driven, CliError> {
        let run = carry::run_id(&plan);
        let journal = self.site.store.create(&run)?;
        let gear = carry::gear(self.site, self.progress);
        let canceller = gear.canceller.clone();
        let beginning = Beginning {
            run,
            plan,
            by: environment::operator(),
            reason: Some("drill".to_owned()),
        };
        let _watch = interrupts::watch(self.site, *self.screen, &beginning.run, canceller);
        let mut driver = Driver::begin(gear, Box::new(journal), beginning, history)?;
        let finish = driver.drive().await?;
        Ok(Driven {
            finish,
            run: driver.run().clone(),
        })
    }

    /// Plans the failback of the rebuilt region, and carries it out.
    async fn fail_back(&self, region: &str) -> Result<Driven, CliError> {
        let returning = Returning {
            returning: region.to_owned(),
            adopt_pause: None,
        };
        let mut history = History::new();
        let plan = failback::planned(self.site, self.screen, &returning, &mut history).await?;
        let driven = self.drive(plan, history).await?;
        self.until_exported().await;
        Ok(driven)
    }

    /// Until what clients were promised can be looked for in both searches.
    async fn until_exported(&self) {
        let began = self.clock.now();
        self.lab.with(|world| world.set_load(0.0));
        while !self.lab.exporters_caught_up() && self.clock.now().since(began) < EXPORTED_LIMIT {
            self.clock.sleep(SERVED_EVERY).await;
        }
    }

    async fn until_healthy(&self, history: &mut History) -> Result<(), CliError> {
        self.until(history, Look::Everything, |code| code == Code::Healthy, "healthy")
            .await
            .map(|_| ())
    }

    async fn until_lost(&self, history: &mut History) -> Result<Moment, CliError> {
        self.until(
            history,
            Look::Everything,
            |code| code == Code::RegionLost,
            "proven lost",
        )
        .await
    }

    async fn until(
        &self,
        history: &mut History,
        look: Look,
        reached: impl Fn(Code) -> bool,
        word: &str,
    ) -> Result<Moment, CliError> {
        let began = self.clock.now();
        let mut backoff = Backoff::seeded(0);
        loop {
            history.add(observe(&self.site.cluster, self.clock, look).await);
            let diagnosis = diagnose(&self.site.config.installation, history);
            let now = self.clock.now();
            if reached(diagnosis.code) {
                return Ok(now);
            }
            self.progress.now(&format!(
                "{}: {}",
                diagnosis.code.as_str(),
                diagnosis.evidence.last().unwrap_or(&diagnosis.summary)
            ));
            if now.since(began) >= DETECTION_LIMIT {
                let trouble = self.lab.status();
                return Err(CliError::Lab {
                    what: format!(
                        "not {word} within {} s: {}",
                        DETECTION_LIMIT.as_secs(),
                        diagnosis.summary
                    ),
                    help: format!(
                        "The lab says: partitions without a leader {:?}. Please report this with the command.",
                        trouble.leaderless
                    ),
                });
            }
            self.clock.sleep(backoff.pause()).await;
        }
    }
}

/// When the first client is served after `since`.
async fn served_again(lab: &Lab, since: Moment) -> Moment {
    loop {
        let served = lab
            .status()
            .last_acknowledged_s
            .and_then(|s| Duration::try_from_secs_f64(s).ok());
        if let Some(at) = served.map(Moment::after_start).filter(|at| *at > since) {
            return at;
        }
        lab.clock().sleep(SERVED_EVERY).await;
    }
}

/// What the drill counted and timed.
struct Toll<'a> {
    drill: &'a Drill,
    lab: &'a Lab,
    loss: Loss,
    outage: Option<Duration>,
}

impl Toll<'_> {
    fn report(&self, failover: &Run, failback: Option<&Run>) -> DrillReport {
        let audit = self.lab.final_audit();
        let failover = RunReport::of(failover);
        let failback = failback.map(RunReport::of);
        let world = &self.drill.world;
        // Back on two regions every promise is looked up in the log and in both searches; before that, in the log.
        let in_searches = audit.regions.iter().map(|region| region.missing.count).max();
        let missing = match &failback {
            Some(failback) if failback.outcome == "verified" => {
                audit.missing_from_log.count.max(in_searches.unwrap_or_default())
            }
            _ => audit.missing_from_log.count,
        };
        let outcome = if missing > 0 {
            "data missing".to_owned()
        } else {
            failback.as_ref().unwrap_or(&failover).outcome.clone()
        };
        DrillReport {
            outcome,
            lost_region: self.drill.lose.clone(),
            command: format!(
                "c8dr drill --lose {} --brokers {} --partitions {} --seed {} --speed {}",
                self.drill.lose, world.brokers, world.partitions, world.seed, world.speed
            ),
            rpo: Rpo {
                acknowledged: audit.acknowledged,
                missing,
                duplicates: audit.twice_in_log.count,
            },
            rto: self.rto(&failover, failback.as_ref()),
            failover,
            failback,
            certificate: None,
            stopped: None,
            timeline: self
                .lab
                .timeline()
                .into_iter()
                .map(|event| (event.at_s, event.what))
                .collect(),
            report: None,
        }
    }

    fn rto(&self, failover: &RunReport, failback: Option<&RunReport>) -> Rto {
        let since_loss = |at: jiff::Timestamp| at.duration_since(self.loss.lost_at).as_secs_f64();
        let times = &failover.times;
        Rto {
            detected_seconds: since_loss(self.loss.detected_at),
            decided_seconds: since_loss(times.decided_at),
            leaders_back_seconds: times.leaders_back_at.map(since_loss),
            exporting_again_seconds: times.exporting_again_at.map(since_loss),
            unprotected_seconds: failback
                .and_then(|failback| failback.times.protected_again_at)
                .map(since_loss),
            failover_seconds: failover.failover_seconds,
            verified_seconds: failover.verified_seconds,
            outage_seconds: self.outage.map(|outage| outage.as_secs_f64()),
        }
    }
}
