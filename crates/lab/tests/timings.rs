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

#[derive(Default)]
struct Failback(std::collections::BTreeMap<&'static str, Vec<f64>>);

impl Failback {
    fn took(&mut self, what: &'static str, took: Duration) {
        self.0.entry(what).or_default().push(took.as_secs_f64());
    }
}

/// Whether each partition's leader has had acknowledged all that it handed to region 0's exporter.
async fn drained(lab: &Asking) -> bool {
    let mut equal = 0;
    for broker in [0, 2] {
        let (_, own) = lab.management(broker, "GET", "/actuator/partitions", "").await;
        let port = lab.lab.management(BrokerId(broker));
        let page = lab
            .ask(port, "GET", "/actuator/prometheus", "")
            .await
            .unwrap()
            .text;
        for (partition, account) in own.as_object().unwrap() {
            let series = |name: &str| {
                let labels = format!("{{exporter=\"elasticsearchregion0\",partition=\"{partition}\",}}");
                let line = format!("zeebe_exporter_last_{name}_position{labels} ");
                page.lines()
                    .find_map(|l| l.strip_prefix(line.as_str()))
                    .map(str::to_owned)
            };
            let both = (series("exported"), series("updated_exported"));
            equal += usize::from(account["role"] == "LEADER" && both.0 == both.1 && both.0.is_some());
        }
    }
    equal == 4
}

/// A whole disaster of 4 brokers and 4 partitions, each wait measured, and all of it.
async fn disaster(seed: u64, took: &mut Failback) {
    let lab = Asking::new(WorldConfig {
        seed,
        ..WorldConfig::default()
    });
    let post = async |path: &str, body: &str| lab.management(0, "POST", path, body).await;
    let searched = async |region, method: &str, path: &str, body: &str| {
        lab.searched(region, method, path, body).await;
    };
    let since = |begin: c8dr_engine::clock::Moment| lab.clock.now().since(begin);
    lab.sleep(5.0).await;
    let begin = lab.clock.now();
    lab.lab.lose_region(Region::Odd);
    lab.until(20.0, "no survivor leads", async || {
        lab.lab.status().leaderless.len() == 4
    })
    .await;
    lab.sleep(1.0).await;
    post("/actuator/cluster/brokers?force=true", "[0,2]").await;
    let forced = lab.completed(0, 2, 20.0).await;
    let led = lab
        .until(20.0, "led", async || lab.all_led_by(0, &[0, 2]).await)
        .await;
    took.took("force -> led", forced + led);
    post("/actuator/exporters/elasticsearchregion1/disable", "").await;
    took.took("disable", lab.completed(0, 4, 20.0).await);
    took.took("failover in all", since(begin));

    let back = lab.clock.now();
    lab.lab.rebuild_bare(Region::Odd);
    lab.lab
        .with(|w| w.upgrade_or_install(Region::Odd, false))
        .unwrap();
    let listed = lab
        .until(60.0, "listed anew", async || {
            let topology = lab.topology(0).await;
            let brokers = topology["brokers"].as_array().unwrap().iter();
            // With partitions it would be a broker of before the loss that was not dropped yet.
            let anew = brokers.filter(|b| b["partitions"].as_array().is_some_and(Vec::is_empty));
            anew.count() == 2
        })
        .await;
    took.took("install -> listed", listed);
    for webapp in ["operate", "tasklist"] {
        lab.lab
            .with(|w| w.scale_deployment(Region::Even, webapp, 0))
            .unwrap();
    }
    let pods = |region| lab.lab.with(|w| w.pods(region));
    let gone = lab
        .until(60.0, "webapps gone", async || pods(Region::Even).len() == 4)
        .await;
    took.took("webapps 0 -> no pod", gone);
    let asked = lab.clock.now();
    lab.until(20.0, "paused", async || {
        asking::body_status(&post("/actuator/exporting/pause", "").await.1) == 204
    })
    .await;
    took.took("pause", since(asked));
    took.took(
        "drain",
        lab.until(20.0, "drained", async || drained(&lab).await).await,
    );
    let repository = "/_snapshot/camunda_backup";
    let s3 = r#"{"type":"s3","settings":{"bucket":"b","client":"camunda","base_path":"backups"}}"#;
    let asked = lab.clock.now();
    searched(Region::Even, "PUT", repository, s3).await;
    let snapshot = format!("{repository}/failback");
    searched(
        Region::Even,
        "PUT",
        &format!("{snapshot}?wait_for_completion=true"),
        "",
    )
    .await;
    took.took("snapshot", since(asked));
    let asked = lab.clock.now();
    searched(Region::Odd, "PUT", repository, s3).await;
    searched(
        Region::Odd,
        "POST",
        &format!("{snapshot}/_restore?wait_for_completion=true"),
        "",
    )
    .await;
    took.took("restore", since(asked));
    for region in Region::BOTH {
        lab.lab.with(|w| w.upgrade(region, true)).unwrap();
    }
    let ready = lab
        .until(60.0, "webapps ready", async || {
            let webapps = |region| {
                let pods = pods(region).into_iter();
                pods.filter(|p| p.ready && matches!(p.labels.component, "operate" | "tasklist"))
                    .count()
            };
            Region::BOTH.into_iter().all(|r| webapps(r) == 2)
        })
        .await;
    took.took("webapps up", ready);
    let enable = "/actuator/exporters/elasticsearchregion1/enable";
    post(enable, r#"{"initializeFrom":"elasticsearchregion0"}"#).await;
    took.took("enable", lab.completed(0, 6, 20.0).await);
    let asked = lab.clock.now();
    lab.until(20.0, "resumed", async || {
        asking::body_status(&post("/actuator/exporting/resume", "").await.1) == 204
    })
    .await;
    took.took("resume", since(asked));
    post("/actuator/cluster/brokers?replicationFactor=4", "[0,1,2,3]").await;
    took.took("add", lab.completed(0, 8, 60.0).await);
    let replicas = lab
        .until(20.0, "listed everywhere", async || {
            let topology = lab.topology(0).await;
            let brokers = topology["brokers"].as_array().unwrap().iter();
            let held = brokers.map(|b| b["partitions"].as_array().map_or(0, Vec::len));
            held.sum::<usize>() == 16
        })
        .await;
    took.took("add -> all replicas listed", replicas);
    took.took("failback in all", since(back));
    took.took("disaster in all", since(begin));
    lab.lab.with(|w| w.set_load(0.0));
    lab.until(20.0, "caught up", async || lab.lab.exporters_caught_up())
        .await;
    let audit = lab.lab.final_audit();
    assert!(audit.is_whole(), "seed {seed}: {audit:?}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_disaster_of_tiny_data_fits_into_a_minute() {
    let mut took = Failback::default();
    for seed in 0..40 {
        disaster(seed, &mut took).await;
    }
    for (what, values) in &mut took.0 {
        values.sort_by(f64::total_cmp);
        let (low, median, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        eprintln!("{what}: {low:.2} / {median:.2} / {high:.2} s");
    }
    let all = &took.0["disaster in all"];
    assert!(all[all.len() / 2] < 60.0 && all[all.len() - 1] < 75.0, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_brokers_clock_goes_on_where_nothing_else_does() {
    let lab = Asking::new(WorldConfig {
        creates_per_second: 0.0,
        ..WorldConfig::default()
    });
    lab.sleep(30.0).await;
    let (_, mut before) = lab.management(0, "GET", "/actuator/partitions", "").await;
    lab.sleep(1.0).await;
    let (_, mut after) = lab.management(0, "GET", "/actuator/partitions", "").await;
    let taken = |body: &mut serde_json::Value| -> Vec<String> {
        let own = body.as_object_mut().unwrap();
        own.values_mut()
            .map(|one| one["clock"]["instant"].take().as_str().unwrap().to_owned())
            .collect()
    };
    let (then, now) = (taken(&mut before), taken(&mut after));
    assert_eq!(before, after, "but for the clock all is as it was");
    assert!(!then.is_empty());
    assert!(
        then.iter().zip(&now).all(|(then, now)| then < now),
        "{then:?} {now:?}"
    );
}
