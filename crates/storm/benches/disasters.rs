//! How long a whole disaster takes on one core: loss, failover, rebuilding and failback, with every checker on.

#![expect(clippy::unwrap_used, reason = "a benchmark ends by panicking")]

use c8dr_storm::{Disaster, Ring, Scenario, Shape, live};
use divan::Bencher;

fn main() {
    divan::main();
}

/// The size that the rates in the README are of.
const EIGHT: Shape = Shape {
    brokers: Some(8),
    partitions: Some(8),
};

/// One disaster after the other, each of its own seed.
fn lives(bencher: Bencher<'_, '_>, ring: Ring, scenario: Scenario) {
    let mut seed = 0;
    bencher
        .with_inputs(|| {
            seed += 1;
            Disaster::of(seed, scenario, EIGHT)
        })
        .bench_local_refs(|disaster| live(disaster, ring, false).unwrap());
}

#[divan::bench(sample_count = 40, args = [Scenario::Plain, Scenario::Any])]
fn ports(bencher: Bencher<'_, '_>, scenario: Scenario) {
    lives(bencher, Ring::Ports, scenario);
}

#[divan::bench(sample_count = 10, args = [Scenario::Plain, Scenario::Any])]
fn wire(bencher: Bencher<'_, '_>, scenario: Scenario) {
    lives(bencher, Ring::Wire, scenario);
}
