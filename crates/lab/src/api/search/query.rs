//! `_search` and `_count`: the few queries that a comparison of two searches needs.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::search::error::Trouble;
use crate::api::search::indices::named;
use crate::api::search::{Outcome, SearchAsked, ok};
use crate::search::index::{Document, DocumentId, source};
use crate::world::World;

/// What both servers allow for one page.
const WINDOW_MAX: usize = 10_000;

/// A condition on a document.
enum Query {
    All,
    Range { field: String, from: i64, to: i64 },
    OneOf { field: String, values: Vec<i64> },
    And(Vec<Query>),
    Not(Box<Query>),
    Never,
}

impl Query {
    fn read(value: &Value) -> Result<Query, Trouble> {
        let fields = value.as_object().filter(|o| o.len() == 1);
        let Some((kind, body)) = fields.and_then(|o| o.iter().next()) else {
            return Err(parsing("[query] malformed, expected exactly one clause"));
        };
        match kind.as_str() {
            "match_all" => Ok(Query::All),
            "match_none" => Ok(Query::Never),
            "range" => {
                let (field, bounds) = only(body)?;
                let mut query = (i64::MIN, i64::MAX);
                for (bound, limit) in bounds.as_object().into_iter().flatten() {
                    let limit = number(limit)?;
                    match bound.as_str() {
                        "gte" => query.0 = query.0.max(limit),
                        "gt" => query.0 = query.0.max(limit.saturating_add(1)),
                        "lte" => query.1 = query.1.min(limit),
                        "lt" => query.1 = query.1.min(limit.saturating_sub(1)),
                        other => return Err(parsing(&format!("[range] query does not support [{other}]"))),
                    }
                }
                Ok(Query::Range {
                    field,
                    from: query.0,
                    to: query.1,
                })
            }
            "term" => {
                let (field, wanted) = only(body)?;
                let wanted = wanted.get("value").unwrap_or(wanted);
                Ok(Query::OneOf {
                    field,
                    values: vec![number(wanted)?],
                })
            }
            "terms" => {
                let (field, wanted) = only(body)?;
                let values = wanted
                    .as_array()
                    .ok_or_else(|| parsing("[terms] query requires an array"))?;
                let values = values.iter().map(number).collect::<Result<_, _>>()?;
                Ok(Query::OneOf { field, values })
            }
            "bool" => {
                let mut all = Vec::new();
                for (clause, parts) in body.as_object().into_iter().flatten() {
                    let parts: Vec<&Value> = match parts {
                        Value::Array(parts) => parts.iter().collect(),
                        one => vec![one],
                    };
                    for part in parts {
                        let query = Query::read(part)?;
                        match clause.as_str() {
                            "filter" | "must" => all.push(query),
                            "must_not" => all.push(Query::Not(Box::new(query))),
                            other => return Err(parsing(&format!("the lab's [bool] knows no [{other}]"))),
                        }
                    }
                }
                Ok(Query::And(all))
            }
            other => Err(parsing(&format!("unknown query [{other}]"))),
        }
    }

    fn matches(&self, id: DocumentId, document: &Document) -> bool {
        let value = |field: &str| id.field(document, field);
        match self {
            Query::All => true,
            Query::Never => false,
            Query::Range { field, from, to } => value(field).is_some_and(|v| (*from..=*to).contains(&v)),
            Query::OneOf { field, values } => value(field).is_some_and(|v| values.contains(&v)),
            Query::And(all) => all.iter().all(|q| q.matches(id, document)),
            Query::Not(query) => !query.matches(id, document),
        }
    }
}

fn parsing(reason: &str) -> Trouble {
    Trouble::new(400, "parsing_exception", reason)
}

/// The one field of an object.
fn only(body: &Value) -> Result<(String, &Value), Trouble> {
    let fields = body.as_object().filter(|o| o.len() == 1);
    let (field, value) = fields
        .and_then(|o| o.iter().next())
        .ok_or_else(|| parsing("query malformed, expected exactly one field"))?;
    Ok((field.clone(), value))
}

