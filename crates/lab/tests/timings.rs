//! How long things take, over many seeds, against what was measured on the real one (spec: baseline.md, 8 brokers).

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failure is the point; figures are for the reader"
)]

mod asking;

use std::time::Duration;

use asking::Asking;
use c8dr_lab::{BrokerId, Data, Region, WorldConfig};

const SURVIVORS: [u32; 4] = [0, 2, 4, 6];

#[derive(Default)]
struct Measured {
    no_leader: Vec<f64>,
    dropped: Vec<f64>,
    forced: Vec<f64>,
    led: Vec<f64>,
    disabled: Vec<f64>,
    listed: Vec<f64>,
    added: Vec<f64>,
}

async fn measure(seed: u64, measured: &mut Measured) {
    let lab = Asking::new(WorldConfig {
        brokers: 8,
        partitions: 8,
        seed,
        ..WorldConfig::default()
    });
    lab.sleep(5.0).await;
    lab.lab.lose_region(Region::Odd);
    let quiet = async |broker: u32| {
        let port = lab.lab.management(BrokerId(broker));
        let read = lab.ask(port, "GET", "/actuator/partitions", "");
        let answer = lab.clock.timeout(Duration::from_millis(400), read).await;
        answer.is_ok_and(|a| !a.unwrap().text.contains("LEADER"))
    };
    let none = lab
        .until(20.0, "no survivor leads", async || {
            let mut all = true;
            for broker in SURVIVORS {
                all &= quiet(broker).await;
            }
            all
        })
        .await;
    measured.no_leader.push(none.as_secs_f64());
    let listed = async |n: usize| lab.topology(0).await["brokers"].as_array().map(Vec::len) == Some(n);
    let dropped = lab.until(60.0, "dropped", async || listed(4).await).await;
    measured.dropped.push((none + dropped).as_secs_f64());
    lab.management(0, "POST", "/actuator/cluster/brokers?force=true", "[0,2,4,6]")
        .await;
    measured
        .forced
        .push(lab.completed(0, 2, 20.0).await.as_secs_f64());
    let led = lab
        .until(20.0, "led", async || {
            lab.all_led_by(0, &SURVIVORS).await && lab.all_led_by(2, &SURVIVORS).await
        })
        .await;
    measured.led.push(led.as_secs_f64());
    lab.management(0, "POST", "/actuator/exporters/elasticsearchregion1/disable", "")
        .await;
    measured
        .disabled
        .push(lab.completed(0, 4, 20.0).await.as_secs_f64());
    lab.lab.return_region(Region::Odd, Data::Empty);
    measured.listed.push(
        lab.until(60.0, "listed", async || listed(8).await)
            .await
            .as_secs_f64(),
    );
    lab.management(
        0,
        "POST",
        "/actuator/cluster/brokers?replicationFactor=4",
        "[0,1,2,3,4,5,6,7]",
    )
    .await;
    measured.added.push(lab.completed(0, 6, 60.0).await.as_secs_f64());
}

/// The median must lie in the measured range, and no value beyond it by more than half.
#[track_caller]
fn check(what: &str, mut values: Vec<f64>, least: f64, most: f64) {
    values.sort_by(f64::total_cmp);
    let (low, median, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    eprintln!("{what}: {low:.1} / {median:.1} / {high:.1} s (real: {least} to {most})");
    assert!((least..=most).contains(&median), "{what}: median {median}");
    assert!(
        low >= least / 1.5 - 0.2 && high <= most * 1.5 + 0.2,
        "{what}: {low} to {high}"
    );
}

#[tokio::test(start_paused = true)]
async fn waits_are_those_of_the_real_one() {
    let mut measured = Measured::default();
    for seed in 0..40 {
        measure(seed, &mut measured).await;
    }
    check("kill -> no leader on any survivor", measured.no_leader, 5.3, 5.8);
    check(
        "kill -> gateway 0 lists survivors only",
        measured.dropped,
        7.4,
        24.2,
    );
    check("force -> COMPLETED", measured.forced, 0.2, 2.2);
    check(
        "COMPLETED -> every partition led at two gateways",
        measured.led,
        4.0,
        6.4,
    );
    check("disable -> COMPLETED", measured.disabled, 0.2, 1.4);
    check("empty region started -> listed", measured.listed, 14.9, 25.7);
    check("add -> COMPLETED", measured.added, 9.5, 14.0);
}
