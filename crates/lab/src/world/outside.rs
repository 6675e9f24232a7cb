//! Searches that are real servers outside the world: what exporters write to them waits here for a courier, and counts as
//! acknowledged only once the courier has said that it arrived.
//!
//! The world's own search of such a region is not used. Left out is what needs no record: the templates that an exporter
//! makes, and the empty indices of one that is opened while paused.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::cluster::raft::{Entry, ExporterPhase, Role};
use crate::ids::{BrokerId, PartitionId, Region};
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
        entries: &[Entry],
    ) -> bool {
        // Nearly all worlds have searches of their own: nothing is made for a courier there.
        if self.outside[region.index()].is_none() {
            return false;
        }
        let documents: Vec<_> = entries
            .iter()
            .map(|entry| self.outside_document(partition, *entry))
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
                documents,
            });
        }
        true
    }

    fn outside_document(&self, partition: PartitionId, entry: Entry) -> OutsideDocument {
        let (kind, value_type) = match entry.token {
            Some(_) => ("process-instance-creation", "PROCESS_INSTANCE_CREATION"),
            None => ("deployment", "DEPLOYMENT"),
        };
        let mut source = json!({
            "partitionId": partition.0,
            "position": entry.position,
            "key": (i64::from(partition.0) << 51) | entry.position,
            "timestamp": self.wall.epoch_ms(entry.at),
            "recordType": "EVENT",
            "valueType": value_type,
            "intent": "CREATED",
            "brokerVersion": "8.6.0",
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
        {
            position.acked = position.acked.max(up_to);
        }
        self.export_soon(leader, partition);
    }

    /// What clients were promised, by the numbers of their requests: for counting in searches outside.
    pub(crate) fn promises(&self) -> Vec<u64> {
        self.workload.acknowledged.keys().map(|token| token.0).collect()
    }
}
