//! A search's port (9200): which path is what (spec: api.md §9; answers as those of the real servers, real-parts.md §1).

mod cluster;
mod error;
mod indices;
mod query;
mod restore;
mod snapshot;
mod snapshot_body;

use http::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Call, JSON, Reply, decoded};
use crate::ids::Region;
use crate::world::World;
pub(crate) use cluster::Colour;
use error::Trouble;

/// What a search answers, or why not.
type Outcome = Result<Answer, Trouble>;

/// A question to a region's search.
pub(crate) struct SearchAsked<'a> {
    pub(crate) region: Region,
    pub(crate) call: &'a Call,
    pub(crate) at: c8dr_engine::clock::Moment,
    pub(crate) ticket: Option<u64>,
}

impl SearchAsked<'_> {
    /// The body as JSON; none is an empty object.
    fn body(&self) -> Result<Value, Trouble> {
        let bytes = &self.call.body;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(json!({}));
        }
        let parsed: Option<Value> = serde_json::from_slice(bytes).ok();
        parsed
            .filter(Value::is_object)
            .ok_or_else(|| Trouble::new(400, "parse_exception", "request body is not a JSON object"))
    }

    fn flag(&self, name: &str) -> Result<bool, Trouble> {
        match self.call.query.get(name).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(Trouble::new(
                400,
                "illegal_argument_exception",
                format!("Failed to parse value [{other}] as only [true] or [false] are allowed."),
            )),
        }
    }
}

fn ok(body: &Value) -> Outcome {
    Ok(Answer::Soon(Reply::json(200, JSON, body)))
}

fn acknowledged() -> Outcome {
    ok(&json!({"acknowledged": true}))
}

impl World {
    /// The answer of a region's search.
    pub(crate) fn search_answer(&mut self, asked: &SearchAsked<'_>) -> Answer {
        let path = decoded(&asked.call.path);
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let flavour = self.searching.flavour;
        let outcome = self.search_route(asked, &segments);
        let answer = outcome.unwrap_or_else(|trouble| Answer::Soon(trouble.reply(flavour)));
        match (answer, asked.call.query.get("filter_path")) {
            (Answer::Soon(reply), Some(filter)) if reply.status == 200 => {
                Answer::Soon(filtered(reply, filter))
            }
            (Answer::At(at, reply), Some(filter)) if reply.status == 200 => {
                Answer::At(at, filtered(reply, filter))
            }
            (answer, _) => answer,
        }
    }

    fn search_route(&mut self, asked: &SearchAsked<'_>, segments: &[&str]) -> Outcome {
        let get = asked.call.method == Method::GET || asked.call.method == Method::HEAD;
        let post = asked.call.method == Method::POST;
        let put = asked.call.method == Method::PUT;
        let delete = asked.call.method == Method::DELETE;
        match segments {
            [] if get => self.search_root(asked.region),
            ["_cluster", "health"] if get => self.search_health(asked),
            ["_cluster", "state", "metadata"] if get => self.search_state(asked.region),
            ["_cluster", "state", "version"] if get => self.search_version(asked.region),
            ["_nodes"] if get => self.search_nodes(asked.region),
            ["_nodes", "stats", "fs"] if get => self.search_disks(asked.region),
            [pattern, "_settings"] if get => self.get_settings(asked.region, pattern),
            ["_cat", "indices"] if get => self.cat_indices(asked.region, ""),
            ["_cat", "indices", pattern] if get => self.cat_indices(asked.region, pattern),
            ["_cat", "recovery"] if get => self.cat_recovery(asked, ""),
            ["_cat", "recovery", pattern] if get => self.cat_recovery(asked, pattern),
            ["_recovery"] if get => self.recovery(asked, ""),
            [pattern, "_recovery"] if get => self.recovery(asked, pattern),
            ["_index_template"] if get => self.templates(asked.region, "*"),
            ["_index_template", name] if get => self.templates(asked.region, name),
            ["_alias" | "_aliases"] if get => self.aliases(asked.region, ""),
            [pattern, "_alias"] if get => self.aliases(asked.region, pattern),
            ["_snapshot", rest @ ..] => self.snapshot_route(asked, rest),
            ["_refresh"] if get || post => self.refresh(asked.region, ""),
            [pattern, "_refresh"] if get || post => self.refresh(asked.region, pattern),
            ["_count"] if get || post => self.count(asked, ""),
            [pattern, "_count"] if get || post => self.count(asked, pattern),
            ["_search"] if get || post => self.search(asked, ""),
            [pattern, "_search"] if get || post => self.search(asked, pattern),
            [index] if put && !index.starts_with('_') => self.put_index(asked.region, index),
            [pattern] if delete && !pattern.starts_with('_') => self.delete_indices(asked.region, pattern),
            [pattern] if get && !pattern.starts_with('_') => self.get_indices(asked.region, pattern),
            _ => Err(Trouble::no_handler(&asked.call.method, &asked.call.path)),
        }
    }

