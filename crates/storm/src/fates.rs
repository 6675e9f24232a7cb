//! Many disasters in somebody's hands, and what came of them together.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::fate::{Bad, Fate, fare};
use crate::life::Sum;
use crate::planner::Planner;
use crate::scene::SceneError;
use crate::storm::Options;

/// As many ways to a bad end are told as somebody will read.
const CASES_MAX: usize = 4;

/// How many, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Disasters that came to this.
    pub disasters: u64,
    /// The commonest ways to it, those that came most often first.
    pub cases: Vec<Case>,
}

/// One way to a bad end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// How it came.
    pub how: String,
    /// In how many disasters.
    pub disasters: u64,
    /// The first of their seeds.
    pub seed: u64,
    /// The command that tells it.
    pub again: String,
}

/// What came of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fates {
    /// In whose hands.
    pub planner: &'static str,
    /// The scenario.
    pub scenario: &'static str,
    /// The first seed.
    pub from: u64,
    /// How many were lived through.
    pub seeds: u64,
    /// Failbacks that were called done, rightly or not.
    pub called_done: u64,
    /// Failbacks that were called done, and nothing bad came of it.
    pub completes_well: u64,
    /// Disasters that came to something bad; one may come to several.
    pub bad: BTreeMap<Bad, Counted>,
    /// Median seconds from the loss until every partition was led again, of those that came so far.
    pub service_median_s: Option<f64>,
    /// Median seconds from the loss until the failover was called done.
    pub failover_median_s: Option<f64>,
    /// Median seconds from the loss until the failback was called done.
    pub failback_median_s: Option<f64>,
    /// The same for the same seeds, if everything happened in the same way at the same time.
    pub trace_hash: String,
    #[serde(skip)]
    ways: BTreeMap<(Bad, String), (u64, u64)>,
    #[serde(skip)]
    times: [Vec<f64>; 3],
    #[serde(skip)]
    trace: Sum,
}

impl Fates {
    fn new(options: Options, planner: Planner) -> Fates {
        Fates {
            planner: planner.as_str(),
            scenario: options.scenario.as_str(),
            from: options.from,
            seeds: 0,
            called_done: 0,
            completes_well: 0,
            bad: Bad::ALL.map(|one| (one, Counted::default())).into(),
            service_median_s: None,
            failover_median_s: None,
            failback_median_s: None,
            trace_hash: String::new(),
            ways: BTreeMap::new(),
            times: Default::default(),
            trace: Sum::default(),
        }
    }

    fn add(&mut self, fate: &Fate) {
        self.seeds += 1;
        self.called_done += u64::from(fate.failback_s.is_some());
        self.completes_well += u64::from(fate.is_well());
        for (one, counted) in &mut self.bad {
            counted.disasters += u64::from(fate.bad.iter().any(|(bad, _)| bad == one));
        }
        for way in &fate.bad {
            let (count, _) = self.ways.entry(way.clone()).or_insert((0, fate.seed));
            *count += 1;
        }
        for (times, time) in self
            .times
            .iter_mut()
            .zip([fate.service_s, fate.failover_s, fate.failback_s])
        {
            times.extend(time);
        }
        self.trace.number(fate.trace);
    }

    fn sum_up(&mut self, options: Options, planner: Planner) {
        for (one, counted) in &mut self.bad {
            let of = self.ways.iter().filter(|((bad, _), _)| bad == one);
            let mut cases: Vec<Case> = of
                .map(|((_, how), (disasters, seed))| Case {
                    how: how.clone(),
                    disasters: *disasters,
                    seed: *seed,
                    again: format!("{} --planner {planner}", options.command(*seed)),
                })
                .collect();
            cases.sort_by_key(|case| std::cmp::Reverse(case.disasters));
            cases.truncate(CASES_MAX);
            counted.cases = cases;
        }
        let [service, failover, failback] = self.times.each_mut().map(|times| median(times));
        (
            self.service_median_s,
            self.failover_median_s,
            self.failback_median_s,
        ) = (service, failover, failback);
        self.trace_hash = format!("{:016x}", self.trace.value());
    }
}

fn median(times: &mut [f64]) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2)?;
    Some((middle * 10.0).round() / 10.0)
}

/// Lets somebody have all of these disasters, on this thread. `goes_on` is asked after each, and is told how many there were.
///
/// # Errors
/// If a disaster could not even begin.
pub fn fates(
    options: Options,
    planner: Planner,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Fates, SceneError> {
    let mut fates = Fates::new(options, planner);
    for seed in options.from..options.from.saturating_add(options.seeds) {
        fates.add(&fare(&options.disaster(seed), planner, false)?);
        if !goes_on(fates.seeds) {
            break;
        }
    }
    fates.sum_up(options, planner);
    Ok(fates)
}
