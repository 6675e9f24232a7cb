//! The searches' reckoning: it finds what is in one only, in neither, and of a history that was given up.

mod asking;

use std::collections::BTreeMap;

use asking::Asking;
use c8dr_lab::{Data, PartitionId, Region, SearchAudit, WorldConfig};

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

fn reckoning(lab: &Asking) -> SearchAudit {
    lab.lab.audit_searches(&BTreeMap::new())
}

async fn at_rest(lab: &Asking) {
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(5.0).await;
}

#[tokio::test(start_paused = true)]
async fn two_healthy_searches_hold_the_same_and_all() {
    let lab = lab(1);
    lab.sleep(30.0).await;
    at_rest(&lab).await;
    let all = reckoning(&lab);
    assert!(all.is_equal_and_whole(), "{all:?}");
    assert_eq!(all.partitions.len(), 4);
    assert_eq!(all.acknowledged_in, [all.acknowledged; 2]);
    assert!(all.acknowledged > 50);
    assert!(all.acknowledged_missing.iter().all(Vec::is_empty));
    let half: BTreeMap<_, _> = [(PartitionId(1), 100)].into();
    let some = lab.lab.audit_searches(&half);
    assert!(some.partitions[0].last[0] <= Some(100), "{some:?}");
    assert!(some.partitions[0].distinct[0] < all.partitions[0].distinct[0]);
    assert_eq!(
        some.partitions[1], all.partitions[1],
        "what is not named is counted to the end"
    );
}

#[tokio::test(start_paused = true)]
async fn an_enable_without_a_source_leaves_a_gap_by_id() {
    let lab = lab(2);
    lab.sleep(5.0).await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.sleep(20.0).await;
    at_rest(&lab).await;
    let enable = "/actuator/exporters/elasticsearchregion1/enable";
    assert_eq!(lab.management(0, "POST", enable, "{}").await.0, 202);
    lab.completed(0, 4, 10.0).await;
    lab.lab.with(|w| w.set_load(4.0));
    lab.sleep(10.0).await;
    at_rest(&lab).await;
    let gap = reckoning(&lab);
    let only: usize = gap.partitions.iter().map(|p| p.only_in_first.len()).sum();
    assert!(only > 20, "{gap:?}");
    assert_eq!(
        gap.acknowledged_missing[1].len(),
        only,
        "each is a promise that region 1 lacks"
    );
    assert!(gap.acknowledged_missing[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_no_search_has_yet_is_said() {
    let lab = lab(3);
    lab.sleep(5.0).await;
    lab.lab.set_search(Region::Odd, false);
    lab.sleep(10.0).await;
    let stalled = reckoning(&lab);
    let waiting: usize = stalled.partitions.iter().map(|p| p.in_neither.len()).sum();
    assert!(waiting > 10, "one dead search stalls both: {stalled:?}");
    lab.lab.set_search(Region::Odd, true);
    at_rest(&lab).await;
    assert!(reckoning(&lab).is_equal_and_whole());
    lab.lab.set_search(Region::Odd, false);
    lab.lab.return_region(Region::Odd, Data::Empty);
    let emptied = reckoning(&lab);
    assert!(
        emptied
            .partitions
            .iter()
            .all(|p| p.distinct[1] == 0 && p.last[1].is_none())
    );
}

#[tokio::test(start_paused = true)]
async fn the_final_audit_finds_what_a_search_lacks() {
    let lab = lab(4);
    lab.sleep(20.0).await;
    assert!(!lab.lab.exporters_caught_up(), "clients go on");
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(10.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    let whole = lab.lab.final_audit();
    assert!(whole.is_whole() && whole.exporters_caught_up, "{whole:?}");
    assert!(whole.acknowledged > 50);
    assert!(whole.regions.iter().all(|r| r.acknowledged == whole.acknowledged));
    // A region that comes back without a restore lacks everything that was.
    lab.lab.lose_region(Region::Odd);
    assert!(lab.lab.final_audit().is_whole(), "its disks are still there");
    lab.lab.return_region(Region::Odd, Data::Empty);
    let emptied = lab.lab.final_audit();
    assert!(!emptied.is_whole());
    assert_eq!(emptied.missing_from_log.count, 0);
    assert_eq!(emptied.regions[0].missing.count, 0);
    let missing = &emptied.regions[1].missing;
    assert_eq!((missing.count, missing.examples.len()), (whole.acknowledged, 5));
    assert!(emptied.regions[0].records_only_here >= whole.acknowledged);
}

#[tokio::test(start_paused = true)]
async fn a_paused_or_leaderless_partition_has_not_caught_up() {
    let lab = lab(5);
    lab.sleep(5.0).await;
    let (_, body) = lab.management(0, "POST", "/actuator/exporting/pause", "").await;
    assert_eq!(asking::body_status(&body), 204);
    lab.sleep(10.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(10.0).await;
    assert!(
        !lab.lab.exporters_caught_up(),
        "what was committed since the pause waits"
    );
    let paused = lab.lab.final_audit();
    assert!(paused.records_in_neither > 10 && !paused.is_whole(), "{paused:?}");
    lab.management(0, "POST", "/actuator/exporting/resume", "").await;
    lab.until(10.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    assert!(lab.lab.final_audit().is_whole());
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    assert!(!lab.lab.exporters_caught_up(), "nobody leads");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_repeated_is_counted_twice_and_not_as_a_loss() {
    let mut seen = 0;
    for seed in 0..20 {
        let lab = lab(seed);
        lab.lab.with(|w| w.set_load(40.0));
        lab.sleep(5.0).await;
        // Answers that were under way die with their brokers; the clients have to ask again.
        lab.lab.kill_broker(c8dr_lab::BrokerId(0));
        lab.sleep(10.0).await;
        lab.lab.start_broker(c8dr_lab::BrokerId(0), Data::Old);
        lab.sleep(20.0).await;
        lab.lab.with(|w| w.set_load(0.0));
        lab.until(60.0, "caught up", async || lab.lab.exporters_caught_up())
            .await;
        let audit = lab.lab.final_audit();
        assert!(audit.is_whole(), "seed {seed}: {audit:?}");
        assert_eq!(audit.regions[0].twice, audit.twice_in_log, "seed {seed}");
        assert_eq!(
            audit.twice_in_log.count,
            lab.lab.audit().duplicates,
            "seed {seed}"
        );
        seen += audit.twice_in_log.count;
    }
    assert!(seen > 0, "no seed had any: the test shows nothing");
}
