//! Blows that no recording shows: what each does, what it leaves alone, and that its healing takes it back.

mod asking;

use std::time::Duration;

use asking::Asking;
use c8dr_lab::{
    AnswerFault, Blow, BrokerId, Data, Door, Link, PlatformError, Power, Region, StoreState, Version,
    WorldConfig,
};

const FORCE: &str = "/actuator/cluster/brokers?force=true";
const DISABLE: &str = "/actuator/exporters/elasticsearchregion1/disable";

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ghost_probability: 0.0,
        ..WorldConfig::default()
    })
}

fn strike(lab: &Asking, blow: Blow) {
    lab.lab.with(|world| world.strike(blow));
}

fn instances(lab: &Asking) -> [usize; 2] {
    [0, 1].map(|i: usize| lab.lab.status().regions[i].search.instances)
}

async fn whole(lab: &Asking) {
    lab.until(90.0, "every partition is led", async || {
        let status = lab.lab.status();
        let all_ready = status.regions.iter().flat_map(|r| &r.brokers).all(|b| b.ready);
        status.leaderless.is_empty() && all_ready
    })
    .await;
}

async fn failed_over(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(10.0).await;
    strike(&lab, Blow::RegionDies(Region::Odd));
    lab.sleep(8.0).await;
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    assert_eq!(lab.management(0, "POST", DISABLE, "").await.0, 202);
    lab.completed(0, 4, 10.0).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn a_link_open_one_way_carries_no_majority_but_delivers() {
    let lab = lab(1);
    lab.sleep(5.0).await;
    let before = lab.lab.status().acknowledged;
    strike(&lab, Blow::LinkIsCutOneWay(Region::Odd));
    assert_eq!(lab.lab.status().link, Link::OnlyFromEven);
    lab.sleep(20.0).await;
    let status = lab.lab.status();
    assert_eq!(
        status.leaderless.len(),
        4,
        "nobody's answers come back: {status:?}"
    );
    assert!(status.acknowledged <= before + 1);
    for (gateway, own) in [(0, [0, 2]), (1, [1, 3])] {
        let listed = lab.topology(gateway).await["brokers"].clone();
        let ids: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["nodeId"].as_u64().unwrap())
            .collect();
        assert!(
            ids.iter().all(|id| own.contains(id)),
            "gateway {gateway} lists {ids:?}"
        );
    }
    strike(&lab, Blow::LinkHeals);
    whole(&lab).await;
    lab.sleep(20.0).await;
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn an_early_force_reaches_the_others_across_a_link_that_is_open_one_way() {
    // As long as region 0 lists region 1 it tells it what it has decided.
    for (lost_from, told) in [(Region::Odd, true), (Region::Even, false)] {
        let lab = lab(2);
        lab.sleep(5.0).await;
        strike(&lab, Blow::LinkIsCutOneWay(lost_from));
        lab.sleep(1.0).await;
        assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
        lab.sleep(25.0).await;
        let alive = lab.lab.status().regions[1].brokers.iter().any(|b| b.answers);
        assert_eq!(!alive, told, "{lost_from:?}\n{}", lab.history());
    }
}

#[tokio::test(start_paused = true)]
async fn a_flapping_link_comes_and_goes_until_it_is_healed_and_loses_nothing() {
    let lab = lab(3);
    lab.sleep(5.0).await;
    strike(&lab, Blow::LinkFlaps);
    lab.sleep(120.0).await;
    let flips = lab
        .lab
        .timeline()
        .iter()
        .filter(|e| e.what.contains("link between"))
        .count();
    assert!((12..=130).contains(&flips), "{flips}");
    strike(&lab, Blow::LinkHeals);
    let healed = lab.lab.timeline().len();
    whole(&lab).await;
    lab.sleep(60.0).await;
    let later = &lab.lab.timeline()[healed..];
    assert!(
        later.iter().all(|e| !e.what.contains("link between")),
        "it is over"
    );
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn over_a_slow_link_creates_are_slow_and_nobody_is_lost() {
    let lab = lab(4);
    lab.sleep(5.0).await;
    let create = async || {
        let port = lab.lab.rest(BrokerId(0));
        let body = r#"{"processDefinitionId":"work"}"#;
        lab.ask(port, "POST", "/v2/process-instances", body)
            .await
            .unwrap()
    };
    let quick = create().await;
    assert!(quick.elapsed < Duration::from_millis(150), "{quick:?}");
    strike(&lab, Blow::LinkIsSlow);
    let slow = create().await;
    assert_eq!(slow.status, 200);
    // A majority of four needs one of the other region: there and back.
    assert!(slow.elapsed >= Duration::from_millis(200), "{slow:?}");
    lab.sleep(60.0).await;
    assert!(lab.lab.status().leaderless.is_empty());
    strike(&lab, Blow::LinkHeals);
    assert!(create().await.elapsed < Duration::from_millis(150));
}

#[tokio::test(start_paused = true)]
async fn without_names_a_broker_waits_in_8_6_and_hangs_for_ever_in_8_8() {
    for (version, comes_back) in [(Version::V8_6, true), (Version::V8_8, false)] {
        let lab = Asking::new(WorldConfig {
            version,
            ..WorldConfig::default()
        });
        lab.sleep(5.0).await;
        strike(&lab, Blow::NamesAreLost);
        lab.sleep(5.0).await;
        assert!(lab.lab.status().leaderless.is_empty(), "who runs goes on");
        strike(&lab, Blow::BrokerDies(BrokerId(1)));
        strike(&lab, Blow::BrokerStarts(BrokerId(1)));
        lab.sleep(60.0).await;
        let of_1 = || lab.lab.status().regions[1].brokers[0].clone();
        assert_eq!(
            (of_1().power, of_1().answers),
            (Power::Up, false),
            "Running, not Ready"
        );
        strike(&lab, Blow::NamesAreFound);
        lab.sleep(30.0).await;
        assert_eq!(of_1().ready, comes_back, "{version:?}");
        // The remedy: the pod is deleted, and comes up.
        strike(&lab, Blow::BrokerDies(BrokerId(1)));
        strike(&lab, Blow::BrokerStarts(BrokerId(1)));
        whole(&lab).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_volume_stops_a_pair_and_gives_back_what_it_had() {
    let lab = failed_over(5).await;
    strike(&lab, Blow::VolumeFills(BrokerId(2)));
    lab.sleep(20.0).await;
    let stuck = lab.lab.status();
    assert!(
        stuck.regions[0].brokers[1].disk_free_bytes < 1 << 30,
        "less than raft needs"
    );
    lab.sleep(20.0).await;
    let later = lab.lab.status();
    assert_eq!(stuck.acknowledged, later.acknowledged, "two of two are needed");
    assert_eq!(lab.readiness(2).await, 200, "and no health tells");
    strike(&lab, Blow::VolumeIsFreed(BrokerId(2)));
    lab.sleep(20.0).await;
    assert!(lab.lab.status().acknowledged > later.acknowledged + 20);
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn clocks_jump_for_what_comes_after() {
    let lab = lab(6);
    lab.sleep(5.0).await;
    assert_eq!(lab.management(0, "POST", DISABLE, "").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    let before = lab.cluster(0).await["lastChange"]["startedAt"].clone();
    strike(&lab, Blow::ClocksJump(-7200));
    assert_eq!(lab.cluster(0).await["lastChange"]["startedAt"], before);
    assert_eq!(lab.management(0, "POST", DISABLE, "").await.0, 202);
    lab.completed(0, 4, 10.0).await;
    let after = lab.cluster(0).await["lastChange"]["startedAt"].clone();
    assert!(
        after.as_str().unwrap() < before.as_str().unwrap(),
        "{after} {before}"
    );
    strike(&lab, Blow::ClocksJump(86_400));
    lab.sleep(5.0).await;
    let names = lab
        .searched(Region::Even, "GET", "/_cat/indices?format=json", "")
        .await;
    let days = names
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| i["index"].as_str().unwrap().ends_with("2026-01-02"));
    assert!(
        days.count() > 0,
        "records go to the index of the new day: {names}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_search_without_room_takes_nothing_and_restores_nothing() {
    let lab = lab(7);
    lab.sleep(10.0).await;
    strike(&lab, Blow::SearchFills(Region::Odd));
    lab.sleep(2.0).await;
    let held = instances(&lab);
    lab.sleep(10.0).await;
    assert_eq!(instances(&lab), held, "one that cannot write holds up the other");
    let health = lab.searched(Region::Odd, "GET", "/_cluster/health", "").await;
    assert_eq!(health["status"], "green", "no health tells");
    strike(&lab, Blow::SearchIsFreed(Region::Odd));
    lab.sleep(5.0).await;
    assert!(instances(&lab)[0] > held[0] && instances(&lab)[1] > held[1]);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_stuck_in_opening_is_freed_by_disabling_it_in_8_6_only() {
    for (version, freed) in [(Version::V8_6, true), (Version::V8_8, false)] {
        let lab = Asking::new(WorldConfig {
            version,
            ..WorldConfig::default()
        });
        lab.sleep(10.0).await;
        strike(&lab, Blow::ExportersStick(Region::Odd));
        lab.sleep(2.0).await;
        let held = instances(&lab);
        lab.sleep(5.0).await;
        assert_eq!(instances(&lab), held, "it holds up the other exporter");
        assert_eq!(lab.management(0, "POST", DISABLE, "").await.0, 202);
        lab.completed(0, 2, 10.0).await;
        lab.sleep(5.0).await;
        assert_eq!(instances(&lab)[0] > held[0], freed, "{version:?}");
        // The remedy where disabling does not help: another leader opens its exporters anew.
        strike(&lab, Blow::BrokerDies(BrokerId(0)));
        strike(&lab, Blow::BrokerStarts(BrokerId(0)));
        whole(&lab).await;
        lab.sleep(5.0).await;
        assert!(instances(&lab)[0] > held[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn somebodys_upgrade_brings_the_webapps_back_and_an_interrupted_one_stops_all() {
    let lab = lab(8);
    lab.sleep(5.0).await;
    let pods = |lab: &Asking| {
        let pods = lab.lab.with(|w| w.pods(Region::Even));
        pods.iter()
            .filter(|p| ["operate", "tasklist"].contains(&p.labels.component))
            .count()
    };
    for webapp in ["operate", "tasklist"] {
        lab.lab
            .with(|w| w.scale_deployment(Region::Even, webapp, 0))
            .unwrap();
    }
    lab.sleep(20.0).await;
    assert_eq!(pods(&lab), 0);
    strike(&lab, Blow::SomebodyUpgrades(Region::Even));
    lab.sleep(20.0).await;
    assert_eq!(pods(&lab), 2, "whoever had switched them off");
    strike(&lab, Blow::UpgradeIsInterrupted(Region::Even));
    let refused = lab
        .lab
        .with(|w| w.upgrade_or_install(Region::Even, false))
        .unwrap_err();
    assert_eq!(refused, PlatformError::InProgress);
    assert_eq!(
        lab.lab.with(|w| w.release(Region::Even)).status,
        Some("pending-upgrade")
    );
    strike(&lab, Blow::UpgradeIsRolledBack(Region::Even));
    lab.lab
        .with(|w| w.upgrade_or_install(Region::Even, false))
        .unwrap();
    assert_eq!(lab.lab.with(|w| w.release(Region::Even)).status, Some("deployed"));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_halts_partitions_of_two_replicas_one_broker_at_a_time() {
    let lab = failed_over(9).await;
    strike(&lab, Blow::SomebodyRestartsBrokers(Region::Even));
    lab.until(3.0, "halted", async || lab.lab.status().leaderless.len() == 4)
        .await;
    lab.until(60.0, "both were restarted", async || {
        let said = lab.lab.timeline();
        let killed = |id: u32| said.iter().any(|e| e.what == format!("Broker {id} is killed."));
        let status = lab.lab.status();
        let up = status.regions[0].brokers.iter().all(|b| b.ready);
        let down = status.regions[0].brokers.iter().filter(|b| !b.ready).count();
        assert!(down <= 1, "one at a time");
        killed(0) && killed(2) && up && status.leaderless.is_empty()
    })
    .await;
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn an_uninstall_leaves_volumes_that_the_next_install_finds() {
    let lab = failed_over(10).await;
    strike(&lab, Blow::RegionReturns(Region::Odd, Data::Old));
    lab.sleep(20.0).await;
    strike(&lab, Blow::SomebodyUninstalls(Region::Odd));
    assert_eq!(lab.lab.with(|w| w.volumes(Region::Odd)).len(), 3);
    assert_eq!(lab.lab.with(|w| w.release(Region::Odd)).release, None);
    lab.lab.with(|w| w.install(Region::Odd, false)).unwrap();
    lab.sleep(30.0).await;
    assert!(
        instances(&lab)[1] > 0,
        "the search of old is back with its documents"
    );
    strike(&lab, Blow::VolumesAreDeleted(Region::Odd));
    assert_eq!(
        lab.lab.with(|w| w.volumes(Region::Odd)).len(),
        3,
        "those in use stay"
    );
    strike(&lab, Blow::SomebodyUninstalls(Region::Odd));
    strike(&lab, Blow::VolumesAreDeleted(Region::Odd));
    assert_eq!(lab.lab.with(|w| w.volumes(Region::Odd)).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn somebodys_changes_are_those_of_the_api() {
    let lab = lab(11);
    lab.sleep(5.0).await;
    strike(&lab, Blow::SomebodyMistypes);
    lab.sleep(10.0).await;
    assert_eq!(lab.cluster(0).await["pendingChange"]["id"], 2);
    strike(&lab, Blow::RegionDies(Region::Odd));
    lab.sleep(15.0).await;
    assert_eq!(
        lab.management(0, "POST", FORCE, "[0,2]").await.0,
        409,
        "the dead end of a pending change"
    );
    strike(&lab, Blow::SomebodyForces(Region::Even));
    assert_eq!(lab.cluster(0).await["pendingChange"]["id"], 2, "refused, too");
    strike(&lab, Blow::SomebodyCancels);
    strike(&lab, Blow::SomebodyForces(Region::Even));
    lab.completed(0, 5, 10.0).await;
    lab.until(15.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_twice_is_done_twice_and_the_second_is_answered() {
    let lab = lab(12);
    lab.sleep(5.0).await;
    strike(&lab, Blow::AnswerIsSpoilt(Door::Brokers, AnswerFault::Twice));
    let (status, body) = lab.management(0, "POST", DISABLE, "").await;
    assert!(
        status == 409 || (status, body["changeId"].as_u64()) == (202, Some(4)),
        "the first one's change is in the way, or done: {status} {body}"
    );
    strike(&lab, Blow::AnswerIsSpoilt(Door::Searches, AnswerFault::Twice));
    let s3 = r#"{"type":"s3","settings":{"bucket":"b","client":"camunda","base_path":"backups"}}"#;
    lab.searched(Region::Even, "PUT", "/_snapshot/camunda_backup", s3)
        .await;
    strike(&lab, Blow::AnswerIsSpoilt(Door::Searches, AnswerFault::Twice));
    let path = "/_snapshot/camunda_backup/one?wait_for_completion=true";
    let (status, body) = lab.search(Region::Even, "PUT", path, "").await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (400, &"snapshot_name_already_in_use_exception".into())
    );
    let kept = lab
        .searched(Region::Even, "GET", "/_snapshot/camunda_backup/one", "")
        .await;
    assert_eq!(kept["snapshots"][0]["state"], "SUCCESS", "and yet it was taken");
}

#[test]
fn what_heals_is_not_healed_itself() {
    let region = Region::Even;
    let broker = BrokerId(0);
    for blow in [
        Blow::BrokerDies(broker),
        Blow::BrokerFreezes(broker),
        Blow::LinkIsCut,
        Blow::LinkIsCutOneWay(region),
        Blow::LinkFlaps,
        Blow::LinkIsSlow,
        Blow::NamesAreLost,
        Blow::VolumeFills(broker),
        Blow::SearchDies(region),
        Blow::SearchTurnsRed(region),
        Blow::SearchFills(region),
        Blow::SearchIsSlow(region),
        Blow::SearchFreezes(region),
        Blow::ExportersStick(region),
        Blow::StoreIs(StoreState::Gone),
        Blow::StoreIs(StoreState::Denied),
        Blow::SomebodyPauses,
        Blow::UpgradeIsInterrupted(region),
        Blow::SomebodyUninstalls(region),
        Blow::SomebodyMistypes,
    ] {
        let healing = blow.healed_by().unwrap();
        assert_eq!(healing.healed_by(), None, "{blow:?}");
    }
}
