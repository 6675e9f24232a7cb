//! What a search holds of Zeebe's records: for each partition the distinct ids up to a position, counted and hashed.
//!
//! Two regions hold the same if count and hash are the same for each partition of the position vector. Guarantee G5.
//! What could be missing unnoticed (a shard that failed, a page that moved) makes the whole reading no reading.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::PartitionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Holding, Holdings};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::endpoint::Limits;
use super::wire::{self, Garbled, Hit, Page};
use crate::base_url::segment;
use crate::call::{Call, Caller, Door};
use crate::reading::{sight, without};

/// How many records a page has. The server's own bound is 10,000; half of it keeps a page below a megabyte.
const PAGE_RECORDS: usize = 5_000;

/// Closed indices cannot be read: their records are missing from the count, which then differs from the other side's.
const SCOPE: &str = "ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open,hidden";

/// Only what is read: a page would be ten times as long otherwise.
const FIELDS: &str = "timed_out,_shards.total,_shards.failed,hits.total,hits.hits._id,hits.hits.sort";

/// What is needed to read records.
pub(super) struct Records<'a> {
    pub(super) caller: &'a Caller,
    pub(super) door: &'a Door,
    pub(super) prefix: &'a str,
    pub(super) limits: &'a Limits,
}

impl Records<'_> {
    pub(super) async fn up_to(&self, positions: &PositionVector) -> Sight<Holdings> {
        match self.refresh().await {
            Sight::Seen(()) => {}
            other => return without(other),
        }
        let mut holdings = BTreeMap::new();
        for (partition, position) in positions {
            match self.of(*partition, *position).await {
                Sight::Seen(holding) => holdings.insert(*partition, holding),
                other => return without(other),
            };
        }
        Sight::Seen(holdings)
    }

    /// Records are found a second after they were written, or after a refresh.
    async fn refresh(&self) -> Sight<()> {
        let path = format!("/{}*/_refresh?{SCOPE}", segment(self.prefix));
        let call = Call::new(http::Method::POST, path, self.limits.page);
        sight(self.caller.call(self.door, call).await, wire::refreshed)
    }

    async fn of(&self, partition: PartitionId, position: i64) -> Sight<Holding> {
        let mut reading = Reading::default();
        loop {
            let seen = self.page(partition, position, reading.after.as_deref()).await;
            let page = match seen {
                Sight::Seen(page) => page,
                other => return without(other),
            };
            match reading.take(page) {
                Ok(More::Yes) => {}
                Ok(More::No) => return Sight::Seen(reading.holding()),
                Err(garbled) => {
                    return Sight::Garbled {
                        problem: format!("records of partition {partition}: {garbled}"),
                    };
                }
            }
        }
    }

    async fn page(&self, partition: PartitionId, position: i64, after: Option<&[Value]>) -> Sight<Page> {
        let mut body = json!({
            "size": PAGE_RECORDS,
            "_source": false,
            "track_total_hits": true,
            "query": {"bool": {"filter": [
                {"term": {"partitionId": partition.0}},
                {"range": {"position": {"lte": position}}},
            ]}},
            // An index without any record may lack the mapping; and a record may stand in two indices.
            "sort": [
                {"position": {"order": "asc", "unmapped_type": "long"}},
                {"_index": {"order": "asc"}},
            ],
        });
        if let Some(after) = after {
            body["search_after"] = Value::Array(after.to_vec());
        }
        let path = format!(
            "/{}*/_search?{SCOPE}&allow_partial_search_results=false&filter_path={FIELDS}",
            segment(self.prefix)
        );
        let call = Call {
            // Thousands of ids tell a report nothing, and there may be thousands of pages.
            kept_bytes_max: 512,
            ..Call::new(http::Method::POST, path, self.limits.page).with(Some(body.to_string()))
        };
        sight(self.caller.call(self.door, call).await, wire::page)
    }
}

enum More {
    Yes,
    No,
}

/// One partition's records while they are read page by page.
#[derive(Default)]
struct Reading {
    /// How many hits there are, by the first page.
    total: Option<u64>,
    /// How many hits were taken.
    taken: u64,
    /// Where the next page begins.
    after: Option<Vec<Value>>,
    /// The ids at the last position: a record that stands in two indices counts once.
    at_position: BTreeSet<String>,
    position: Option<i64>,
    count: u64,
    hash: Sha256,
}

