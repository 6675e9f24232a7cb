//! The kept samples of every form that c8dr writes, as they were when the form was declared. They are read for ever: a field
//! that is removed, renamed, moved or written although it has its default fails here. `docs/reference/formats.md` has the rule.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use c8dr::certificate::Certificate;
use c8dr_domain::condition::Known;
use c8dr_domain::diagnose::Diagnosis;
use c8dr_domain::effect::Answer;
use c8dr_domain::ids::{ChangeId, PartitionId};
use c8dr_domain::observation::Silence;
use c8dr_domain::plan::{Kind, Plan, StepId};
use c8dr_domain::record;
use c8dr_domain::run::{Event, Outcome, Stop};
use c8dr_engine::direction::{Closed, Direction};
use c8dr_engine::journal::{FileJournal, JournalError, Recovered, format, recover};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/formats")
}

#[track_caller]
fn sample(name: &str) -> String {
    std::fs::read_to_string(folder().join("1").join(name)).unwrap()
}

/// A sample of a journal where a run's journal lies.
fn kept(name: &str) -> (tempfile::TempDir, PathBuf, Recovered) {
    let text = sample(name);
    let run = recover(Path::new(name), text.as_bytes()).unwrap().run.id;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join(run.as_str());
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("journal.jsonl"), text).unwrap();
    let recovered = FileJournal::read(&directory).unwrap();
    (home, directory, recovered)
}

#[test]
fn journals_of_format_1_are_read_and_written_as_they_were() {
    for (name, word, kind) in [
        ("journal-unfinished.jsonl", "unfinished", Kind::Failover),
        ("journal-failover.jsonl", "verified", Kind::Failover),
        ("journal-aborted.jsonl", "aborted", Kind::Failback),
        ("journal-failback.jsonl", "verified", Kind::Failback),
    ] {
        let (_home, _, recovered) = kept(name);
        assert_eq!(
            (recovered.run.word(), recovered.run.plan.kind),
            (word, kind),
            "{name}"
        );
        assert!(recovered.torn.is_empty(), "{name}");
        // The same events written today are the same bytes: the reader has lost nothing, and an old one reads them.
        let (mut text, mut tip) = format::header(recovered.run.id.as_str(), "c8dr 0.1.0").unwrap();
        for (at, event) in &recovered.events {
            let (line, next) = format::line(&tip, *at, event).unwrap();
            text.push_str(&line);
            tip = next;
        }
        for (place, (now, then)) in text.lines().zip(sample(name).lines()).enumerate() {
            assert_eq!(now, then, "{name} line {}", place + 1);
        }
        let promised = recovered.events.iter().find_map(|(_, event)| match event {
            Event::Planned { fingerprint, .. } => Some(fingerprint.clone()),
            _ => None,
        });
        assert_eq!(
            promised.unwrap(),
            record::fingerprint(&recovered.run.plan).unwrap()
        );
    }
}

#[test]
fn plans_of_format_1_are_read_and_written_as_they_were() {
    for (name, kind) in [
        ("plan-failover.json", Kind::Failover),
        ("plan-failback.json", Kind::Failback),
    ] {
        let plan: Plan = serde_json::from_str(&sample(name)).unwrap();
        assert_eq!(plan.kind, kind);
        assert_eq!(record::sealed(&plan).unwrap(), sample(name));
    }
}

/// Reads a document and writes it again: the same bytes.
#[track_caller]
fn same<T: Serialize + DeserializeOwned>(name: &str) {
    let document: T = serde_json::from_str(&sample(name)).unwrap();
    let written = serde_json::to_string_pretty(&document).unwrap();
    assert_eq!(written.trim_end(), sample(name).trim_end(), "{name}");
}

#[test]
fn records_and_diagnoses_of_format_1_are_read_and_written_as_they_were() {
    same::<Direction>("direction.json");
    same::<Closed>("direction.closed.json");
    same::<Diagnosis>("diagnosis.json");
}

#[test]
fn certificates_of_format_1_are_derived_byte_for_byte() {
    let (_home, directory, recovered) = kept("journal-failback.jsonl");
    let certificate = Certificate::of(&recovered).unwrap();
    assert_eq!(certificate.is_in(sample("certificate.json").as_bytes()), Ok(()));
    assert_eq!(certificate.complaints(), Vec::<String>::new());
    // And it is what stands beside the journal when its report is written.
    c8dr::report::write(&directory).unwrap();
    let written = std::fs::read_to_string(directory.join("certificate.json")).unwrap();
    assert_eq!(written, sample("certificate.json"));
}

