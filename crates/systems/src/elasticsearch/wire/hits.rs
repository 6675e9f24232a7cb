//! Pages of records: `POST /…/_search` with `search_after`, and the refresh before them.

use serde::Deserialize;
use serde_json::Value;

use super::{Garbled, json};
use crate::foreign::json::Int;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many hits there are on all pages together, counted exactly.
    pub total: u64,
    /// The hits of this page, in the order of their positions.
    pub hits: Vec<Hit>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its position.
    pub position: i64,
    /// What it is sorted by, as it is sent back to get what comes after it.
    pub sort: Vec<Value>,
}

/// Reads a page.
///
/// # Errors
/// If any shard has not answered, or the count is only a bound: then records would be missing without a sign of it.
pub fn page(body: &[u8]) -> Result<Page, Garbled> {
    let wire: WirePage = json::read(body)?;
    if wire.timed_out {
        return Err(Garbled::content("timed_out", "the search did not finish"));
    }
    wire.shards.all_answered()?;
    if wire.hits.total.relation != "eq" {
        return Err(Garbled::content("hits.total.relation", "the count is not exact"));
    }
    let hits = wire
        .hits
        .hits
        .into_iter()
        .map(|hit| match hit.sort.first().and_then(Value::as_i64) {
            Some(position) => Ok(Hit {
                id: hit.id,
                position,
                sort: hit.sort,
            }),
            None => Err(Garbled::content(
                "hits.hits.sort",
                "a record is not sorted by a position that is a number: the index is mapped otherwise",
            )),
        })
        .collect::<Result<_, _>>()?;
    Ok(Page {
        total: wire.hits.total.value.0,
        hits,
    })
}

/// Reads the answer to a refresh.
///
/// # Errors
/// If a shard was not refreshed: then its newest records would not be found.
pub fn refreshed(body: &[u8]) -> Result<(), Garbled> {
    #[derive(Deserialize)]
    struct Refreshed {
        #[serde(rename = "_shards")]
        shards: Shards,
    }
    json::read::<Refreshed>(body)?.shards.all_answered()
}

#[derive(Deserialize)]
struct WirePage {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: WireHits,
}

#[derive(Deserialize)]
struct Shards {
    total: Int<u64>,
    failed: Int<u64>,
}

impl Shards {
    fn all_answered(&self) -> Result<(), Garbled> {
        if self.failed.0 == 0 {
            return Ok(());
        }
        let what = format!("{} of {} shards failed", self.failed.0, self.total.0);
        Err(Garbled::content("_shards", what))
    }
}

#[derive(Deserialize)]
struct WireHits {
    total: Total,
    // The filter leaves an empty list out.
    #[serde(default)]
    hits: Vec<WireHit>,
}

#[derive(Deserialize)]
struct Total {
    value: Int<u64>,
    relation: String,
}

#[derive(Deserialize)]
struct WireHit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    sort: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(timed_out: bool, failed: u32, relation: &str, sort: &str) -> String {
        format!(
            r#"{{"timed_out":{timed_out},"_shards":{{"total":2,"failed":{failed}}},"hits":{{"total":{{"value":1,"relation":"{relation}"}},"hits":[{{"_id":"1-5","sort":[{sort}]}}]}}}}"#
        )
    }

    #[test]
    fn a_page_on_which_something_could_be_missing_is_none() {
        let whole = page(body(false, 0, "eq", r#"5,"i""#).as_bytes()).unwrap();
        assert_eq!((whole.total, whole.hits[0].position), (1, 5));
        for broken in [
            body(true, 0, "eq", "5"),
            body(false, 1, "eq", "5"),
            body(false, 0, "gte", "5"),
            body(false, 0, "eq", r#""5""#),
            body(false, 0, "eq", "null"),
            body(false, 0, "eq", ""),
        ] {
            assert!(page(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_refresh_reaches_every_shard_or_none() {
        assert_eq!(
            refreshed(br#"{"_shards":{"total":0,"successful":0,"failed":0}}"#),
            Ok(())
        );
        assert!(refreshed(br#"{"_shards":{"total":2,"successful":1,"failed":1}}"#).is_err());
        assert!(refreshed(b"{}").is_err());
    }
}
