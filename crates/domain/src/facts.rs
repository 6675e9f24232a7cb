//! What a failback has learnt on its way that the world cannot show again: the position vector, the snapshot, who is who.
//!
//! Durable before the step that rests on it, here and outside this machine (guarantee G7), and the matter of the certificate.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::condition::{of_snapshot, positions};
use crate::effect::{Effect, Request, SearchEffect, SearchTask, ZeebeEffect};
use crate::exporting::PositionVector;
use crate::ids::{RegionId, RunId};
use crate::picture::Picture;
use crate::planted::{self, Bug};
use crate::search::Holdings;

/// The run's snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFacts {
    /// Its name, unique per run and take.
    pub name: String,
    /// Its own UUID; unknown until it was seen whole.
    pub uuid: Option<String>,
    /// Its indices, those of the system left out: the list that is restored.
    pub indices: BTreeSet<String>,
    /// Documents per index in the surviving search, read when the snapshot was whole.
    pub documents: BTreeMap<String, u64>,
}

/// What both searches held in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Up to which position of each partition. At least V.
    pub up_to: PositionVector,
    /// What each region's search held, by partition.
    pub held: BTreeMap<RegionId, Holdings>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The run's own id, for names and metadata.
    pub run: Option<RunId>,
    /// Which take this is, from 1: a snapshot whose vector has moved is taken again.
    pub take: u32,
    /// The position vector V, read drained; empty before.
    pub positions: PositionVector,
    /// The search clusters by their UUIDs.
    pub clusters: BTreeMap<RegionId, String>,
    /// The snapshot.
    pub snapshot: Option<SnapshotFacts>,
    /// Indices that this run began to restore: they may be cleared away again.
    pub restored: BTreeSet<String>,
    /// What the proof at the end compared.
    pub compared: Option<Compared>,
}

impl Facts {
    /// The facts of a run that has learnt nothing yet.
    pub fn of(run: RunId) -> Self {
        Facts {
            run: Some(run),
            take: 1,
            ..Facts::default()
        }
    }

    /// What is known when the proof of an effect holds.
    #[must_use]
    pub fn after(&self, effect: &Effect, picture: &Picture<'_>) -> Facts {
        let mut facts = self.clone();
        match effect {
            Effect::Zeebe(ZeebeEffect::PauseExporting) => {
                for (region, search) in &picture.latest.searches {
                    if let Some(cluster) = search.cluster.seen() {
                        facts
                            .clusters
                            .entry(*region)
                            .or_insert_with(|| cluster.uuid.clone());
                    }
                }
                facts.positions = positions(picture).unwrap_or_default();
            }
            Effect::Search {
                region,
                task: SearchTask::Snapshot { .. },
            } => {
                let found = picture.latest.searches.get(region).and_then(of_snapshot);
                if let Some((uuid, documents)) = found {
                    facts.snapshot = Some(SnapshotFacts {
                        name: self.snapshot_name(),
                        uuid: Some(uuid),
                        indices: documents.keys().cloned().collect(),
                        documents,
                    });
                }
            }
            _ => {}
        }
        facts
    }

    /// What has to be durable before a request goes out.
    #[must_use]
    pub fn before(&self, request: &Request) -> Facts {
        let mut facts = self.clone();
        if let Request::Search {
            effect: SearchEffect::Restore { indices, .. },
            ..
        } = request
        {
            facts.restored.extend(indices.iter().cloned());
        }
        facts
    }

    /// The name that the snapshot of this take has. Lower case, as the servers want it.
    pub fn snapshot_name(&self) -> String {
        if planted::is(Bug::SnapshotNameReused) {
            return "failback".to_owned();
        }
        let run = self.run.as_ref().map_or(String::new(), |run| {
            run.to_string()
                .chars()
                .map(|c| match c.to_ascii_lowercase() {
                    c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
                    _ => '_',
                })
                .collect()
        });
        format!("c8dr-{run}-{}", self.take)
    }

    /// What goes into the snapshot's metadata: the run, and V. V is told as one text, `1=4711 2=815`, because the servers
    /// take 1,024 bytes at most and one JSON number per partition would not fit a large cluster.
    pub fn snapshot_metadata(&self) -> BTreeMap<String, serde_json::Value> {
        let positions: Vec<String> = self
            .positions
            .iter()
            .map(|(partition, position)| format!("{partition}={position}"))
            .collect();
        BTreeMap::from([
            ("c8dr".to_owned(), self.snapshot_name().into()),
            ("positions".to_owned(), compact(positions.join(" ")).into()),
        ])
    }
}

/// A text as it is, or where it would not fit its SHA-256: then V is in the journal and the record only, and the hash binds it.
fn compact(positions: String) -> String {
    const BYTES_MAX: usize = 700;
    if positions.len() <= BYTES_MAX {
        return positions;
    }
    use sha2::Digest;
    format!("sha256:{}", crate::record::hex(&sha2::Sha256::digest(positions)))
}
