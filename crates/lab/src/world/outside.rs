//! Searches that are real servers outside the world: what exporters write to them waits here for a courier, and counts as
//! acknowledged only once the courier has said that it arrived.
//!
//! The world's own search of such a region is not used. Left out is what needs no record: the templates that an exporter
//! makes, and the empty indices of one that is opened while paused.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::cluster::raft::{Counted, Entry, ExporterPhase, Role};
use crate::ids::{BrokerId, PartitionId, Region};
use crate::search::index::numbered;
use crate::world::World;

/// A real search, and what is on its way to it.
#[derive(Debug)]
pub(crate) struct Outside {
    address: SocketAddr,
    /// Whether the last that was heard of it was good.
    answers: bool,
    waiting: Vec<Bulk>,
    /// Whose bulks are waiting or on their way: an exporter sends one after the other.
    under_way: BTreeSet<(BrokerId, PartitionId)>,
}

/// What one exporter has sent off, and how far it has come once this has arrived.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Bulk {
    leader: BrokerId,
    partition: PartitionId,
    term: u64,
    up_to: i64,
    /// What the exporter has counted by then.
    counted: Counted,
    documents: Vec<OutsideDocument>,
}

/// A record as the exporter would index it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct OutsideDocument {
    pub(crate) index: String,
    pub(crate) id: String,
    pub(crate) source: Value,
}

impl Bulk {
    /// What goes into it, oldest first.
    pub(crate) fn documents(&self) -> &[OutsideDocument] {
        &self.documents
    }
}

impl World {
    /// Lets the exporters of a region's search write to a server outside; none is believed to answer before it has.
    pub(crate) fn export_outside(&mut self, region: Region, address: SocketAddr) {
        self.outside[region.index()] = Some(Outside {
            address,
            answers: false,
            waiting: Vec::new(),
            under_way: BTreeSet::new(),
        });
    }

    /// Where a region's search is, if it is outside.
    pub(crate) fn outside_address(&self, region: Region) -> Option<SocketAddr> {
        self.outside[region.index()]
            .as_ref()
            .map(|outside| outside.address)
    }

    /// Whether a search takes what it is sent.
    pub(super) fn takes_records(&self, region: Region) -> bool {
        match &self.outside[region.index()] {
            Some(outside) => outside.answers,
            None => self.searches[region.index()].writable(),
        }
    }

    /// Sends these records off; false when the search is one of the world's own.
    pub(super) fn send_outside(
        &mut self,
        region: Region,
        (leader, partition): (BrokerId, PartitionId),
        mut counted: Counted,
        entries: &[Entry],
    ) -> bool {
        // Nearly all worlds have searches of their own: nothing is made for a courier there.
        if self.outside[region.index()].is_none() {
            return false;
        }
        let documents: Vec<_> = entries
            .iter()
            .map(|entry| self.outside_document(partition, *entry, counted.next(entry.value_type())))
            .collect();
        let term = self.replica(leader, partition).map_or(0, |replica| replica.term);
        let Some(outside) = &mut self.outside[region.index()] else {
            return false;
        };
        if let Some(last) = entries.last()
            && outside.under_way.insert((leader, partition))
        {
            outside.waiting.push(Bulk {
                leader,
                partition,
                term,
                up_to: last.position,
                counted,
                documents,
            });
        }
        true
    }

    fn outside_document(&self, partition: PartitionId, entry: Entry, sequence: u64) -> OutsideDocument {
        let kind = entry.value_type().name();
        let mut source = json!({
            "partitionId": partition.0,
            "position": entry.position,
            "key": (i64::from(partition.0) << 51) | entry.position,
            "timestamp": self.wall.epoch_ms(entry.at),
            "recordType": "EVENT",
            "valueType": kind.replace('-', "_").to_uppercase(),
            "intent": "CREATED",
            "brokerVersion": "8.6.0",
            "sequence": numbered(partition, sequence),
        });
        if let (Some(token), Some(fields)) = (entry.token, source.as_object_mut()) {
            // The number by which a client knows its own request again.
            fields.insert("operationReference".to_owned(), token.0.into());
        }
        OutsideDocument {
            index: self.record_index(kind, entry.at),
            id: format!("{partition}-{}", entry.position),
            source,
        }
    }

    /// What waits for a courier.
    pub(crate) fn outgoing(&mut self, region: Region) -> Vec<Bulk> {
        let outside = self.outside[region.index()].as_mut();
        outside
            .map(|outside| std::mem::take(&mut outside.waiting))
            .unwrap_or_default()
    }

    /// A courier has heard from the search, good or bad.
    pub(crate) fn outside_answers(&mut self, region: Region, answers: bool) {
        let Some(outside) = &mut self.outside[region.index()] else {
            return;
        };
        if std::mem::replace(&mut outside.answers, answers) != answers {
            let is = if answers { "answers" } else { "does not answer" };
            self.say(format!("The search of {} {is}.", self.region_name(region)));
        }
    }

