//! What c8dr wrote itself and reads again, from a disk, a bucket or a mailbox: journals, plans, direction records, pieces
//! of a record outside, certificates; and the reports that are made from them.
//!
//! A journal's hashes stop random damage, so most inputs here are sealed anew: what a newer c8dr, or a person with too much
//! time, could have written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use c8dr::certificate::Certificate;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::observation::Sight;
use c8dr_domain::plain::is_obeyed;
use c8dr_domain::plan::Plan;
use c8dr_domain::record;
use c8dr_engine::direction::{self, Direction};
use c8dr_engine::handover;
use c8dr_engine::journal::{FileJournal, Recovered, format, recover};
use c8dr_engine::ports::{Bucket, PutNew};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::driver::{bounded, fuzz, harmless, told};
use super::mutate::{self, Chance};
use super::seeds::sample;

const JOURNALS: [&str; 4] = [
    "journal-unfinished.jsonl",
    "journal-failover.jsonl",
    "journal-aborted.jsonl",
    "journal-failback.jsonl",
];

/// A journal's lines, without hashes.
fn lines(name: &str) -> Vec<Value> {
    let open = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("sum");
        line
    };
    sample(name).lines().map(open).collect()
}

/// Lines with the hashes and numbers that hold them together.
fn sealed(lines: &[Value]) -> Vec<u8> {
    let (mut text, mut prev) = (String::new(), String::new());
    for (number, line) in lines.iter().enumerate() {
        let mut line = line.clone();
        if let Some(line) = line.as_object_mut() {
            for (key, value) in [("seq", json!(number)), ("prev", json!(prev))] {
                if line.contains_key(key) {
                    line.insert(key.to_owned(), value);
                }
            }
        }
        let object = mutate::raw(&line.to_string());
        let open = object.strip_suffix('}').unwrap_or(&object);
        prev = record::hex(&Sha256::digest(open.as_bytes()));
        text.push_str(&format!("{open},\"sum\":\"{prev}\"}}\n"));
    }
    text.into_bytes()
}

/// A journal that holds together, and tells something else than it did.
fn spoilt(chance: &mut Chance, journals: &[Vec<Value>]) -> Vec<u8> {
    let mut lines = chance.pick(journals).clone();
    for _ in 0..=chance.below(3) {
        let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
        match chance.below(8) {
            0 => drop(lines.remove(one)),
            1 => lines.insert(other, lines[one].clone()),
            2 => lines.swap(one, other),
            3 => lines.truncate(one),
            _ => mutate::structure(chance, &mut lines[one]),
        }
        if lines.is_empty() {
            break;
        }
    }
    let bytes = sealed(&lines);
    match chance.below(8) {
        0 => mutate::bytes(chance, &bytes),
        _ => bytes,
    }
}

fn read(bytes: &[u8]) -> Result<Option<Recovered>, String> {
    match recover(Path::new("journal.jsonl"), bytes) {
        Ok(recovered) => Ok(Some(recovered)),
        Err(error) => bounded(&told(&error), 1_000, is_obeyed).map(|()| None),
    }
}

#[test]
fn fuzz_journals() {
    let journals: Vec<Vec<Value>> = JOURNALS.into_iter().map(lines).collect();
    let seeds: Vec<Vec<u8>> = JOURNALS
        .into_iter()
        .map(|name| sample(name).into_bytes())
        .collect();
    fuzz(
        "journal",
        800,
        &seeds,
        |chance| spoilt(chance, &journals),
        |bytes| {
            let Some(first) = read(bytes)? else { return Ok(()) };
            // What was understood is written again, and means the same.
            let mut text = String::new();
            let (header, mut tip) =
                format::header(first.run.id.as_str(), "c8dr").map_err(|error| error.to_string())?;
            text.push_str(&header);
            for (at, event) in &first.events {
                let (line, next) = format::line(&tip, *at, event).map_err(|error| error.to_string())?;
                text.push_str(&line);
                tip = next;
            }
            let again = recover(Path::new("again"), text.as_bytes()).map_err(|error| told(&error))?;
            if again.events != first.events || again.run != first.run {
                return Err("written again, it tells something else".to_owned());
            }
            let Some(certificate) = Certificate::of(&first) else {
                return Ok(());
            };
            let bytes = certificate.bytes().map_err(|error| error.to_string())?;
            certificate.is_in(&bytes)?;
            certificate
                .complaints()
                .iter()
                .try_for_each(|words| harmless(words))
        },
    );
}

