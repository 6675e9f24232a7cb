//! The journal on disk: recovered from any cut, every flipped byte found, refused when it is not ours, locked by one.

use std::fs;
use std::path::{Path, PathBuf};

use c8dr_domain::condition::Known;
use c8dr_domain::effect::{self, Answer};
use c8dr_domain::history::History;
use c8dr_domain::ids::{ChangeId, ExporterId, GatewayName, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::{BrokerSight, GatewaySight, Observation, Sight, Silence};
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::record::fingerprint;
use c8dr_domain::run::{Event, Outcome, Run};
use c8dr_domain::topology::{ConfiguredReplica, ExporterStatus, Member, MemberState};
use c8dr_engine::journal::store::LockError;
use c8dr_engine::journal::{FileJournal, Journal, JournalError, Store, recover};
use jiff::{SignedDuration, Timestamp};

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// A plan for four brokers whose Paris is dark: what a journal's longest line holds.
fn failover() -> Plan {
    let regions = ["london", "paris"]
        .into_iter()
        .zip(0..)
        .map(|(name, id)| {
            (
                name.to_owned(),
                ExporterId::new(format!("elasticsearchregion{id}")),
            )
        })
        .collect();
    let installation = Installation::new("camunda", regions, 4, 4, 4).unwrap();
    let history: History = (0..8).map(|reading| dark_paris(&installation, reading)).collect();
    plan(&installation, &history, &Request::new(RegionId(1)), noon()).unwrap()
}

fn dark_paris(installation: &Installation, reading: i64) -> Observation {
    let at = noon() + SignedDuration::from_secs(reading);
    let members = installation.brokers().into_iter().map(|broker| {
        let replica = ConfiguredReplica {
            state: MemberState::Active,
            priority: 1,
            exporters: Default::default(),
        };
        let partitions = installation
            .partitions()
            .map(|partition| (partition, replica.clone()))
            .collect();
        (
            broker,
            Member {
                state: MemberState::Active,
                partitions,
            },
        )
    });
    let configuration = c8dr_domain::topology::ClusterConfiguration {
        version: 1,
        members: members.collect(),
        last_change: None,
        pending_change: None,
    };
    let exporters = installation
        .regions()
        .iter()
        .map(|region| (region.exporter.clone(), ExporterStatus::Enabled))
        .collect();
    let brokers = installation.brokers().into_iter().map(|broker| {
        let dark = BrokerSight {
            ready: silent(),
            partitions: silent(),
            ..BrokerSight::default()
        };
        let lit = BrokerSight {
            ready: Sight::Seen(true),
            partitions: Sight::Seen(Default::default()),
            ..BrokerSight::default()
        };
        (
            broker,
            if RegionId::of(broker) == RegionId(1) {
                dark
            } else {
                lit
            },
        )
    });
    Observation {
        at,
        until: at,
        gateways: [(
            GatewayName::new("gateway-0"),
            GatewaySight {
                region: RegionId(0),
                topology: Sight::NotAsked,
                configuration: Sight::Seen(configuration),
                exporters: Sight::Seen(exporters),
            },
        )]
        .into(),
        brokers: brokers.collect(),
        searches: Default::default(),
        platforms: Default::default(),
    }
}

fn silent<T>() -> Sight<T> {
    Sight::Silent {
        why: Silence::Refused,
        detail: String::new(),
    }
}

fn events() -> Vec<Event> {
    let plan = failover();
    let step = StepId::Fo1;
    let effect = plan.steps[0].effect.zeebe().unwrap().clone();
    vec![
        Event::Planned {
            run: RunId::new("a-run"),
            fingerprint: fingerprint(&plan).unwrap(),
            plan: Box::new(plan),
            by: "somebody".to_owned(),
            reason: Some("the data centre burns".to_owned()),
        },
        Event::StepBegan { step },
        Event::Remembered {
            step,
            known: Known::default(),
        },
        Event::Intended {
            step,
            attempt: 1,
            request: effect::Request::Zeebe {
                gateway: GatewayName::new("gateway-0"),
                effect,
            },
        },
        Event::Answered {
            step,
            attempt: 1,
            answer: Answer::Accepted {
                change: ChangeId(2),
                planned: Vec::new(),
                members: Default::default(),
            },
        },
        Event::StepEnded {
            step,
            outcome: Outcome::Verified,
            words: "Every partition is led.".to_owned(),
        },
    ]
}

struct Written {
    home: tempfile::TempDir,
    directory: PathBuf,
    bytes: Vec<u8>,
}

/// A real journal, with all of [`events`] in it.
fn written() -> Written {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("a-run");
    let mut journal = FileJournal::create(&directory, &RunId::new("a-run")).unwrap();
    for (event, second) in events().iter().zip(0..) {
        journal
            .append(noon() + SignedDuration::from_secs(second), event)
            .unwrap();
    }
    let bytes = fs::read(journal.path()).unwrap();
    Written {
        home,
        directory,
        bytes,
    }
}

/// An error with all its causes, without what differs between machines.
fn told(error: &dyn std::error::Error, home: &Path) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words.replace(&home.display().to_string(), "HOME")
}

