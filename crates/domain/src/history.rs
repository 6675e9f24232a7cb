//! The readings of the last while, newest last. No single reading is ever believed: what counts is a streak of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

use crate::fence::Gap;
use crate::ids::{BrokerId, PartitionId, RegionId};
use crate::installation::Installation;
use crate::observation::Observation;
use crate::picture::Lead;
use crate::planted::{self, Bug};

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
    /// The disks that the readings show, kept up with each of them.
    disks: BTreeMap<BrokerId, Disk>,
    /// What all of it amounts to; made when it is first asked for, and void with the next reading.
    amounts: Amounts,
}

/// A broker's disk over all readings that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// When it was shown first.
    pub(crate) first_at: Timestamp,
    /// When it was emptiest, last: before a pause a disk is compacted, and would seem to have grown since.
    pub(crate) emptiest_at: Timestamp,
    /// How much was free then.
    pub(crate) most: u64,
    /// When it was shown last.
    pub(crate) last_at: Timestamp,
    /// How much was free then.
    pub(crate) last: u64,
}

/// Conclusions that are drawn many times over from the same readings, each with what else it was drawn from.
#[derive(Clone, Debug, Default)]
struct Amounts {
    leads: OnceLock<(Installation, BTreeMap<PartitionId, Lead>)>,
    gaps: OnceLock<(Installation, RegionId, Option<Bug>, Vec<Gap>)>,
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
        let observation = observation.into();
        self.amounts = Amounts::default();
        if self.readings.len() == READINGS_MAX {
            let oldest = self.readings.pop_front();
            if oldest.is_some_and(|oldest| shows_disks(&oldest)) {
                self.disks.clear();
                for reading in &self.readings {
                    watch(&mut self.disks, reading);
                }
            }
        }
        watch(&mut self.disks, &observation);
        self.readings.push_back(observation);
    }

    /// The disks that any of the readings shows.
    pub(crate) fn disks(&self) -> &BTreeMap<BrokerId, Disk> {
        &self.disks
    }

    /// Who leads by the newest reading; `make` makes it where nobody has asked yet.
    pub(crate) fn leads(
        &self,
        installation: &Installation,
        make: impl Fn() -> BTreeMap<PartitionId, Lead>,
    ) -> BTreeMap<PartitionId, Lead> {
        let known = self.amounts.leads.get_or_init(|| (installation.clone(), make()));
        match known {
            (of, leads) if of == installation => leads.clone(),
            _ => make(),
        }
    }

    /// The gaps in the fence around a region by all readings; `make` makes them where nobody has asked yet.
    pub(crate) fn gaps(
        &self,
        installation: &Installation,
        lost: RegionId,
        make: impl Fn() -> Vec<Gap>,
    ) -> Vec<Gap> {
        let bug = planted::planted();
        let known = (self.amounts.gaps).get_or_init(|| (installation.clone(), lost, bug, make()));
        match known {
            (of, around, with, gaps) if *around == lost && *with == bug && of == installation => gaps.clone(),
            _ => make(),
        }
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

fn shows_disks(reading: &Observation) -> bool {
    (reading.brokers.values())
        .filter_map(|sight| sight.metrics.seen())
        .any(|metrics| metrics.disk_free_bytes.is_some())
}

fn watch(disks: &mut BTreeMap<BrokerId, Disk>, reading: &Observation) {
    let at = reading.at;
    for (broker, sight) in &reading.brokers {
        let Some(free) = sight.metrics.seen().and_then(|metrics| metrics.disk_free_bytes) else {
            continue;
        };
        let disk = disks.entry(*broker).or_insert(Disk {
            first_at: at,
            emptiest_at: at,
            most: free,
            last_at: at,
            last: free,
        });
        if (free, at) >= (disk.most, disk.emptiest_at) {
            (disk.most, disk.emptiest_at) = (free, at);
        }
        (disk.last, disk.last_at) = (free, at);
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
