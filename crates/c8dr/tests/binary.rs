//! The whole binary as a person uses it, on the lab's real sockets.

#![cfg(unix)]

mod stage;

use std::process::Command;
use std::time::Duration;

use crate::stage::{Ran, Stage};

/// The lab runs faster than the wall here, so that the tests end sooner; the clock's times stay what they are.
const SPEED: [&str; 2] = ["--speed", "4"];
/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn a_drill_ends_verified_for_either_region_and_every_size() {
    let stage = Stage::new();
    for (lose, brokers, partitions) in [
        ("region1", "4", "4"),
        ("region0", "4", "4"),
        ("region1", "8", "8"),
        ("region0", "12", "24"),
    ] {
        let args = [
            "drill",
            "--output",
            "json",
            "--lose",
            lose,
            "--brokers",
            brokers,
            "--partitions",
            partitions,
        ];
        let report = stage.run(&[&args[..], &SPEED].concat()).exits(0).json();
        assert_eq!(report["outcome"], "verified");
        assert_eq!(report["lost_region"], lose);
        assert_eq!(report["rpo"]["missing"], 0);
        assert!(report["rpo"]["acknowledged"].as_u64().unwrap() > 0);
        assert!(report["rto"]["failover_seconds"].as_f64().unwrap() > 0.0);
        let ids: Vec<_> = report["failover"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| &step["id"])
            .collect();
        assert_eq!(ids, ["FO1", "FO2"]);
        let written = std::fs::read_to_string(report["report"].as_str().unwrap()).unwrap();
        assert!(
            written.contains(&format!("region {lose} lost, verified")),
            "{written}"
        );
    }
}

#[test]
fn impossible_drills_say_what_would_be_possible() {
    let stage = Stage::new();
    stage
        .run(&["drill", "--brokers", "5"])
        .exits(2)
        .says("even number");
    stage.run(&["drill", "--lose", "paris"]).exits(2).says("region0");
    stage.run(&["drill", "--speed", "0"]).exits(2).says("above 0");
    stage.run(&["drll"]).exits(2).says("drill");
    stage
        .run(&["failover", "--lost", "paris", "--accept-unfenced", ""])
        .exits(2)
        .says("--accept-unfenced");
}

#[test]
fn without_a_configuration_it_says_where_it_looked() {
    Stage::new()
        .run(&["status"])
        .exits(2)
        .says("no configuration")
        .says("./c8dr.yaml")
        .says("c8dr lab up");
}

#[test]
fn a_region_is_lost_and_failed_over_by_hand() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.until("healthy", LIMIT);
    stage.run(&["ready"]).exits(0).says("about 15 s");
    stage
        .run(&["status", "--output", "zbctl"])
        .exits(0)
        .says("Cluster size: 4")
        .says("Partition 1 : Leader, Healthy");

    stage
        .run(&["failover", "--lost", "region1", "--yes"])
        .exits(3)
        .says("lost-region-answers");
    stage
        .run(&["failover", "--lost", "Region1", "--yes"])
        .exits(2)
        .says("there is no region `Region1`");
    stage.run(&["lab", "break", "atlantis"]).exits(2).says("atlantis");
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["ready"]).exits(3).says("blocked");

    // Looking and planning change nothing.
    stage
        .run(&["plan", "failover", "--lost", "region1", "--save", "saved.json"])
        .exits(0)
        .says("FO1")
        .says("curl -X POST");
    stage
        .run(&["failover", "--lost", "region1", "--dry-run"])
        .exits(0)
        .says("FO2");
    stage
        .run(&["failover", "--lost", "region1"])
        .exits(4)
        .says("--yes");
    stage.run(&["failover", "--lost", "region0", "--yes"]).exits(3);
    stage.until("region-lost", LIMIT);
    stage.run(&["run", "list"]).exits(0).says("No runs yet");

    let report = stage
        .run(&[
            "failover", "--lost", "region1", "--yes", "--output", "json", "--reason", "test",
        ])
        .exits(0)
        .json();
    assert_eq!(report["outcome"], "verified");
    stage.until("failed-over", LIMIT);
    stage
        .run(&["failover", "--lost", "region0", "--yes"])
        .exits(3)
        .says("last-region")
        .says("only one left");
    stage
        .run(&["apply", "saved.json", "--yes"])
        .exits(0)
        .says("no longer owed");

    let again = stage
        .run(&["failover", "--lost", "region1", "--yes", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(again["steps"][0]["outcome"], "already");
    stage.run(&["run", "show"]).exits(0).says("verified");
    stage.run(&["run", "verify"]).exits(0).says("sound");
    stage.run(&["run", "resume"]).exits(2).says("no unfinished run");
}

#[test]
fn a_saved_plan_is_applied_if_the_world_is_as_it_was() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", "region0"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage
        .run(&["plan", "failover", "--lost", "region0", "--save", "saved.json"])
        .exits(0);
    stage
        .run(&["apply", "saved.json", "--dry-run"])
        .exits(0)
        .says("FO1");
    stage
        .run(&["apply", "missing.json", "--yes"])
        .exits(1)
        .says("cannot read");
    std::fs::write(stage.path().join("not.json"), "{}").unwrap();
    stage
        .run(&["apply", "not.json", "--yes"])
        .exits(2)
        .says("is no plan");
    stage.run(&["apply", "saved.json", "--yes"]).exits(0);
    stage.until("failed-over", LIMIT);
}