#[test]
fn every_cut_recovers_to_a_prefix_of_its_events() {
    let Written { bytes, .. } = written();
    let events = events();
    let ends: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    for cut in 0..=bytes.len() {
        let lines = ends.iter().filter(|end| **end <= cut).count();
        let recovered = recover(Path::new("journal.jsonl"), &bytes[..cut]);
        if lines < 2 {
            assert!(
                matches!(recovered, Err(JournalError::Empty { .. })),
                "cut at {cut}: {recovered:?}"
            );
            continue;
        }
        let recovered = recovered.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let found: Vec<&Event> = recovered.events.iter().map(|(_, event)| event).collect();
        assert!(found.iter().copied().eq(&events[..lines - 1]), "cut at {cut}");
        assert_eq!(recovered.whole_bytes, ends[lines - 1]);
        assert_eq!(recovered.torn, &bytes[ends[lines - 1]..cut]);
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let Written { bytes, .. } = written();
    let events = events();
    for place in 0..bytes.len() {
        for mask in [0x01, 0x20, 0x80, bytes[place]] {
            let mut flipped = bytes.clone();
            flipped[place] ^= mask;
            match recover(Path::new("journal.jsonl"), &flipped) {
                Err(
                    JournalError::Damaged { .. }
                    | JournalError::Foreign { .. }
                    | JournalError::Newer { .. }
                    | JournalError::Empty { .. },
                ) => {}
                Err(other) => panic!("{place}: {other}"),
                // Only a last line without its end, or with sectors missing, may be taken for torn; it is then set aside.
                Ok(recovered) => {
                    let last = flipped[place] == 0 || place == bytes.len() - 1;
                    assert!(
                        last && place >= recovered.whole_bytes,
                        "{place} ^ {mask:#x} went unnoticed"
                    );
                    let found: Vec<&Event> = recovered.events.iter().map(|(_, event)| event).collect();
                    assert!(found.iter().copied().eq(&events[..events.len() - 1]));
                }
            }
        }
    }
}

#[test]
fn a_sector_that_never_reached_the_disk_is_a_torn_tail() {
    let Written { bytes, .. } = written();
    let last = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let mut torn = bytes.clone();
    torn[last..bytes.len() - 10].fill(0);
    let recovered = recover(Path::new("journal.jsonl"), &torn).unwrap();
    assert_eq!(
        (recovered.whole_bytes, recovered.events.len()),
        (last, events().len() - 1)
    );
}

#[test]
fn a_torn_tail_is_set_aside_and_the_journal_goes_on() {
    let Written {
        directory,
        bytes,
        home: _home,
    } = written();
    let path = directory.join("journal.jsonl");
    let cut = bytes.len() - 25;
    fs::write(&path, &bytes[..cut]).unwrap();
    let (mut journal, recovered) = FileJournal::reopen(&directory).unwrap();
    assert_eq!(recovered.events.len(), events().len() - 1);
    let aside = directory.join(format!("torn-at-{}.bin", recovered.whole_bytes));
    assert_eq!(fs::read(aside).unwrap(), &bytes[recovered.whole_bytes..cut]);
    let at = noon() + SignedDuration::from_secs(5);
    journal.append(at, events().last().unwrap()).unwrap();
    drop(journal);
    // The same bytes as if nothing had happened, and the same run.
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let (_, again) = FileJournal::reopen(&directory).unwrap();
    assert!(again.torn.is_empty());
    let mut run = Run::begin(noon(), &events()[0]).unwrap();
    for (event, second) in events().iter().zip(0..).skip(1) {
        run.apply(noon() + SignedDuration::from_secs(second), event)
            .unwrap();
    }
    assert_eq!(again.run, run);
}

#[test]
fn what_cannot_be_read_says_why() {
    let Written {
        directory,
        bytes,
        home,
    } = written();
    let path = directory.join("journal.jsonl");
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let read = |content: &str| {
        fs::write(&path, content).unwrap();
        told(&FileJournal::read(&directory).unwrap_err(), home.path())
    };
    let edited = text.replace("the data centre burns", "the data centre rests");
    let without_the_third = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
    let swapped = [lines[0], lines[1], lines[3], lines[2]].join("\n") + "\n";
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    let unreadable = [
        ("edited", read(&edited)),
        ("a line missing", read(&without_the_third)),
        ("lines swapped", read(&swapped)),
        ("newer format", read(&newer)),
        ("foreign file", read("PNG\n\n")),
        ("foreign file without a newline", read("just a note")),
        (
            "another journal",
            read("{\"journal\":\"diary\",\"format\":1,\"by\":\"me\",\"run\":\"x\"}\n"),
        ),
        ("empty file", read("")),
        ("a header and no plan", read(&format!("{}\n", lines[0]))),
        ("half a header", read(&lines[0][..30])),
    ]
    .map(|(case, words)| format!("{case}:\n  {words}\n"))
    .concat();
    insta::assert_snapshot!("unreadable", unreadable);
}

#[test]
fn a_line_that_cannot_have_happened_is_told() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("a-run");
    let mut journal = FileJournal::create(&directory, &RunId::new("a-run")).unwrap();
    journal.append(noon(), &events()[0]).unwrap();
    // Well sealed, and nonsense all the same.
    journal.append(noon(), &events()[5]).unwrap();
    insta::assert_snapshot!(
        told(&FileJournal::read(&directory).unwrap_err(), home.path()),
        @"HOME/a-run/journal.jsonl line 3 tells of something that cannot have happened: `step-ended` cannot follow here: the run is at Between"
    );
}