impl Reading {
    fn take(&mut self, page: Page) -> Result<More, Garbled> {
        let total = *self.total.get_or_insert(page.total);
        let Some(last) = page.hits.last() else {
            return if self.taken == total && page.total == total {
                Ok(More::No)
            } else {
                let what = format!(
                    "{} were read where {total} were counted, and now {}: they changed meanwhile",
                    self.taken, page.total
                );
                Err(Garbled::content("", what))
            };
        };
        // A server that does not go on would be read until the count is full, by the same records.
        if self.after.as_ref() == Some(&last.sort) {
            return Err(Garbled::content("", "the same page came again"));
        }
        self.after = Some(last.sort.clone());
        let now = page.total;
        for Hit { id, position, .. } in page.hits {
            if self.position.is_some_and(|before| position < before) {
                return Err(Garbled::content(
                    "",
                    "they are not in the order of their positions",
                ));
            }
            if self.position != Some(position) {
                self.hash_position();
                self.position = Some(position);
            }
            self.at_position.insert(id);
            self.taken += 1;
        }
        if self.taken > total {
            return Err(Garbled::content("", "more come than were counted"));
        }
        // All that were counted are there, and the count still stands: an empty page would say no more.
        match self.taken == total && now == total {
            true => Ok(More::No),
            false => Ok(More::Yes),
        }
    }

    fn hash_position(&mut self) {
        for id in std::mem::take(&mut self.at_position) {
            self.count += 1;
            self.hash.update(id.as_bytes());
            // No id holds a line break, so that no two lists of ids hash the same text.
            self.hash.update(b"\n");
        }
    }

    fn holding(mut self) -> Holding {
        self.hash_position();
        let mut hash = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing into a String does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Holding {
            count: self.count,
            hash,
            highest: self.position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, position: i64) -> Hit {
        Hit {
            id: id.to_owned(),
            position,
            sort: vec![json!(position), json!("i")],
        }
    }

    /// Reads pages as they come; whatever was not asked for any more is passed over.
    fn read(pages: Vec<(u64, Vec<Hit>)>) -> Result<Holding, Garbled> {
        let mut reading = Reading::default();
        for (total, hits) in pages {
            if let More::No = reading.take(Page { total, hits })? {
                return Ok(reading.holding());
            }
        }
        panic!("it wants more");
    }

    #[test]
    fn the_same_records_are_the_same_however_they_are_paged() {
        let one = read(vec![(2, vec![hit("1-5", 5), hit("1-7", 7)]), (2, vec![])]).unwrap();
        let two = read(vec![
            (2, vec![hit("1-5", 5)]),
            (2, vec![hit("1-7", 7)]),
            (2, vec![]),
        ])
        .unwrap();
        assert_eq!(one, two);
        assert_eq!((one.count, one.highest), (2, Some(7)));
        // printf '1-5\n1-7\n' | sha256sum
        assert_eq!(
            one.hash,
            "e5365f0396700c8fd650837907e2cdc787f84947609fae66c75cac8d74ba3af5"
        );
        let other = read(vec![(2, vec![hit("1-5", 5), hit("1-8", 8)]), (2, vec![])]).unwrap();
        assert_ne!(one.hash, other.hash);
    }

    #[test]
    fn a_record_in_two_indices_counts_once_in_whatever_order_they_come() {
        let once = read(vec![(1, vec![hit("1-5", 5)]), (1, vec![])]).unwrap();
        let elsewhere = Hit {
            sort: vec![json!(5), json!("j")],
            ..hit("1-5", 5)
        };
        let twice = read(vec![(2, vec![hit("1-5", 5)]), (2, vec![elsewhere]), (2, vec![])]).unwrap();
        assert_eq!(once, twice);
        let two_ids = |first: &str, second: &str| {
            read(vec![(2, vec![hit(first, 5), hit(second, 5)]), (2, vec![])]).unwrap()
        };
        assert_eq!(two_ids("a", "b"), two_ids("b", "a"));
    }

    #[test]
    fn no_page_is_asked_for_after_the_last_record() {
        let mut reading = Reading::default();
        let page = |hits| Page { total: 2, hits };
        assert!(matches!(reading.take(page(vec![hit("1-5", 5)])), Ok(More::Yes)));
        assert!(matches!(reading.take(page(vec![hit("1-7", 7)])), Ok(More::No)));
    }

    #[test]
    fn a_page_that_comes_again_is_no_reading() {
        let page = || (3, vec![hit("1-5", 5)]);
        assert!(read(vec![page(), page(), page()]).is_err());
    }

    #[test]
    fn nothing_is_held_by_an_empty_search() {
        let nothing = read(vec![(0, vec![])]).unwrap();
        assert_eq!((nothing.count, nothing.highest), (0, None));
    }

    #[test]
    fn a_count_that_does_not_fit_is_no_reading() {
        assert!(read(vec![(3, vec![hit("1-5", 5)]), (3, vec![])]).is_err());
        assert!(read(vec![(2, vec![hit("1-5", 5)]), (1, vec![])]).is_err());
        let grown = vec![(2, vec![hit("1-5", 5)]), (3, vec![hit("1-6", 6)]), (3, vec![])];
        assert!(read(grown).is_err(), "one more came while it was read");
        assert!(read(vec![(1, vec![hit("1-5", 5), hit("1-6", 6)])]).is_err());
        assert!(read(vec![(2, vec![hit("1-5", 5), hit("1-4", 4)])]).is_err());
    }
}