fn number(value: &Value) -> Result<i64, Trouble> {
    let text = || value.as_str().and_then(|t| t.parse().ok());
    value.as_i64().or_else(text).ok_or_else(|| {
        Trouble::new(
            400,
            "query_shard_exception",
            format!("failed to create query: For input string: {value}"),
        )
    })
}

/// A field to sort by, and whether downwards.
struct Key {
    field: String,
    down: bool,
}

impl Key {
    fn read(value: &Value) -> Result<Vec<Key>, Trouble> {
        let parts: Vec<&Value> = match value {
            Value::Null => Vec::new(),
            Value::Array(parts) => parts.iter().collect(),
            one => vec![one],
        };
        parts.into_iter().map(Key::read_one).collect()
    }

    fn read_one(value: &Value) -> Result<Key, Trouble> {
        let (field, order) = match value {
            Value::String(field) => (field.clone(), "asc"),
            _ => {
                let (field, order) = only(value)?;
                let order = order.get("order").unwrap_or(order);
                (field, order.as_str().unwrap_or("asc"))
            }
        };
        if !matches!(
            field.as_str(),
            "position" | "partitionId" | "key" | "token" | "_doc" | "_index"
        ) {
            let reason = format!("No mapping found for [{field}] in order to sort on");
            return Err(Trouble::new(400, "query_shard_exception", reason));
        }
        match order {
            "asc" => Ok(Key { field, down: false }),
            "desc" => Ok(Key { field, down: true }),
            other => Err(parsing(&format!("No enum constant SortOrder.{other}"))),
        }
    }
}

/// What a document is sorted by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum SortValue {
    Number(i64),
    Text(String),
}

impl SortValue {
    fn read(value: &Value) -> Result<SortValue, Trouble> {
        match value {
            Value::String(text) if text.parse::<i64>().is_err() => Ok(SortValue::Text(text.clone())),
            other => number(other).map(SortValue::Number),
        }
    }
}

/// A document that matches, with its sort values.
struct Hit<'a> {
    index: &'a str,
    id: DocumentId,
    document: &'a Document,
    values: Vec<SortValue>,
}

