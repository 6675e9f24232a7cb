//! Exporters that sit in a call to their search, and hold up what their broker is asked meanwhile (spec: edge-cases.md E1,
//! E6).
//!
//! Whoever sends a bulk also tells how far the exporter is. As long as the bulk is on its way, the broker's account of its
//! partitions waits, and with it a pause, a resume, and the exporter's own enabling and disabling. A slow search holds each
//! bulk for a while. One that stands still, or that lies behind a link that swallows packets, answers none: a call lasts until
//! its time-out, and then the next one begins.

use std::time::Duration;

use c8dr_engine::clock::Moment;

use crate::chance::Stream;
use crate::cluster::raft::Role;
use crate::ids::{BrokerId, PartitionId, Region};
use crate::world::{Event, Link, World};

/// How often whoever waits for a call looks whether it was cut short: a search that goes on, a link that is whole again.
const LOOK: Duration = Duration::from_secs(1);

/// A leader's call to a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExporterCall {
    term: u64,
    began: Moment,
    /// When it is answered, or given up.
    ends: Moment,
    /// Not before then the next one begins: exporters pause between two that fail, and are asked in vain no more meanwhile.
    next: Moment,
}

impl World {
    /// Slows a region's search down, or lets it be quick again: while it is slow each bulk takes its time.
    pub fn set_search_slow(&mut self, region: Region, slow: bool) {
        if std::mem::replace(&mut self.searches[region.index()].slow, slow) != slow {
            let word = if slow { "slow" } else { "quick again" };
            self.say(format!("The search of {} is {word}.", self.region_name(region)));
        }
    }

    /// Whether any search or the link is such that a call to a search may take long: nearly always not.
    pub(super) fn calls_may_last(&self) -> bool {
        self.link != Link::Up || self.searches.iter().any(|search| search.slow || search.frozen)
    }

    /// Whether a broker's calls to a region's search vanish: they are neither answered nor refused.
    pub(super) fn calls_vanish(&self, broker: BrokerId, target: Region) -> bool {
        let search = &self.searches[target.index()];
        !self.linked(broker.region(), target) || (search.frozen && search.alive)
    }

    /// Whether a bulk that is due now is only sent off, because a search is slow: it is in there when this returns false.
    pub(super) fn bulk_takes_its_time(
        &mut self,
        leader: BrokerId,
        partition: PartitionId,
        enabled: &[Region],
    ) -> bool {
        let slow = |r: &Region| self.searches[r.index()].slow;
        let has_waited = self.exporter_calls.remove(&(leader, partition));
        let Some(replica) = self.replica(leader, partition) else {
            return false;
        };
        let term = replica.term;
        let is_over = has_waited.is_some_and(|call| call.term == term && call.ends <= self.now);
        if is_over || !enabled.iter().any(slow) {
            return false;
        }
        let wait = self.chance.span(Stream::Search, self.config.timings.slow_bulk);
        self.begin_exporter_call(leader, partition, term, wait, Duration::ZERO);
        self.flushing.insert((leader, partition));
        self.after(
            wait,
            Event::Flush {
                broker: leader,
                partition,
                term,
            },
        );
        true
    }

    /// A bulk that is due goes off to nobody, if a search is such: whoever sent it sits there.
    pub(super) fn bulk_vanishes(&mut self, leader: BrokerId, partition: PartitionId, enabled: &[Region]) {
        let sits = self.exporter_calls.get(&(leader, partition));
        let Some(replica) = self.replica(leader, partition) else {
            return;
        };
        let term = replica.term;
        let waits = sits.is_some_and(|call| call.term == term && call.next > self.now);
        if !waits && enabled.iter().any(|r| self.calls_vanish(leader, *r)) {
            let timings = self.config.timings;
            let pause = self.chance.span(Stream::Search, timings.exporter_call_pause);
            self.begin_exporter_call(leader, partition, term, timings.exporter_call_limit, pause);
        }
    }

    fn begin_exporter_call(
        &mut self,
        leader: BrokerId,
        partition: PartitionId,
        term: u64,
        lasts: Duration,
        pause: Duration,
    ) {
        let ends = self.now + lasts;
        let call = ExporterCall {
            term,
            began: self.now,
            ends,
            next: ends + pause,
        };
        self.exporter_calls.insert((leader, partition), call);
    }

    /// When the last of the calls ends that a broker's exporters sat in at a moment, and still sit in.
    pub(crate) fn exporters_sit_until(&self, broker: BrokerId, at: Moment) -> Option<Moment> {
        if self.exporter_calls.is_empty() || !self.calls_may_last() {
            return None;
        }
        let own = (broker, PartitionId(0))..=(broker, PartitionId(u32::MAX));
        let sits = |(_, partition): &(BrokerId, PartitionId), call: &ExporterCall| {
            let replica = self.replica(broker, *partition);
            let leads = replica.is_some_and(|r| r.role == Role::Leader && r.term == call.term);
            let waits = |r: &Region| self.searches[r.index()].slow || self.calls_vanish(broker, *r);
            leads
                && call.began <= at
                && call.ends > self.now
                && self.enabled_exporters(broker, *partition).iter().any(waits)
        };
        let sitting = self
            .exporter_calls
            .range(own)
            .filter(|(key, call)| sits(key, call));
        sitting.map(|(_, call)| call.ends).max()
    }

    /// When whoever waits for a broker's exporters is to look again, if they sit in a call that was begun before a moment.
    pub(crate) fn exporters_looked_at_again(&self, broker: BrokerId, at: Moment) -> Option<Moment> {
        Some(self.exporters_sit_until(broker, at)?.min(self.now + LOOK))
    }
}
