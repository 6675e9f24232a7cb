//! Plans of failbacks: both directions, three sizes, every stage of `spec: procedure.md §7`; just the owed steps come out,
//! the checker has no complaint, and what would be wrong is refused with a way out.

use c8dr_domain::check::check;
use c8dr_domain::condition::Condition;
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::plan::StepId::{
    Fb1, Fb2a, Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb4a, Fb4b, Fb5, Fb6, Fb7, Rt1, Rt2, Rt3, Rt4, Rt5,
};
use c8dr_domain::plan::failback::{Request, plan};
use c8dr_domain::plan::{Accepted, Kind, Plan, Refusal, StepId};
use c8dr_domain::platform::Component;
use c8dr_domain::record::fingerprint;
use c8dr_domain::topology::{ExporterPhase, ExporterStatus};

use crate::world::{
    LONDON, LONG, PARIS, Voice, Webapp, World, adding, disabling, enabling, noon, repository, watched,
};

const SIZES: [(u32, u32); 3] = [(4, 4), (8, 8), (12, 24)];

const ALL: [StepId; 13] = [
    Fb1, Fb2a, Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb4a, Fb4b, Fb5, Fb6, Fb7,
];

pub(crate) fn asked(world: &World, request: &Request) -> Result<Plan, Refusal> {
    let history = watched(&[(world, LONG)]);
    plan(&world.installation, &history, request, noon())
}

#[track_caller]
pub(crate) fn planned(world: &World, request: &Request) -> Plan {
    let plan = asked(world, request).unwrap();
    let seen = world.look(0);
    assert_eq!(check(&plan, Some(&seen)), [], "{:#?}", ids(&plan));
    assert_eq!(check(&plan, None), []);
    plan
}

fn request(returning: RegionId) -> Request {
    Request::new(returning, repository())
}

fn ids(plan: &Plan) -> Vec<StepId> {
    plan.steps.iter().map(|step| step.id).collect()
}

fn single(lost: RegionId) -> World {
    World::failed_over(4, 4, lost)
}

#[test]
fn a_plan_reads_as_it_should() {
    for lost in [LONDON, PARIS] {
        let plan = planned(&World::failed_over(8, 8, lost), &request(lost));
        insta::assert_yaml_snapshot!(format!("failback-8-8-returning-{lost}"), plan);
    }
}

#[test]
fn just_the_owed_steps_come_out_of_every_stage() {
    #[track_caller]
    fn check(world: &World, returning: RegionId, owed: &[StepId]) {
        let plan = planned(world, &request(returning));
        assert_eq!(ids(&plan), owed, "{:#?}", plan.diagnosis);
        let settled: Vec<StepId> = plan.settled.iter().map(|settled| settled.id).collect();
        let rest: Vec<StepId> = ALL.into_iter().filter(|id| !owed.contains(id)).collect();
        assert_eq!(settled, rest);
        let back: Vec<StepId> = plan.retreat.iter().map(|step| step.id).collect();
        assert_eq!(back, [Rt1, Rt2, Rt3, Rt4, Rt5]);
        assert_eq!((plan.kind, plan.lost), (Kind::Failback, returning));
    }
    for (brokers, partitions) in SIZES {
        for lost in [LONDON, PARIS] {
            let single = World::failed_over(brokers, partitions, lost);
            check(&single, lost, &ALL);
            let rebuilt = single.clone().rebuilt(lost);
            check(&rebuilt, lost, &ALL[1..]);
            let enabling = rebuilt
                .clone()
                .restored(lost)
                .exporter_is(lost, ExporterStatus::Enabled)
                .pending(6, enabling(&rebuilt, lost))
                .paused();
            check(&enabling, lost, &[Fb4a, Fb4b, Fb6, Fb7]);
            let enabled = rebuilt.clone().restored(lost).enabled(lost, 6);
            check(&enabled.clone().paused(), lost, &[Fb4a, Fb4b, Fb6, Fb7]);
            check(&enabled, lost, &[Fb4a, Fb4b, Fb7]);
            let operations = adding(&enabled, lost);
            let adding = enabled
                .clone()
                .pending(8, operations.clone())
                .progressed(1)
                .member(lost.0, &[]);
            check(&adding, lost, &[Fb4a, Fb4b, Fb7]);
            let all_members = enabled
                .clone()
                .pending(8, operations)
                .progressed(brokers as usize / 2)
                .joined(lost, &[]);
            check(&all_members, lost, &[Fb4a, Fb4b, Fb7]);
            check(&enabled.clone().added(lost, 8), lost, &[Fb4a, Fb4b]);
        }
    }
}

