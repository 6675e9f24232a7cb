//! What a Zeebe says: its management and REST answers, its metrics, its gRPC.

use std::collections::BTreeMap;
use std::fmt::Debug;

use c8dr_systems::zeebe::wire::{self, Garbled};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::driver::{Verdict, fuzz, harmless};
use super::mutate;
use super::seeds::{bodies, zeebe};

/// What holds of every answer: refused in harmless words, or understood as something that keeps its meaning when it is
/// written to a journal and read again, and that holds nothing that a terminal would obey.
pub(crate) fn understood<T>(outcome: Result<T, Garbled>) -> Result<Option<T>, String>
where
    T: Debug + PartialEq + Serialize + DeserializeOwned,
{
    match outcome {
        Err(garbled) => harmless(&garbled.to_string()).map(|()| None),
        Ok(seen) => {
            let text = serde_json::to_string(&seen).map_err(|error| format!("not written: {error}"))?;
            let again: T =
                serde_json::from_str(&text).map_err(|error| format!("not read again: {error}: {text}"))?;
            if again != seen {
                return Err(format!("{seen:?} is read again as {again:?}"));
            }
            if text.chars().any(c8dr_domain::plain::is_obeyed) {
                return Err(format!("it lets through what is obeyed: {text:?}"));
            }
            Ok(Some(seen))
        }
    }
}

/// One harness over documents: kept cases, the recordings, then changes of their structure and bytes.
pub(crate) fn documents(name: &str, rounds: u32, seeds: &[Value], judge: impl Fn(&[u8]) -> Verdict) {
    let spoil = |chance: &mut mutate::Chance| {
        let seed = chance.pick(seeds).clone();
        mutate::json(chance, &seed)
    };
    fuzz(name, rounds, &bodies(seeds), spoil, judge);
}

fn topologies() -> Vec<Value> {
    zeebe(|method, path, status| method == "GET" && path == "/v2/topology" && status == 200)
}

fn configurations() -> Vec<Value> {
    zeebe(|method, path, status| method == "GET" && path == "/actuator/cluster" && status == 200)
}

#[test]
fn fuzz_topology() {
    documents("topology", 3_000, &topologies(), |body| {
        understood(wire::topology(body)).map(drop)
    });
}

#[test]
fn fuzz_cluster() {
    documents("cluster", 3_000, &configurations(), |body| {
        understood(wire::configuration(body)).map(drop)
    });
}

/// What is spoilt at one broker changes nothing of what is said of the others.
#[test]
fn fuzz_untouched_brokers_keep_their_meaning() {
    let (topologies, configurations) = (topologies(), configurations());
    let others = |document: &Value, id: &str, at: usize| document["brokers"][at][id].as_u64().unwrap();
    fuzz(
        "untouched",
        2_000,
        &[],
        |chance| {
            let (seed, kind) = match chance.below(2) {
                0 => (chance.pick(&topologies).clone(), "topology"),
                _ => (chance.pick(&configurations).clone(), "cluster"),
            };
            let mut spoilt = seed.clone();
            let at = chance.below(seed["brokers"].as_array().unwrap().len());
            mutate::structure(chance, &mut spoilt["brokers"][at]);
            json!({"kind": kind, "at": at, "seed": seed, "spoilt": mutate::raw(&spoilt.to_string())})
                .to_string()
                .into_bytes()
        },
        |input| {
            // Made smaller, it may be no pair any more: nothing is claimed of that.
            let Ok(input) = serde_json::from_slice::<Value>(input) else {
                return Ok(());
            };
            let (Some(kind), Some(at), Some(spoilt)) = (
                input["kind"].as_str(),
                input["at"].as_u64(),
                input["spoilt"].as_str(),
            ) else {
                return Ok(());
            };
            let (seed, at) = (input["seed"].to_string(), usize::try_from(at).unwrap());
            fn kept<K: Ord + Debug, V: PartialEq + Debug>(
                before: &BTreeMap<K, V>,
                after: &BTreeMap<K, V>,
                touched: &K,
            ) -> Verdict {
                before
                    .iter()
                    .filter(|(id, _)| *id != touched)
                    .try_for_each(|(id, meaning)| match after.get(id) == Some(meaning) {
                        true => Ok(()),
                        false => Err(format!("{id:?} was {meaning:?} and is {:?}", after.get(id))),
                    })
            }
            if kind == "topology" {
                let Some(after) = understood(wire::topology(spoilt.as_bytes()))? else {
                    return Ok(());
                };
                let before = wire::topology(seed.as_bytes()).map_err(|error| error.to_string())?;
                let id = u32::try_from(others(&input["seed"], "nodeId", at)).unwrap();
                kept(&before.brokers, &after.brokers, &c8dr_domain::ids::BrokerId(id))
            } else {
                let Some(after) = understood(wire::configuration(spoilt.as_bytes()))? else {
                    return Ok(());
                };
                let before = wire::configuration(seed.as_bytes()).map_err(|error| error.to_string())?;
                let id = u32::try_from(others(&input["seed"], "id", at)).unwrap();
                kept(&before.members, &after.members, &c8dr_domain::ids::BrokerId(id))
            }
        },
    );
}

