//! The searches in the world's time: what exporters index, how snapshots and restores go on, and what can go wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::chance::Stream;
use crate::cluster::raft::{Entry, ExporterPhase};
use crate::ids::{PartitionId, Region};
use crate::search::index::{Document, DocumentId, Index};
use crate::search::restore::{Ahead, Restore};
use crate::search::snapshot::{CopiedIndex, SnapshotRun, State, Stored};
use crate::search::store::{Location, StoreState};
use crate::search::{Cluster, Flavour};
use crate::world::{AnswerFault, Event, World};

/// Something that goes wrong with a search once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SearchFault {
    /// One shard of the next snapshot fails: it ends as PARTIAL.
    PartialSnapshot,
    /// Every shard of the next snapshot fails: it ends as FAILED.
    FailedSnapshot,
    /// Exporters that are paused create their empty indices all the same, at once if they are paused already
    /// (spec: procedure.md FB3, camunda issue 14790).
    EmptyIndices,
}

/// How a snapshot ended for whoever waited.
#[derive(Clone, Debug)]
pub(crate) enum SnapshotOutcome {
    Stored(Stored),
    /// The object store would not take the end of it: there is no snapshot.
    NotStored {
        name: String,
        uuid: String,
    },
    /// Deleted while it ran.
    Aborted {
        name: String,
        uuid: String,
    },
}

/// What the world has to remember about the searches.
#[derive(Debug, Default)]
pub(crate) struct Searching {
    pub(crate) flavour: Flavour,
    pub(crate) faults: Vec<(Region, SearchFault)>,
    pub(crate) answer_faults: Vec<AnswerFault>,
    pub(crate) outcomes: BTreeMap<u64, SnapshotOutcome>,
    next: u64,
    /// What [`World::snapshot_search`] took.
    quick: Option<BTreeMap<String, Index>>,
}

/// Outcomes that somebody may still ask for; the oldest are forgotten. Only one snapshot runs at a time, so those who
/// still wait are few.
const OUTCOMES_MAX: usize = 8;

/// What a snapshot is to be of.
#[derive(Debug)]
pub(crate) struct SnapshotAsked {
    pub(crate) repository: String,
    pub(crate) location: Location,
    pub(crate) name: String,
    pub(crate) indices: Vec<String>,
    pub(crate) global: bool,
    pub(crate) metadata: Option<Value>,
}

/// What is to be restored.
#[derive(Debug)]
pub(crate) struct RestoreAsked {
    pub(crate) repository: String,
    pub(crate) snapshot: Stored,
    pub(crate) indices: Vec<String>,
    pub(crate) global: bool,
}

impl World {
    /// Starts a region's search with empty disks: a new cluster, with a new UUID.
    pub(crate) fn empty_search(&mut self, region: Region) {
        let uuid = self.chance.uuid(Stream::Search);
        let search = &mut self.searches[region.index()];
        *search = Cluster::empty(uuid, search.life + 1);
        self.upheavals += 1;
    }

    /// Starts a region's search with the disks it has.
    pub(crate) fn start_search(&mut self, region: Region) {
        let search = &mut self.searches[region.index()];
        if !search.alive {
            search.alive = true;
            search.life += 1;
            self.upheavals += 1;
        }
    }

    pub(crate) fn stop_search(&mut self, region: Region) {
        let search = &mut self.searches[region.index()];
        if search.alive {
            search.stop();
            self.upheavals += 1;
        }
    }

    /// In which life of its process a region's search answers, if it does.
    pub(crate) fn search_life(&self, region: Region) -> Option<u64> {
        let search = &self.searches[region.index()];
        search.alive.then_some(search.life)
    }

    /// Which product the searches are.
    pub fn search_flavour(&self) -> Flavour {
        self.searching.flavour
    }

    /// Which product the searches are; Elasticsearch unless said otherwise.
    pub fn set_search_flavour(&mut self, flavour: Flavour) {
        self.searching.flavour = flavour;
    }

    /// Turns a region's search red, or green again: while it is red nothing can be written to it.
    pub fn set_search_red(&mut self, region: Region, red: bool) {
        let word = if red { "red" } else { "green again" };
        self.say(format!("The search of {} is {word}.", self.region_name(region)));
        self.searches[region.index()].red = red;
    }

