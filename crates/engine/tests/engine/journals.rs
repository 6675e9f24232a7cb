//! The journal on disk: recovered from any cut, every flipped byte found, refused when it is not ours, locked by one.

use std::collections::BTreeMap;
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
use c8dr_engine::handover::{self, Standing};
use c8dr_engine::journal::format::{self, Tip};
use c8dr_engine::journal::store::LockError;
use c8dr_engine::journal::{FileJournal, Journal, JournalError, Store, recover};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

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
        let sight = if RegionId::of(broker) == RegionId(1) {
            dark
        } else {
            lit
        };
        (broker, std::sync::Arc::new(sight))
    });
    Observation {
        at,
        until: at,
        gateways: [(
            GatewayName::new("gateway-0"),
            std::sync::Arc::new(GatewaySight {
                region: RegionId(0),
                topology: Sight::NotAsked,
                configuration: Sight::Seen(std::sync::Arc::new(configuration)),
                exporters: Sight::Seen(exporters),
            }),
        )]
        .into(),
        brokers: brokers.collect(),
        searches: Default::default(),
        platforms: Default::default(),
        traffic: Sight::NotAsked,
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
    let unlike = "{\"journal\":\"c8dr-journal\",\"format\":7,\"lines\":\"cbor\"}\n";
    let blank = text.replacen('\n', "\n\n", 1);
    let twice = format!("{text}{}\n", lines[3]);
    // Right in itself, with a place of its own, and joined to another line than the last.
    let tip = Tip {
        next_seq: events().len() as u64 + 1,
        sum: "00".repeat(32),
    };
    let added = text.clone() + &format::line(&tip, noon(), &events()[5]).unwrap().0;
    let tip = recover(Path::new(""), text.as_bytes()).unwrap().tip;
    let unknown = format::line(&tip, noon(), &events()[1]).unwrap().0;
    let unknown = text.clone() + &resealed(&unknown.replace("step-began", "step-dreamt"));
    let unreadable = [
        ("edited", read(&edited)),
        ("a line missing", read(&without_the_third)),
        ("lines swapped", read(&swapped)),
        ("a line twice", read(&twice)),
        ("a line added", read(&added)),
        ("an empty line added", read(&blank)),
        ("an event that nobody knows", read(&unknown)),
        ("newer format", read(&newer)),
        ("newer format, of another shape", read(unlike)),
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

/// A line with the hash that fits what it says now.
fn resealed(line: &str) -> String {
    let open = line.rsplit_once(",\"sum\":").unwrap().0;
    let sum = c8dr_domain::record::hex(&Sha256::digest(open.as_bytes()));
    format!("{open},\"sum\":\"{sum}\"}}\n")
}

/// The first event of a run of any name.
fn planned(run: &str) -> Event {
    match events().swap_remove(0) {
        Event::Planned {
            plan,
            fingerprint,
            by,
            reason,
            ..
        } => Event::Planned {
            run: RunId::new(run),
            plan,
            fingerprint,
            by,
            reason,
        },
        other => panic!("{other:?}"),
    }
}

/// All files of a directory with what they hold.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Every state of the disk that a crash can leave on the way from one to the next: files that come are there in part first.
fn on_the_way(states: &[BTreeMap<String, Vec<u8>>]) -> Vec<BTreeMap<String, Vec<u8>>> {
    let mut all = Vec::new();
    for (before, after) in states.iter().zip(&states[1..]) {
        all.push(before.clone());
        for (name, bytes) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            for part in [0, 1, 2, 3, 4] {
                let mut state = before.clone();
                state.insert(name.clone(), bytes[..bytes.len() * part / 4].to_vec());
                all.push(state);
            }
        }
    }
    all.extend(states.last().cloned());
    all
}

fn put(directory: &Path, state: &BTreeMap<String, Vec<u8>>) {
    fs::create_dir_all(directory).unwrap();
    for (name, bytes) in state {
        fs::write(directory.join(name), bytes).unwrap();
    }
}

#[test]
fn a_take_over_that_crashed_anywhere_is_repeated_and_loses_nothing() {
    let Written { bytes, .. } = written();
    let ends: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    let mut other = bytes[..ends[2]].to_vec();
    other[ends[1] + 20] ^= 1;
    let journal = |bytes: &[u8]| BTreeMap::from([("journal.jsonl".to_owned(), bytes.to_vec())]);
    for here in [
        BTreeMap::new(),
        journal(&bytes[..ends[2]]),
        journal(&bytes[..ends[2] + 7]),
        journal(&other),
        journal(b"no journal at all"),
        journal(b""),
    ] {
        // What is on the disk behind each thing that is done, in their order.
        let mut with_new = here.clone();
        with_new.insert("journal.new".to_owned(), bytes.clone());
        let mut with_aside = with_new.clone();
        if let Some(old) = here.get("journal.jsonl") {
            with_aside.insert(format!("superseded-at-{}.jsonl", ends.len()), old.clone());
        }
        let mut states = on_the_way(&[here.clone(), with_new, with_aside.clone()]);
        let mut renamed = with_aside;
        let new = renamed.remove("journal.new").unwrap();
        renamed.insert("journal.jsonl".to_owned(), new);
        states.push(renamed);
        for state in states {
            let home = tempfile::tempdir().unwrap();
            let directory = home.path().join("a-run");
            put(&directory, &state);
            let (journal, recovered) = FileJournal::adopt(&directory, &bytes).unwrap();
            assert_eq!(
                (journal.text(), recovered.events.len()),
                (&bytes[..], events().len())
            );
            let left = files(&directory);
            assert_eq!(left["journal.jsonl"], bytes);
            assert!(!left.contains_key("journal.new"));
            if let Some(old) = here.get("journal.jsonl") {
                assert!(
                    left.values().any(|kept| kept == old),
                    "what lay here is gone: {left:?}"
                );
            }
        }
    }
}

#[test]
fn a_run_that_crashed_while_it_was_begun_did_nothing_and_is_taken_over_all_the_same() {
    let Written { bytes, .. } = written();
    let planned = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in [None, Some(0), Some(10), Some(planned), Some(planned + 100)] {
        let home = tempfile::tempdir().unwrap();
        let store = Store::at(home.path());
        let run = RunId::new("a-run");
        let state = cut.map(|cut| ("journal.jsonl".to_owned(), bytes[..cut].to_vec()));
        put(&store.directory(&run), &state.into_iter().collect());
        let kept = store.list().unwrap().remove(0);
        assert!(matches!(
            kept.recovered,
            Err(JournalError::Missing { .. } | JournalError::Empty { .. })
        ));
        assert!(FileJournal::reopen(&kept.directory).is_err());
        assert_eq!(store.adopt(&run, &bytes).unwrap().1.events.len(), events().len());
    }
}

#[test]
fn a_torn_tail_is_set_aside_whole_whenever_it_was_torn() {
    let Written { bytes, .. } = written();
    let torn = b"{\"seq\":7,\"at\":\"2026";
    let aside = format!("torn-at-{}.bin", bytes.len());
    // A crash while it is set aside, one behind it, and another tear at the same place before.
    for (there, kept_in) in [
        (None, aside.clone()),
        (Some(&torn[..0]), aside.clone()),
        (Some(&torn[..5]), aside.clone()),
        (Some(&torn[..]), aside.clone()),
        (
            Some(&b"{\"seq\":7,\"at\":\"1999"[..]),
            format!("torn-at-{}-2.bin", bytes.len()),
        ),
    ] {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a-run");
        let mut state = BTreeMap::from([("journal.jsonl".to_owned(), [&bytes[..], torn].concat())]);
        state.extend(there.map(|there| (aside.clone(), there.to_vec())));
        put(&directory, &state);
        let (_, recovered) = FileJournal::reopen(&directory).unwrap();
        assert_eq!(recovered.torn, torn);
        let left = files(&directory);
        assert_eq!(left["journal.jsonl"], bytes);
        assert_eq!(left[&kept_in], torn);
        if kept_in != aside {
            assert_eq!(left[&aside], there.unwrap());
        }
    }
}

#[test]
fn the_journal_of_another_run_is_taken_for_no_run() {
    let Written { home, bytes, .. } = written();
    let directory = home.path().join("another-run");
    put(&directory, &[("journal.jsonl".to_owned(), bytes.clone())].into());
    let errors = [
        FileJournal::read(&directory).map(drop),
        FileJournal::reopen(&directory).map(drop),
        FileJournal::adopt(&home.path().join("a-third"), &bytes).map(drop),
    ];
    for error in errors {
        assert!(matches!(error, Err(JournalError::OtherRun { found, .. }) if found == "a-run"));
    }
    assert_eq!(files(&directory)["journal.jsonl"], bytes);
    assert!(!home.path().join("a-third").exists());
    // A header of one run before the lines of another, all sealed as they should be.
    let (mut text, mut tip) = format::header("another-run", "c8dr").unwrap();
    for event in events() {
        let (line, next) = format::line(&tip, noon(), &event).unwrap();
        text.push_str(&line);
        tip = next;
    }
    let error = recover(Path::new("journal.jsonl"), text.as_bytes());
    assert!(matches!(error, Err(JournalError::OtherRun { .. })), "{error:?}");
}

#[test]
fn a_journal_that_is_taken_away_or_meddled_with_takes_nothing_any_more() {
    let gone = |directory: &Path| fs::remove_dir_all(directory).unwrap();
    let moved = |directory: &Path| fs::rename(directory, directory.with_extension("away")).unwrap();
    let replaced = |directory: &Path| {
        let path = directory.join("journal.jsonl");
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let cut = |directory: &Path| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(directory.join("journal.jsonl"))
            .unwrap();
        file.set_len(10).unwrap();
    };
    let check = |meddle: &dyn Fn(&Path), says: &str| {
        let Written { directory, home, .. } = written();
        let (mut journal, _) = FileJournal::reopen(&directory).unwrap();
        meddle(&directory);
        let event = Event::Resumed { by: "me".to_owned() };
        let error = journal.append(noon(), &event).unwrap_err();
        assert_eq!(told(&error, home.path()), says);
        // Nor does it later: what it says would follow something that is not there.
        assert!(journal.append(noon(), &event).is_err());
    };
    let no_longer = "HOME/a-run/journal.jsonl is no longer the file that this run writes into: it was removed or replaced meanwhile";
    check(&gone, no_longer);
    check(&moved, no_longer);
    check(&replaced, no_longer);
    check(
        &cut,
        "HOME/a-run/journal.jsonl was changed by somebody else while this run wrote into it",
    );
}

#[test]
fn a_journal_is_told_from_one_that_was_cut_and_from_one_that_went_on_elsewhere() {
    let Written { bytes, .. } = written();
    let tip = recover(Path::new(""), &bytes).unwrap().tip;
    let resumed = Event::Resumed { by: "bob".to_owned() };
    let line = format::line(&tip, noon(), &resumed).unwrap().0;
    let elsewhere = [&bytes[..], line.as_bytes()].concat();
    let last = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let check = |here: &[u8], there: &[u8], wanted: &str| {
        let standing = handover::standing("the record", here, there);
        let found = match &standing {
            Ok(Standing::Here) => "here",
            Ok(Standing::Elsewhere(_)) => "elsewhere",
            Ok(Standing::Cut { .. }) => "cut",
            Err(_) => "unreadable",
        };
        assert_eq!(found, wanted, "{standing:?}");
    };
    check(&bytes, &bytes, "here");
    check(&elsewhere, &bytes, "here");
    check(&bytes, b"", "here");
    check(&bytes, &elsewhere, "elsewhere");
    check(&bytes[..last], &bytes, "cut");
    check(&bytes[..last], &elsewhere, "cut");
    // Both went on: there is something here that is not there, and the other way round.
    let mine = format::line(&tip, noon(), &Event::Resumed { by: "me".to_owned() })
        .unwrap()
        .0;
    check(&[&bytes[..], mine.as_bytes()].concat(), &elsewhere, "elsewhere");
    check(&bytes, b"no record", "unreadable");
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
        @"HOME/nowhere/a-run holds no journal"
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
        journal.append(noon(), &planned(id)).unwrap();
    }
    let runs = home.path().join("runs");
    fs::create_dir(runs.join("c")).unwrap();
    fs::write(runs.join("d"), "a note").unwrap();
    fs::write(runs.join(".hidden"), "").unwrap();
    fs::rename(runs.join("b"), runs.join("e")).unwrap();
    let told: Vec<String> = store
        .list()
        .unwrap()
        .iter()
        .map(|kept| match &kept.recovered {
            Ok(recovered) => format!("{}: {}", kept.id, recovered.run.word()),
            Err(error) => format!("{}: {}", kept.id, told(error, home.path())),
        })
        .collect();
    assert_eq!(
        told,
        [
            "a: unfinished",
            "c: HOME/runs/c holds no journal",
            "d: HOME/runs/d is not a c8dr journal: it is a file, and a run is a directory",
            "e: HOME/runs/e/journal.jsonl is the journal of another run, `b`",
        ]
    );
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
