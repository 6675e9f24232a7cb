//! Exporting while somebody else acts: soft, partial and interrupted pauses, leaders that change, exporters enabled too
//! early, and old brokers that come back.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use std::collections::{BTreeMap, BTreeSet};

use asking::{Asking, body_status};
use c8dr_lab::{Blow, BrokerId, Data, PartitionId, Region, WorldConfig};
use serde_json::Value;

const REPOSITORY: &str = "/_snapshot/camunda_backup";
const S3: &str = r#"{"type":"s3","settings":{"bucket":"b","client":"camunda","base_path":"backups"}}"#;
const SNAPSHOT: &str = "/_snapshot/camunda_backup/failback?wait_for_completion=true";
const RESTORE: &str = "/_snapshot/camunda_backup/failback/_restore?wait_for_completion=true";
const RECORDS_ONLY: &str = r#"{"indices":"zeebe-record*"}"#;
const ENABLE: &str = "/actuator/exporters/elasticsearchregion1/enable";
const FROM: &str = r#"{"initializeFrom":"elasticsearchregion0"}"#;

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

/// Region 1 is lost, and region 0 goes on alone.
async fn failed_over(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(20.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0","2"]"#).await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led by the survivors", async || {
        lab.all_led_by(0, &[0, 2]).await
    })
    .await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 4, 10.0).await;
    lab.sleep(10.0).await;
    lab
}

/// Both brokers of region 0 run and every partition is led: as it is, not as a gateway believes.
async fn survivors_are_whole(lab: &Asking) {
    lab.until(30.0, "led again", async || {
        let status = lab.lab.status();
        status.leaderless.is_empty() && status.regions[0].brokers.iter().all(|b| b.ready)
    })
    .await;
}

async fn exporting(lab: &Asking, verb: &str) {
    lab.until(10.0, verb, async || {
        let path = format!("/actuator/exporting/{verb}");
        body_status(&lab.management(0, "POST", &path, "").await.1) == 204
    })
    .await;
}

/// What each of these brokers says of its partitions: (broker, partition) → its account.
async fn partitions(lab: &Asking, brokers: &[u32]) -> BTreeMap<(u32, String), Value> {
    let mut all = BTreeMap::new();
    for broker in brokers {
        let (_, body) = lab.management(*broker, "GET", "/actuator/partitions", "").await;
        for (partition, own) in body.as_object().into_iter().flatten() {
            all.insert((*broker, partition.clone()), own.clone());
        }
    }
    all
}

/// The position vector: of each partition, what its leader has acknowledged.
async fn positions(lab: &Asking, brokers: &[u32]) -> BTreeMap<String, i64> {
    let all = partitions(lab, brokers).await.into_iter();
    let led = all.filter(|(_, own)| own["role"] == "LEADER");
    led.map(|((_, partition), own)| (partition, own["exportedPosition"].as_i64().unwrap()))
        .collect()
}

async fn phases(lab: &Asking, brokers: &[u32]) -> Vec<String> {
    let all = partitions(lab, brokers).await.into_values();
    let mut phases: Vec<String> = all
        .map(|own| own["exporterPhase"].as_str().unwrap().to_owned())
        .collect();
    phases.dedup();
    phases
}

fn records(lab: &Asking, region: Region) -> usize {
    lab.lab.status().regions[region.index()].search.instances
}

#[tokio::test(start_paused = true)]
async fn a_soft_pause_exports_on_and_acknowledges_nothing() {
    let lab = failed_over(1).await;
    exporting(&lab, "pause?soft=true").await;
    lab.sleep(2.0).await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["SOFT_PAUSED"]);
    let (before, held) = (records(&lab, Region::Even), positions(&lab, &[0, 2]).await);
    lab.sleep(20.0).await;
    assert!(
        records(&lab, Region::Even) > before + 40,
        "records go on to the search"
    );
    assert_eq!(positions(&lab, &[0, 2]).await, held, "and the log is kept");
    exporting(&lab, "resume").await;
    lab.sleep(5.0).await;
    let moved = positions(&lab, &[0, 2]).await;
    assert!(moved.iter().all(|(p, at)| *at > held[p]), "{held:?} {moved:?}");
}