#[test]
fn killed_at_any_moment_it_is_resumed_to_the_same_end() {
    for (after_ms, lost) in [
        (15, "region1"),
        (60, "region0"),
        (250, "region1"),
        (700, "region0"),
        (1_300, "region1"),
        (1_700, "region0"),
    ] {
        let stage = Stage::new();
        stage.lab(&SPEED);
        stage.run(&["lab", "break", lost]).exits(0);
        stage.until("region-lost", LIMIT);
        let mut child = stage.start(&["failover", "--lost", lost, "--yes"]);
        #[expect(
            clippy::disallowed_methods,
            reason = "a kill has to come at some moment of the wall"
        )]
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let resumed = stage.run(&["run", "resume"]);
        match resumed.code {
            0 => {}
            // Killed before there was a run, or after its end: then there is nothing to resume.
            2 => drop(resumed.says("no unfinished run")),
            _ => drop(resumed.exits(0)),
        }
        stage.run(&["failover", "--lost", lost, "--yes"]).exits(0);
        stage.until("failed-over", LIMIT);
        let truth = stage.run(&["lab", "status", "--output", "json"]).exits(0).json();
        assert_eq!(truth["leaderless"].as_array().unwrap().len(), 0);
        for run in stage
            .run(&["run", "list", "--output", "json"])
            .exits(0)
            .json()
            .as_array()
            .unwrap()
        {
            let nothing_done = run["trouble"]
                .as_str()
                .is_some_and(|trouble| trouble.contains("nothing was done"));
            assert!(
                run["state"] == "verified" || nothing_done,
                "killed after {after_ms} ms: {run}"
            );
        }
    }
}

#[test]
fn interrupted_once_it_leaves_a_run_that_can_be_resumed() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let child = stage.start(&["failover", "--lost", "region1", "--yes"]);
    until_it_acts(&stage);
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    Ran::from(child.wait_with_output().unwrap())
        .exits(7)
        .says("run resume");
    stage
        .run(&["failover", "--lost", "region1", "--yes"])
        .exits(3)
        .says("run resume")
        .says("interrupted");
    stage.run(&["run", "resume"]).exits(0);
    stage.until("failed-over", LIMIT);
}

#[test]
fn two_at_once_exclude_each_other() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let first = stage.start(&["failover", "--lost", "region1", "--yes"]);
    until_it_acts(&stage);
    stage
        .run(&["failover", "--lost", "region1", "--yes"])
        .exits(3)
        .says("another c8dr is working")
        .says("tester@");
    stage
        .run(&["failover", "--lost", "region0", "--yes"])
        .exits(3)
        .says("another c8dr is working");
    Ran::from(first.wait_with_output().unwrap()).exits(0);
}