    fn snapshot_route(&mut self, asked: &SearchAsked<'_>, rest: &[&str]) -> Outcome {
        let get = asked.call.method == Method::GET;
        let post = asked.call.method == Method::POST;
        let put = asked.call.method == Method::PUT || post;
        let delete = asked.call.method == Method::DELETE;
        match rest {
            [] if get => self.get_repository(asked.region, "_all"),
            ["_status"] if get => self.running_snapshots(asked.region, None),
            [name] if get => self.get_repository(asked.region, name),
            [name] if put => self.put_repository(asked, name),
            [name] if delete => self.delete_repository(asked.region, name),
            [name, "_verify"] if post => self.verify_repository(asked.region, name),
            [name, "_status"] if get => self.running_snapshots(asked.region, Some(name)),
            [name, snapshot] if get => self.get_snapshots(asked.region, name, snapshot),
            [name, snapshot] if put => self.create_snapshot(asked, name, snapshot),
            [name, snapshot] if delete => self.delete_snapshot(asked.region, name, snapshot),
            [name, snapshot, "_status"] if get => self.snapshot_status(asked.region, name, snapshot),
            [name, snapshot, "_restore"] if post => self.restore(asked, name, snapshot),
            _ => Err(Trouble::no_handler(&asked.call.method, &asked.call.path)),
        }
    }
}

/// Leaves only what `filter_path` names: dotted paths, comma separated.
fn filtered(reply: Reply, filter: &str) -> Reply {
    let Ok(whole) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    let filter = decoded(filter);
    let paths: Vec<Vec<&str>> = filter.split(',').map(|p| p.split('.').collect()).collect();
    let kept = paths
        .iter()
        .filter_map(|path| kept(&whole, path))
        .fold(json!({}), merged);
    Reply::json(reply.status, JSON, &kept)
}

fn kept(value: &Value, path: &[&str]) -> Option<Value> {
    let Some((first, rest)) = path.split_first() else {
        return Some(value.clone());
    };
    match value {
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(|v| kept(v, path)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let own = fields
                .iter()
                .filter(|(k, _)| crate::search::pattern::glob(first, k));
            let own: serde_json::Map<_, _> = own
                .filter_map(|(k, v)| Some((k.clone(), kept(v, rest)?)))
                .collect();
            (!own.is_empty()).then_some(Value::Object(own))
        }
        _ => None,
    }
}

fn merged(mut into: Value, from: Value) -> Value {
    match (&mut into, from) {
        (Value::Object(a), Value::Object(b)) => {
            for (k, v) in b {
                let before = a.remove(&k);
                let both = before.map_or_else(|| v.clone(), |before| merged(before, v.clone()));
                a.insert(k, both);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (x, y) in a.iter_mut().zip(b) {
                *x = merged(x.take(), y);
            }
        }
        (place, from) => *place = from,
    }
    into
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_left() {
        let reply = Reply::json(
            200,
            JSON,
            &json!({"a": {"b": 1, "c": 2}, "d": [{"e": 1, "f": 2}], "g": 3}),
        );
        let left: Value = serde_json::from_slice(&filtered(reply, "a.b,d.f,zz").body).unwrap();
        assert_eq!(left, json!({"a": {"b": 1}, "d": [{"f": 2}]}));
    }
}