/// The returning brokers died mid-join, the change was cancelled, all of them are members, and partitions lack replicas: the
/// add is owed again. `spec: edge-cases.md E4`
#[test]
fn an_add_that_was_cancelled_is_owed_again() {
    for lost in [LONDON, PARIS] {
        let enabled = single(lost).rebuilt(lost).restored(lost).enabled(lost, 6);
        let some = enabled.clone().member(lost.0, &[]);
        assert_eq!(ids(&planned(&some, &request(lost))), [Fb4a, Fb4b, Fb7]);
        let all = enabled.clone().joined(lost, &[1]);
        assert_eq!(ids(&planned(&all, &request(lost))), [Fb4a, Fb4b, Fb7]);
        let none = enabled.joined(lost, &[]);
        assert_eq!(ids(&planned(&none, &request(lost))), [Fb4a, Fb4b, Fb7]);
    }
}

/// Removed, but its exporter left on, and the region came back empty: that looks like a failback after its enable, and the
/// records of before would be missing for ever.
#[test]
fn a_search_that_was_never_filled_is_no_failback_under_way() {
    for lost in [LONDON, PARIS] {
        for world in [
            single(lost).rebuilt(lost).enabled(lost, 6),
            single(lost).rebuilt(lost).enabled(lost, 6).paused(),
        ] {
            let refusal = asked(&world, &request(lost)).unwrap_err();
            assert_eq!(refusal.code.as_str(), "search-not-filled");
            assert!(refusal.way_out[0].contains("/disable"), "{:?}", refusal.way_out);
        }
    }
}

/// While brokers are added, one may hold its first replica before the members are read: that is no old disk.
#[test]
fn a_broker_that_is_being_added_has_no_old_disk() {
    let enabled = single(PARIS).rebuilt(PARIS).restored(PARIS).enabled(PARIS, 6);
    let adding = enabled
        .clone()
        .pending(8, adding(&enabled, PARIS))
        .member(1, &[])
        .voice(3, Voice::OldDisk);
    assert_eq!(ids(&planned(&adding, &request(PARIS))), [Fb4a, Fb4b, Fb7]);
}

/// All of it rests on the surviving search: that is looked at before anything is installed or taken down.
#[test]
fn the_surviving_search_is_asked_before_anything_is_done() {
    for lost in [LONDON, PARIS] {
        let well = Condition::SearchWell { region: lost.other() };
        let plan = planned(&single(lost), &request(lost));
        for step in plan
            .steps
            .iter()
            .filter(|step| [Fb1, Fb2a, Fb2b].contains(&step.id))
        {
            assert!(step.before.contains(&well), "{}", step.id);
        }
    }
}

