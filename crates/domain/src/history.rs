//! The readings of the last while, newest last. No single reading is ever believed: what counts is a streak of them.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::observation::Observation;

/// How many readings are kept: two minutes at the fastest pace would be more, but nothing is judged further back.
const READINGS_MAX: usize = 512;

/// How far apart two readings may lie and still make a streak. A person who thinks about a plan for minutes has not watched
/// meanwhile; whoever watches at all looks more often than this.
const GAP_MAX: SignedDuration = SignedDuration::from_secs(30);

/// Readings in the order in which they were taken.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Shared: whoever is told of a reading keeps it without copying it.
    readings: VecDeque<Arc<Observation>>,
}

/// How long something has held without interruption, up to the newest reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Readings in a row.
    pub readings: usize,
    /// From the first of them to the end of the newest.
    pub span: SignedDuration,
    /// When the first of them was taken; `None` without a reading.
    pub since: Option<Timestamp>,
}

impl Streak {
    /// Whether it is at least this many readings over at least this long.
    pub fn reaches(&self, readings: usize, span: SignedDuration) -> bool {
        self.readings >= readings && self.span >= span
    }
}

impl History {
    /// No readings yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the newest reading.
    pub fn add(&mut self, observation: impl Into<Arc<Observation>>) {
        if self.readings.len() == READINGS_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back(observation.into());
    }

    /// The newest reading.
    pub fn latest(&self) -> Option<&Observation> {
        self.readings.back().map(Arc::as_ref)
    }

    /// The readings, oldest first.
    pub fn readings(&self) -> impl DoubleEndedIterator<Item = &Observation> {
        self.readings.iter().map(Arc::as_ref)
    }

    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether there is no reading.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// For how long, up to the newest reading, `holds` has been true in every reading, without a long gap between two.
    ///
    /// It is asked of what readings say, never of when they were taken: of those that share all that was seen, it is asked
    /// once.
    pub fn streak(&self, holds: impl FnMut(&Observation) -> bool) -> Streak {
        self.streak_to(usize::MAX, SignedDuration::MAX, holds)
    }

    /// As [`History::streak`], but no further back than to this many readings over this long: for whoever wants to know only
    /// whether it [reaches](Streak::reaches) them.
    pub fn streak_to(
        &self,
        readings: usize,
        span: SignedDuration,
        mut holds: impl FnMut(&Observation) -> bool,
    ) -> Streak {
        let mut streak = Streak {
            readings: 0,
            span: SignedDuration::ZERO,
            since: None,
        };
        let Some(latest) = self.latest() else {
            return streak;
        };
        let mut later: Option<&Observation> = None;
        for reading in self.readings().rev() {
            let unwatched = (streak.since).is_some_and(|later| later.duration_since(reading.until) > GAP_MAX);
            let is_known = later.is_some_and(|later| reading.shares_all_with(later));
            if unwatched || !(is_known || holds(reading)) {
                break;
            }
            later = Some(reading);
            streak = Streak {
                readings: streak.readings + 1,
                span: latest.until.duration_since(reading.at),
                since: Some(reading.at),
            };
            if streak.reaches(readings, span) {
                break;
            }
        }
        streak
    }
}

impl FromIterator<Observation> for History {
    fn from_iter<I: IntoIterator<Item = Observation>>(readings: I) -> Self {
        let mut history = History::new();
        for reading in readings {
            history.add(reading);
        }
        history
    }
}
