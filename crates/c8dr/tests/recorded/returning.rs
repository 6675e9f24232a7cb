//! What a failback owes at the recorded stages from the bare region to the end: just the steps that are still to be done.
//!
//! Zeebe alone was recorded. Of the platforms it is assumed that no webapp runs, of the searches nothing: so only what
//! Zeebe's own answers say decides here.

use c8dr_domain::check::check;
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::plan::failback::{Request, plan};
use c8dr_domain::platform::PlatformSight;
use c8dr_domain::search::Repository;

use super::{Recording, Stage};
use crate::{MAIN_4, MAIN_8, ODD_4, ODD_8, REGION_0};

/// From the pause on.
const FROM_THE_PAUSE: &str = "FB2b FB3a FB3b FB3c FB3d FB3e FB5 FB6 FB7";
/// From the installation on.
const ALL: &str = "FB1 FB2b FB3a FB3b FB3c FB3d FB3e FB5 FB6 FB7";

/// What a failback of a region comes to.
async fn owed(recording: Recording, stage: &Stage, returning: RegionId) -> String {
    let installation = recording.installation();
    let readings = stage.three_readings().await;
    let history: History = readings
        .readings()
        .cloned()
        .map(|mut reading| {
            let platform = PlatformSight {
                pods: Sight::Seen(Vec::new()),
                ..PlatformSight::default()
            };
            reading.platforms = [RegionId(0), RegionId(1)]
                .map(|region| (region, platform.clone()))
                .into();
            reading
        })
        .collect();
    let repository = Repository {
        name: "camunda_backup".to_owned(),
        settings: serde_json::json!({"type": "s3", "settings": {"bucket": "b"}}),
    };
    let request = Request {
        webapps: false,
        ..Request::new(returning, repository)
    };
    let latest = history.latest().unwrap();
    match plan(&installation, &history, &request, latest.until) {
        Err(refusal) => format!("refused: {}", refusal.code),
        Ok(plan) => {
            assert_eq!(check(&plan, Some(latest)), vec![], "{}", recording.folder);
            let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
            steps.join(" ")
        }
    }
}

/// Holds a table, where `refused` is a refusal for whatever reason; all rows that differ are told at once.
async fn hold(recording: Recording, returning: RegionId, rows: Vec<(&str, Stage, &str)>) {
    let mut wrong = Vec::new();
    for (name, stage, expected) in rows {
        let found = owed(recording, &stage, returning).await;
        let is_right = match expected {
            "refused" => found.starts_with("refused: "),
            expected => found == expected,
        };
        if !is_right {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", recording.folder, wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_with_four_brokers() {
    let run = || MAIN_4.stage();
    let returned = || run().heard(119..=134);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("lost", run().heard(66..=74).dead(ODD_4), "refused"),
        ("removed, all led", run().heard([68]).last_of(90).last_of(89).dead(ODD_4), "refused: failover-half-done"),
        ("disabled", run().heard(108..=110).polled(118, 0).dead(ODD_4), ALL),
        ("returned empty", returned().heard([135]), FROM_THE_PAUSE),
        ("paused, not by us", returned().heard(143..=145), "refused: exporting-paused"),
        ("enabled, still paused", returned().heard([143, 150, 152]), "FB6 FB7"),
        ("resumed", returned().heard([150, 152]), "FB7"),
        ("adding: begun", returned().heard([150]).polled(162, 0), "FB7"),
        ("adding: half", returned().heard([150]).polled(162, 7), "FB7"),
        ("adding: last", returned().heard([150]).polled(162, 12), "FB7"),
        ("final", run().heard(167..=183), ""),
    ];
    hold(MAIN_4, RegionId(1), rows).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_with_eight_brokers() {
    let run = || MAIN_8.stage();
    let returned = || run().heard(101..=132);
    #[rustfmt::skip] // A row is a line.
    let rows = vec![
        ("lost", run().heard(44..=60).dead(ODD_8), "refused"),
        ("removed, all led", run().heard([46]).last_of(69).last_of(68).dead(ODD_8), "refused: failover-half-done"),
        ("disabled", run().heard([95]).last_of(94).polled(100, 0).dead(ODD_8), ALL),
        ("returned empty", returned().heard([133]), FROM_THE_PAUSE),
        ("paused, not by us", returned().heard(141..=143), "refused: exporting-paused"),
        ("enabled, still paused", returned().heard([141, 148, 150]), "FB6 FB7"),
        ("resumed", returned().heard([148, 150]), "FB7"),
        ("adding: begun", returned().heard([148]).polled(160, 0), "FB7"),
        ("adding: half", returned().heard([148]).polled(160, 14), "FB7"),
        ("adding: last", returned().heard([148]).polled(160, 26), "FB7"),
        ("final", run().heard(167..=199), ""),
    ];
    hold(MAIN_8, RegionId(1), rows).await;
}

/// The region that serves has nowhere to return to, and a healthy one was not given up.
#[tokio::test(start_paused = true)]
async fn the_wrong_region_owes_nothing() {
    let disabled = MAIN_4.stage().heard(108..=110).polled(118, 0).dead(ODD_4);
    hold(
        MAIN_4,
        RegionId(0),
        vec![("disabled", disabled, "refused: region-serves")],
    )
    .await;
    let adding = REGION_0.stage().last_of(29).polled(37, 2);
    hold(REGION_0, RegionId(0), vec![("adding", adding, "FB7")]).await;
}