    /// Breaks or heals the object store that snapshots are in; one being taken fails with it.
    pub fn set_store(&mut self, state: StoreState) {
        let word = match state {
            StoreState::Works => "works",
            StoreState::Denied => "refuses its keys",
            StoreState::Gone => "is gone",
        };
        self.say(format!("The object store {word}."));
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
        let faults = &mut self.searching.answer_faults;
        let any = |f: &AnswerFault| matches!(f, AnswerFault::Delay(_) | AnswerFault::Reset);
        let place = faults.iter().position(|f| mutates || any(f))?;
        Some(faults.remove(place))
    }

    fn take_fault(&mut self, region: Region, fault: SearchFault) -> bool {
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
                for kind in ["deployment", "process-instance-creation"] {
                    let name = self.record_index(kind, self.now);
                    self.create_search_index(region, &name);
                }
                self.say(format!(
                    "Paused exporters have created empty indices in the search of {}.",
                    self.region_name(region)
                ));
            }
        }
    }

    /// The exporter's name for the index of this value type and day.
    fn record_index(&self, kind: &str, at: c8dr_engine::clock::Moment) -> String {
        let day = self.wall.day(at);
        format!("zeebe-record_{kind}_8.6.0_{day}")
    }

    /// Indexes one exported entry.
    pub(crate) fn index_record(&mut self, region: Region, partition: PartitionId, entry: Entry) {
        let kind = if entry.token.is_some() {
            "process-instance-creation"
        } else {
            "deployment"
        };
        let name = self.record_index(kind, entry.at);
        let known = entry
            .token
            .and_then(|t| self.workload.acknowledged.get(&t))
            .copied();
        // A key that no client was told: beyond all that are counted up, and still of this partition.
        let key = known.unwrap_or((i64::from(partition.0) << 51) | (1 << 40) | entry.position);
        let id = DocumentId::Record {
            partition,
            position: entry.position,
        };
        let document = Document {
            key,
            token: entry.token,
        };
        let chance = &mut self.chance;
        let search = &mut self.searches[region.index()];
        search.write(&name, || chance.uuid(Stream::Search), id, document);
    }

    /// Begins a snapshot; the number by which to wait for it.
    pub(crate) fn begin_snapshot(&mut self, region: Region, asked: SnapshotAsked) -> u64 {
        let uuid = self.chance.uuid(Stream::Search);
        self.searching.next += 1;
        let id = self.searching.next;
        let search = &self.searches[region.index()];
        let copied = |name: &String| {
            let copy = CopiedIndex {
                shards: search.indices.get(name)?.shards,
                copied: BTreeMap::new(),
                failed: BTreeSet::new(),
            };
            Some((name.clone(), copy))
        };
        let indices: BTreeMap<_, _> = asked.indices.iter().filter_map(copied).collect();
        let ahead: VecDeque<(String, u32)> = indices
            .iter()
            .flat_map(|(name, i)| (0..i.shards).map(|s| (name.clone(), s)))
            .collect();
        let life = search.life;
        let snapshot = Stored {
            name: asked.name,
            uuid,
            number: 0,
            by: search.uuid.clone(),
            state: State::InProgress,
            indices,
            global: asked.global.then(|| search.templates.clone()),
            metadata: asked.metadata,
            began: self.now,
            ended: self.now,
            failure: "the shard's node has left the cluster",
        };
        let doomed = if self.take_fault(region, SearchFault::FailedSnapshot) {
            ahead.iter().cloned().collect()
        } else if self.take_fault(region, SearchFault::PartialSnapshot) {
            ahead.back().cloned().into_iter().collect()
        } else {
            BTreeSet::new()
        };
        self.say(format!(
            "The search of {} begins snapshot {}.",
            self.region_name(region),
            snapshot.name
        ));
        self.searches[region.index()].running = Some(SnapshotRun {
            id,
            repository: asked.repository,
            location: asked.location,
            snapshot,
            ahead,
            doomed,
        });
        let wait = self.config.timings.snapshot_shard;
        self.after(
            wait,
            Event::CopyShard {
                region,
                life,
                run: id,
            },
        );
        id
    }

    pub(crate) fn copy_shard(&mut self, region: Region, life: u64, run: u64) {
        let timings = self.config.timings;
        let works = self.store.state == StoreState::Works;
        let search = &mut self.searches[region.index()];
        if search.life != life {
            return;
        }
        let Some(running) = search.running.as_mut().filter(|r| r.id == run) else {
            return;
        };
        if !works {
            running.fail_the_rest();
        }
        if let Some(documents) = running.copy_next(&search.indices) {
            let wait = timings.snapshot_shard + by_count(timings.snapshot_document, documents);
            self.after(wait, Event::CopyShard { region, life, run });
            return;
        }
        let Some(done) = search.running.take() else {
            return;
        };
        let mut snapshot = done.snapshot;
        snapshot.conclude(self.now);
        let outcome = if works {
            self.say(format!(
                "Snapshot {} of {} ended: {}.",
                snapshot.name,
                self.region_name(region),
                snapshot.state.name()
            ));
            self.store.keep(&done.location, snapshot.clone());
            SnapshotOutcome::Stored(snapshot)
        } else {
            self.say(format!("Snapshot {} could not be stored.", snapshot.name));
            SnapshotOutcome::NotStored {
                name: snapshot.name,
                uuid: snapshot.uuid,
            }
        };
        self.remember_outcome(run, outcome);
    }

    fn remember_outcome(&mut self, run: u64, outcome: SnapshotOutcome) {
        let outcomes = &mut self.searching.outcomes;
        outcomes.insert(run, outcome);
        while outcomes.len() > OUTCOMES_MAX {
            outcomes.pop_first();
        }
    }

    /// Ends a running snapshot of this name without a trace. False when none runs.
    pub(crate) fn abort_snapshot(&mut self, region: Region, name: &str) -> bool {
        let search = &mut self.searches[region.index()];
        let Some(run) = search.running.take_if(|r| r.snapshot.name == name) else {
            return false;
        };
        let outcome = SnapshotOutcome::Aborted {
            name: run.snapshot.name,
            uuid: run.snapshot.uuid,
        };
        self.remember_outcome(run.id, outcome);
        true
    }

    /// Begins a restore whose preconditions hold; the number by which to wait for it.
    pub(crate) fn begin_restore(&mut self, region: Region, asked: RestoreAsked) -> u64 {
        self.searching.next += 1;
        let id = self.searching.next;
        let mut restore = Restore {
            id,
            repository: asked.repository,
            snapshot: asked.snapshot.name.clone(),
            indices: BTreeMap::new(),
            ahead: VecDeque::new(),
            back: BTreeMap::new(),
            failed: BTreeSet::new(),
        };
        for name in &asked.indices {
            let Some(copy) = asked.snapshot.indices.get(name) else {
                continue;
            };
            let uuid = self.chance.uuid(Stream::Search);
            let mut index = Index::new(name, uuid);
            index.shards = copy.shards;
            let search = &mut self.searches[region.index()];
            search.indices.insert(name.clone(), index);
            restore.indices.insert(name.clone(), copy.shards);
            for (shard, documents) in &copy.copied {
                restore.ahead.push_back(Ahead {
                    index: name.clone(),
                    shard: *shard,
                    documents: std::sync::Arc::clone(documents),
                });
            }
        }
        self.say(format!(
            "The search of {} begins to restore snapshot {}.",
            self.region_name(region),
            restore.snapshot
        ));
        let search = &mut self.searches[region.index()];
        if asked.global {
            search
                .templates
                .extend(asked.snapshot.global.iter().flatten().cloned());
        }
        let life = search.life;
        let first = restore.ahead.front().map(|a| a.documents.len());
        search.restores.push(restore);
        if let Some(documents) = first {
            self.bring_back_after(region, life, id, documents);
        }
        id
    }

    fn bring_back_after(&mut self, region: Region, life: u64, restore: u64, documents: usize) {
        let timings = self.config.timings;
        let wait = timings.restore_shard + by_count(timings.restore_document, documents);
        self.after(
            wait,
            Event::ShardBack {
                region,
                life,
                restore,
            },
        );
    }

    pub(crate) fn shard_back(&mut self, region: Region, life: u64, id: u64) {
        let search = &mut self.searches[region.index()];
        if search.life != life {
            return;
        }
        let Some(restore) = search.restores.iter_mut().find(|r| r.id == id) else {
            return;
        };
        restore.bring_next(&mut search.indices);
        if let Some(next) = restore.ahead.front() {
            let documents = next.documents.len();
            self.bring_back_after(region, life, id, documents);
        } else {
            let name = restore.snapshot.clone();
            self.say(format!(
                "Snapshot {name} is restored into the search of {}.",
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

/// So much for each of so many.
fn by_count(each: Duration, count: usize) -> Duration {
    each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}
