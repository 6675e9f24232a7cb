//! Reports and certificates: what stands in them, that nothing from outside acts in them, and that a certificate is what
//! its journal yields, to the byte.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "other tests use the rest of the stage")]
mod stage;
mod written;

use std::path::Path;

use c8dr::certificate::{Certificate, complaints};
use c8dr_domain::effect::ZeebeEffect;
use c8dr_domain::facts::{Compared, Facts, SnapshotFacts};
use c8dr_domain::ids::PartitionId;
use c8dr_domain::plan::{Kind, StepId};
use c8dr_engine::journal::FileJournal;
use stage::Stage;
use written::{LONDON, PARIS, Written, compared, failed_back, failed_over, failover, holdings, plan, step};

/// What the report of a run is, in both forms that are read as text.
fn written_reports(written: &Written) -> (String, serde_json::Value) {
    let directory = written.directory();
    c8dr::report::write(&directory).unwrap();
    let markdown = std::fs::read_to_string(directory.join("report.md")).unwrap();
    let json = std::fs::read(directory.join("report.json")).unwrap();
    (markdown, serde_json::from_slice(&json).unwrap())
}

/// Hashes depend on the version of c8dr, paths on the machine.
fn redacted(home: &Path) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{64}", "[hash]");
    settings.add_filter(&home.display().to_string(), "[home]");
    settings
}

#[test]
fn a_failover_is_told_with_its_interruption() {
    let written = failed_over(["london", "paris"], "the data centre burns");
    let (markdown, json) = written_reports(&written);
    redacted(written.home.path()).bind(|| {
        insta::assert_snapshot!("failover-markdown", markdown);
        insta::assert_json_snapshot!("failover-json", json);
    });
}

#[test]
fn a_failback_is_told_with_its_evidence() {
    let written = failed_back(|_, _| {});
    let (markdown, json) = written_reports(&written);
    let certificate = std::fs::read_to_string(written.directory().join("certificate.json")).unwrap();
    redacted(written.home.path()).bind(|| {
        insta::assert_snapshot!("failback-markdown", markdown);
        insta::assert_json_snapshot!("failback-json", json);
        insta::assert_snapshot!("certificate", certificate);
    });
}

#[test]
fn what_is_not_known_is_never_a_number() {
    let written = failover(["london", "paris"], "the data centre burns");
    let (markdown, json) = written_reports(&written);
    assert_eq!(json["outcome"], "interrupted");
    assert!(json["failover_seconds"].is_null() && json["times"]["exporter_off_at"].is_null());
    assert_eq!(json["steps"][1]["outcome"], "owed");
    assert!(json["steps"][1]["seconds"].is_null() && json["certificate"].is_null());
    for words in [
        "| exporter off | unknown: not proven |",
        "| lost | unknown: before this run |",
        "| 1 | 100 | unknown | unknown |",
        "whether anything is missing is unknown",
    ] {
        assert!(markdown.contains(words), "`{words}` is not in:\n{markdown}");
    }
    assert!(!written.directory().join("certificate.json").exists());
}

#[test]
fn the_page_stands_alone_and_its_colours_mean_something() {
    let written = failed_over(["london", "paris"], "drill");
    written_reports(&written);
    let html = std::fs::read_to_string(written.directory().join("report.html")).unwrap();
    for absent in [
        "<script",
        "http-equiv=\"refresh\"",
        "<link",
        "src=",
        "url(",
        "@import",
    ] {
        assert!(!html.contains(absent), "`{absent}` is in the page");
    }
    for present in [
        "default-src 'none'",
        "prefers-color-scheme: dark",
        "<svg",
        "<p class=\"verdict good\">verified",
        "<details>",
        "class=\"end-good\"",
        // The interruption, and the wait before it.
        "class=\"end-waiting\"",
        "class=\"wait\"",
    ] {
        assert!(html.contains(present), "`{present}` is not in the page");
    }
    let stopped = failover(["london", "paris"], "drill");
    written_reports(&stopped);
    let html = std::fs::read_to_string(stopped.directory().join("report.html")).unwrap();
    assert!(html.contains("<p class=\"verdict waiting\">interrupted"));
    assert!(html.contains("c8dr run resume"));
}