fn compare(keys: &[Key], a: &[SortValue], b: &[SortValue]) -> Ordering {
    for ((key, a), b) in keys.iter().zip(a).zip(b) {
        let order = if key.down { b.cmp(a) } else { a.cmp(b) };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn natural(
    body: &Map<String, Value>,
    query: Option<&String>,
    name: &str,
    default: usize,
) -> Result<usize, Trouble> {
    let text = query.and_then(|t| t.parse().ok());
    let found = body
        .get(name)
        .map_or(text, |v| v.as_u64().and_then(|n| usize::try_from(n).ok()));
    if found.is_none() && (body.contains_key(name) || query.is_some()) {
        return Err(parsing(&format!("[{name}] must be a natural number")));
    }
    Ok(found.unwrap_or(default))
}

impl World {
    fn hits<'a>(
        &'a self,
        asked: &SearchAsked<'_>,
        names: &'a [String],
        body: &Value,
    ) -> Result<Vec<Hit<'a>>, Trouble> {
        let search = &self.searches[asked.region.index()];
        let query = body.get("query").map_or(Ok(Query::All), Query::read)?;
        let mut hits = Vec::new();
        for name in names {
            let Some(index) = search.indices.get(name) else {
                continue;
            };
            let found = index.documents.iter().filter(|(id, d)| query.matches(**id, d));
            hits.extend(found.map(|(id, document)| Hit {
                index: name,
                id: *id,
                document,
                values: Vec::new(),
            }));
        }
        Ok(hits)
    }

    /// A shard that is not there answers nothing, and says so.
    fn shards(&self, asked: &SearchAsked<'_>, names: &[String]) -> Value {
        let search = &self.searches[asked.region.index()];
        let total: u32 = names
            .iter()
            .filter_map(|n| search.indices.get(n))
            .map(|i| i.shards)
            .sum();
        let failed = u32::from(search.red && total > 0);
        json!({"total": total, "successful": total - failed, "skipped": 0, "failed": failed})
    }

    pub(super) fn count(&self, asked: &SearchAsked<'_>, pattern: &str) -> Outcome {
        let names = named(&self.searches[asked.region.index()], pattern)?;
        let hits = self.hits(asked, &names, &asked.body()?)?;
        ok(&json!({"count": hits.len(), "_shards": self.shards(asked, &names)}))
    }

    pub(super) fn search(&self, asked: &SearchAsked<'_>, pattern: &str) -> Outcome {
        let names = named(&self.searches[asked.region.index()], pattern)?;
        let body = asked.body()?;
        let empty = Map::new();
        let fields = body.as_object().unwrap_or(&empty);
        if fields.contains_key("aggs") || fields.contains_key("aggregations") {
            return Err(parsing("the lab's search aggregates nothing"));
        }
        let size = natural(fields, asked.call.query.get("size"), "size", 10)?;
        let from = natural(fields, asked.call.query.get("from"), "from", 0)?;
        if size + from > WINDOW_MAX {
            let reason = format!(
                "Result window is too large, from + size must be less than or equal to: [{WINDOW_MAX}] but was [{}].",
                size + from
            );
            return Err(Trouble::new(400, "illegal_argument_exception", reason));
        }
        let keys = Key::read(fields.get("sort").unwrap_or(&Value::Null))?;
        let mut hits = self.hits(asked, &names, &body)?;
        let total = hits.len();
        for hit in &mut hits {
            // Without a value a document comes last, as with the servers' default.
            let value = |k: &Key| match k.field.as_str() {
                "_index" => SortValue::Text(hit.index.to_owned()),
                field => SortValue::Number(hit.id.field(hit.document, field).unwrap_or(if k.down {
                    i64::MIN
                } else {
                    i64::MAX
                })),
            };
            hit.values = keys.iter().map(value).collect();
        }
        hits.sort_by(|a, b| compare(&keys, &a.values, &b.values));
        if let Some(after) = fields.get("search_after") {
            let after = after
                .as_array()
                .into_iter()
                .flatten()
                .map(SortValue::read)
                .collect::<Result<Vec<SortValue>, _>>()?;
            if keys.is_empty() || after.len() != keys.len() {
                let reason = format!(
                    "search_after has {} value(s) but sort has {}.",
                    after.len(),
                    keys.len()
                );
                return Err(Trouble::new(400, "illegal_argument_exception", reason));
            }
            hits.retain(|h| compare(&keys, &h.values, &after) == Ordering::Greater);
        }
        let tracked = fields.get("track_total_hits");
        let limit = match tracked {
            Some(Value::Bool(true)) => usize::MAX,
            Some(Value::Bool(false)) => 0,
            Some(n) => n
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(WINDOW_MAX),
            None => WINDOW_MAX,
        };
        let plain = fields.get("_source") == Some(&Value::Bool(false));
        let hit = |h: &Hit<'_>| {
            let mut hit = json!({"_index": h.index, "_id": h.id.text(), "_score": if keys.is_empty() { json!(1.0) } else { Value::Null }});
            if let DocumentId::Record { partition, .. } = h.id {
                hit["_routing"] = partition.to_string().into();
            }
            if !plain {
                hit["_source"] = source(h.index, h.id, h.document);
            }
            if !keys.is_empty() {
                hit["sort"] = json!(h.values);
            }
            hit
        };
        let page: Vec<Value> = hits.iter().skip(from).take(size).map(hit).collect();
        let mut inner = json!({"max_score": null, "hits": page});
        if limit > 0 {
            let relation = if total > limit { "gte" } else { "eq" };
            inner["total"] = json!({"value": total.min(limit), "relation": relation});
        }
        ok(&json!({"took": 1, "timed_out": false, "_shards": self.shards(asked, &names), "hits": inner}))
    }
}
