//! `c8dr why`: the evidence that is missing for whatever is waited for or refused right now. Changes nothing.

use std::time::Duration;

use c8dr_domain::condition::{Asks, Condition, Verdict};
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::Step;
use c8dr_domain::plan::{failback as back, failover as over};
use c8dr_domain::run::{Run, StepRecord};
use c8dr_engine::observe::{Look, observe_all};
use jiff::{SignedDuration, Timestamp};

use super::{failback, failover};
use crate::args::{Args, Lost, Returning};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::why::{Held, Mark, Question, Unfinished, Why};
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::{PATIENCE, watch};

/// How often a run's step is looked at: what lasts for three readings is no hiccup.
const READINGS: usize = 3;

/// How long it is waited between them.
const EVERY: Duration = Duration::from_millis(600);

pub(super) async fn run(args: &Args, screen: &Screen) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let why = match site.open_run()? {
        Some(run) => Why::Run(Box::new(of_run(&site, &run).await)),
        None => Why::Questions(questions(&site).await?),
    };
    screen.result(&why, || show::why::human(&why))?;
    Ok(Exit::Done)
}

/// What the present step of a run waits for, by a fresh look.
async fn of_run(site: &Site, run: &Run) -> Unfinished {
    let step = run
        .current_step()
        .or_else(|| run.next_step())
        .and_then(|id| run.plan.all_steps().find(|step| step.id == id));
    let record = step.and_then(|step| run.steps.get(&step.id));
    let was_sent = record.is_some_and(|record| !record.attempts.is_empty() || record.adopted);
    let (wanted, began, limit_ms): (&[Condition], _, _) = match step {
        Some(step) if was_sent => (&step.after, sent_at(record), step.deadline_ms),
        Some(step) => (
            &step.before,
            record.and_then(|record| record.began),
            step.deadline_ms,
        ),
        None => (&run.plan.proof, run.proof_began, run.plan.proof_deadline_ms),
    };
    let history = looked(site, run, wanted).await;
    let known = record.map_or_else(|| run.proof_known.clone(), |record| record.known.clone());
    let held = match Picture::of(&run.plan.installation, &history) {
        Some(picture) => wanted
            .iter()
            .map(|condition| held(condition, &condition.judge(&picture, &known, &run.facts)))
            .collect(),
        None => Vec::new(),
    };
    let limit = SignedDuration::from_millis(i64::try_from(limit_ms).unwrap_or(i64::MAX));
    Unfinished {
        installation: run.plan.installation.clone(),
        run: run.id.to_string(),
        state: run.word().to_owned(),
        step: step.map(|step| step.id),
        title: step.map_or_else(|| "Proof at the end".to_owned(), |step: &Step| step.title.clone()),
        was_sent,
        since: began,
        until: began.and_then(|began| began.checked_add(limit).ok()),
        held,
        stopped: run
            .stopped
            .as_ref()
            .map(|(at, stop, words)| (*at, stop.as_str(), words.clone())),
        // A run that has stopped has let go of its lock; only one that goes on is asked for its holder.
        at_work: match run.stopped {
            Some(_) => None,
            None => site.store.holder(run.plan.installation.name()),
        },
    }
}

fn sent_at(record: Option<&StepRecord>) -> Option<Timestamp> {
    record.and_then(|record| record.last_attempt().map(|attempt| attempt.at).or(record.began))
}

fn held(condition: &Condition, verdict: &Verdict) -> Held {
    let mark = match verdict {
        Verdict::Met(_) => Mark::Met,
        Verdict::NotYet(_) => Mark::Missing,
        Verdict::Broken(_) => Mark::Person,
        Verdict::Moved(_) => Mark::Moved,
    };
    Held {
        mark,
        wanted: condition.words(),
        seen: verdict.words().to_owned(),
    }
}

async fn looked(site: &Site, run: &Run, wanted: &[Condition]) -> History {
    let mut asks = Asks::of(wanted, &run.facts);
    // Nothing is written by a look of a person's.
    asks.writes.clear();
    let mut history = History::new();
    for reading in 0..READINGS {
        if reading > 0 {
            site.clock.sleep(EVERY).await;
        }
        history.add(observe_all(&site.sources(), &site.clock, Look::Everything, &asks).await);
    }
    history
}

/// Why a failover of either region, or a failback, would be refused now.
async fn questions(site: &Site) -> Result<Vec<Question>, CliError> {
    let mut history = History::new();
    watch(site, &mut history, PATIENCE, 0, |_| {}).await;
    let at = site.clock.wall();
    let installation = &site.config.installation;
    let mut questions = Vec::new();
    for region in installation.regions() {
        let lost = Lost {
            lost: region.name.clone(),
            accept_unfenced: None,
            accept_data_loss: None,
            accept_unrecorded: None,
            reinforce: false,
            accept_unknown_disks: None,
        };
        let request = failover::request(site, &lost)?;
        let answer = over::plan(installation, &history, &request, at);
        questions.push(Question::new(format!("failover --lost {}", region.name), answer));
    }
    for region in installation.regions() {
        let returning = Returning {
            returning: region.name.clone(),
            adopt_pause: None,
        };
        let command = format!("failback --returning {}", region.name);
        let request = match failback::request(site, &returning).await {
            Ok(request) => request,
            Err(error @ CliError::NotConfigured { .. }) => {
                questions.push(Question::not_configured(command, &error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut history = history.clone();
        history.add(looked_back(site, region.id).await);
        let answer = back::plan(installation, &history, &request, at);
        questions.push(Question::new(command, answer));
    }
    Ok(questions)
}

async fn looked_back(site: &Site, returning: RegionId) -> c8dr_domain::observation::Observation {
    observe_all(
        &site.sources(),
        &site.clock,
        Look::Everything,
        &failback::asks(returning),
    )
    .await
}
