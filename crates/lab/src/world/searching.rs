//! The searches in the world's time: what exporters index, and how snapshots and restores go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::chance::Stream;
use crate::cluster::raft::Entry;
use crate::ids::{PartitionId, Region};
use crate::search::index::{Document, DocumentId, Index};
use crate::search::restore::{Ahead, Restore};
use crate::search::snapshot::{CopiedIndex, SnapshotRun, State, Stored};
use crate::search::store::{Location, StoreState};
use crate::search::{Cluster, Flavour};
use crate::world::{AnswerFault, Event, SearchFault, World};

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
    pub(crate) bucket_faults: Vec<AnswerFault>,
    pub(crate) outcomes: BTreeMap<u64, SnapshotOutcome>,
    next: u64,
    /// What [`World::snapshot_search`] took.
    pub(crate) quick: Option<BTreeMap<String, Index>>,
}

/// Outcomes that somebody may still ask for; the oldest are forgotten. Only one snapshot runs at a time, so those who
/// still wait are few.
const OUTCOMES_MAX: usize = 8;

/// How often a search whose disks are full looks for room, and one that stands still is looked after.
const FLOODED_LOOK: Duration = Duration::from_secs(5);

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

    /// Whether a region's search stands still.
    pub(crate) fn search_stands_still(&self, region: Region) -> bool {
        self.searches[region.index()].frozen
    }

    /// Which product the searches are.
    pub fn search_flavour(&self) -> Flavour {
        self.searching.flavour
    }

    /// Which product the searches are; Elasticsearch unless said otherwise.
    pub fn set_search_flavour(&mut self, flavour: Flavour) {
        self.searching.flavour = flavour;
    }

    /// The exporter's name for the index of this value type and day.
    pub(crate) fn record_index(&self, kind: &str, at: c8dr_engine::clock::Moment) -> String {
        let day = self.wall.day(at);
        format!("zeebe-record_{kind}_8.6.0_{day}")
    }

    /// Indexes one exported entry.
    pub(crate) fn index_record(
        &mut self,
        region: Region,
        partition: PartitionId,
        entry: Entry,
        sequence: u64,
    ) {
        let name = self.record_index(entry.value_type().name(), entry.at);
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
            sequence,
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
        if search.frozen {
            self.after(FLOODED_LOOK, Event::CopyShard { region, life, run });
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
        // Whoever imports here looks at everything again.
        search.looked_at.clear();
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
        if search.flooded || search.frozen {
            // No shard finds a place before there is room.
            self.after(
                FLOODED_LOOK,
                Event::ShardBack {
                    region,
                    life,
                    restore: id,
                },
            );
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
}

/// So much for each of so many.
fn by_count(each: Duration, count: usize) -> Duration {
    each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}
