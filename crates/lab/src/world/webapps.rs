//! Operate and Tasklist: they create their indices when they start, import what is exported, and write what users do.
//!
//! Importers of 8.6 read by the numbers that exporters give to the records of a partition and value type, and note the last
//! one that they have read. The note is a document in an index of their own, so it is copied and restored with the rest. What
//! is numbered below it is never read: an exporter that has begun to count anew exports past them, and nobody complains.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::chance::Stream;
use crate::cluster::raft::Token;
use crate::ids::{PartitionId, Region};
use crate::search::Cluster;
use crate::search::index::{Document, DocumentId, Index};
use crate::world::platform::PodPhase;
use crate::world::{Event, World};

/// One of the two webapps that write to a search.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Webapp {
    Operate,
    Tasklist,
}

/// How many pods a webapp is to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deployment {
    pub(crate) replicas: u32,
}

/// What importers read begins with this.
const RECORDS_OF_PROCESSES: &str = "zeebe-record_process";

impl Webapp {
    pub(crate) const BOTH: [Webapp; 2] = [Webapp::Operate, Webapp::Tasklist];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Webapp::Operate => "operate",
            Webapp::Tasklist => "tasklist",
        }
    }

    /// The index that imports go to, the one that users write to, and the one that says how far it has read. The real ones
    /// have a dozen more.
    const fn indices(self) -> [&'static str; 3] {
        match self {
            Webapp::Operate => [
                "operate-list-view-8.3.0_",
                "operate-operation-8.4.1_",
                "operate-import-position-8.3.0_",
            ],
            Webapp::Tasklist => [
                "tasklist-process-8.4.0_",
                "tasklist-task-8.5.0_",
                "tasklist-import-position-8.2.0_",
            ],
        }
    }
}

impl World {
    /// A pod's turn: its first is its start. It works on while it terminates.
    pub(crate) fn webapp_turn(&mut self, region: Region, pod: u64) {
        let Some(phase) = self.sites[region.index()].pods.get(&pod).map(|p| p.phase) else {
            return;
        };
        match phase {
            PodPhase::Pending => self.webapp_starts(region, pod),
            PodPhase::Running | PodPhase::Terminating => {
                self.webapp_writes(region, pod);
                self.after(
                    self.config.timings.webapp_write,
                    Event::WebappTurn { region, pod },
                );
            }
        }
    }

    /// It only comes up when its search answers, and then creates what is missing there.
    pub(crate) fn webapp_starts(&mut self, region: Region, pod: u64) {
        let writable = self.searches[region.index()].writable();
        self.after(
            self.config.timings.webapp_write,
            Event::WebappTurn { region, pod },
        );
        if !writable {
            return;
        }
        let Some(own) = self.sites[region.index()].pods.get_mut(&pod) else {
            return;
        };
        own.phase = PodPhase::Running;
        let webapp = own.webapp;
        for index in webapp.indices() {
            self.create_search_index(region, index);
        }
    }

    fn webapp_writes(&mut self, region: Region, pod: u64) {
        let Some(webapp) = self.sites[region.index()].pods.get(&pod).map(|p| p.webapp) else {
            return;
        };
        if !self.searches[region.index()].writable() {
            return;
        }
        let [imports, operations, read_to] = webapp.indices();
        self.webapp_notes += 1;
        let note = DocumentId::Webapp(self.webapp_notes);
        let partitions = match self.finds_more(region, imports) {
            true => self.partition_ids(),
            false => Vec::new(),
        };
        for partition in partitions {
            let new = self.not_imported(region, webapp, partition);
            let last = new.last().map(|(_, document)| document.sequence);
            for (id, document) in new {
                self.webapp_document(region, imports, id, document);
            }
            if let Some(last) = last {
                self.note_read_to(region, read_to, partition, last);
            }
        }
        self.webapp_document(region, operations, note, written(0));
    }

    fn webapp_document(&mut self, region: Region, index: &str, id: DocumentId, document: Document) {
        let chance = &mut self.chance;
        let search = &mut self.searches[region.index()];
        search.write(index, || chance.uuid(Stream::Search), id, document);
    }

    /// Whether there is anything that this importer has not found when it last looked. Documents are added and never taken out
    /// one by one: as many in the same indices are the same ones.
    fn finds_more(&mut self, region: Region, importer: &'static str) -> bool {
        let Cluster { indices, found, .. } = &mut self.searches[region.index()];
        let indices = &*indices;
        let now = || imported_indices(indices).map(|(_, index)| (index.uuid.as_str(), index.len()));
        let found = found.entry(importer).or_default();
        let is_more = !now().eq(found.iter().map(|(uuid, count)| (uuid.as_str(), *count)));
        if is_more {
            *found = now().map(|(uuid, count)| (uuid.to_owned(), count)).collect();
        }
        is_more
    }

