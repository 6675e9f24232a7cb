//! Searches that answer late or not at all: exporters sit in their calls, and their brokers tell nothing of their partitions
//! meanwhile (spec: edge-cases.md E1, E6).

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use std::time::Duration;

use asking::{Asking, Whole, body_status};
use c8dr_lab::{Blow, BrokerId, Region, WorldConfig};

const PARTITIONS: &str = "/actuator/partitions";

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    })
}

fn strike(lab: &Asking, blow: Blow) {
    lab.lab.with(|w| w.strike(blow));
}

async fn read(lab: &Asking, broker: u32, path: &str) -> Whole {
    lab.ask(lab.lab.management(BrokerId(broker)), "GET", path, "")
        .await
        .unwrap()
}

async fn posted(lab: &Asking, path: &str) -> Whole {
    lab.ask(lab.lab.management(BrokerId(0)), "POST", path, "")
        .await
        .unwrap()
}

/// What a broker took for its account of its partitions, asked once a second; it told of them each time.
async fn accounts(lab: &Asking, broker: u32, times: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..times {
        let told = read(lab, broker, PARTITIONS).await;
        assert_eq!((told.status, told.text.len() > 2), (200, true), "{told:?}");
        took.push(told.elapsed);
        lab.sleep(0.37).await;
    }
    took
}

/// A broker gives up, and says nothing but that. Between two calls that fail it may tell; they do not fail all the time.
async fn tells_nothing(lab: &Asking, broker: u32) {
    lab.until(60.0, "nothing told", async || {
        let told = read(lab, broker, PARTITIONS).await;
        assert_eq!(told.status, 200);
        let is_nothing = told.text == "{}";
        assert!(!is_nothing || told.elapsed >= Duration::from_secs(5), "{told:?}");
        is_nothing
    })
    .await;
}

/// How many process instances a region's search holds.
fn records(lab: &Asking, region: Region) -> usize {
    lab.lab.status().regions[region.index()].search.instances
}

const QUICK: Duration = Duration::from_millis(60);
const A_BULK: Duration = Duration::from_millis(1_600);