#[test]
fn fuzz_planned_changes() {
    let seeds = zeebe(|method, path, status| {
        matches!(method, "POST" | "DELETE" | "PATCH") && !path.contains("exporting") && status == 202
    });
    documents("planned", 2_000, &seeds, |body| {
        match wire::planned_change(body) {
            Ok(change) => harmless(&format!("{change:?}").chars().take(5_000).collect::<String>()),
            Err(garbled) => harmless(&garbled.to_string()),
        }
    });
}

#[test]
fn fuzz_partitions() {
    let seeds = zeebe(|_, path, status| path == "/actuator/partitions" && status == 200);
    documents("partitions", 3_000, &seeds, |body| {
        understood(wire::own_partitions(body)).map(drop)
    });
}

#[test]
fn fuzz_exporters() {
    let seeds =
        zeebe(|method, path, status| method == "GET" && path == "/actuator/exporters" && status == 200);
    documents("exporters", 3_000, &seeds, |body| {
        understood(wire::exporters(body)).map(drop)
    });
}

#[test]
fn fuzz_exporting() {
    let mut seeds = zeebe(|_, path, _| path.starts_with("/actuator/exporting"));
    seeds.push(json!({"body": null, "status": 204, "contentType": null}));
    seeds.push(json!({"body": {"message": "no"}, "status": 500}));
    documents("exporting", 3_000, &seeds, |body| {
        match wire::exporting_outcome(body) {
            Ok(wire::ExportingOutcome::Done) => Ok(()),
            Ok(wire::ExportingOutcome::Failed { message, .. }) => harmless(&message),
            Err(garbled) => harmless(&garbled.to_string()),
        }
    });
}

#[test]
fn fuzz_readiness() {
    let seeds = [
        json!({"status": "UP", "groups": ["liveness"]}),
        json!({"status": "DOWN"}),
    ];
    documents("readiness", 1_000, &seeds, |body| {
        understood(wire::ready(body)).map(drop)
    });
}

#[test]
fn fuzz_refusals() {
    let mut seeds = zeebe(|_, path, status| status >= 400 && !path.is_empty());
    seeds.push(json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "No."}));
    documents("refusal", 3_000, &seeds, |body| {
        harmless(&wire::refusal(body))?;
        wire::page(Some("text/html"), body).map_or(Ok(()), |title| harmless(&title))?;
        wire::page(None, body).map_or(Ok(()), |title| harmless(&title))
    });
}

const METRICS: &str = include_str!("../../../../fuzz/corpus/metrics/a-broker.txt");

#[test]
fn fuzz_metrics() {
    fuzz(
        "metrics",
        4_000,
        &[],
        |chance| match chance.below(2) {
            0 => mutate::lines(chance, METRICS),
            _ => mutate::bytes(chance, METRICS.as_bytes()),
        },
        |body| understood(wire::broker_metrics(body)).map(drop),
    );
}
