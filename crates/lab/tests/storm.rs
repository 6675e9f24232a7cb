//! Faults at random, but nobody forces anything and no disk is lost: then everything acknowledged must still be there,
//! every partition must be led again, and every gateway must know it, once the faults have stopped.

mod asking;

use asking::Asking;
use c8dr_lab::{BrokerId, Data, Region, Timings, WorldConfig};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Fault {
    Kill(u32),
    Start(u32),
    Freeze(u32),
    Thaw(u32),
    Cut,
    Heal,
    Lose(bool),
    Return(bool),
    SearchDown(bool),
    SearchUp(bool),
    Rebalance(u32),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0u32..4).prop_map(Fault::Kill),
        (0u32..4).prop_map(Fault::Start),
        (0u32..4).prop_map(Fault::Freeze),
        (0u32..4).prop_map(Fault::Thaw),
        Just(Fault::Cut),
        Just(Fault::Heal),
        any::<bool>().prop_map(Fault::Lose),
        any::<bool>().prop_map(Fault::Return),
        any::<bool>().prop_map(Fault::SearchDown),
        any::<bool>().prop_map(Fault::SearchUp),
        (0u32..4).prop_map(Fault::Rebalance),
    ]
}

fn region(odd: bool) -> Region {
    if odd { Region::Odd } else { Region::Even }
}

async fn strike(lab: &Asking, fault: &Fault) {
    match *fault {
        Fault::Kill(b) => lab.lab.kill_broker(BrokerId(b)),
        Fault::Start(b) => lab.lab.start_broker(BrokerId(b), Data::Old),
        Fault::Freeze(b) => lab.lab.freeze(BrokerId(b)),
        Fault::Thaw(b) => lab.lab.thaw(BrokerId(b)),
        Fault::Cut => lab.lab.cut_link(),
        Fault::Heal => lab.lab.heal_link(),
        Fault::Lose(odd) => lab.lab.lose_region(region(odd)),
        Fault::Return(odd) => lab.lab.return_region(region(odd), Data::Old),
        Fault::SearchDown(odd) => lab.lab.set_search(region(odd), false),
        Fault::SearchUp(odd) => lab.lab.set_search(region(odd), true),
        Fault::Rebalance(b) => {
            // Whoever is asked may be dead: then nothing is rebalanced.
            let port = lab.lab.management(BrokerId(b));
            let _ = lab
                .clock
                .timeout(
                    std::time::Duration::from_secs(1),
                    lab.ask(port, "POST", "/actuator/rebalance", ""),
                )
                .await;
        }
    }
}

async fn calm(lab: &Asking) {
    lab.lab.heal_link();
    for broker in 0..4 {
        lab.lab.thaw(BrokerId(broker));
    }
    for region in Region::BOTH {
        lab.lab.return_region(region, Data::Old);
    }
    lab.until(120.0, "every partition is led again", async || {
        lab.lab.status().leaderless.is_empty()
    })
    .await;
    lab.sleep(40.0).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_ever_missing(
        seed: u64,
        storm in prop::collection::vec((fault(), 0.0f64..9.0), 1..24),
        zero: bool,
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let timings = if zero { Timings::zero() } else { Timings::measured() };
            let lab = Asking::new(WorldConfig { seed, timings, creates_per_second: 8.0, ..WorldConfig::default() });
            lab.sleep(3.0).await;
            for (fault, pause) in &storm {
                strike(&lab, fault).await;
                lab.sleep(*pause).await;
            }
            calm(&lab).await;
            let status = lab.lab.status();
            assert!(status.leaderless.is_empty() && status.led_twice.is_empty(), "{status:?}");
            for gateway in 0..4 {
                let topology = lab.topology(gateway).await;
                assert_eq!(topology["brokers"].as_array().map(Vec::len), Some(4), "gateway {gateway}: {topology}");
                assert!(lab.all_led_by(gateway, &[0, 1, 2, 3]).await, "gateway {gateway}: {topology}\n{}", lab.history());
            }
            let audit = lab.lab.audit();
            assert!(audit.missing.is_empty(), "{audit:?}\n{}", lab.history());
            assert!(audit.acknowledged > 100, "{audit:?} {status:?}\n{}", lab.history());
            assert_eq!(audit.in_one_search_only, 0, "both searches have caught up: {audit:?}");
        });
    }
}
