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
