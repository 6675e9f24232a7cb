//! `c8dr drill`: a lab in this process loses a region, and the very engine that would act in production fails it over.

use std::time::Duration;

use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_engine::backoff::Backoff;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::drive::{Beginning, Driver, Finish};
use c8dr_engine::journal::Store;
use c8dr_engine::observe::{Look, observe};
use c8dr_lab::{Lab, Listen};

use super::{carry, lab};
use crate::args::Drill;
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::report::{DrillReport, Rpo, Rto, RunReport};
use crate::show::progress::Progress;
use crate::show::{DIM, HEAD, Screen, styled};
use crate::site::Site;

/// How long all is well before the loss: enough for clients to have something to lose.
const CALM: Duration = Duration::from_secs(2);
/// How long a loss may take to be proven before the drill is called off. Recorded: 5 to 11 s.
const DETECTION_LIMIT: Duration = Duration::from_secs(60);
/// How often the lab is asked whether clients are served: finer than their own pace.
const SERVED_EVERY: Duration = Duration::from_millis(50);
/// How long clients go on after the failover, so that the reckoning includes the survivors' own work.
const AFTERMATH: Duration = Duration::from_secs(1);

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
    let home = environment::home().join("drills");
    let config = lab::config(&lab, &endpoints, drill.world.speed, &home)?;
    let site = Site::with(config, clock.clone(), Store::at(home), None)?;
    let progress = Progress::new(*screen, site.clock.clone());
    let scene = Scene {
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
        ..Request::new(lost)
    };
    let plan = plan(&site.config.installation, &history, &request, clock.wall())?;
    let run = carry::run_id(&site, &plan);
    let journal = site.store.create(&run)?;
    let gear = carry::gear(&site, &progress);
    let canceller = gear.canceller.clone();
    let beginning = Beginning {
        run,
        plan,
        by: environment::operator(),
        reason: Some("drill".to_owned()),
    };
    let mut driver = Driver::begin(gear, Box::new(journal), beginning, history)?;
    let watcher = carry::interrupts(*screen, canceller);
    let (finish, outage) = {
        let served = served_again(&lab, clock.now());
        let mut served = std::pin::pin!(served);
        let mut drive = std::pin::pin!(driver.drive());
        let mut outage = None;
        let finish = loop {
            tokio::select! {
                finish = &mut drive => break finish,
                at = &mut served, if outage.is_none() => outage = Some(at.since(lost_at)),
            }
        };
        (finish?, outage)
    };
    drop(watcher);
    clock.sleep(AFTERMATH).await;
    progress.finish();

    let mut report = report(drill, &lab, driver.run(), detected_at.since(lost_at), outage);
    write(&site, driver.run(), &mut report)?;
    screen.result(&report, || report.human())?;
    lab.stop();
    Ok(match finish {
        Finish::Verified { .. } if report.rpo.missing == 0 => Exit::Done,
        Finish::Verified { .. } => Exit::VerificationFailed,
        Finish::Stopped { stop, .. } => Exit::from(stop),
    })
}

struct Scene<'a> {
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

fn report(
    drill: &Drill,
    lab: &Lab,
    run: &c8dr_domain::run::Run,
    detected: Duration,
    outage: Option<Duration>,
) -> DrillReport {
    let audit = lab.audit();
    let failover = RunReport::of(run);
    let world = &drill.world;
    let missing = audit.missing.len();
    let outcome = if missing > 0 {
        "data missing".to_owned()
    } else {
        failover.outcome.clone()
    };
    DrillReport {
        outcome,
        lost_region: drill.lose.clone(),
        command: format!(
            "c8dr drill --lose {} --brokers {} --partitions {} --seed {} --speed {}",
            drill.lose, world.brokers, world.partitions, world.seed, world.speed
        ),
        rpo: Rpo {
            acknowledged: audit.acknowledged,
            missing,
            duplicates: audit.duplicates,
        },
        rto: Rto {
            detected_seconds: detected.as_secs_f64(),
            failover_seconds: failover.failover_seconds,
            verified_seconds: failover.verified_seconds,
            outage_seconds: outage.map(|outage| outage.as_secs_f64()),
        },
        failover,
        timeline: lab
            .timeline()
            .into_iter()
            .map(|event| (event.at_s, event.what))
            .collect(),
        report: None,
    }
}

/// Puts the report beside the run's journal.
fn write(site: &Site, run: &c8dr_domain::run::Run, report: &mut DrillReport) -> Result<(), CliError> {
    let directory = site.store.directory(&run.id);
    let path = directory.join("report.md");
    report.report = Some(path.display().to_string());
    let json = serde_json::to_string_pretty(report).map_err(|error| CliError::Unwritable {
        form: "JSON",
        why: error.to_string(),
    })?;
    for (path, text) in [(path, report.markdown()), (directory.join("report.json"), json)] {
        std::fs::write(&path, text).map_err(|source| CliError::Io {
            doing: "write",
            path,
            source,
        })?;
    }
    Ok(())
}
