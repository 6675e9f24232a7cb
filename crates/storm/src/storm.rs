//! Many disasters, one after the other, and what came of them together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::disaster::{Disaster, Shape};
use crate::judge::Violation;
use crate::life::{Ending, Life, Sum};
use crate::rings::Ring;
use crate::scenario::Scenario;
use crate::scene::{SceneError, live};
use crate::shrink::shrunk;
use crate::without::Without;
use c8dr_domain::planted::Bug;

/// As many failures as somebody will look at are kept in words.
const FAILURES_MAX: usize = 10;

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The first seed.
    pub from: u64,
    /// How many seeds.
    pub seeds: u64,
    /// By which ring.
    pub ring: Ring,
    /// What kind of trouble.
    pub scenario: Scenario,
    /// What all worlds have in common.
    pub shape: Shape,
    /// What is left out of each disaster.
    pub without: Without,
    /// The mistake that is planted; none in a real build.
    pub planted: Option<Bug>,
}

/// A disaster that should not have ended so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    #[serde(flatten)]
    pub ending: Ending,
    /// The laws that were broken.
    pub violations: Vec<Violation>,
    /// What goes wrong in it: as little as is needed to break the same law.
    pub parts: Vec<String>,
    /// The command that repeats it, with as little in it.
    pub again: String,
}

/// What came of all of them so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// The ring.
    pub ring: &'static str,
    /// The scenario.
    pub scenario: &'static str,
    /// The first seed.
    pub from: u64,
    /// How many seeds were lived through.
    pub seeds: u64,
    /// How the disasters ended.
    pub ended: BTreeMap<&'static str, u64>,
    /// Laws that were broken, counted over all disasters.
    pub violations: u64,
    /// Disasters that came to no end.
    pub stuck: u64,
    /// States that were reached, and how often.
    pub reached: BTreeMap<String, u64>,
    /// Which reasons those gave that wait for a person.
    pub waits_for: BTreeMap<String, u64>,
    /// The first of those that should not have ended so.
    pub failures: Vec<Failure>,
    /// Simulated seconds of all disasters together.
    pub simulated_s: f64,
    /// The same for the same seeds, if everything happened in the same way at the same time.
    pub trace_hash: String,
    #[serde(skip)]
    trace: Sum,
    #[serde(skip)]
    options: Options,
}

impl Tally {
    fn new(options: Options) -> Tally {
        Tally {
            ring: options.ring.as_str(),
            scenario: options.scenario.as_str(),
            from: options.from,
            seeds: 0,
            ended: BTreeMap::new(),
            violations: 0,
            stuck: 0,
            reached: BTreeMap::new(),
            waits_for: BTreeMap::new(),
            failures: Vec::new(),
            simulated_s: 0.0,
            trace_hash: String::new(),
            trace: Sum::default(),
            options,
        }
    }

    /// Whether every disaster came to a good end, and no law was broken.
    pub fn is_clean(&self) -> bool {
        self.violations == 0 && self.stuck == 0
    }

    fn add(&mut self, life: Life) -> Result<(), SceneError> {
        self.seeds += 1;
        *self.ended.entry(life.ending.as_str()).or_default() += 1;
        self.violations += life.violations.len() as u64;
        self.simulated_s += life.took_s;
        self.trace.number(life.trace);
        self.trace_hash = format!("{:016x}", self.trace.value());
        for (state, count) in &life.reached {
            match self.reached.get_mut(state) {
                Some(sum) => *sum += count,
                None => {
                    self.reached.insert(state.clone(), *count);
                }
            }
        }
        let is_stuck = matches!(life.ending, Ending::Stuck(_));
        self.stuck += u64::from(is_stuck);
        if let Ending::Waiting(why) = &life.ending {
            let short: String = why.chars().take(100).collect();
            *self.waits_for.entry(short).or_default() += 1;
        }
        if (is_stuck || !life.violations.is_empty()) && self.failures.len() < FAILURES_MAX {
            let smallest = shrunk(self.options, &life)?;
            self.failures.push(Failure {
                seed: life.seed,
                parts: smallest.disaster(life.seed).told(smallest.without),
                again: smallest.command(life.seed),
                ending: life.ending,
                violations: life.violations,
            });
        }
        Ok(())
    }
}

impl Options {
    /// The disaster of a seed.
    pub fn disaster(&self, seed: u64) -> Disaster {
        Disaster {
            planted: self.planted,
            ..Disaster::of(seed, self.scenario, self.shape).without(self.without)
        }
    }

    /// The command that tells one of these disasters as a story.
    pub fn command(&self, seed: u64) -> String {
        let mut command = format!("c8dr storm --seed {seed} --trace");
        if self.ring != Ring::default() {
            command.push_str(&format!(" --ring {}", self.ring));
        }
        if self.scenario != Scenario::default() {
            command.push_str(&format!(" --scenario {}", self.scenario));
        }
        if let Some(brokers) = self.shape.brokers {
            command.push_str(&format!(" --brokers {brokers}"));
        }
        if let Some(partitions) = self.shape.partitions {
            command.push_str(&format!(" --partitions {partitions}"));
        }
        if !self.without.is_empty() {
            command.push_str(&format!(" --without {}", self.without));
        }
        if let Some(bug) = self.planted {
            command.push_str(&format!(" --planted {}", bug.as_str()));
        }
        command
    }
}

/// Lives through all of them on this thread. `goes_on` is asked after each, and is told what came of it so far.
///
/// # Errors
/// If a disaster could not even begin.
pub fn storm(options: Options, mut goes_on: impl FnMut(&Tally) -> bool) -> Result<Tally, SceneError> {
    let mut tally = Tally::new(options);
    for seed in options.from..options.from.saturating_add(options.seeds) {
        tally.add(live(&options.disaster(seed), options.ring, false)?)?;
        if !goes_on(&tally) {
            break;
        }
    }
    Ok(tally)
}

/// How many a second.
pub fn rate(seeds: u64, took: Duration) -> f64 {
    let seconds = took.as_secs_f64();
    if seconds > 0.0 {
        seeds as f64 / seconds
    } else {
        0.0
    }
}
