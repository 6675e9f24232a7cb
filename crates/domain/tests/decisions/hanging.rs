//! Which brokers hang at their start, and which are only not ready yet.

use std::time::Duration;

use c8dr_domain::hanging::{PATIENCE, Standing, standing};
use c8dr_domain::ids::BrokerId;
use c8dr_domain::platform::{PodState, PodTrouble};

use crate::world::{LONDON, PARIS, Voice, World};

const LONG: Option<Duration> = Some(Duration::from_secs(600));

fn of(world: &World, broker: u32, state: PodState, after: Option<Duration>) -> Standing {
    standing(&world.look(0), Some(BrokerId(broker)), state, after, PATIENCE)
}

/// One region was removed; its brokers are back as pods, and gateways of the other do not know of them.
fn rebuilt() -> World {
    World::failed_over(4, 4, PARIS)
}

#[test]
fn a_broker_that_no_gateway_lists_hangs_after_a_while() {
    let world = rebuilt();
    assert_eq!(of(&world, 1, PodState::Running, LONG), Standing::Hangs);
    let soon = Some(Duration::from_secs(179));
    assert_eq!(of(&world, 1, PodState::Running, soon), Standing::Early);
    assert_eq!(of(&world, 1, PodState::Running, Some(PATIENCE)), Standing::Hangs);
    // Since when is not known: nothing is deleted on a guess.
    assert_eq!(of(&world, 1, PodState::Running, None), Standing::Early);
}

#[test]
fn a_broker_that_waits_for_partitions_does_not_hang() {
    let world = rebuilt().returned_empty(PARIS);
    assert_eq!(of(&world, 1, PodState::Running, LONG), Standing::InCluster);
    // Behind a broken link no gateway that is heard lists it, but it says itself what it holds.
    let world = rebuilt().voice(1, Voice::OldDisk);
    assert_eq!(of(&world, 1, PodState::Running, LONG), Standing::InCluster);
}

#[test]
fn what_is_broken_is_not_taken_for_hanging() {
    let world = rebuilt();
    for trouble in [
        PodTrouble::CrashLoop,
        PodTrouble::NoImage,
        PodTrouble::BadConfiguration,
        PodTrouble::Unschedulable,
    ] {
        let standing = of(&world, 1, PodState::Broken(trouble), LONG);
        assert_eq!(standing, Standing::Broken(trouble));
        assert!(standing.words(None, LONG).contains("it is broken"));
    }
    for state in [PodState::Starting, PodState::Ending, PodState::Unknown] {
        assert_eq!(of(&world, 1, state, LONG), Standing::Otherwise(state));
    }
    assert_eq!(of(&world, 1, PodState::Ready, LONG), Standing::Ready);
}

#[test]
fn without_a_gateway_nothing_is_said() {
    let world = World::of(4, 4).loses(PARIS).loses(LONDON);
    assert_eq!(of(&world, 1, PodState::Running, LONG), Standing::Untold);
    let nameless = standing(&rebuilt().look(0), None, PodState::Running, LONG, PATIENCE);
    assert_eq!(nameless, Standing::Untold);
    let words = Standing::Untold.words(Some(BrokerId(1)), LONG);
    assert!(words.contains("whether it hangs is not known"), "{words}");
}
