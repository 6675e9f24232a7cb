//! Plans: for both regions and three sizes, from every state on the way; just the owed steps come out.

use c8dr_domain::check::check;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId::{Fo1, Fo2};
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, StepId};
use c8dr_domain::record::fingerprint;
use c8dr_domain::topology::ExporterStatus;

use crate::world::{LONDON, LONG, PARIS, World, disabling, noon, removal, watched};

const SIZES: [(u32, u32); 3] = [(4, 4), (8, 8), (12, 24)];

fn planned(world: &World, lost: RegionId) -> Plan {
    let history = watched(&[(world, LONG)]);
    let plan = plan(&world.installation, &history, &Request::new(lost), noon()).unwrap();
    assert_eq!(check(&plan, history.latest()), []);
    plan
}

#[test]
fn plans_read_as_they_should() {
    for (brokers, partitions) in SIZES {
        for lost in [LONDON, PARIS] {
            let world = World::of(brokers, partitions).loses(lost);
            let name = format!("plan-{brokers}-{partitions}-lost-{lost}");
            insta::assert_yaml_snapshot!(name, planned(&world, lost));
        }
    }
}

#[test]
fn just_the_owed_steps_come_out_of_every_state_on_the_way() {
    #[track_caller]
    fn check(world: &World, lost: RegionId, owed: &[StepId], settled: &[StepId]) {
        let plan = planned(world, lost);
        let steps: Vec<_> = plan.steps.iter().map(|step| step.id).collect();
        let done: Vec<_> = plan.settled.iter().map(|settled| settled.id).collect();
        assert_eq!(
            (steps.as_slice(), done.as_slice()),
            (owed, settled),
            "{:#?}",
            plan.diagnosis
        );
        assert!(!plan.proof.is_empty());
    }
    for (brokers, partitions) in SIZES {
        for lost in [LONDON, PARIS] {
            let gone = World::of(brokers, partitions).loses(lost);
            check(&gone, lost, &[Fo1, Fo2], &[]);
            check(&gone.clone().forgotten(), lost, &[Fo1, Fo2], &[]);
            let forced = gone.clone().forced(lost, 2);
            let waiting = lost.other().0;
            if lost == PARIS {
                // With region 0 lost nobody can read what is pending.
                let running = gone.clone().pending(2, removal(&gone, lost));
                check(&running, lost, &[Fo1, Fo2], &[]);
            }
            check(&forced, lost, &[Fo2], &[Fo1]);
            check(&forced.clone().elected(), lost, &[Fo2], &[Fo1]);
            let disabling = forced
                .clone()
                .elected()
                .exporter_is(lost, ExporterStatus::Disabling)
                .pending(4, disabling(&forced, lost, waiting));
            check(&disabling, lost, &[Fo2], &[Fo1]);
            let done = forced.elected().disabled(lost, 4);
            check(&done, lost, &[], &[Fo1, Fo2]);
            check(&done.forgotten().returned_empty(lost), lost, &[], &[Fo1, Fo2]);
        }
    }
}

#[test]
fn refusals_name_their_ways_out() {
    let four = || World::of(4, 4);
    let lost = || four().loses(PARIS);
    let silent = (0..4).fold(four(), World::silent);
    let failed_over = || lost().forced(PARIS, 2).elected().disabled(PARIS, 4);
    let busy = lost().pending(2, disabling(&four(), PARIS, 1));
    let cases = [
        ("healthy", four(), LONG, PARIS),
        ("wrong-region", lost(), LONG, LONDON),
        ("too-early", lost(), 2, PARIS),
        ("survivor-down", lost().silent(2), LONG, PARIS),
        (
            "both-survivors-down",
            lost().silent(2).silent(0).unasked(LONDON).silent(2),
            LONG,
            PARIS,
        ),
        ("link-cut", four().cut(), LONG, PARIS),
        ("led-twice", four().leads_as_well(1, 1), LONG, PARIS),
        ("led-twice-once", four().leads_as_well(1, 1), 1, PARIS),
        ("nothing-answers", silent, LONG, PARIS),
        ("another-installation", World::of(8, 8), LONG, PARIS),
        ("change-pending", busy, LONG, PARIS),
        (
            "exporter-unknown",
            lost().exporter_renamed(PARIS, "camundaregion1"),
            LONG,
            PARIS,
        ),
        ("replica-missing", lost().without_members(&[2]), LONG, PARIS),
        (
            "members-unreadable",
            lost().forced(PARIS, 2).coordinator_hangs(),
            LONG,
            PARIS,
        ),
        ("last-region", failed_over(), LONG, LONDON),
        ("nothing-read", four(), 0, PARIS),
    ];
    for (name, world, readings, region) in cases {
        let history = watched(&[(&world, readings)]);
        let refusal = plan(&four().installation, &history, &Request::new(region), noon()).unwrap_err();
        assert!(!refusal.way_out.is_empty(), "{name}");
        insta::assert_yaml_snapshot!(format!("refusal-{name}"), refusal);
    }
}

#[test]
fn overrides_are_named_in_the_plan_with_their_reasons() {
    let history = watched(&[(&World::of(4, 4).loses(PARIS).silent(2), LONG)]);
    let mut request = Request::new(PARIS);
    request.accept_unfenced = Some("the data centre burns".to_owned());
    request.accept_data_loss = Some("and so does rack 2".to_owned());
    let plan = plan(&World::of(4, 4).installation, &history, &request, noon()).unwrap();
    insta::assert_yaml_snapshot!("plan-with-overrides", plan);
}

#[test]
fn a_plan_survives_being_written_and_has_one_fingerprint() {
    let world = World::of(8, 8).loses(PARIS);
    let one = planned(&world, PARIS);
    let read: Plan = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
    assert_eq!(read, one);
    assert_eq!(fingerprint(&read).unwrap(), fingerprint(&one).unwrap());
    let other = planned(&World::of(8, 8).loses(LONDON), LONDON);
    assert_ne!(fingerprint(&other).unwrap(), fingerprint(&one).unwrap());
}

#[test]
fn what_differs_between_two_plans_is_said() {
    let world = World::of(4, 4).loses(PARIS);
    let whole = planned(&world, PARIS);
    let rest = planned(&world.clone().forced(PARIS, 2).elected(), PARIS);
    assert_eq!(whole.differences(&whole), [""; 0]);
    assert_eq!(whole.differences(&rest), ["FO1 is no longer owed."]);
    assert_eq!(
        rest.differences(&whole),
        ["FO1 is owed now: remove brokers 1 and 3 by force, keep brokers 0 and 2."]
    );
}
