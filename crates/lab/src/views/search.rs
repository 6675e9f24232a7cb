//! What a search says, as values: as many questions as on the wire, one after the other where they are so there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Said, refusal};
use crate::api::Answer;
use crate::api::search::Colour;
use crate::ids::{PartitionId, Region};
use crate::lab::Lab;
use crate::search::index::{DOCUMENT_BYTES, DocumentId, Family, family};
use crate::world::{AnswerFault, World};

/// How many records whoever compares asks for at once.
const PAGE_RECORDS: u64 = 5_000;

/// Who a search is, and how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchView {
    /// Its UUID.
    pub uuid: String,
    /// Its colour, as it is called on the wire.
    pub color: &'static str,
}

/// An index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexView {
    /// Its name.
    pub name: String,
    /// Its documents.
    pub documents: u64,
    /// Its colour, as it is called on the wire.
    pub color: &'static str,
}

/// An index that comes or came back from a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveryView {
    /// The index.
    pub index: String,
    /// The snapshot.
    pub snapshot: String,
    /// Whether all of its shards are back.
    pub is_done: bool,
    /// How many bytes are.
    pub bytes_done: u64,
}

/// What a search holds of a partition up to a position.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldView {
    /// Distinct records.
    pub count: u64,
    /// Of two lists of ids it is the same if they are.
    pub hash: u64,
    /// The highest position.
    pub highest: Option<i64>,
}

/// An index whose shards come from a snapshot: of which, how many are back, and how many bytes.
struct Coming {
    index: String,
    snapshot: String,
    shards_back: u32,
    bytes_done: u64,
}

/// A partition's records as one search tells of them.
struct Held {
    /// With those that stand in two indices.
    hits: u64,
    view: HeldView,
    /// How many shards did not answer, of how many.
    failed: Option<(u32, u32)>,
}

impl Lab {
    /// Which cluster a region's search is, and then how it is: two questions, one after the other.
    pub async fn search_cluster(&self, region: Region, limit: Duration) -> Said<SearchView> {
        let uuid = self
            .ask_search(region, limit, |world| world.searches[region.index()].uuid.clone())
            .await;
        let uuid = match uuid {
            Said::Value(uuid) => uuid,
            other => return other.map(|uuid| SearchView { uuid, color: "" }),
        };
        let color = |world: &World| Colour::of(&world.searches[region.index()]).name();
        let said = self.ask_search(region, limit, color).await;
        said.map(|color| SearchView { uuid, color })
    }

    /// The indices of a region's search.
    pub async fn search_indices(&self, region: Region, limit: Duration) -> Said<Vec<IndexView>> {
        self.ask_search(region, limit, |world| world.index_views(region))
            .await
    }

    /// The indices that come or came back from a snapshot: first their shards, then how many there should be.
    pub async fn search_recoveries(&self, region: Region, limit: Duration) -> Said<Vec<RecoveryView>> {
        let coming = self
            .ask_search(region, limit, |world| world.coming_back(region))
            .await;
        let coming = match coming {
            Said::Value(coming) => coming,
            other => return other.map(|_| Vec::new()),
        };
        let shards = |world: &World| -> BTreeMap<String, u32> {
            let indices = &world.searches[region.index()].indices;
            indices
                .iter()
                .map(|(name, index)| (name.clone(), index.shards))
                .collect()
        };
        let said = self.ask_search(region, limit, shards).await;
        said.map(|shards| {
            let view = |one: Coming| RecoveryView {
                is_done: shards.get(&one.index) == Some(&one.shards_back),
                index: one.index,
                snapshot: one.snapshot,
                bytes_done: one.bytes_done,
            };
            coming.into_iter().map(view).collect()
        })
    }

    /// What a region's search holds of each partition up to a position: a refresh, then page after page.
    pub async fn search_holdings(
        &self,
        region: Region,
        up_to: &[(PartitionId, i64)],
        limit: Duration,
    ) -> Said<Vec<(PartitionId, HeldView)>> {
        match self.ask_search(region, limit, |_| ()).await {
            Said::Value(()) => {}
            other => return other.map(|()| Vec::new()),
        }
        let mut holdings = Vec::new();
        for (partition, position) in up_to {
            match self.held(region, *partition, *position, limit).await {
                Said::Value(view) => holdings.push((*partition, view)),
                other => return other.map(|_| Vec::new()),
            }
        }
        Said::Value(holdings)
    }

