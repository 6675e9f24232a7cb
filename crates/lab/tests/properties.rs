//! Whatever the size and the seed: a lost region can be failed over, nothing acknowledged is missing, and the same seed
//! gives the same world.

#![expect(clippy::unwrap_used, reason = "a failure is the point")]

mod asking;

use asking::Asking;
use c8dr_lab::{ConfigError, Data, Region, World, WorldConfig};
use proptest::prelude::*;

fn in_virtual_time<T>(work: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work())
}

/// A whole disaster and back; gives the world's trace.
async fn disaster(config: WorldConfig, lost: Region) -> u64 {
    let brokers = config.brokers;
    let survivors: Vec<u32> = (0..brokers).filter(|b| *b as usize % 2 != lost.index()).collect();
    let exporter = lost.exporter();
    let lab = Asking::new(config);
    let at = survivors[0];
    lab.sleep(5.0).await;
    lab.lab.lose_region(lost);
    lab.sleep(7.0).await;
    let keep = serde_json::to_string(&survivors).unwrap();
    let (status, body) = lab
        .management(at, "POST", "/actuator/cluster/brokers?force=true", &keep)
        .await;
    assert_eq!(status, 202, "{body}");
    lab.completed(at, 2, 30.0).await;
    lab.until(30.0, "led by the survivors", async || {
        lab.all_led_by(at, &survivors).await
    })
    .await;
    lab.management(at, "POST", &format!("/actuator/exporters/{exporter}/disable"), "")
        .await;
    lab.completed(at, 4, 60.0).await;
    lab.lab.return_region(lost, Data::Empty);
    lab.until(60.0, "all listed", async || {
        lab.topology(at).await["brokers"].as_array().map(Vec::len) == Some(brokers as usize)
    })
    .await;
    let all = serde_json::to_string(&(0..brokers).collect::<Vec<_>>()).unwrap();
    let (status, body) = lab
        .management(at, "POST", "/actuator/cluster/brokers?replicationFactor=4", &all)
        .await;
    assert_eq!(status, 202, "{body}");
    lab.completed(at, 6, 300.0).await;
    lab.sleep(20.0).await;
    let audit = lab.lab.audit();
    assert_eq!(audit.missing, Vec::<i64>::new(), "{}", lab.history());
    assert!(audit.acknowledged > 20, "{audit:?}");
    assert!(lab.lab.status().leaderless.is_empty());
    lab.lab.with(|w| w.trace())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_is_lost_and_brought_back(half in 2u32..6, partitions in 1u32..14, seed: u64, even: bool) {
        let config = WorldConfig { brokers: half * 2, partitions, seed, ..WorldConfig::default() };
        let lost = if even { Region::Even } else { Region::Odd };
        let first = in_virtual_time(async || disaster(config.clone(), lost).await);
        let second = in_virtual_time(async || disaster(config.clone(), lost).await);
        prop_assert_eq!(first, second, "the same seed gives the same world");
    }
}

#[test]
fn another_seed_is_another_world() {
    let run = |seed| {
        in_virtual_time(async || {
            disaster(
                WorldConfig {
                    seed,
                    ..WorldConfig::default()
                },
                Region::Odd,
            )
            .await
        })
    };
    assert_ne!(run(1), run(2));
}

#[test]
fn impossible_worlds_are_refused_with_their_reason() {
    let begin = "2026-01-01T12:00:00Z".parse().unwrap();
    let make = |config| World::new(config, begin).map(|_| ()).unwrap_err();
    let with = |f: fn(&mut WorldConfig)| {
        let mut config = WorldConfig::default();
        f(&mut config);
        config
    };
    assert_eq!(make(with(|c| c.brokers = 5)), ConfigError::Brokers(5));
    assert_eq!(make(with(|c| c.brokers = 2)), ConfigError::Brokers(2));
    assert_eq!(make(with(|c| c.partitions = 0)), ConfigError::Partitions(0));
    assert_eq!(
        make(with(|c| c.replication_factor = 3)),
        ConfigError::ReplicationFactor(3)
    );
    assert!(matches!(
        make(with(|c| c.region_names[1] = "region0".into())),
        ConfigError::RegionNames(..)
    ));
}