#[tokio::test(start_paused = true)]
async fn a_resume_and_a_new_pause_by_somebody_show_in_the_positions_only() {
    let lab = failed_over(2).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    let (phase, drained) = (phases(&lab, &[0, 2]).await, positions(&lab, &[0, 2]).await);
    lab.sleep(10.0).await;
    assert_eq!(
        positions(&lab, &[0, 2]).await,
        drained,
        "a drained pause stands still"
    );
    exporting(&lab, "resume").await;
    lab.sleep(2.0).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    assert_eq!(phases(&lab, &[0, 2]).await, phase);
    assert_ne!(positions(&lab, &[0, 2]).await, drained);
}

#[tokio::test(start_paused = true)]
async fn a_pause_may_be_partial_and_a_resume_of_one_broker_too() {
    let lab = failed_over(3).await;
    lab.lab.kill_broker(BrokerId(2));
    let (status, body) = lab.management(0, "POST", "/actuator/exporting/pause", "").await;
    assert_eq!((status, body_status(&body)), (200, 500), "{body}");
    assert_eq!(phases(&lab, &[0]).await, ["PAUSED"], "it has done its part");
    lab.lab.start_broker(BrokerId(2), Data::Old);
    survivors_are_whole(&lab).await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["PAUSED", "EXPORTING"]);
    exporting(&lab, "pause").await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["PAUSED"]);
    lab.management(2, "POST", "/actuator/partitions/resumeExporting", "")
        .await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["PAUSED", "EXPORTING"]);
    // The gateway's verb knows nothing of who is in which phase: it ends either mix.
    exporting(&lab, "resume").await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["EXPORTING"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_stays_paused_and_falls_back_to_its_snapshot() {
    let lab = failed_over(4).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    let (drained, written) = (positions(&lab, &[0, 2]).await, records(&lab, Region::Even));
    // Each of the two in turn: whatever it led is led by somebody anew.
    for broker in [0, 2] {
        lab.lab.kill_broker(BrokerId(broker));
        lab.sleep(2.0).await;
        lab.lab.start_broker(BrokerId(broker), Data::Old);
        survivors_are_whole(&lab).await;
    }
    lab.sleep(5.0).await;
    assert_eq!(phases(&lab, &[0, 2]).await, ["PAUSED"], "the flag is on disk");
    assert_eq!(records(&lab, Region::Even), written, "nothing is exported");
    let fallen = positions(&lab, &[0, 2]).await;
    assert!(
        fallen.iter().all(|(p, at)| *at < drained[p]),
        "{drained:?} {fallen:?}"
    );
    // Going back is no loss: what is exported again is known already.
    exporting(&lab, "resume").await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(20.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    let audit = lab.lab.final_audit();
    assert_eq!(audit.regions[0].missing.count, 0, "{audit:?}");
    assert_eq!(
        audit.regions[0].twice, audit.twice_in_log,
        "only what clients repeated is there twice: {audit:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_is_enabled_before_the_restore_stands_in_its_way() {
    let lab = failed_over(5).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.sleep(15.0).await;
    exporting(&lab, "pause").await;
    lab.sleep(3.0).await;
    let count = async || {
        let path = "/_cat/indices/zeebe-record*?format=json";
        let all = lab.searched(Region::Odd, "GET", path, "").await;
        all.as_array().map_or(0, Vec::len)
    };
    assert_eq!(count().await, 0, "a disabled exporter does not touch it");
    assert_eq!(lab.management(0, "POST", ENABLE, FROM).await.0, 202);
    lab.completed(0, 6, 10.0).await;
    assert_eq!(count().await, 2);
    assert_eq!(records(&lab, Region::Odd), 0, "they are empty");
    lab.searched(Region::Even, "PUT", REPOSITORY, S3).await;
    lab.searched(Region::Even, "PUT", SNAPSHOT, RECORDS_ONLY).await;
    lab.searched(Region::Odd, "PUT", REPOSITORY, S3).await;
    let refused = lab.search(Region::Odd, "POST", RESTORE, "").await;
    assert_eq!(
        (refused.0, refused.1["error"]["type"].as_str()),
        (500, Some("snapshot_restore_exception"))
    );
}

#[tokio::test(start_paused = true)]
async fn old_brokers_end_by_themselves_once_and_then_stay_unready() {
    let lab = failed_over(6).await;
    let ended = || {
        let brokers = lab.lab.status().regions[1].brokers.clone();
        brokers.iter().all(|b| !b.answers)
    };
    lab.lab.return_region(Region::Odd, Data::Old);
    lab.until(30.0, "up", async || !ended()).await;
    lab.until(30.0, "ended by themselves", async || ended()).await;
    // As Kubernetes would, once more: now they know.
    for broker in [1, 3] {
        lab.lab.start_broker(BrokerId(broker), Data::Old);
    }
    lab.sleep(40.0).await;
    for broker in [1, 3] {
        assert_eq!(lab.readiness(broker).await, 503);
    }
    let topology = lab.topology(0).await;
    let brokers = topology["brokers"].as_array().unwrap();
    let bare = brokers
        .iter()
        .filter(|b| b["partitions"].as_array().unwrap().is_empty());
    assert_eq!((brokers.len(), bare.count()), (4, 2));
    assert_eq!(topology["clusterSize"], 2);
    assert!(lab.all_led_by(0, &[0, 2]).await);
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn two_survivors_have_no_place_for_a_third_replica() {
    let lab = Asking::new(WorldConfig {
        seed: 17,
        ..WorldConfig::default()
    });
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(15.0).await;
    let forced = "/actuator/cluster/brokers?force=true";
    lab.management(0, "POST", forced, "[0,2]").await;
    lab.completed(0, 2, 10.0).await;
    let three = "/actuator/cluster/brokers?replicationFactor=3";
    let (status, body) = lab.management(0, "POST", three, r#"["0","2"]"#).await;
    let message = "Number of brokers [2] is less than the replication factor [3]";
    assert_eq!((status, body["message"].as_str()), (400, Some(message)));
}

/// Broker 0's volume is full for longer than a snapshot takes to come round; then it alone is left, and the rest is forced out.
#[tokio::test(start_paused = true)]
async fn positions_that_lie_beyond_a_shortened_log_are_skipped_silently() {
    let lab = lab(8);
    lab.sleep(20.0).await;
    lab.lab.with(|w| w.strike(Blow::VolumeFills(BrokerId(0))));
    lab.sleep(400.0).await;
    assert_eq!(lab.lab.with(|w| w.exporters_beyond_log()), BTreeSet::new());
    lab.lab.lose_region(Region::Odd);
    lab.lab.kill_broker(BrokerId(2));
    lab.lab.with(|w| w.set_load(0.0));
    lab.lab.with(|w| w.strike(Blow::VolumeIsFreed(BrokerId(0))));
    lab.sleep(8.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0"]"#).await.0, 202);
    lab.completed(0, 2, 20.0).await;
    lab.until(20.0, "led by the last one", async || {
        lab.all_led_by(0, &[0]).await
    })
    .await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 4, 20.0).await;

    // Partition 1 was led by broker 0, so its log is as long as ever.
    let beyond = lab.lab.with(|w| w.exporters_beyond_log());
    assert_eq!(beyond, [2, 3, 4].map(PartitionId).into());
    let before = lab.lab.final_audit();
    assert!(
        before.missing_from_log.count > 0,
        "the log is shorter: {before:?}"
    );
    assert!(
        before.exporters_caught_up,
        "for an exporter there is nothing to do"
    );
    assert!(!before.is_whole());

    // Clients go on, and are acknowledged; up to the old positions nothing of it is exported.
    let rewrites = || lab.lab.status().regions[0].search.rewrites;
    let known = rewrites();
    lab.lab.with(|w| w.set_load(4.0));
    lab.sleep(10.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(20.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    let skipped = lab.lab.final_audit();
    let lost = skipped.missing_from_log.count;
    assert_eq!(lost, before.missing_from_log.count, "{skipped:?}");
    let new = skipped.acknowledged - before.acknowledged;
    assert!(skipped.records_otherwise > 0, "{skipped:?}");
    let missing = skipped.regions[0].missing.count;
    assert!(
        missing > 0 && missing < new,
        "of {new} new ones {missing} are missing: {skipped:?}"
    );
    assert_eq!(
        skipped.records_in_neither, 0,
        "by its positions the search looks whole"
    );

    assert_eq!(rewrites(), known, "and nobody has touched what it holds");

    // Beyond them it goes on as if nothing had been, over what the search holds of the old history; what was skipped stays so.
    lab.lab.with(|w| w.set_load(16.0));
    lab.until(600.0, "beyond the old positions", async || {
        lab.lab.with(|w| w.exporters_beyond_log()).is_empty()
    })
    .await;
    assert_eq!(rewrites(), known);
    lab.sleep(20.0).await;
    assert!(rewrites() > known + 100);
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(20.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    let later = lab.lab.final_audit();
    assert!(later.exporters_beyond_log.is_empty(), "{later:?}");
    assert!(later.regions[0].missing.count > missing + 500, "{later:?}");
    assert!(!later.is_whole());
}