    async fn held(
        &self,
        region: Region,
        partition: PartitionId,
        position: i64,
        limit: Duration,
    ) -> Said<HeldView> {
        let mut counted = None;
        let mut taken = 0;
        loop {
            let said = self
                .ask_search(region, limit, |world| world.held(region, partition, position))
                .await;
            let held = match said {
                Said::Value(held) => held,
                other => return other.map(|held| held.view),
            };
            if let Some((failed, shards)) = held.failed {
                return Said::Garbled(format!("{failed} of {shards} shards failed"));
            }
            let counted = *counted.get_or_insert(held.hits);
            if held.hits != counted {
                return Said::Garbled(format!(
                    "records of partition {partition}: they changed meanwhile"
                ));
            }
            taken += PAGE_RECORDS;
            if taken >= counted {
                return Said::Value(held.view);
            }
        }
    }

    async fn ask_search<T>(&self, region: Region, limit: Duration, ask: impl Fn(&World) -> T) -> Said<T> {
        if self.search_life(region).is_none() {
            return Said::ConnectionRefused;
        }
        let fault = self.with(|world| world.next_search_answer_fault(false));
        if fault == Some(AnswerFault::Reset) {
            return Said::ConnectionReset;
        }
        let attended = async {
            let value = self
                .attend_search(region, |world, _, _| Answer::Soon(ask(world)))
                .await?;
            if let Some(AnswerFault::Delay(delay)) = fault {
                self.clock().sleep(delay).await;
            }
            Ok(value)
        };
        match self.clock().timeout(limit, attended).await {
            Ok(Ok(value)) => Said::Value(value),
            Ok(Err(refused)) => refusal(refused),
            Err(_) => Said::TooLate,
        }
    }
}

impl World {
    fn index_views(&self, region: Region) -> Vec<IndexView> {
        let search = &self.searches[region.index()];
        let busy: BTreeSet<&str> = (search.restores.iter())
            .flat_map(|restore| restore.ahead.iter().map(|ahead| ahead.index.as_str()))
            .collect();
        let calm = match search.red {
            true => Colour::of(search).name(),
            false => "green",
        };
        let view = |(name, index): (&String, &crate::search::index::Index)| IndexView {
            name: name.clone(),
            documents: index.len() as u64,
            color: if busy.contains(name.as_str()) {
                "yellow"
            } else {
                calm
            },
        };
        search.indices.iter().map(view).collect()
    }

    fn coming_back(&self, region: Region) -> Vec<Coming> {
        let search = &self.searches[region.index()];
        let mut coming = Vec::new();
        for (name, index) in &search.indices {
            let restore = (search.restores.iter().rev()).find(|restore| restore.indices.contains_key(name));
            let Some(restore) = restore else {
                continue;
            };
            let ahead =
                |shard: u32| (restore.ahead.iter()).any(|one| one.index == *name && one.shard == shard);
            let shards_back = (0..index.shards).filter(|shard| !ahead(*shard)).count();
            let documents: usize = (0..index.shards)
                .filter_map(|shard| restore.back.get(&(name.clone(), shard)))
                .sum();
            coming.push(Coming {
                index: name.clone(),
                snapshot: restore.snapshot.clone(),
                shards_back: u32::try_from(shards_back).unwrap_or(u32::MAX),
                bytes_done: DOCUMENT_BYTES * documents as u64,
            });
        }
        coming
    }

    fn held(&self, region: Region, partition: PartitionId, up_to: i64) -> Held {
        let search = &self.searches[region.index()];
        let id = |position| DocumentId::Record { partition, position };
        let mut positions = Vec::new();
        let (mut hits, mut shards) = (0, 0);
        let records = (search.indices.iter()).filter(|(name, _)| family(name) == Family::Records);
        for (_, index) in records {
            shards += index.shards;
            let found = index.documents.range(id(i64::MIN)..=id(up_to));
            positions.extend(found.filter_map(|(id, _)| match id {
                DocumentId::Record { position, .. } => Some(*position),
                DocumentId::Webapp(_) => None,
            }));
            hits = positions.len() as u64;
        }
        positions.sort_unstable();
        positions.dedup();
        // FNV-1a over the positions: in a partition a record is known by nothing else.
        let hash = positions.iter().fold(0xcbf2_9ce4_8422_2325, |hash, position| {
            (hash ^ u64::from_le_bytes(position.to_le_bytes())).wrapping_mul(0x0100_0000_01b3)
        });
        Held {
            hits,
            view: HeldView {
                count: positions.len() as u64,
                hash,
                highest: positions.last().copied(),
            },
            failed: (search.red && shards > 0).then_some((1, shards)),
        }
    }
}