#[test]
fn what_cannot_be_written_says_why() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("nowhere").join("a-run");
    let run = RunId::new("a-run");
    insta::assert_snapshot!(
        told(&FileJournal::create(&missing, &run).unwrap_err(), home.path()),
        @"cannot create HOME/nowhere/a-run: No such file or directory (os error 2)"
    );
    insta::assert_snapshot!(
        told(&FileJournal::read(&missing).unwrap_err(), home.path()),
        @"cannot read HOME/nowhere/a-run/journal.jsonl: No such file or directory (os error 2)"
    );
    let directory = home.path().join("a-run");
    FileJournal::create(&directory, &run).unwrap();
    insta::assert_snapshot!(
        told(&FileJournal::create(&directory, &run).unwrap_err(), home.path()),
        @"cannot create HOME/a-run: File exists (os error 17)"
    );
    // A file where a directory should be stands for a place that may not be written; it also does for root.
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    insta::assert_snapshot!(
        told(&Store::at(&file).create(&run).unwrap_err(), home.path()),
        @"cannot create HOME/file/runs: Not a directory (os error 20)"
    );
    insta::assert_snapshot!(
        told(&Store::at(&file).lock("camunda", "me").unwrap_err(), home.path()),
        @"cannot lock HOME/file/locks/camunda.lock: Not a directory (os error 20)"
    );
}

#[test]
fn the_store_lists_what_it_can_read_and_what_it_cannot() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path());
    assert!(store.list().unwrap().is_empty());
    for id in ["b", "a"] {
        let mut journal = store.create(&RunId::new(id)).unwrap();
        journal.append(noon(), &events()[0]).unwrap();
    }
    fs::create_dir(home.path().join("runs").join("c")).unwrap();
    let kept = store.list().unwrap();
    let ids: Vec<(&str, bool)> = kept
        .iter()
        .map(|kept| (kept.id.as_str(), kept.recovered.is_ok()))
        .collect();
    assert_eq!(ids, [("a", true), ("b", true), ("c", false)]);
}

#[test]
fn a_second_holder_is_told_of_the_first_and_the_lock_is_freed_with_it() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path());
    let first = store.lock("camunda", "run 7 of alice on laptop").unwrap();
    let refused = store.lock("camunda", "run 8 of bob").unwrap_err();
    assert!(matches!(refused, LockError::Held { .. }));
    insta::assert_snapshot!(
        told(&refused, home.path()),
        @"another c8dr is working on installation `camunda` (run 7 of alice on laptop)"
    );
    // Another installation is another lock, and a name is no path.
    let _other = store.lock("../camunda", "run 9").unwrap();
    drop(first);
    let _second = store.lock("camunda", "bob").unwrap();
    let refused = store.lock("camunda", "carol").unwrap_err();
    assert!(
        told(&refused, home.path()).ends_with("(bob)"),
        "the first holder's words are gone"
    );
}