    /// What exporters wrote since this importer last looked, without what is numbered as if it had been read; in the order
    /// of the numbers.
    fn not_imported(
        &mut self,
        region: Region,
        webapp: Webapp,
        partition: PartitionId,
    ) -> Vec<(DocumentId, Document)> {
        let [importer, ..] = webapp.indices();
        let read_to = self.read_to(region, webapp, partition);
        let search = &mut self.searches[region.index()];
        let looked_at = search.looked_at.entry((importer, partition)).or_insert(-1);
        let record = |position| DocumentId::Record { partition, position };
        let range = (
            Bound::Excluded(record(*looked_at)),
            Bound::Included(record(i64::MAX)),
        );
        let mut new = Vec::new();
        for (_, index) in imported_indices(&search.indices) {
            for (id, document) in index.documents.range(range) {
                let DocumentId::Record { position, .. } = id else {
                    continue;
                };
                *looked_at = (*looked_at).max(*position);
                if document.sequence > read_to.unwrap_or(0) {
                    new.push((imported_as(partition, *position), *document));
                }
            }
        }
        new.sort_by_key(|(_, document)| document.sequence);
        new
    }

    fn note_read_to(&mut self, region: Region, index: &str, partition: PartitionId, sequence: u64) {
        if !self.searches[region.index()].indices.contains_key(index) {
            self.create_search_index(region, index);
        }
        if let Some(index) = self.searches[region.index()].indices.get_mut(index) {
            index.put(read_to_id(partition), written(sequence));
        }
    }

    /// The number of the last record of a partition that a webapp has read, if it has noted one.
    fn read_to(&self, region: Region, webapp: Webapp, partition: PartitionId) -> Option<u64> {
        let [_, _, read_to] = webapp.indices();
        let index = self.searches[region.index()].indices.get(read_to)?;
        Some(index.documents.get(&read_to_id(partition))?.sequence)
    }

    /// The requests of clients whose records a region's search holds, and which one of its webapps has passed over: it has
    /// read beyond their numbers, and does not have them.
    pub(super) fn passed_over(&self, region: Region) -> BTreeSet<Token> {
        let indices = &self.searches[region.index()].indices;
        let mut passed = BTreeSet::new();
        for webapp in Webapp::BOTH {
            let [imports, ..] = webapp.indices();
            let read_to: BTreeMap<PartitionId, u64> = (self.partition_ids().into_iter())
                .filter_map(|partition| Some((partition, self.read_to(region, webapp, partition)?)))
                .collect();
            let imported = indices.get(imports).map(|index| &index.documents);
            let records = imported_indices(indices).flat_map(|(_, index)| index.documents.iter());
            for (id, document) in records {
                let DocumentId::Record { partition, position } = id else {
                    continue;
                };
                let has_it =
                    imported.is_some_and(|all| all.contains_key(&imported_as(*partition, *position)));
                let is_read = read_to
                    .get(partition)
                    .is_some_and(|last| document.sequence <= *last);
                if is_read && !has_it {
                    passed.extend(document.token);
                }
            }
        }
        passed
    }

    /// A pod's end; what was in its hands it still wrote.
    pub(crate) fn pod_gone(&mut self, region: Region, pod: u64) {
        self.webapp_writes(region, pod);
        if let Some(gone) = self.sites[region.index()].pods.remove(&pod) {
            self.say(format!(
                "Pod {} of {} is gone.",
                gone.name,
                self.region_name(region)
            ));
        }
    }
}

/// The records that importers read: those of one value type, of all days.
fn imported_indices(indices: &BTreeMap<String, Index>) -> impl Iterator<Item = (&String, &Index)> {
    let from = (Bound::Included(RECORDS_OF_PROCESSES), Bound::Unbounded);
    indices
        .range::<str, _>(from)
        .take_while(|(name, _)| name.starts_with(RECORDS_OF_PROCESSES))
}

/// A document of a webapp's own, with a number or none.
fn written(sequence: u64) -> Document {
    Document {
        key: 0,
        token: None,
        sequence,
    }
}

/// Where a webapp notes how far it has read.
fn read_to_id(partition: PartitionId) -> DocumentId {
    DocumentId::Webapp(u64::from(partition.0))
}

/// Importing again is idempotent, so the id comes of the record: positions stay far below 2^40.
fn imported_as(partition: PartitionId, position: i64) -> DocumentId {
    DocumentId::Webapp((u64::from(partition.0) << 40) | u64::try_from(position).unwrap_or(0))
}
