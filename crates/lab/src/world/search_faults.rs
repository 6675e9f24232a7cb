//! What can go wrong with the searches and their object store, and the short cuts past their HTTP interface.

use crate::chance::Stream;
use crate::cluster::raft::{ExporterPhase, ValueType};
use crate::ids::Region;
use crate::search::store::StoreState;
use crate::world::{AnswerFault, World};

/// Something that goes wrong with a search once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SearchFault {
    /// One shard of the next snapshot fails: it ends as PARTIAL.
    PartialSnapshot,
    /// Every shard of the next snapshot fails: it ends as FAILED.
    FailedSnapshot,
    /// Exporters that are paused create their empty indices, at once if they are paused already, and even where they are
    /// disabled: the worst that issue 14790 may mean (spec: procedure.md FB3). Enabled ones that are opened while they
    /// are paused do so anyway.
    EmptyIndices,
}

impl World {
    /// Turns a region's search red, or green again: while it is red nothing can be written to it.
    pub fn set_search_red(&mut self, region: Region, red: bool) {
        let word = if red { "red" } else { "green again" };
        self.say(format!("The search of {} is {word}.", self.region_name(region)));
        self.searches[region.index()].red = red;
    }

    /// Fills the disks of a region's search, or makes room: while they are full it takes no writes, its indices are closed to
    /// them, and no shard finds a place.
    pub fn set_search_full(&mut self, region: Region, full: bool) {
        self.set_search_filled(region, full);
    }

    /// Lets a region's search stand still, as by SIGSTOP, or go on.
    pub fn set_search_frozen(&mut self, region: Region, frozen: bool) {
        if std::mem::replace(&mut self.searches[region.index()].frozen, frozen) == frozen {
            return;
        }
        let word = if frozen { "stands still" } else { "goes on" };
        self.say(format!("The search of {} {word}.", self.region_name(region)));
        self.upheavals += 1;
    }

    /// Breaks or heals the object store that snapshots are in; one being taken fails with it.
    pub fn set_store(&mut self, state: StoreState) {
        let word = match state {
            StoreState::Works => "works",
            StoreState::Denied => "refuses its keys",
            StoreState::Gone => "is gone",
        };
        self.say(format!("The object store {word}."));
        if (self.store.state == StoreState::Gone) != (state == StoreState::Gone) {
            self.store.life += 1;
            self.upheavals += 1;
        }
        self.store.state = state;
    }

    /// Takes every snapshot of this name out of the object store behind everybody's back. False when there was none.
    pub fn lose_snapshot(&mut self, name: &str) -> bool {
        let locations: Vec<_> = self.store.snapshots.keys().cloned().collect();
        let mut lost = false;
        for location in locations {
            lost |= self.store.remove(&location, name);
        }
        if lost {
            self.say(format!("Snapshot {name} has vanished from the object store."));
        }
        lost
    }

    /// Creates an empty index in a region's search, as somebody might who was too early. False when it is there already,
    /// or the search is down.
    pub fn create_search_index(&mut self, region: Region, name: &str) -> bool {
        let uuid = self.chance.uuid(Stream::Search);
        let search = &mut self.searches[region.index()];
        search.alive && search.create_index(name, uuid)
    }

    /// Lets something go wrong with a region's search once.
    pub fn spoil_search(&mut self, region: Region, fault: SearchFault) {
        self.searching.faults.push((region, fault));
        if fault == SearchFault::EmptyIndices {
            self.pollute_while_paused();
        }
    }

    /// Spoils one answer of a search to come.
    pub fn spoil_search_answer(&mut self, fault: AnswerFault) {
        self.searching.answer_faults.push(fault);
    }

    /// Takes the fault that this call to a search is to meet, if any.
    pub(crate) fn next_search_answer_fault(&mut self, mutates: bool) -> Option<AnswerFault> {
        AnswerFault::take(&mut self.searching.answer_faults, mutates)
    }

    /// In which life of the object store its port answers, if it does.
    pub(crate) fn store_life(&self) -> Option<u64> {
        (self.store.state != StoreState::Gone).then_some(self.store.life)
    }

    /// Spoils one answer of the object store's own port to come.
    pub fn spoil_bucket_answer(&mut self, fault: AnswerFault) {
        self.searching.bucket_faults.push(fault);
    }

    /// Takes the fault that this call to the object store is to meet, if any.
    pub(crate) fn next_bucket_answer_fault(&mut self, mutates: bool) -> Option<AnswerFault> {
        AnswerFault::take(&mut self.searching.bucket_faults, mutates)
    }

    pub(super) fn take_fault(&mut self, region: Region, fault: SearchFault) -> bool {
        let faults = &mut self.searching.faults;
        let place = faults.iter().position(|f| *f == (region, fault));
        place.map(|at| faults.remove(at)).is_some()
    }

    /// What a paused exporter should not do, and does when told to.
    pub(crate) fn pollute_while_paused(&mut self) {
        let paused = self
            .brokers
            .values()
            .filter(|b| b.runs())
            .any(|b| b.replicas.values().any(|r| r.phase == ExporterPhase::Paused));
        for region in Region::BOTH {
            if paused
                && self.searches[region.index()].alive
                && self.take_fault(region, SearchFault::EmptyIndices)
            {
                self.create_record_indices(region);
            }
        }
    }

    /// Creates those of today's record indices that are missing, empty.
    pub(crate) fn create_record_indices(&mut self, region: Region) {
        let mut created = false;
        for value_type in ValueType::BOTH {
            let name = self.record_index(value_type.name(), self.now);
            let there = self.searches[region.index()].indices.contains_key(&name);
            created |= !there && self.create_search_index(region, &name);
        }
        if created {
            self.say(format!(
                "Paused exporters have created empty indices in the search of {}.",
                self.region_name(region)
            ));
        }
    }

    /// Takes a snapshot of a region's search at once, into a place that outlives both regions; a short cut past its HTTP
    /// interface. False when it is down.
    pub fn snapshot_search(&mut self, region: Region) -> bool {
        let search = &self.searches[region.index()];
        if !search.alive {
            return false;
        }
        self.searching.quick = Some(search.indices.clone());
        self.say(format!(
            "The search of {} is snapshotted.",
            self.region_name(region)
        ));
        true
    }

    /// Restores what [`World::snapshot_search`] took last into a region's search, which must be up, on top of what is
    /// there. False when there is none, or it is down.
    pub fn restore_search(&mut self, region: Region) -> bool {
        let Some(quick) = self.searching.quick.clone() else {
            return false;
        };
        let search = &mut self.searches[region.index()];
        if !search.alive {
            return false;
        }
        search.looked_at.clear();
        for (name, index) in quick {
            match search.indices.get_mut(&name) {
                None => {
                    search.indices.insert(name, index);
                }
                Some(there) => {
                    for (id, document) in index.documents.iter() {
                        there.put(*id, *document);
                    }
                }
            }
        }
        self.say(format!(
            "The snapshot is restored into the search of {}.",
            self.region_name(region)
        ));
        true
    }
}