#[test]
fn a_run_that_is_given_up_makes_room_for_another() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let mut child = stage.start(&["failover", "--lost", "region1", "--yes"]);
    until_it_acts(&stage);
    child.kill().unwrap();
    child.wait().unwrap();
    stage
        .run(&["failover", "--lost", "region1", "--yes"])
        .exits(3)
        .says("run abort");
    stage.run(&["run", "abort", "--reason", "test"]).exits(0);
    stage.run(&["failover", "--lost", "region1", "--yes"]).exits(0);
    stage.until("failed-over", LIMIT);
}

#[test]
fn a_configuration_of_plain_urls_is_as_good_as_the_labs_own() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    let own = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let mine = own
        .replace("name: lab\n", "name: production\n")
        .replace("region0", "london")
        .replace("region1", "paris");
    let mine = mine
        .replace("elasticsearchlondon", "elasticsearchregion0")
        .replace("elasticsearchparis", "elasticsearchregion1");
    std::fs::write(stage.path().join("c8dr.yaml"), mine).unwrap();
    stage
        .run(&["status"])
        .exits(0)
        .says("production")
        .says("london")
        .says("healthy");
    stage.run(&["lab", "break", "region0"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage
        .run(&["failover", "--lost", "region0", "--yes"])
        .exits(2)
        .says("`london` and `paris`");
    stage
        .run(&["failover", "--lost", "london", "--yes"])
        .exits(0)
        .says("verified");
    stage.run(&["status"]).exits(0).says("Region paris serves alone");
}

#[test]
fn an_edited_journal_is_found_out() {
    let stage = Stage::new();
    stage.lab(&SPEED);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    stage.run(&["failover", "--lost", "region1", "--yes"]).exits(0);
    stage.run(&["run", "verify"]).exits(0);
    let run = stage.run(&["run", "list", "--output", "json"]).json()[0]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    let journal = stage.home().join("runs").join(run).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("COMPLETED", "COMPLETeD", 1)).unwrap();
    stage
        .run(&["run", "verify"])
        .exits(6)
        .says("changed or damaged at line");
    stage.run(&["run", "list"]).exits(0).says("unreadable");
}

#[test]
fn endpoints_that_are_no_camunda_are_told() {
    let stage = Stage::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let page = "<html><body>Welcome to the intranet</body></html>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    let region = |name: &str, id: u32| {
        format!(
            "  - name: {name}\n    exporter: elasticsearchregion{id}\n    gateways:\n      - rest: http://{address}/{name}\n        management: http://{address}/{name}\n"
        )
    };
    let config = format!(
        "name: c\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n{}{}",
        region("london", 0),
        region("paris", 1)
    );
    std::fs::write(stage.path().join("c8dr.yaml"), config).unwrap();
    stage
        .run(&["status"])
        .exits(0)
        .says("does not speak as Camunda does");
    stage
        .run(&["failover", "--lost", "paris", "--yes"])
        .exits(3)
        .says("another-installation");
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let stage = Stage::new();
    stage.run(&["completions", "bash"]).exits(0).says("complete -F");
    stage.run(&["man"]).exits(0).says(".TH c8dr");
    stage.run(&["--help"]).exits(0).says("7 interrupted");
}

/// Waits until the background command has begun to act: its first intent is then in the journal.
fn until_it_acts(stage: &Stage) {
    let runs = stage.home().join("runs");
    let acts = |run: std::fs::DirEntry| {
        std::fs::read_to_string(run.path().join("journal.jsonl")).is_ok_and(|text| text.contains("intended"))
    };
    while !std::fs::read_dir(&runs).is_ok_and(|runs| runs.flatten().any(acts)) {
        std::thread::yield_now();
    }
}