#[tokio::test(start_paused = true)]
async fn a_slow_search_holds_up_what_its_brokers_tell_of_their_partitions_and_nothing_else() {
    let lab = lab(1);
    lab.sleep(10.0).await;
    let before = accounts(&lab, 0, 40).await;
    assert!(before.iter().all(|took| *took < QUICK), "{before:?}");
    strike(&lab, Blow::SearchIsSlow(Region::Odd));
    lab.sleep(3.0).await;
    let slow = accounts(&lab, 0, 40).await;
    let longest = *slow.iter().max().unwrap();
    assert!(longest > Duration::from_secs(1) && longest < A_BULK, "{slow:?}");
    assert!(
        slow.iter().any(|took| *took < QUICK),
        "between two bulks it answers: {slow:?}"
    );
    for path in [
        "/actuator/prometheus",
        "/actuator/health/readiness",
        "/actuator/cluster",
    ] {
        for _ in 0..20 {
            let told = read(&lab, 0, path).await;
            assert!(told.elapsed < QUICK, "{path}: {:?}", told.elapsed);
            lab.sleep(0.21).await;
        }
    }
    // It is slow, not stuck: both searches go on to be written to.
    let held = Region::BOTH.map(|r| records(&lab, r));
    lab.sleep(20.0).await;
    for region in Region::BOTH {
        assert!(records(&lab, region) > held[region.index()] + 40, "{region:?}");
    }
    strike(&lab, Blow::SearchIsQuick(Region::Odd));
    lab.sleep(2.0).await;
    let after = accounts(&lab, 0, 40).await;
    assert!(after.iter().all(|took| *took < QUICK), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_search_holds_up_a_pause_for_a_bulk_and_is_drained_a_bulk_later() {
    let lab = lab(2);
    lab.sleep(10.0).await;
    strike(&lab, Blow::SearchIsSlow(Region::Even));
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        lab.sleep(2.13).await;
        let paused = posted(&lab, "/actuator/exporting/pause").await;
        assert_eq!(body_status(&paused.json()), 204, "{paused:?}");
        longest = longest.max(paused.elapsed);
        // Buffered for up to a second, and then in a call for a bulk's time.
        lab.sleep(2.7).await;
        let drained = records(&lab, Region::Even);
        lab.sleep(5.0).await;
        assert_eq!(records(&lab, Region::Even), drained);
        posted(&lab, "/actuator/exporting/resume").await;
    }
    assert!(
        longest > Duration::from_secs(1) && longest < A_BULK,
        "{longest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_search_that_stands_still_leaves_its_brokers_with_nothing_to_tell_until_it_goes_on() {
    let lab = lab(3);
    lab.sleep(10.0).await;
    strike(&lab, Blow::SearchFreezes(Region::Odd));
    lab.sleep(3.0).await;
    for broker in [0, 1, 2, 3] {
        tells_nothing(&lab, broker).await;
        assert!(read(&lab, broker, "/actuator/prometheus").await.elapsed < QUICK);
        assert_eq!(lab.readiness(broker).await, 200);
    }
    // Leaders lead all the same, and clients are served; exporting stands, to both.
    let (held, acknowledged) = (records(&lab, Region::Even), lab.lab.status().acknowledged);
    lab.sleep(40.0).await;
    let status = lab.lab.status();
    assert_eq!(status.leaderless, Vec::<u32>::new());
    assert!(status.acknowledged > acknowledged + 100);
    assert_eq!(records(&lab, Region::Even), held);
    strike(&lab, Blow::SearchThaws(Region::Odd));
    let told = accounts(&lab, 0, 10).await;
    assert!(told.iter().all(|took| *took < QUICK), "{told:?}");
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(30.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    assert!(lab.lab.final_audit().is_whole(), "{:?}", lab.lab.final_audit());
}

#[tokio::test(start_paused = true)]
async fn a_pause_while_exporters_sit_in_calls_is_set_and_not_heard_of() {
    let lab = lab(5);
    lab.sleep(10.0).await;
    strike(&lab, Blow::SearchFreezes(Region::Odd));
    lab.sleep(3.0).await;
    let paused = posted(&lab, "/actuator/exporting/pause").await;
    assert_eq!(
        (paused.status, body_status(&paused.json())),
        (200, 500),
        "{paused:?}"
    );
    assert!(paused.text.contains("timed out"), "{paused:?}");
    assert_eq!(lab.lab.with(|w| w.paused()).len(), 4);
    strike(&lab, Blow::SearchThaws(Region::Odd));
    let resumed = posted(&lab, "/actuator/exporting/resume").await;
    assert_eq!(body_status(&resumed.json()), 204, "{resumed:?}");
}

/// Paused and drained there is nothing to send: whatever then becomes of the search, brokers tell of themselves.
#[tokio::test(start_paused = true)]
async fn a_search_that_stands_still_after_a_pause_holds_nothing_up() {
    let lab = lab(6);
    lab.sleep(10.0).await;
    let paused = posted(&lab, "/actuator/exporting/pause").await;
    assert_eq!(body_status(&paused.json()), 204, "{paused:?}");
    lab.sleep(5.0).await;
    strike(&lab, Blow::SearchFreezes(Region::Odd));
    lab.sleep(3.0).await;
    for broker in [0, 1, 2, 3] {
        let told = accounts(&lab, broker, 10).await;
        assert!(told.iter().all(|took| *took < QUICK), "{told:?}");
    }
}

/// The whole of E6: cut, force, and readings that come back only when the exporter into the silence is disabled.
#[tokio::test(start_paused = true)]
async fn behind_a_silent_link_the_forced_survivors_tell_nothing_until_the_exporter_is_disabled() {
    let lab = lab(4);
    lab.sleep(10.0).await;
    lab.lab.cut_link();
    lab.sleep(25.0).await;
    let force = "/actuator/cluster/brokers?force=true";
    assert_eq!(lab.management(0, "POST", force, r#"["0","2"]"#).await.0, 202);
    lab.completed(0, 2, 60.0).await;
    let leads = |broker: u32| {
        let status = lab.lab.status();
        let own = status.regions[0].brokers.iter().find(|b| b.id == broker);
        own.is_some_and(|b| !b.leads.is_empty())
    };
    lab.until(60.0, "led", async || {
        lab.lab.status().leaderless.is_empty() && leads(0) && leads(2)
    })
    .await;
    for broker in [0, 2] {
        tells_nothing(&lab, broker).await;
    }
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    assert_eq!(lab.management(0, "POST", disable, "").await.0, 202);
    let took = lab.completed(0, 4, 200.0).await;
    assert!(took > Duration::from_secs(30), "minutes, not seconds: {took:?}");
    let told = accounts(&lab, 0, 10).await;
    assert!(told.iter().all(|took| *took < QUICK), "{told:?}");
}
