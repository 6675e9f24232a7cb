//! Carries a drill out, line by line, and says what came of it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use c8dr_domain::run::Run;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::events::{Listener, Told};
use serde::Serialize;
use tokio::task::{JoinHandle, LocalSet};

use super::commands::Done;
use super::script::{Drill, Expectation, Line, Statement};
use super::stage::Stage;
use crate::fault::Chapter;
use crate::judge::Violation;
use crate::rings::Ring;
use crate::scene::{DAWN, SceneError};
use crate::story::{Line as StoryLine, Who};

/// Something that is worth showing while a drill goes on.
#[derive(Clone, Debug)]
pub enum Happened<'a> {
    /// A line begins.
    Line {
        /// How long after the drill's beginning.
        at: Duration,
        /// Which.
        line: &'a Line,
    },
    /// A command has ended.
    Ended {
        /// Who typed it.
        operator: &'a str,
        /// How.
        done: &'a Done,
    },
    /// An expectation is met.
    Met {
        /// On which line.
        line: usize,
        /// As it was written.
        text: &'a str,
    },
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The line, from 1.
    pub line: usize,
    /// What was expected, as it was written.
    pub expected: String,
    /// What was so instead.
    pub was: String,
}

/// What came of a drill.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The expectations that were met, with their lines.
    pub met: Vec<(usize, String)>,
    /// What was expected and was not so; the drill ends there.
    pub failed: Option<Failed>,
    /// Laws that were broken: these hold in every drill, whatever it expects.
    pub violations: Vec<Violation>,
    /// The runs, oldest first.
    pub runs: Vec<Run>,
    /// Process instances that were acknowledged to clients.
    pub acknowledged: usize,
    /// Those of them that are in no log.
    pub missing: usize,
    /// How long it took, in its own time.
    pub took: Duration,
    /// All that happened, in one order.
    pub story: Vec<StoryLine>,
}

impl Outcome {
    /// Whether everything was as expected, and no law was broken.
    pub fn is_passed(&self) -> bool {
        self.failed.is_none() && self.violations.is_empty()
    }
}

/// Who listens to nothing.
struct Nobody;

impl Listener for Nobody {
    fn tell(&self, _: &Told) {}
}

/// Carries a drill out in virtual time, on this thread, which must not be one of a runtime.
///
/// # Errors
/// If it could not even begin.
pub fn perform_virtually(drill: &Drill, ring: Ring) -> Result<Outcome, SceneError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let clock = Clock::new(DAWN, 1.0);
        perform(drill, ring, clock, Arc::new(Nobody), |_| {}).await
    })
}

