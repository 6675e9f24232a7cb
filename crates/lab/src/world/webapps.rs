//! Operate and Tasklist: they create their indices when they start, import what is exported, and write what users do.

use std::ops::Bound;

use crate::chance::Stream;
use crate::ids::{PartitionId, Region};
use crate::search::index::{Document, DocumentId};
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

    /// The index that imports go to, then the one that users write to. The real ones have a dozen more.
    const fn indices(self) -> [&'static str; 2] {
        match self {
            Webapp::Operate => ["operate-list-view-8.3.0_", "operate-operation-8.4.1_"],
            Webapp::Tasklist => ["tasklist-process-8.4.0_", "tasklist-task-8.5.0_"],
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
        let [imports, operations] = webapp.indices();
        self.webapp_notes += 1;
        let (note, nothing) = (self.webapp_notes, Document { key: 0, token: None });
        for (id, document) in self.not_imported(region, imports) {
            self.webapp_document(region, imports, id, document);
        }
        self.webapp_document(region, operations, DocumentId::Webapp(note), nothing);
    }

    fn webapp_document(&mut self, region: Region, index: &str, id: DocumentId, document: Document) {
        let chance = &mut self.chance;
        let search = &mut self.searches[region.index()];
        search.write(index, || chance.uuid(Stream::Search), id, document);
    }

    /// What exporters wrote since this importer last looked.
    fn not_imported(&mut self, region: Region, importer: &'static str) -> Vec<(DocumentId, Document)> {
        let partitions = self.partition_ids();
        let search = &mut self.searches[region.index()];
        let from = (Bound::Included(RECORDS_OF_PROCESSES), Bound::Unbounded);
        let indices: Vec<_> = search
            .indices
            .range::<str, _>(from)
            .take_while(|(name, _)| name.starts_with(RECORDS_OF_PROCESSES))
            .map(|(_, index)| index)
            .collect();
        // Documents are added and never taken out one by one: as many in the same indices are the same ones.
        let now = || indices.iter().map(|index| (index.uuid.as_str(), index.len()));
        let found = search.found.entry(importer).or_default();
        if now().eq(found.iter().map(|(uuid, count)| (uuid.as_str(), *count))) {
            return Vec::new();
        }
        *found = now().map(|(uuid, count)| (uuid.to_owned(), count)).collect();
        let mut new = Vec::new();
        for partition in partitions {
            let seen = search.imported.entry((importer, partition)).or_insert(-1);
            let from = DocumentId::Record {
                partition,
                position: *seen,
            };
            let to = DocumentId::Record {
                partition,
                position: i64::MAX,
            };
            for index in &indices {
                for (id, document) in index
                    .documents
                    .range((Bound::Excluded(from), Bound::Included(to)))
                {
                    let DocumentId::Record { position, .. } = id else {
                        continue;
                    };
                    *seen = (*seen).max(*position);
                    new.push((imported_as(partition, *position), *document));
                }
            }
        }
        new
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

/// Importing again is idempotent, so the id comes of the record: positions stay far below 2^40.
fn imported_as(partition: PartitionId, position: i64) -> DocumentId {
    DocumentId::Webapp((u64::from(partition.0) << 40) | u64::try_from(position).unwrap_or(0))
}