#[test]
fn fuzz_reports() {
    let journals: Vec<Vec<Value>> = JOURNALS.into_iter().map(lines).collect();
    let exchanges = sample("exchanges.jsonl");
    fuzz(
        "report",
        60,
        &[],
        |chance| {
            let journal = spoilt(chance, &journals);
            let exchanges = mutate::lines(chance, &exchanges);
            json!({"journal": String::from_utf8_lossy(&journal), "exchanges": String::from_utf8_lossy(&exchanges)})
            .to_string()
            .into_bytes()
        },
        |input| {
            let Ok(input) = serde_json::from_slice::<Value>(input) else {
                return Ok(());
            };
            let (journal, exchanges) = (
                input["journal"].as_str().unwrap_or_default(),
                input["exchanges"].as_str().unwrap_or_default(),
            );
            let Some(recovered) = read(journal.as_bytes())? else {
                return Ok(());
            };
            let home = tempfile::tempdir().unwrap();
            let name = recovered.run.id.as_str();
            if name.is_empty() || name.contains(['/', '\0', '.']) || name.len() > 200 {
                return Ok(());
            }
            let directory = home.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            std::fs::write(directory.join("journal.jsonl"), journal).unwrap();
            std::fs::write(directory.join("exchanges.jsonl"), exchanges).unwrap();
            if FileJournal::read(&directory).is_err() {
                return Ok(());
            }
            if let Err(error) = c8dr::report::write(&directory) {
                return harmless(&told(&error));
            }
            for file in std::fs::read_dir(&directory).unwrap() {
                let file = file.unwrap();
                if ["journal.jsonl", "exchanges.jsonl"]
                    .iter()
                    .any(|given| file.file_name() == *given)
                {
                    continue;
                }
                let Ok(text) = std::fs::read_to_string(file.path()) else {
                    continue;
                };
                bounded(&text, 32 << 20, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'))
                    .map_err(|why| format!("{}: {why}", file.path().display()))?;
                if text.contains("<script>")
                    && file
                        .path()
                        .extension()
                        .is_some_and(|kind| kind == "html" || kind == "md")
                {
                    return Err(format!("{} lets a script through", file.path().display()));
                }
            }
            Ok(())
        },
    );
}

#[test]
fn fuzz_plans() {
    let plans: Vec<Value> = ["plan-failover.json", "plan-failback.json"]
        .into_iter()
        .map(|name| serde_json::from_str(&sample(name)).unwrap())
        .collect();
    super::zeebe::documents("plan", 1_500, &plans, |bytes| {
        let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else {
            return Ok(());
        };
        let text = record::sealed(&plan).map_err(|error| error.to_string())?;
        let again: Plan = serde_json::from_str(&text).map_err(|error| format!("not read again: {error}"))?;
        let same = record::fingerprint(&again).unwrap() == record::fingerprint(&plan).unwrap();
        if again != plan || !same {
            return Err("written again, it is another plan".to_owned());
        }
        Ok(())
    });
}

/// A bucket that holds what it is given.
struct Holds(BTreeMap<String, Vec<u8>>);

impl Bucket for Holds {
    fn place(&self) -> String {
        "the bucket".to_owned()
    }

    fn put_new<'a>(&'a self, key: &'a str, _: Vec<u8>) -> BoxFuture<'a, PutNew> {
        let exists = self.0.contains_key(key);
        Box::pin(async move { if exists { PutNew::Exists } else { PutNew::Written } })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Sight<Option<Vec<u8>>>> {
        let found = self.0.get(key).cloned();
        Box::pin(async move { Sight::Seen(found) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Sight<Vec<String>>> {
        let keys = self
            .0
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        Box::pin(async move { Sight::Seen(keys) })
    }
}

/// A future over a bucket that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

#[test]
fn fuzz_directions() {
    let seeds = [serde_json::from_str::<Value>(&sample("direction.json")).unwrap()];
    super::zeebe::documents("direction", 1_500, &seeds, |bytes| {
        let bucket = Holds(BTreeMap::from([(
            "i/direction/000001.json".to_owned(),
            bytes.to_vec(),
        )]));
        match now(direction::open(&bucket, "i")) {
            Err(error) => bounded(&told(&error), 1_000, is_obeyed),
            Ok(None) => Err("an open record is none".to_owned()),
            Ok(Some(seen)) => {
                let text = serde_json::to_string(&seen).unwrap();
                let again: Direction = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                let known = [RegionId(0), RegionId(1)].contains(&seen.lost);
                if again != seen || !known {
                    return Err(format!("{seen:?} is not to be believed"));
                }
                Ok(())
            }
        }
    });
}

/// Names of objects are bytes of others, too: whoever may write to the bucket chooses them.
#[test]
fn fuzz_direction_keys() {
    const NUMBERS: &[&str] = &[
        "000001",
        "1",
        "4294967295",
        "4294967296",
        "000000",
        "-1",
        "+1",
        "",
        "000002",
        "999999",
    ];
    let seed: Value = serde_json::from_str(&sample("direction.json")).unwrap();
    fuzz(
        "direction-keys",
        1_000,
        &[],
        |chance| {
            let numbers: BTreeSet<&str> = (0..=chance.below(3)).map(|_| *chance.pick(NUMBERS)).collect();
            let is_closed = chance.below(2) == 0;
            json!({"numbers": numbers, "closed": is_closed})
                .to_string()
                .into_bytes()
        },
        |input| {
            let Ok(input) = serde_json::from_slice::<Value>(input) else {
                return Ok(());
            };
            let mut held = BTreeMap::new();
            for name in input["numbers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                let mut record = seed.clone();
                record["number"] = json!(name.parse::<u32>().unwrap_or(1));
                held.insert(
                    format!("i/direction/{name}.json"),
                    record.to_string().into_bytes(),
                );
                if input["closed"] == json!(true) {
                    held.insert(format!("i/direction/{name}.closed.json"), b"{}".to_vec());
                }
            }
            let bucket = Holds(held);
            if let Err(error) = now(direction::open(&bucket, "i")) {
                harmless(&told(&error))?;
            }
            let wanted: Direction =
                serde_json::from_value(seed.clone()).map_err(|error| error.to_string())?;
            match now(direction::claim(&bucket, "i", &wanted)) {
                direction::Claim::Unknown(words) | direction::Claim::Unreadable(words) => harmless(&words),
                direction::Claim::Granted(_) | direction::Claim::Opposite(_) => Ok(()),
            }
        },
    );
}

#[test]
fn fuzz_handovers() {
    let journal = sample("journal-failback.jsonl");
    let run = recover(Path::new("j"), journal.as_bytes()).unwrap().run.id;
    fuzz(
        "handover",
        400,
        &[],
        |chance| {
            // The journal in pieces under their numbers, then something happens to one of them.
            let lines: Vec<&str> = journal.split_inclusive('\n').collect();
            let (mut pieces, mut at) = (Vec::new(), 0);
            while at < lines.len() {
                let end = (at + 1 + chance.below(lines.len() / 2)).min(lines.len());
                pieces.push((format!("{:08}.jsonl", at + 1), lines[at..end].concat()));
                at = end;
            }
            let one = chance.below(pieces.len());
            match chance.below(6) {
                0 => drop(pieces.remove(one)),
                1 => {
                    pieces[one].0 = String::from_utf8_lossy(&mutate::bytes(chance, pieces[one].0.as_bytes()))
                        .into_owned();
                }
                2 => {
                    pieces[one].1 = String::from_utf8_lossy(&mutate::bytes(chance, pieces[one].1.as_bytes()))
                        .into_owned();
                }
                3 => pieces.push((
                    chance
                        .pick(&["x", "1.jsonl", "99999999999999999999.jsonl", "\u{202e}"])
                        .to_string(),
                    String::new(),
                )),
                4 => pieces[one].1.clear(),
                _ => pieces.truncate(one),
            }
            json!({"pieces": pieces, "here": chance.below(journal.len() + 1)})
                .to_string()
                .into_bytes()
        },
        |input| {
            let Ok(input) = serde_json::from_slice::<Value>(input) else {
                return Ok(());
            };
            let piece = |piece: &Value| {
                let key = format!("i/runs/{}/{}", direction::place(run.as_str()), piece[0].as_str()?);
                Some((key, piece[1].as_str()?.as_bytes().to_vec()))
            };
            let bucket = Holds(
                input["pieces"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(piece)
                    .collect(),
            );
            let here = usize::try_from(input["here"].as_u64().unwrap_or_default())
                .unwrap()
                .min(journal.len());
            now(handover::runs(&bucket, "i")).map_err(|error| told(&error))?;
            let there = match now(handover::text(&bucket, "i", &RunId::new(run.as_str()))) {
                Ok(there) => there,
                Err(error) => return bounded(&told(&error), 1_000, is_obeyed),
            };
            match handover::standing("the record", &journal.as_bytes()[..here], &there) {
                Ok(handover::Standing::Elsewhere(recovered))
                    if !there.starts_with(&journal.as_bytes()[..recovered.whole_bytes]) =>
                {
                    Err("it goes on with what was never written".to_owned())
                }
                Ok(_) => Ok(()),
                Err(error) => bounded(&told(&error), 1_000, is_obeyed),
            }
        },
    );
}

#[test]
fn fuzz_certificates() {
    let journal = sample("journal-failback.jsonl");
    let recovered = recover(Path::new("j"), journal.as_bytes()).unwrap();
    let certificate = Certificate::of(&recovered).unwrap();
    let promised = certificate.bytes().unwrap();
    let seeds = [serde_json::from_slice::<Value>(&promised).unwrap()];
    let document = seeds[0].clone();
    super::zeebe::documents("certificate", 1_500, &seeds, |bytes| {
        match certificate.is_in(bytes) {
            Ok(()) if bytes == promised => Ok(()),
            Ok(()) => Err("something else passes for the certificate".to_owned()),
            Err(words) => {
                let same = serde_json::from_slice::<Value>(bytes).is_ok_and(|found| found == document);
                if same != words.contains("it means the same") {
                    return Err(format!("what differs is told wrongly: {words}"));
                }
                bounded(&words, 2_000, is_obeyed)
            }
        }
    });
}
