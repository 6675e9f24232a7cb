//! The edge cases that were tried on the real Zeebe (spec: edge-cases.md), each with its telltale facts.

mod asking;

use std::time::Duration;

use asking::{Asking, body_status};
use c8dr_lab::{AnswerFault, BrokerId, Data, Refused, Region, State, WorldConfig};

const FORCE: &str = "/actuator/cluster/brokers?force=true";
const ADD: &str = "/actuator/cluster/brokers?replicationFactor=4";
const ALL: &str = r#"["0","1","2","3"]"#;

fn lab(seed: u64) -> Asking {
    Asking::new(WorldConfig {
        seed,
        ghost_probability: 0.0,
        ..WorldConfig::default()
    })
}

/// Region 1 lost, forced, led, its exporter disabled.
async fn failed_over(seed: u64) -> Asking {
    let lab = lab(seed);
    lab.sleep(10.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(15.0).await;
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led by the survivors", async || {
        lab.all_led_by(0, &[0, 2]).await
    })
    .await;
    assert_eq!(
        lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
            .await
            .0,
        202
    );
    lab.completed(0, 4, 10.0).await;
    lab
}

async fn listed(lab: &Asking, gateway: u32) -> usize {
    lab.topology(gateway).await["brokers"]
        .as_array()
        .map_or(0, Vec::len)
}

#[tokio::test(start_paused = true)]
async fn a_create_times_out_once_and_is_refused_from_then_on() {
    let lab = lab(3);
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    let create = r#"{"processDefinitionId":"work"}"#;
    let first = lab
        .ask(lab.lab.rest(BrokerId(0)), "POST", "/v2/process-instances", create)
        .await
        .unwrap();
    assert_eq!(first.status, 504, "{}", first.text);
    assert!(
        (14.9..15.3).contains(&first.elapsed.as_secs_f64()),
        "{:?}",
        first.elapsed
    );
    let next = lab
        .ask(lab.lab.rest(BrokerId(0)), "POST", "/v2/process-instances", create)
        .await
        .unwrap();
    assert_eq!(
        (next.status, next.elapsed < Duration::from_millis(100)),
        (503, true),
        "{}",
        next.text
    );
}

#[tokio::test(start_paused = true)]
async fn partitions_hang_while_leaders_step_down() {
    let lab = lab(4);
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    let read = async || {
        lab.ask(lab.lab.management(BrokerId(0)), "GET", "/actuator/partitions", "")
            .await
            .unwrap()
    };
    lab.sleep(0.4).await;
    let first = read().await;
    assert_eq!(
        first.json()["1"]["role"],
        "LEADER",
        "the first reading still has the old leader"
    );
    assert!(first.elapsed < Duration::from_millis(100));
    lab.sleep(4.5).await;
    let hung = read().await;
    assert!(hung.elapsed > Duration::from_millis(50), "{:?}", hung.elapsed);
    assert_eq!(hung.json()["1"]["role"], "FOLLOWER");
    assert!(lab.clock.now().since_start() < Duration::from_secs_f64(10.8));
}

#[tokio::test(start_paused = true)]
async fn e1_a_pause_is_answered_before_the_exporters_are_drained() {
    let lab = failed_over(5).await;
    lab.sleep(20.0).await;
    let positions = async |broker: u32, partition: &str| {
        let page = lab
            .ask(
                lab.lab.management(BrokerId(broker)),
                "GET",
                "/actuator/prometheus",
                "",
            )
            .await
            .unwrap();
        let series = |name: &str| {
            let wanted = format!("{name}{{exporter=\"elasticsearchregion0\",partition=\"{partition}\",}} ");
            page.text
                .lines()
                .find_map(|l| l.strip_prefix(&wanted))
                .map(str::to_owned)
        };
        (
            series("zeebe_exporter_last_exported_position"),
            series("zeebe_exporter_last_updated_exported_position"),
        )
    };
    let leader = async |partition: &str| {
        for broker in [0, 2] {
            let (_, body) = lab.management(broker, "GET", "/actuator/partitions", "").await;
            if body[partition]["role"] == "LEADER" {
                return broker;
            }
        }
        panic!("partition {partition} has no leader")
    };
    assert_eq!(
        body_status(&lab.management(0, "POST", "/actuator/exporting/pause", "").await.1),
        204
    );
    let mut pending = 0;
    for partition in ["1", "2", "3", "4"] {
        let (exported, acknowledged) = positions(leader(partition).await, partition).await;
        pending += usize::from(exported != acknowledged);
    }
    assert!(pending > 0, "something sits in a buffer at 4 creates a second");
    lab.sleep(1.5).await;
    for partition in ["1", "2", "3", "4"] {
        let (exported, acknowledged) = positions(leader(partition).await, partition).await;
        assert_eq!(exported, acknowledged, "partition {partition} is drained");
    }
}

