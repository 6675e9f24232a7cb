//! How importers read: by the numbers that exporters give to records. What is exported again has the same number; an exporter
//! that was initialized from none counts anew, and its records are passed over in silence.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use asking::{Asking, body_status};
use c8dr_lab::{BrokerId, Data, FinalAudit, Region, WorldConfig};
use serde_json::Value;

const FROM_REGION0: &str = r#"{"initializeFrom":"elasticsearchregion0"}"#;

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

async fn exporting(lab: &Asking, verb: &str) {
    lab.until(10.0, verb, async || {
        let path = format!("/actuator/exporting/{verb}");
        body_status(&lab.management(0, "POST", &path, "").await.1) == 204
    })
    .await;
}

/// Region 1 is lost, failed over, and started empty; region 0's webapps are off.
async fn before_the_copy(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(60.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0","2"]"#).await.0, 202);
    lab.completed(0, 2, 20.0).await;
    lab.until(20.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 4, 20.0).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.sleep(20.0).await;
    for webapp in ["operate", "tasklist"] {
        let off = lab.lab.with(|w| w.scale_deployment(Region::Even, webapp, 0));
        off.unwrap();
    }
    lab.sleep(20.0).await;
    lab
}

/// The exporter to region 1 is enabled, exporting goes on, the region's brokers are added, and webapps are on in both. Then
/// clients go on for so long, and everything comes to rest.
async fn after_the_copy(lab: &Asking, enabled_with: &str, seconds: f64) -> FinalAudit {
    let enable = "/actuator/exporters/elasticsearchregion1/enable";
    assert_eq!(lab.management(0, "POST", enable, enabled_with).await.0, 202);
    lab.completed(0, 6, 20.0).await;
    exporting(lab, "resume").await;
    let add = "/actuator/cluster/brokers?replicationFactor=4";
    let (status, _) = lab.management(0, "POST", add, r#"["0","1","2","3"]"#).await;
    assert_eq!(status, 202);
    lab.completed(0, 8, 60.0).await;
    for region in Region::BOTH {
        lab.lab.with(|w| w.upgrade(region, true)).unwrap();
    }
    goes_on(lab, seconds).await
}

async fn goes_on(lab: &Asking, seconds: f64) -> FinalAudit {
    lab.lab.with(|w| w.set_load(4.0));
    lab.sleep(seconds).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(30.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    // Two turns of each importer.
    lab.sleep(5.0).await;
    lab.lab.final_audit()
}

fn copy(lab: &Asking) {
    lab.lab.with(|w| {
        assert!(w.snapshot_search(Region::Even));
        assert!(w.restore_search(Region::Odd));
    });
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_initialized_from_the_other_counts_on_and_nothing_is_passed_over() {
    let lab = before_the_copy(1).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    copy(&lab);
    let audit = after_the_copy(&lab, FROM_REGION0, 20.0).await;
    assert!(audit.is_whole(), "{audit:?}");
    assert!(audit.acknowledged > 400, "{audit:?}");
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_initialized_from_none_counts_anew_and_is_passed_over_in_silence() {
    let lab = before_the_copy(2).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    copy(&lab);
    let audit = after_the_copy(&lab, "", 20.0).await;
    let [even, odd] = &audit.regions;
    assert_eq!(even.passed_over.count, 0, "{audit:?}");
    assert!(odd.passed_over.count > 0, "{audit:?}");
    assert!(
        odd.missing.count > 0,
        "what was written from the pause to the enabling was never exported: {audit:?}"
    );
    assert!(!audit.is_whole());
    // It exports on, and users see nothing of it until it has counted as far as it had come before.
    let later = goes_on(&lab, 20.0).await;
    assert_eq!(later.regions[1].missing.count, odd.missing.count);
    assert!(
        later.regions[1].passed_over.count > odd.passed_over.count + 40,
        "{later:?}"
    );
    let counted_as_far = goes_on(&lab, 120.0).await.regions[1].passed_over.count;
    assert_eq!(
        goes_on(&lab, 20.0).await.regions[1].passed_over.count,
        counted_as_far
    );
}

/// Without a pause the position is a later one than the copy's: records are missing; their numbers are those that it had.
#[tokio::test(start_paused = true)]
async fn a_copy_without_a_pause_lacks_records_and_passes_none_over() {
    let lab = before_the_copy(3).await;
    copy(&lab);
    lab.sleep(10.0).await;
    let audit = after_the_copy(&lab, FROM_REGION0, 20.0).await;
    let [even, odd] = &audit.regions;
    assert_eq!((even.missing.count, even.passed_over.count), (0, 0), "{audit:?}");
    assert!(odd.missing.count > 20, "{audit:?}");
    assert_eq!(odd.passed_over.count, 0, "{audit:?}");
}

/// The number of each record of a value type in a region's search, by its position, for one partition.
async fn numbers(lab: &Asking, partition: u32) -> Vec<(i64, i64)> {
    let query = format!(r#"{{"size":10000,"query":{{"term":{{"partitionId":{partition}}}}}}}"#);
    let path = "/zeebe-record_process-instance-creation*/_search";
    let found = lab.searched(Region::Even, "POST", path, &query).await;
    let hits = found["hits"]["hits"].as_array().unwrap();
    let number = |hit: &Value| {
        let of = |field: &str| hit["_source"][field].as_i64().unwrap();
        (of("position"), of("sequence") - (i64::from(partition) << 51))
    };
    let mut numbers: Vec<_> = hits.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(start_paused = true)]
async fn what_is_exported_again_has_the_number_that_it_had() {
    let lab = lab(4);
    lab.sleep(60.0).await;
    let before = numbers(&lab, 1).await;
    let count = i64::try_from(before.len()).unwrap();
    assert!(count > 20);
    let counts: Vec<i64> = before.iter().map(|(_, number)| *number).collect();
    assert_eq!(counts, (1..=count).collect::<Vec<_>>(), "from 1, without a gap");
    // No snapshot has been taken: whoever leads next begins at the beginning.
    let rewrites = lab.lab.status().regions[0].search.rewrites;
    lab.lab.kill_broker(BrokerId(0));
    lab.sleep(20.0).await;
    lab.lab.start_broker(BrokerId(0), Data::Old);
    lab.sleep(20.0).await;
    assert!(lab.lab.status().regions[0].search.rewrites > rewrites + 20);
    let after = numbers(&lab, 1).await;
    assert_eq!(after[..before.len()], before[..]);
    let counts: Vec<i64> = after.iter().map(|(_, number)| *number).collect();
    let count = i64::try_from(after.len()).unwrap();
    assert_eq!(counts, (1..=count).collect::<Vec<_>>());
    let audit = goes_on(&lab, 5.0).await;
    assert!(audit.is_whole(), "{audit:?}");
}