#[test]
fn nothing_from_outside_acts_in_a_report() {
    let hostile = "</title><script>alert(1)</script>|\u{1b}[2J\u{202e}`*x*`![i](http://evil)";
    let written = failed_over([hostile, "paris"], hostile);
    let exchange = serde_json::json!({
        "at": "2026-01-01T12:00:01Z", "took_ms": 3, "status": 200,
        "request": format!("POST http://host/{hostile}"),
        "sent": hostile,
        "received": format!("</pre></details><img src=x onerror=alert(1)>{hostile}\nsecond line"),
    });
    let file = written.directory().join("exchanges.jsonl");
    std::fs::write(file, format!("{exchange}\n")).unwrap();
    let (markdown, _) = written_reports(&written);
    let html = std::fs::read_to_string(written.directory().join("report.html")).unwrap();
    for text in [&markdown, &html] {
        for acts in [
            "<script",
            "<img",
            "</pre></details><",
            "\u{1b}",
            "\u{202e}",
            "![i]",
        ] {
            let is_allowed = acts == "![i]" && text == &html;
            assert!(is_allowed || !text.contains(acts), "`{acts:?}` acts");
        }
        assert!(text.contains("&lt;script"), "it is shown, not dropped");
    }
    assert!(html.contains("\nsecond line</pre>"), "bodies keep their lines");
    // A cell stays one cell: every row of a table has as many bars as its head.
    let mut columns = None;
    for line in markdown.lines() {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        columns = match (columns, bars) {
            (_, 0) => None,
            (Some(columns), bars) => {
                assert_eq!(bars, columns, "{line}");
                Some(columns)
            }
            (None, bars) => Some(bars),
        };
    }
}