/// Carries a drill out on a clock. Who wants to show it listens to its runs, and is told its lines.
///
/// # Errors
/// If it could not even begin.
pub async fn perform(
    drill: &Drill,
    ring: Ring,
    clock: Clock,
    listener: Arc<dyn Listener>,
    tell: impl Fn(&Happened<'_>),
) -> Result<Outcome, SceneError> {
    let stage = Rc::new(Stage::new(drill, ring, &clock, listener)?);
    // A drill begins when all is well: what is elected and heard of in the first second is none of its story.
    clock.sleep(SETTLES).await;
    let mut player = Player {
        began: clock.now(),
        stage: stage.clone(),
        tell,
        last: None,
        beside: BTreeMap::new(),
        met: Vec::new(),
    };
    let failed = LocalSet::new().run_until(player.all(drill)).await;
    for (_, task) in std::mem::take(&mut player.beside) {
        task.abort();
    }
    // What somebody left paused where c8dr never ran is no run's fault.
    if stage.machines().values().any(|machine| !machine.all().is_empty()) {
        stage.ear.heard().judge.reckon(false, Chapter::Reckoning);
    }
    let took = clock.now().since(player.began);
    Ok(stage.outcome(player.met, failed, took))
}

/// Until both regions know each other.
const SETTLES: Duration = Duration::from_secs(1);

struct Player<F> {
    stage: Rc<Stage>,
    /// When its first line was read.
    began: Moment,
    tell: F,
    /// The last command that has ended.
    last: Option<Done>,
    /// What goes on beside the script, by who typed it.
    beside: BTreeMap<String, JoinHandle<Done>>,
    met: Vec<(usize, String)>,
}

impl<F: Fn(&Happened<'_>)> Player<F> {
    async fn all(&mut self, drill: &Drill) -> Option<Failed> {
        for line in &drill.lines {
            let at = self.stage.clock.now().since(self.began);
            (self.tell)(&Happened::Line { at, line });
            self.stage.ear.person(|| line.text.clone());
            if let Err(failed) = self.one(line).await {
                return Some(failed);
            }
        }
        None
    }

    async fn one(&mut self, line: &Line) -> Result<(), Failed> {
        let failed = |was: String| Failed {
            line: line.number,
            expected: line.text.clone(),
            was,
        };
        match &line.statement {
            Statement::At(at, deed) => {
                let now = self.stage.clock.now().since(self.began);
                if now > *at {
                    return Err(failed(format!(
                        "It is {:.1} s into the drill already: what stands before it took longer.",
                        now.as_secs_f64()
                    )));
                }
                self.stage.clock.sleep_until(self.began + *at).await;
                if let Some(deed) = deed {
                    self.stage.do_it(deed).await.map_err(failed)?;
                }
            }
            Statement::Wait(wait) => self.stage.clock.sleep(*wait).await,
            Statement::Do(deed) => self.stage.do_it(deed).await.map_err(failed)?,
            Statement::Trigger(moment, struck) => self.stage.arrange(*moment, *struck),
            Statement::Command {
                operator,
                command,
                beside: true,
                ..
            } => {
                let (stage, who, command) = (self.stage.clone(), operator.clone(), command.clone());
                let task = tokio::task::spawn_local(async move { stage.type_in(&who, &command).await });
                self.beside.insert(operator.clone(), task);
            }
            Statement::Command {
                operator,
                command,
                expects,
                ..
            } => {
                let done = self.stage.type_in(operator, command).await;
                self.ended(operator, done);
                self.expect(line, expects).await?;
            }
            Statement::Interrupt(operator) => self.stage.interrupt(operator),
            Statement::WaitFor { operator, expects } => {
                let Some(task) = self.beside.remove(operator) else {
                    return Err(failed(format!("{operator} has begun nothing.")));
                };
                match task.await {
                    Ok(done) => self.ended(operator, done),
                    Err(error) => return Err(failed(format!("It broke off: {error}."))),
                }
                self.expect(line, expects).await?;
            }
            Statement::Expect(expects) => self.expect(line, expects).await?,
        }
        Ok(())
    }

    fn ended(&mut self, operator: &str, done: Done) {
        (self.tell)(&Happened::Ended {
            operator,
            done: &done,
        });
        self.stage
            .ear
            .person(|| format!("{operator} reads: {}: {}", done.summary(), done.words));
        self.last = Some(done);
    }

    /// Holds all that a line expects against what is so; says all that is not.
    async fn expect(&mut self, line: &Line, expects: &[Expectation]) -> Result<(), Failed> {
        let mut missed: Vec<(&str, String)> = Vec::new();
        for one in expects {
            match self.stage.meets(one, self.last.as_ref()).await {
                Ok(()) => {
                    (self.tell)(&Happened::Met {
                        line: line.number,
                        text: &one.text,
                    });
                    self.met.push((line.number, one.text.clone()));
                }
                Err(was) => missed.push((&one.text, was)),
            }
        }
        if missed.is_empty() {
            return Ok(());
        }
        let (expected, was): (Vec<&str>, Vec<String>) = missed.into_iter().unzip();
        Err(Failed {
            line: line.number,
            expected: expected.join(", "),
            was: was.join(" "),
        })
    }
}

impl Stage {
    fn outcome(&self, met: Vec<(usize, String)>, failed: Option<Failed>, took: Duration) -> Outcome {
        let world_story = self.lab.timeline();
        let mut heard = self.ear.heard();
        let mut story = std::mem::take(&mut heard.story);
        story.extend(world_story.into_iter().map(|event| StoryLine {
            at: event.moment(),
            who: Who::World,
            what: event.what,
        }));
        story.sort_by_key(|line| line.at);
        let mut runs: Vec<Run> = self
            .machines()
            .values()
            .flat_map(|machine| machine.all())
            .collect();
        runs.sort_by(|one, other| one.id.cmp(&other.id));
        Outcome {
            met,
            failed,
            violations: heard.judge.violations().to_vec(),
            runs,
            acknowledged: self.lab.status().acknowledged,
            missing: self.lab.with(|world| world.promises_broken().len()),
            took,
            story,
        }
    }
}