    /// A courier is back, and has delivered this bulk or not. What was not delivered is written again.
    pub(crate) fn delivered(&mut self, region: Region, bulk: &Bulk, arrived: bool) {
        let Bulk {
            leader,
            partition,
            term,
            up_to,
            counted,
            ..
        } = *bulk;
        if let Some(outside) = &mut self.outside[region.index()] {
            outside.under_way.remove(&(leader, partition));
        }
        if let Some(replica) = self.replica_mut(leader, partition)
            && arrived
            && replica.role == Role::Leader
            && replica.term == term
            && replica.phase != ExporterPhase::SoftPaused
            && let Some(position) = replica.exporters.get_mut(region.exporter())
            && up_to > position.acked
        {
            (position.acked, position.counted) = (up_to, counted);
        }
        self.export_soon(leader, partition);
    }

    /// What clients were promised, by the numbers of their requests: for counting in searches outside.
    pub(crate) fn promises(&self) -> Vec<u64> {
        self.workload.acknowledged.keys().map(|token| token.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::config::WorldConfig;

    const OUTSIDE: Region = Region::Odd;

    /// A world whose odd search is outside, after some seconds with clients.
    fn world(answers: bool) -> World {
        let mut world = World::new(WorldConfig::default(), Timestamp::UNIX_EPOCH).unwrap();
        world.export_outside(OUTSIDE, "127.0.0.1:9200".parse().unwrap());
        if answers {
            world.outside_answers(OUTSIDE, true);
        }
        goes_on(&mut world, 10);
        world
    }

    fn goes_on(world: &mut World, seconds: u64) {
        let to = world.now() + Duration::from_secs(seconds);
        world.advance(to);
    }

    /// How far the leaders' exporters to the outside have come, all partitions together.
    fn acknowledged(world: &World) -> i64 {
        let leaders = world.leading().into_iter();
        let acked = leaders.filter_map(|one| {
            let replica = world.replica(one.broker, one.partition)?;
            Some(replica.exporters.get(OUTSIDE.exporter())?.acked)
        });
        acked.sum()
    }

    #[test]
    fn nothing_is_sent_to_a_search_that_has_not_answered_and_the_other_one_waits_with_it() {
        let mut world = world(false);
        assert_eq!(world.outgoing(OUTSIDE), []);
        assert_eq!(
            world.status().regions[0].search.instances,
            0,
            "one holds up the other"
        );
        world.outside_answers(OUTSIDE, true);
        goes_on(&mut world, 5);
        assert_ne!(world.outgoing(OUTSIDE), []);
        assert_ne!(world.status().regions[0].search.instances, 0);
        assert_eq!(world.outgoing(Region::Even), [], "that one is the world's own");
    }

    #[test]
    fn only_what_has_arrived_is_acknowledged_and_what_has_not_is_sent_again() {
        let mut world = world(true);
        let bulks = world.outgoing(OUTSIDE);
        assert!(!bulks.is_empty());
        goes_on(&mut world, 10);
        assert_eq!(
            world.outgoing(OUTSIDE),
            [],
            "an exporter sends one bulk after the other"
        );
        assert_eq!(acknowledged(&world), 0);
        for bulk in &bulks {
            world.delivered(OUTSIDE, bulk, false);
        }
        goes_on(&mut world, 5);
        assert_eq!(acknowledged(&world), 0);
        let again = world.outgoing(OUTSIDE);
        for bulk in &bulks {
            let same = again.iter().find(|b| b.partition == bulk.partition).unwrap();
            assert!(same.documents.starts_with(&bulk.documents), "{bulk:?} {same:?}");
        }
        for bulk in &again {
            world.delivered(OUTSIDE, bulk, true);
        }
        let reached: i64 = again.iter().map(|bulk| bulk.up_to).sum();
        assert_eq!(acknowledged(&world), reached);
    }

    #[test]
    fn a_bulk_that_arrives_late_acknowledges_nothing_for_a_later_leader_or_while_softly_paused() {
        let mut later = world(true);
        let bulks = later.outgoing(OUTSIDE);
        let old = bulks.iter().map(|bulk| bulk.leader).next().unwrap();
        later.kill_broker(old);
        goes_on(&mut later, 30);
        for bulk in bulks.iter().filter(|bulk| bulk.leader == old) {
            later.delivered(OUTSIDE, bulk, true);
        }
        assert_eq!(acknowledged(&later), 0, "it was sent by a leader of old");

        let mut paused = world(true);
        let bulks = paused.outgoing(OUTSIDE);
        for broker in paused.broker_ids() {
            paused.set_phase(broker, ExporterPhase::SoftPaused);
        }
        for bulk in &bulks {
            paused.delivered(OUTSIDE, bulk, true);
        }
        assert_eq!(acknowledged(&paused), 0);
    }

    #[test]
    fn a_record_carries_what_it_can_be_counted_by() {
        let mut world = world(true);
        let promised = world.promises();
        let bulks = world.outgoing(OUTSIDE);
        let documents: Vec<_> = bulks.iter().flat_map(Bulk::documents).collect();
        let one = documents
            .iter()
            .find(|d| d.source["valueType"] == "PROCESS_INSTANCE_CREATION")
            .unwrap();
        assert_eq!(
            one.index,
            "zeebe-record_process-instance-creation_8.6.0_1970-01-01"
        );
        let (partition, position) = (&one.source["partitionId"], &one.source["position"]);
        assert_eq!(one.id, format!("{partition}-{position}"));
        let sent: BTreeSet<u64> = (documents.iter())
            .filter_map(|d| d.source["operationReference"].as_u64())
            .collect();
        assert!(!promised.is_empty() && promised.iter().any(|token| sent.contains(token)));
    }
}