#[test]
fn one_changed_byte_of_a_certificate_is_rejected() {
    let certificate = failed_back(|_, _| {}).certificate();
    let bytes = certificate.bytes().unwrap();
    assert_eq!(certificate.is_in(&bytes), Ok(()));
    for at in 0..bytes.len() {
        for changed in [bytes[at] ^ 1, bytes[at] ^ 0x20, bytes[at] ^ 0x80] {
            let mut other = bytes.clone();
            other[at] = changed;
            assert!(certificate.is_in(&other).is_err(), "byte {at} as {changed}");
        }
        let mut shorter = bytes.clone();
        shorter.remove(at);
        assert!(certificate.is_in(&shorter).is_err(), "without byte {at}");
        let mut longer = bytes.clone();
        longer.insert(at, b' ');
        assert!(certificate.is_in(&longer).is_err(), "a space at {at}");
        assert!(certificate.is_in(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(certificate.is_in(&[&bytes[..], b"\n"].concat()).is_err());
}

#[test]
fn the_first_field_that_differs_is_named() {
    let certificate = failed_back(|_, _| {}).certificate();
    let text = String::from_utf8(certificate.bytes().unwrap()).unwrap();
    #[track_caller]
    fn check(certificate: &Certificate, text: &str, from: &str, to: &str, words: &str) {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "`{from}` is not there");
        let said = certificate.is_in(changed.as_bytes()).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    let check = |from, to, words| check(&certificate, &text, from, to, words);
    check(
        "\"count\": 41",
        "\"count\": 42",
        "`compared.regions.london.1.count` is 42, and not 41",
    );
    check("paris-uuid", "rome-uuid", "`clusters.paris` is \"rome-uuid\"");
    check("  \"format\": 1,\n", "", "`format` is missing");
    check(
        "\"format\": 1",
        "\"format\": 1, \"more\": 2",
        "`more` does not belong there",
    );
    check("  \"format\": 1", "   \"format\": 1", "written otherwise");
    check(
        "\"format\": 1",
        "\"format\": \"\u{202e}\"",
        "`format` is \"\\u{202e}\"",
    );
    check("\"format\": 1", "\"format\": ", "should read `\"format\": 1,`");
    check("{", "", "no JSON any more");
}

#[test]
fn a_certificate_of_another_run_and_another_journal_are_rejected() {
    let one = failed_back(|_, _| {});
    let other = failed_back(|facts, _| facts.clusters.extend([(PARIS, "rome-uuid".to_owned())]));
    let foreign = other.certificate().bytes().unwrap();
    let said = one.certificate().is_in(&foreign).unwrap_err();
    assert!(said.contains("`clusters.paris`"), "{said}");

    c8dr::report::write(&one.directory()).unwrap();
    assert_eq!(
        complaints(Some(&one.certificate()), &one.directory()).unwrap(),
        Vec::<String>::new()
    );
    // A journal that was forged with fitting hashes yields another certificate: its last hash is another.
    std::fs::copy(
        other.directory().join("journal.jsonl"),
        one.directory().join("journal.jsonl"),
    )
    .unwrap();
    let wrong = complaints(Some(&one.certificate()), &one.directory()).unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");

    std::fs::remove_file(one.directory().join("certificate.json")).unwrap();
    let wrong = complaints(Some(&one.certificate()), &one.directory()).unwrap();
    assert!(
        wrong[0].contains("is missing") && wrong[0].contains("still proves"),
        "{wrong:?}"
    );
}

#[test]
fn a_changed_journal_yields_no_certificate() {
    let written = failed_back(|_, _| {});
    let path = written.directory().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    // The last of them is what was compared; a line in the middle is damaged then.
    let changed = text.replacen("london-uuid", "londom-uuid", 1);
    assert_ne!(changed, text);
    std::fs::write(&path, changed).unwrap();
    assert!(FileJournal::read(&written.directory()).is_err());
    assert!(c8dr::report::write(&written.directory()).is_err());
}

#[test]
fn a_certificate_beside_a_run_that_has_none_is_rejected() {
    let written = failed_over(["london", "paris"], "drill");
    assert_eq!(Certificate::of(&written.recovered()), None);
    assert!(complaints(None, &written.directory()).unwrap().is_empty());
    std::fs::write(written.directory().join("certificate.json"), "{}").unwrap();
    let wrong = complaints(None, &written.directory()).unwrap();
    assert!(wrong[0].contains("does not tell of a failback"), "{wrong:?}");
}

#[test]
fn what_a_certificate_says_has_to_hold() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Facts, &mut Compared), words: &str) {
        let wrong = failed_back(change).certificate().complaints();
        assert!(
            wrong.iter().any(|wrong| wrong.contains(words)),
            "`{words}` is not in {wrong:?}"
        );
    }
    assert!(failed_back(|_, _| {}).certificate().complaints().is_empty());
    check(
        |_, compared| {
            compared.held.insert(PARIS, holdings(39));
        },
        "Regions london and paris do not hold the same of partition 1.",
    );
    check(
        |_, compared| {
            compared.held.remove(&PARIS);
        },
        "What region paris held is not told for every partition.",
    );
    check(
        |_, compared| {
            for held in compared.held.values_mut() {
                held.remove(&PartitionId(2));
            }
        },
        "What region london held is not told for every partition.",
    );
    check(
        |_, compared| {
            compared.up_to.remove(&PartitionId(2));
        },
        "It was not compared on every partition",
    );
    check(
        |_, compared| {
            compared.up_to.insert(PartitionId(2), 111);
        },
        "Partition 2 was not compared up to V, which is 112.",
    );
    check(|facts, _| facts.positions.clear(), "V is not in the journal");
    check(
        |facts, _| {
            facts.positions.remove(&PartitionId(1));
        },
        "V does not name every partition.",
    );
    check(|facts, _| facts.snapshot = None, "had a snapshot taken");
    check(
        |facts, _| {
            facts.snapshot = facts.snapshot.take().map(|snapshot| SnapshotFacts {
                uuid: None,
                ..snapshot
            });
        },
        "The UUID of the snapshot",
    );
    check(
        |facts, _| {
            facts.clusters.insert(PARIS, "london-uuid".to_owned());
        },
        "the one cluster london-uuid",
    );
    check(
        |facts, _| facts.clusters.clear(),
        "Which search clusters were compared",
    );
}