/// What a document had stands in the one of today, at the same place and with the same value.
#[track_caller]
fn holds(at: &str, now: &Value, then: &Value) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (key, then) in then {
                let below = format!("{at}.{key}");
                // Where the files lie differs from machine to machine.
                if !matches!(below.as_str(), ".report" | ".certificate") {
                    holds(&below, now.get(key).unwrap_or(&Value::Null), then);
                }
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}");
            for (now, then) in now.iter().zip(then) {
                holds(&format!("{at}[]"), now, then);
            }
        }
        _ => assert_eq!(now, then, "{at}"),
    }
}

#[test]
fn reports_tell_what_they_told() {
    for (journal, report) in [
        ("journal-failover.jsonl", "report-failover.json"),
        ("journal-failback.jsonl", "report-failback.json"),
    ] {
        let (_home, directory, _) = kept(journal);
        c8dr::report::write(&directory).unwrap();
        let now = std::fs::read(directory.join("report.json")).unwrap();
        let now: Value = serde_json::from_slice(&now).unwrap();
        let then: Value = serde_json::from_str(&sample(report)).unwrap();
        for key in ["report", "certificate"] {
            assert_eq!(now[key].is_null(), then[key].is_null(), "{report}: {key}");
        }
        holds("", &now, &then);
    }
}

#[test]
fn a_newer_format_is_told_by_its_number_whatever_else_it_holds() {
    let newer = folder().join("newer");
    let journal = std::fs::read(newer.join("journal.jsonl")).unwrap();
    let error = recover(Path::new("journal.jsonl"), &journal).unwrap_err();
    assert!(
        matches!(&error, JournalError::Newer { found: 2, by, .. } if by == "c8dr 9.0.0"),
        "{error}"
    );
    // Plans and direction records are read by the binary and the engine: tests/edges, engine/tests.
}

/// Events that an orderly run does not come to, with every answer that there is.
fn rare() -> Vec<Event> {
    let step = StepId::Fo1;
    let answered = |answer| Event::Answered {
        step,
        attempt: 1,
        answer,
    };
    let ended = |outcome| Event::StepEnded {
        step: StepId::Rt4,
        outcome,
        words: "words".to_owned(),
    };
    let stopped = |stop| Event::Stopped {
        stop,
        words: "words".to_owned(),
    };
    vec![
        Event::Remembered {
            step,
            known: Known {
                change: Some(ChangeId(7)),
                processed: [(PartitionId(1), 4711)].into(),
            },
        },
        Event::Retaken {
            from: StepId::Fb2a,
            words: "V has moved.".to_owned(),
        },
        Event::Adopted {
            step,
            change: ChangeId(7),
        },
        answered(Answer::Accepted {
            change: ChangeId(7),
            planned: Vec::new(),
            members: Default::default(),
        }),
        answered(Answer::Done),
        answered(Answer::Refused {
            status: 400,
            message: "no".to_owned(),
        }),
        answered(Answer::Conflict {
            message: "busy".to_owned(),
        }),
        answered(Answer::NotSent {
            why: Silence::Refused,
            detail: "nobody listens".to_owned(),
        }),
        answered(Answer::Unknown {
            status: Some(504),
            detail: "time is up".to_owned(),
        }),
        ended(Outcome::Already),
        ended(Outcome::Skipped),
        ended(Outcome::Failed),
        ended(Outcome::Unknown),
        ended(Outcome::Waiting),
        stopped(Stop::Refused),
        stopped(Stop::Waiting),
        stopped(Stop::Unknown),
        stopped(Stop::VerificationFailed),
        stopped(Stop::Interrupted),
        Event::Resumed {
            by: "bob@desk".to_owned(),
        },
        Event::Retreating {
            by: "bob@desk".to_owned(),
            reason: "the night is over".to_owned(),
        },
        Event::Aborted {
            by: "bob@desk".to_owned(),
            reason: "the night is over".to_owned(),
        },
        Event::Overridden {
            by: "bob@desk".to_owned(),
            reason: "both regions burn".to_owned(),
        },
    ]
}

#[test]
fn events_that_are_rare_keep_their_form() {
    let written: Vec<String> = rare()
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(written.join("\n") + "\n", sample("rare-events.jsonl"));
    for (line, event) in sample("rare-events.jsonl").lines().zip(rare()) {
        assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
    }
}

#[test]
fn every_event_that_there_is_has_a_sample() {
    let mut told: Vec<&'static str> = rare().iter().map(Event::name).collect();
    for name in ["journal-aborted.jsonl", "journal-failback.jsonl"] {
        told.extend(kept(name).2.events.iter().map(|(_, event)| event.name()));
    }
    told.sort_unstable();
    told.dedup();
    // A new event: give it a sample above, then count it here.
    assert_eq!(told.len(), EVENTS, "{told:?}");
}

/// As many as [`Event`] has.
const EVENTS: usize = 16;