/// A search that brokers do not reach holds up both exporters: that is tried before webapps are taken down or anything is paused,
/// and only where it can be tried.
#[test]
fn that_brokers_reach_both_searches_is_tried_before_anything_is_paused() {
    for lost in [LONDON, PARIS] {
        let world = single(lost);
        let trial = Condition::WritesArrive {
            from: lost.other(),
            exporters: [LONDON, PARIS]
                .map(|region| (region, world.installation.region(region).exporter.clone()))
                .into(),
        };
        let trying = |trial_writes| {
            let request = Request {
                trial_writes,
                ..request(lost)
            };
            let plan = planned(&world, &request);
            (plan.steps.iter())
                .filter(|step| step.before.contains(&trial))
                .map(|step| step.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(trying(true), [Fb2a, Fb2b]);
        assert_eq!(trying(false), []);
    }
}

/// Brokers are added only after it was read back that nobody resumed while the exporter was being enabled.
#[test]
fn that_nobody_has_resumed_is_read_back_when_the_exporter_is_on() {
    let world = single(PARIS);
    let plan = planned(&world, &request(PARIS));
    let enable = plan.steps.iter().find(|step| step.id == Fb5).unwrap();
    let unmoved = Condition::Unmoved {
        exporter: world.installation.region(LONDON).exporter.clone(),
    };
    assert!(enable.after.contains(&unmoved), "{:#?}", enable.after);
}

#[test]
fn an_installation_without_webapps_has_no_steps_for_them() {
    let mut request = request(PARIS);
    request.webapps = false;
    let world = single(PARIS).webapps(LONDON, &[]);
    let plan = planned(&world, &request);
    assert_eq!(
        ids(&plan),
        [Fb1, Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb5, Fb6, Fb7]
    );
    assert_eq!(plan.retreat.last().map(|step| step.id), Some(Rt4));
}

#[test]
fn a_pause_is_taken_over_only_by_name() {
    let world = single(PARIS).rebuilt(PARIS).paused();
    let mut request = request(PARIS);
    request.adopt_pause = Some("our own, of yesterday".to_owned());
    let plan = planned(&world, &request);
    assert_eq!(
        plan.accepted,
        [Accepted::PauseAdopted {
            reason: "our own, of yesterday".to_owned()
        }]
    );
    assert_eq!(ids(&plan), ALL[1..]);
}

/// A lower floor than the waits of some steps: the disks are looked at while they last.
#[test]
fn a_low_floor_is_watched_all_the_same() {
    let mut request = request(PARIS);
    request.floor_s = 30;
    planned(&single(PARIS), &request);
}

/// Gateways list the dead for seconds after a failover, with what they held: nobody has rebuilt them. `spec: edge-cases.md E5`
#[test]
fn ghosts_of_the_dead_are_no_rebuilt_region() {
    for lost in [LONDON, PARIS] {
        let mut world = single(lost);
        for broker in world.installation.brokers_of(lost) {
            world = world.ghost(broker.0, &[1]);
        }
        assert_eq!(ids(&planned(&world, &request(lost))), ALL);
    }
}

#[test]
fn refusals_name_their_ways_out() {
    let rebuilt = || single(PARIS).rebuilt(PARIS);
    let enabled = || rebuilt().restored(PARIS).enabled(PARIS, 6);
    let unreadable = Sight::Silent {
        why: Silence::NoAnswer,
        detail: "kubectl".to_owned(),
    };
    let cases = [
        (
            "nothing-answers",
            (0..4).fold(single(PARIS), World::silent),
            PARIS,
        ),
        ("another-installation", World::failed_over(8, 8, PARIS), PARIS),
        (
            "led-twice",
            single(PARIS).leads_as_well(2, 1).leads_as_well(0, 1),
            PARIS,
        ),
        ("other-region-serves", single(PARIS), LONDON),
        ("members-unreadable", single(PARIS).coordinator_hangs(), PARIS),
        (
            "healthy-but-exporter-off",
            World::of(4, 4).exporter_is(PARIS, ExporterStatus::Disabled),
            PARIS,
        ),
        (
            "survivor-not-a-member",
            single(PARIS).member(1, &[1]).without_members(&[0]),
            PARIS,
        ),
        (
            "survivor-not-a-member-while-adding",
            enabled()
                .without_members(&[2])
                .member(1, &[])
                .pending(8, adding(&rebuilt(), PARIS)),
            PARIS,
        ),
        ("survivor-down", rebuilt().silent(2), PARIS),
        (
            "change-pending",
            rebuilt().pending(9, disabling(&rebuilt(), PARIS, 0)),
            PARIS,
        ),
        (
            "add-of-others-pending",
            rebuilt().pending(9, adding(&rebuilt(), LONDON)),
            PARIS,
        ),
        (
            "surviving-exporter-off",
            rebuilt().exporter_is(LONDON, ExporterStatus::Disabled),
            PARIS,
        ),
        (
            "failover-half-done",
            single(PARIS).exporter_is(PARIS, ExporterStatus::Enabled),
            PARIS,
        ),
        ("old-disk", rebuilt().voice(1, Voice::OldDisk), PARIS),
        (
            "old-disk-beside-an-add",
            enabled().member(1, &[]).voice(3, Voice::OldDisk),
            PARIS,
        ),
        (
            "old-volumes",
            single(PARIS).platform(PARIS, |platform| {
                platform.volumes = Sight::Seen(["data-camunda-zeebe-0".to_owned()].into());
            }),
            PARIS,
        ),
        ("paused-by-somebody", rebuilt().paused(), PARIS),
        (
            "soft-paused-by-somebody",
            rebuilt().phase_of(0, ExporterPhase::SoftPaused),
            PARIS,
        ),
        (
            "paused-when-all-is-back",
            enabled().added(PARIS, 8).paused(),
            PARIS,
        ),
        ("paused-while-adding", enabled().member(1, &[]).paused(), PARIS),
        ("exporter-off-while-adding", rebuilt().member(1, &[]), PARIS),
        (
            "pods-unread",
            rebuilt().platform(LONDON, |platform| platform.pods = unreadable),
            PARIS,
        ),
        ("no-platform", rebuilt().without_platform(LONDON), PARIS),
    ];
    for (name, world, returning) in cases {
        let history = watched(&[(&world, LONG)]);
        let installation = World::of(4, 4).installation;
        let Err(refusal) = plan(&installation, &history, &request(returning), noon()) else {
            panic!("{name} is not refused");
        };
        assert!(!refusal.way_out.is_empty(), "{name}");
        insta::assert_yaml_snapshot!(format!("failback-refusal-{name}"), refusal);
    }
    let installation = World::of(4, 4).installation;
    let unread = plan(&installation, &watched(&[]), &request(PARIS), noon()).unwrap_err();
    assert_eq!(unread.code.as_str(), "nothing-read");
}

/// A region that was installed with its webapps on holds new volumes, not old ones: nobody is told to delete them.
#[test]
fn webapps_of_a_rebuilt_region_are_refused_as_what_they_are() {
    let world = single(PARIS).rebuilt(PARIS).webapps(PARIS, &[Webapp::Ready]);
    let refusal = asked(&world, &request(PARIS)).unwrap_err();
    assert_eq!(refusal.code.as_str(), "webapps-unexpected", "{refusal:#?}");
}

/// Webapps run, and the configuration says that there are none: they would write while the snapshot is taken.
#[test]
fn webapps_that_nobody_configured_are_refused() {
    for region in [LONDON, PARIS] {
        let world = single(PARIS)
            .rebuilt(PARIS)
            .webapps(LONDON, &[])
            .webapps(region, &[Webapp::Starting]);
        assert!(
            world.look(0).platforms[&region]
                .pods
                .seen()
                .unwrap()
                .iter()
                .any(|pod| pod.component == Component::Webapp)
        );
        let mut request = request(PARIS);
        request.webapps = false;
        let refusal = asked(&world, &request).unwrap_err();
        assert_eq!(refusal.code.as_str(), "webapps-unexpected", "{refusal:#?}");
        assert!(!refusal.way_out.is_empty());
    }
}

#[test]
fn a_plan_survives_being_written_and_has_one_fingerprint() {
    let one = planned(&single(PARIS), &request(PARIS));
    let read: Plan = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
    assert_eq!(read, one);
    assert_eq!(fingerprint(&read).unwrap(), fingerprint(&one).unwrap());
    let rest = planned(&single(PARIS).rebuilt(PARIS), &request(PARIS));
    assert_eq!(one.differences(&rest), ["FB1 is no longer owed."]);
}

/// What an abort has left in the returning search is said before exporting is paused, not in the middle.
#[test]
fn a_search_with_documents_is_refused_before_anything_is_paused() {
    for world in [
        single(PARIS).restored(PARIS),
        single(PARIS).rebuilt(PARIS).restored(PARIS),
    ] {
        let refusal = asked(&world, &request(PARIS)).unwrap_err();
        assert_eq!(refusal.code.as_str(), "search-not-clean");
        assert!(refusal.summary.contains("(40 documents)"), "{}", refusal.summary);
    }
}

#[test]
fn two_addresses_of_one_search_are_refused_as_that() {
    let uuid = single(PARIS).rebuilt(PARIS).look(0).searches[&LONDON]
        .cluster
        .seen()
        .unwrap()
        .clone();
    let world = single(PARIS)
        .rebuilt(PARIS)
        .restored(PARIS)
        .search(PARIS, |search| search.cluster = Sight::Seen(uuid));
    assert_eq!(
        asked(&world, &request(PARIS)).unwrap_err().code.as_str(),
        "one-search"
    );
}

/// Gateways list the dead for seconds. What is silent itself is not there, whatever they say.
#[test]
fn a_rebuilt_region_that_died_again_has_to_be_installed() {
    let world = single(PARIS).rebuilt(PARIS);
    let dead = world
        .installation
        .brokers_of(PARIS)
        .into_iter()
        .fold(world.clone(), |world, broker| {
            world.voice(broker.0, Voice::Silent(Silence::Refused))
        })
        .platform(PARIS, |platform| {
            platform.volumes = Sight::Seen(Default::default());
        });
    assert_eq!(ids(&planned(&world, &request(PARIS))), ALL[1..]);
    assert_eq!(ids(&planned(&dead, &request(PARIS))), ALL);
}

#[test]
fn a_region_that_was_never_given_up_has_nothing_to_return_from() {
    for lost in [LONDON, PARIS] {
        for world in [
            World::of(4, 4).loses(lost),
            World::of(4, 4).loses(lost).forgotten(),
        ] {
            let refusal = asked(&world, &request(lost)).unwrap_err();
            assert!(
                ["region-not-given-up", "members-unreadable"].contains(&refusal.code.as_str()),
                "{refusal:?}"
            );
        }
    }
}