#[tokio::test(start_paused = true)]
async fn e4_returning_brokers_die_while_joining() {
    let lab = failed_over(6).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(30.0, "listed", async || listed(&lab, 0).await == 4)
        .await;
    assert_eq!(lab.management(0, "POST", ADD, ALL).await.0, 202);
    lab.until(30.0, "both have joined a partition", async || {
        lab.cluster(0).await["pendingChange"]["completed"]
            .as_array()
            .map_or(0, Vec::len)
            >= 4
    })
    .await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let leaderless = lab.lab.status().leaderless;
    assert!(
        leaderless.contains(&1),
        "partition 1 has 4 replicas configured and 2 alive: {leaderless:?}"
    );
    assert!(leaderless.len() < 4, "the others go on: {leaderless:?}");
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 409);
    assert_eq!(
        lab.management(0, "POST", &format!("{FORCE}&dryRun=true"), "[0,2]")
            .await
            .0,
        409
    );
    let (status, body) = lab
        .management(0, "DELETE", "/actuator/cluster/changes/6", "")
        .await;
    assert_eq!(
        (status, body["lastChange"]["status"].as_str()),
        (200, Some("CANCELLED"))
    );
    assert_eq!(
        body["brokers"].as_array().map(Vec::len),
        Some(4),
        "they stay members"
    );
    lab.sleep(5.0).await;
    assert!(lab.lab.status().leaderless.contains(&1), "a cancel heals nothing");
    let (status, body) = lab.management(0, "POST", FORCE, "[0,2]").await;
    assert_eq!((status, body["changeId"].as_u64()), (202, Some(9)));
    lab.completed(0, 9, 10.0).await;
    lab.until(15.0, "led again", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(30.0, "listed again", async || listed(&lab, 0).await == 4)
        .await;
    assert_eq!(lab.management(0, "POST", ADD, ALL).await.0, 202);
    lab.completed(0, 11, 40.0).await;
    lab.sleep(8.0).await;
    assert!(lab.lab.status().leaderless.is_empty());
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn e5_an_early_force_is_taken_and_waits_for_the_step_down() {
    for seed in 0..8 {
        let lab = lab(seed);
        lab.sleep(5.0).await;
        lab.lab.lose_region(Region::Odd);
        lab.sleep(1.0).await;
        assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
        let took = lab.completed(0, 2, 20.0).await.as_secs_f64();
        assert!((3.0..9.0).contains(&took), "seed {seed}: {took} s");
        lab.until(15.0, "led by the survivors", async || {
            lab.all_led_by(0, &[0, 2]).await
        })
        .await;
        lab.sleep(5.0).await;
        assert_eq!(lab.lab.audit().missing, Vec::<i64>::new(), "seed {seed}");
    }
}

/// All survivors are restarted where `before` the force, and once more between its completion and the election.
async fn restarted_around_a_force(before: bool) -> Asking {
    let lab = lab(21);
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(8.0).await;
    let restart = async || {
        for broker in [0, 2] {
            lab.lab.kill_broker(BrokerId(broker));
            lab.lab.start_broker(BrokerId(broker), Data::Old);
        }
        lab.sleep(8.0).await;
    };
    if before {
        restart().await;
    }
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    let done = lab.completed(0, 2, 5.0).await;
    assert!(
        done < Duration::from_secs(3),
        "before anybody is elected: {done:?}"
    );
    assert_eq!(lab.lab.status().leaderless.len(), 4);
    restart().await;
    lab
}

/// The reported edge case: the forced configuration was in memory only, and nobody has it any more.
#[tokio::test(start_paused = true)]
async fn a_forced_configuration_in_memory_only_is_lost_by_a_restart() {
    let lab = restarted_around_a_force(true).await;
    lab.sleep(60.0).await;
    let cluster = lab.cluster(0).await;
    assert_eq!(cluster["lastChange"]["status"], "COMPLETED");
    assert_eq!(cluster["brokers"].as_array().map(Vec::len), Some(2));
    let status = lab.lab.status();
    assert_eq!(status.leaderless.len(), 4, "two of four again: {status:?}");
    // The way out: the same force once more is a new change, and does it again (README §6.3).
    let (status, body) = lab.management(0, "POST", FORCE, "[0,2]").await;
    assert_eq!((status, body["changeId"].as_u64()), (202, Some(4)), "{body}");
    lab.until(20.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_forced_configuration_is_otherwise_stored_at_once() {
    let lab = restarted_around_a_force(false).await;
    lab.until(20.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
}

/// One of two that have it is enough: who stands for election tells the other.
#[tokio::test(start_paused = true)]
async fn a_replica_that_lost_its_configuration_is_told_by_one_that_has_it() {
    let lab = lab(22);
    lab.sleep(5.0).await;
    for broker in [1, 2, 3] {
        lab.lab.kill_broker(BrokerId(broker));
    }
    lab.sleep(14.0).await;
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    lab.lab.start_broker(BrokerId(2), Data::Old);
    lab.completed(0, 2, 10.0).await;
    lab.lab.kill_broker(BrokerId(2));
    lab.lab.start_broker(BrokerId(2), Data::Old);
    lab.until(30.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
}

/// Joins copy state, one after the other: their time grows with its size (spec: concepts.md §9).
#[tokio::test(start_paused = true)]
async fn joins_take_as_long_as_their_state_is_big() {
    let mut took = Vec::new();
    for partition_bytes in [0, 1 << 30] {
        let lab = Asking::new(WorldConfig {
            state: State {
                partition_bytes,
                copied_bytes_per_second: 100 << 20,
            },
            ..WorldConfig::default()
        });
        lab.sleep(5.0).await;
        lab.lab.lose_region(Region::Odd);
        lab.sleep(15.0).await;
        assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
        lab.completed(0, 2, 10.0).await;
        lab.lab.return_region(Region::Odd, Data::Empty);
        lab.sleep(20.0).await;
        let add = "/actuator/cluster/brokers?replicationFactor=4";
        assert_eq!(lab.management(0, "POST", add, "[0,1,2,3]").await.0, 202);
        took.push(lab.completed(0, 4, 300.0).await.as_secs_f64());
    }
    // Eight joins of a gibibyte at 100 MiB a second.
    let more = took[1] - took[0];
    assert!((75.0..90.0).contains(&more), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn e6_the_link_is_cut_and_both_sides_live() {
    let lab = lab(11);
    lab.sleep(5.0).await;
    let before = lab.lab.status().acknowledged;
    lab.lab.cut_link();
    let stuck = lab
        .ask(lab.lab.management(BrokerId(1)), "GET", "/actuator/cluster", "")
        .await
        .unwrap();
    assert_eq!(stuck.status, 504, "silence first: {}", stuck.text);
    lab.sleep(14.0).await;
    assert!(
        lab.lab.status().acknowledged <= before + 1,
        "no majority on either side"
    );
    for broker in 0..4 {
        assert_eq!(lab.readiness(broker).await, 200);
        assert_eq!(listed(&lab, broker).await, 2, "each side sees itself");
    }
    let (status, body) = lab.management(1, "GET", "/actuator/cluster", "").await;
    assert!(
        status == 502 && body["message"].as_str().unwrap().contains("member is not known"),
        "{body}"
    );
    assert_eq!(
        lab.management(1, "POST", &format!("{FORCE}&dryRun=true"), "[1,3]")
            .await
            .0,
        202
    );
    assert_eq!(
        lab.management(1, "POST", &format!("{FORCE}&dryRun=true"), "[0,2]")
            .await
            .0,
        502
    );
    let status = lab.lab.status();
    assert_eq!(status.leaderless.len(), 4, "{status:?}");
    assert!(
        lab.led_by(0, &[0, 2]).await + lab.led_by(1, &[1, 3]).await > 0,
        "leaders that are none are still shown"
    );
    let partitions = lab
        .ask(lab.lab.management(BrokerId(0)), "GET", "/actuator/partitions", "")
        .await
        .unwrap();
    if partitions.elapsed > Duration::from_secs(5) {
        assert_eq!(partitions.text, "{}", "an empty object is unknown, not none");
    }

    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    lab.completed(0, 2, 60.0).await;
    lab.until(60.0, "led by side 0", async || {
        lab.lab.status().leaderless.is_empty()
    })
    .await;
    assert_eq!(
        lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
            .await
            .0,
        202
    );
    lab.sleep(20.0).await;
    assert!(
        !lab.cluster(0).await["pendingChange"].is_null(),
        "a disable needs minutes while packets vanish"
    );
    lab.lab.heal_link();
    lab.completed(0, 4, 60.0).await;
    lab.until(6.0, "the other side shuts itself down", async || {
        lab.lab.status().regions[1].brokers.iter().all(|b| !b.answers)
    })
    .await;
    lab.sleep(5.0).await;
    let audit = lab.lab.audit();
    assert_eq!(audit.missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn e9_a_pending_change_when_the_coordinators_region_is_lost() {
    for empty in [false, true] {
        let lab = lab(12);
        lab.sleep(5.0).await;
        assert_eq!(
            lab.management(0, "POST", "/actuator/exporters/nosuch/enable", "")
                .await
                .0,
            202
        );
        lab.sleep(1.0).await;
        lab.lab.lose_region(Region::Even);
        lab.sleep(20.0).await;
        assert_eq!(lab.management(1, "POST", FORCE, "[1,3]").await.0, 409);
        assert_eq!(
            lab.management(3, "POST", &format!("{FORCE}&dryRun=true"), "[1,3]")
                .await
                .0,
            409
        );
        assert_eq!(
            lab.management(1, "DELETE", "/actuator/cluster/changes/2", "")
                .await
                .0,
            502
        );
        assert_eq!(lab.management(1, "GET", "/actuator/cluster", "").await.0, 502);
        lab.lab
            .start_broker(BrokerId(0), if empty { Data::Empty } else { Data::Old });
        let readable = lab
            .until(
                20.0,
                "broker 0's own gateway reads the configuration",
                async || {
                    let port = lab.lab.management(BrokerId(0));
                    let answer = lab.ask(port, "GET", "/actuator/cluster", "").await;
                    answer.is_ok_and(|a| a.status == 200 && a.json()["pendingChange"]["id"] == 2)
                },
            )
            .await;
        assert!((3.0..6.0).contains(&readable.as_secs_f64()), "{readable:?}");
        let (status, body) = lab
            .management(0, "DELETE", "/actuator/cluster/changes/2", "")
            .await;
        assert_eq!((status, body["version"].as_u64()), (200, Some(4)));
        if empty {
            let partitions = lab
                .ask(lab.lab.management(BrokerId(0)), "GET", "/actuator/partitions", "")
                .await
                .unwrap();
            assert_eq!(partitions.text, "{}");
            assert!(partitions.elapsed > Duration::from_secs(5));
        } else {
            lab.lab.kill_broker(BrokerId(0));
            lab.sleep(13.0).await;
        }
        let (status, body) = lab.management(1, "POST", FORCE, "[1,3]").await;
        assert_eq!((status, body["changeId"].as_u64()), (202, Some(5)), "{body}");
        lab.completed(1, 5, 10.0).await;
        lab.until(15.0, "led by 1 and 3", async || lab.all_led_by(1, &[1, 3]).await)
            .await;
        let gone = lab
            .ask(lab.lab.management(BrokerId(0)), "GET", "/actuator/cluster", "")
            .await;
        assert_eq!(
            gone.unwrap_err(),
            Refused::ConnectionRefused,
            "empty {empty}: broker 0 is gone"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn e10_both_sides_are_forced() {
    let lab = lab(13);
    lab.sleep(5.0).await;
    lab.lab.cut_link();
    lab.sleep(22.0).await;
    for (gateway, keep) in [(0, "[0,2]"), (1, "[1,3]")] {
        let (status, body) = lab.management(gateway, "POST", FORCE, keep).await;
        assert_eq!((status, body["changeId"].as_u64()), (202, Some(2)));
    }
    lab.completed(0, 2, 60.0).await;
    lab.completed(1, 2, 60.0).await;
    assert_eq!(
        (&lab.cluster(0).await["version"], &lab.cluster(1).await["version"]),
        (&3.into(), &3.into())
    );
    lab.until(20.0, "side 1 accepts creates, too", async || {
        let create = r#"{"processDefinitionId":"work"}"#;
        let (status, _) = lab.rest(1, "POST", "/v2/process-instances", create).await;
        status == 200 && lab.lab.status().led_twice.len() == 4
    })
    .await;
    lab.lab.heal_link();
    lab.sleep(5.0).await;
    for gateway in 0..4 {
        let cluster = lab.cluster(gateway).await;
        assert_eq!(
            cluster["brokers"].as_array().map(Vec::len),
            Some(4),
            "it looks fully healthy"
        );
        assert!(cluster["pendingChange"].is_null());
    }
    lab.sleep(5.0).await;
    assert_eq!(
        lab.lab.status().led_twice,
        [1, 2, 3, 4],
        "and every partition has two leaders"
    );
    assert!(
        !lab.lab.audit().missing.is_empty(),
        "what side 1 acknowledged is lost to the clients of side 0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_frozen_region_that_was_removed_ends_by_itself() {
    let lab = lab(14);
    lab.sleep(5.0).await;
    for broker in [1, 3] {
        lab.lab.freeze(BrokerId(broker));
    }
    lab.until(40.0, "dropped", async || listed(&lab, 0).await == 2)
        .await;
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    for broker in [1, 3] {
        lab.lab.thaw(BrokerId(broker));
    }
    lab.until(5.0, "gone", async || {
        lab.lab.status().regions[1].brokers.iter().all(|b| !b.answers)
    })
    .await;
    lab.lab.start_broker(BrokerId(1), Data::Old);
    lab.sleep(8.0).await;
    assert_eq!(lab.readiness(1).await, 503, "it has learnt that it is no member");
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

/// Found by the storm of this crate: a leader stepped down while it stood still, and never told its roles again.
#[tokio::test(start_paused = true)]
async fn a_thawed_broker_tells_its_roles() {
    for seed in 0..12 {
        let lab = lab(seed);
        lab.sleep(3.0).await;
        lab.lab.freeze(BrokerId(2));
        lab.sleep(5.7).await;
        lab.lab.cut_link();
        lab.lab.freeze(BrokerId(0));
        lab.sleep(6.2).await;
        lab.lab.heal_link();
        for broker in [0, 2] {
            lab.lab.thaw(BrokerId(broker));
        }
        lab.until(30.0, "led", async || lab.lab.status().leaderless.is_empty())
            .await;
        lab.sleep(10.0).await;
        for gateway in 0..4 {
            let topology = lab.topology(gateway).await;
            let brokers = topology["brokers"].as_array().cloned().unwrap_or_default();
            let whole = brokers
                .iter()
                .all(|b| b["partitions"].as_array().map(Vec::len) == Some(4));
            assert!(
                whole && brokers.len() == 4,
                "seed {seed}, gateway {gateway}: {topology}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_spoilt_and_the_next_is_not() {
    let lab = failed_over(15).await;
    let disable = "/actuator/exporters/elasticsearchregion1/disable";
    let ask = async || {
        lab.ask(lab.lab.management(BrokerId(0)), "POST", disable, "")
            .await
    };
    lab.lab.spoil_answer(AnswerFault::LostBeforeEffect);
    assert_eq!(ask().await.unwrap_err(), Refused::ConnectionReset);
    assert_eq!(lab.cluster(0).await["lastChange"]["id"], 4, "nothing happened");
    lab.lab.spoil_answer(AnswerFault::LostAfterEffect);
    assert_eq!(ask().await.unwrap_err(), Refused::ConnectionReset);
    lab.completed(0, 6, 10.0).await;
    lab.lab.spoil_answer(AnswerFault::Status(502));
    assert_eq!(ask().await.unwrap().status, 502);
    lab.lab.spoil_answer(AnswerFault::TimeoutAfterEffect);
    assert_eq!(ask().await.unwrap().status, 504);
    lab.completed(0, 8, 10.0).await;
    lab.lab.spoil_answer(AnswerFault::Delay(Duration::from_secs(3)));
    assert!(ask().await.unwrap().elapsed >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_exported_until_the_dead_target_is_disabled() {
    let lab = lab(16);
    lab.sleep(10.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(15.0).await;
    lab.management(0, "POST", FORCE, "[0,2]").await;
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    let before = lab.lab.audit().in_search[0];
    lab.sleep(20.0).await;
    assert_eq!(
        lab.lab.audit().in_search[0],
        before,
        "the dead target stalls the living one"
    );
    lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
        .await;
    lab.completed(0, 4, 10.0).await;
    lab.sleep(3.0).await;
    assert!(lab.lab.audit().in_search[0] > before + 40);
    assert!(
        lab.lab.status().regions[0].search.rewrites > 0,
        "at least once: old records again"
    );
}

#[tokio::test(start_paused = true)]
async fn survivors_can_be_reinforced_to_three_replicas() {
    let config = WorldConfig {
        brokers: 8,
        partitions: 8,
        seed: 17,
        ghost_probability: 0.0,
        ..WorldConfig::default()
    };
    let lab = Asking::new(config);
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.sleep(15.0).await;
    lab.management(0, "POST", FORCE, "[0,2,4,6]").await;
    lab.completed(0, 2, 10.0).await;
    lab.until(15.0, "led", async || lab.all_led_by(0, &[0, 2, 4, 6]).await)
        .await;
    let three = "/actuator/cluster/brokers?replicationFactor=3";
    let (status, body) = lab.management(0, "POST", three, r#"["0","2","4","6"]"#).await;
    assert_eq!(
        (status, body["plannedChanges"].as_array().map(Vec::len)),
        (202, Some(25)),
        "as many as recorded"
    );
    lab.completed(0, 4, 60.0).await;
    let topology = lab.topology(0).await;
    assert_eq!(
        (&topology["clusterSize"], &topology["replicationFactor"]),
        (&4.into(), &3.into())
    );
    lab.lab.kill_broker(BrokerId(4));
    lab.until(20.0, "all led by the other three", async || {
        lab.lab.status().leaderless.is_empty()
    })
    .await;
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
    lab.lab.start_broker(BrokerId(4), Data::Old);
    lab.sleep(30.0).await;
    let counts = lab.lab.with(|world| world.replicas_taking_part());
    assert!(
        counts.values().all(|count| *count == 3),
        "it takes part again: {counts:?}"
    );
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(60.0, "listed", async || listed(&lab, 0).await == 8)
        .await;
    let all = r#"["0","1","2","3","4","5","6","7"]"#;
    let (status, body) = lab.management(0, "POST", ADD, all).await;
    // Recorded: 43. By the round robin as many replicas change their priority as on the way to three (9 of those 25), beside 4
    // adds, 20 joins and 12 leaves: the model plans that, and what the real one left out is not known.
    let planned = body["plannedChanges"].as_array().map_or(0, Vec::len);
    assert_eq!((status, planned), (202, 45), "from three to four");
    lab.completed(0, 6, 120.0).await;
    let counts = lab.lab.with(|world| world.replicas_taking_part());
    assert!(counts.values().all(|count| *count == 4), "{counts:?}");
    assert_eq!(lab.topology(0).await["replicationFactor"], 4);
    assert_eq!(lab.lab.audit().missing, Vec::<i64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_broker_haunts_the_topology_with_its_stale_role() {
    let lab = Asking::new(WorldConfig {
        seed: 18,
        ghost_probability: 1.0,
        ..WorldConfig::default()
    });
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    lab.until(30.0, "dropped", async || listed(&lab, 0).await == 2)
        .await;
    lab.until(20.0, "listed again", async || listed(&lab, 0).await > 2)
        .await;
    assert!(lab.led_by(0, &[1, 3]).await > 0, "as the leader that it was");
    lab.until(20.0, "dropped again", async || listed(&lab, 0).await == 2)
        .await;
    lab.sleep(60.0).await;
    assert_eq!(listed(&lab, 0).await, 2, "and only once");
}

#[tokio::test(start_paused = true)]
async fn without_delays_a_failover_is_over_at_once() {
    let timings = c8dr_lab::Timings::zero();
    let lab = Asking::new(WorldConfig {
        seed: 19,
        timings,
        ghost_probability: 0.0,
        ..WorldConfig::default()
    });
    lab.sleep(1.0).await;
    lab.lab.lose_region(Region::Odd);
    assert_eq!(listed(&lab, 0).await, 2);
    assert_eq!(lab.management(0, "POST", FORCE, "[0,2]").await.0, 202);
    assert!(lab.all_led_by(0, &[0, 2]).await);
    assert_eq!(
        lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
            .await
            .0,
        202
    );
    assert_eq!(lab.cluster(0).await["lastChange"]["id"], 4);
    lab.lab.return_region(Region::Odd, Data::Empty);
    assert_eq!(lab.management(0, "POST", ADD, ALL).await.0, 202);
    assert_eq!(lab.cluster(0).await["lastChange"]["id"], 6);
    assert_eq!(lab.readiness(3).await, 200);
}

/// Fails over, brings the region back, pauses, and snapshots after `wait`; counts what never reaches region 1.
async fn lost_by_a_snapshot(seed: u64, wait: f64) -> usize {
    let lab = failed_over(seed).await;
    lab.lab.return_region(Region::Odd, Data::Empty);
    lab.until(30.0, "listed", async || listed(&lab, 0).await == 4)
        .await;
    assert_eq!(
        body_status(&lab.management(0, "POST", "/actuator/exporting/pause", "").await.1),
        204
    );
    lab.sleep(wait).await;
    assert!(lab.lab.snapshot_search(Region::Even));
    // The enable comes when the exporters have drained in any case.
    lab.sleep(3.0).await;
    assert!(lab.lab.restore_search(Region::Odd));
    let from = r#"{"initializeFrom":"elasticsearchregion0"}"#;
    assert_eq!(
        lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/enable", from)
            .await
            .0,
        202
    );
    lab.completed(0, 6, 10.0).await;
    assert_eq!(
        body_status(
            &lab.management(0, "POST", "/actuator/exporting/resume", "")
                .await
                .1
        ),
        204
    );
    assert_eq!(lab.management(0, "POST", ADD, ALL).await.0, 202);
    lab.completed(0, 8, 30.0).await;
    lab.sleep(5.0).await;
    lab.lab.with(|w| w.set_load(0.0));
    lab.sleep(5.0).await;
    lab.lab.audit().in_one_search_only
}

#[tokio::test(start_paused = true)]
async fn e1_a_snapshot_at_the_pauses_answer_loses_what_a_drained_one_keeps() {
    assert!(
        lost_by_a_snapshot(20, 0.0).await > 0,
        "what was in the buffers is in region 0 only"
    );
    assert_eq!(
        lost_by_a_snapshot(20, 2.0).await,
        0,
        "after the drain both regions hold the same"
    );
}