#[test]
fn a_failback_begun_behind_the_pause_says_what_it_does_not_tell() {
    let resume = step(StepId::Fb6, "Resume exporting", ZeebeEffect::ResumeExporting);
    let plan = plan(Kind::Failback, ["london", "paris"], vec![resume]);
    let mut written = Written::begin(&plan, "goes on");
    written.facts.clusters = [
        (LONDON, "london-uuid".to_owned()),
        (PARIS, "paris-uuid".to_owned()),
    ]
    .into();
    written.done(&plan.steps[0]);
    written.proven(Some(compared()));
    let certificate = written.certificate();
    assert_eq!(certificate.complaints(), Vec::<String>::new());
    assert_eq!(
        certificate.untold.keys().copied().collect::<Vec<_>>(),
        ["positions", "snapshot"]
    );
    let (markdown, json) = written_reports(&written);
    assert!(
        markdown.contains("V is unknown: this run read none."),
        "{markdown}"
    );
    assert!(markdown.contains("| snapshot | unknown |"), "{markdown}");
    assert!(
        json["certificate"]
            .as_str()
            .unwrap()
            .ends_with("certificate.json")
    );
}

/// The whole way, by the binary: a drill, its documents, and its certificate offline.
#[test]
fn a_drill_is_reported_and_its_certificate_checked_offline() {
    let stage = Stage::new();
    let report = stage
        .run(&["drill", "--speed", "8", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(report["outcome"], "verified");
    let ids = |run: &str| -> Vec<String> {
        let steps = report[run]["steps"].as_array().unwrap();
        steps
            .iter()
            .map(|step| step["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("failover"), ["FO1", "FO2"]);
    assert_eq!(ids("failback"), ["FB1", "FB2", "FB3", "FB4", "FB5", "FB6", "FB7"]);
    let parts = report["failback"]["steps"][2]["parts"].as_array().unwrap();
    assert_eq!(parts[0]["id"], "FB3a");
    assert_eq!(
        report["certificate"]["compared"]["up_to"]
            .as_object()
            .unwrap()
            .len(),
        4
    );
    assert!(report["rto"]["unprotected_seconds"].as_f64().unwrap() > 0.0);

    let path = Path::new(report["failback"]["certificate"].as_str().unwrap());
    let bytes = std::fs::read(path).unwrap();
    let filed: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(filed, report["certificate"]);
    let html = std::fs::read_to_string(report["report"].as_str().unwrap()).unwrap();
    assert!(html.contains("actuator/exporting/pause"), "exchanges are shown");
    let verify = || -> stage::Ran {
        let mut command = stage.command(&["run", "verify"]);
        // A drill keeps its runs apart from those of real installations.
        command.env("C8DR_HOME", stage.home().join("drills"));
        command.output().unwrap().into()
    };
    verify()
        .exits(0)
        .says("sound")
        .says("Certified: regions region0 and region1");
    for (changed, words) in [
        ([&bytes[..], b" "].concat(), "written otherwise"),
        (bytes[1..].to_vec(), "no JSON any more"),
    ] {
        std::fs::write(path, changed).unwrap();
        verify().exits(6).says(words);
    }
    std::fs::remove_file(path).unwrap();
    verify().exits(6).says("is missing").says("keep the journal");
}
