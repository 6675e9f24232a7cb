//! The runbook of a failover: FO1 and FO2. `spec: procedure.md §4`

use c8dr_domain::ids::{RegionId, counted};

use super::{Places, Runbook, Step, shell};

/// The page for the loss of a region.
pub fn runbook(places: &Places, lost: RegionId) -> Runbook {
    let installation = &places.installation;
    let (gone, stays) = (installation.region(lost), installation.region(lost.other()));
    let keep: Vec<String> = installation
        .brokers_of(stays.id)
        .iter()
        .map(|broker| format!("\"{broker}\""))
        .collect();
    let title = format!(
        "Remove {} of region {}",
        counted("broker", installation.brokers_of(lost)),
        gone.name
    );
    let force = format!(
        "change \"$MANAGEMENT/actuator/cluster/brokers?force=true\" -d '[{}]'   # the brokers to keep",
        keep.join(", ")
    );
    let names = places.names(
        "UT1",
        &[stays.id].into(),
        "In a second shell, so that nothing waits for it: a name server may have gone with the region.",
    );
    let mut page = Runbook {
        title: format!(
            "Failover of {} by hand: give up region {}, go on with {}",
            installation.name(),
            gone.name,
            stays.name
        ),
        know: vec![
            format!("For bash with curl and jq. `c8dr failover --lost {}` does the same, and proves more.", gone.name),
            "A loss that is over soon needs none of this: if the region comes back with its disks the cluster heals by itself.".to_owned(),
            match places.traffic {
                None => format!("Take user traffic off region {} first (DNS or load balancer).", gone.name),
                Some(_) => format!(
                    "UT1 takes user traffic off region {}. Do not wait for it: go on with FO1 while it runs, and do it again if it fails.",
                    gone.name
                ),
            },
            format!("Never give up {} as well: both regions given up is all data lost. A page keeps nobody from it: tell everybody, and write no direction record by hand.", stays.name),
            format!("The disks of region {} are worthless afterwards: it comes back empty, by a failback.", gone.name),
        ],
        setup: shell::setup(places, lost),
        steps: vec![
            Step::new("FO1", title, 180)
                .know("The check wants that every lost broker is silent, every survivor answers, and nobody leads. Let it say `ok` three times, a second apart.")
                .before("silent && up && [ -z \"$(leaders \"${HERE[@]}\")\" ]")
                .act(force, "a change's number. 409 means that another change is pending: stop, and find out whose. No answer means that nobody knows whether it was done: look with `zeebe \"$MANAGEMENT/actuator/cluster\"`, and never send it again while it may be under way.")
                .after("completed && all_led \"${HERE[@]}\""),
            Step::new(
                "FO2",
                format!("Disable the exporter {} to region {}", gone.exporter, gone.name),
                300,
            )
            .know("Without it the surviving search gets nothing, and the brokers' disks fill.")
            .before("completed && exporter \"$EXPORTER_HERE\" ENABLED")
            .act(
                "change \"$MANAGEMENT/actuator/exporters/$EXPORTER_THERE/disable\"",
                "a change's number.",
            )
            .after("completed && exporter \"$EXPORTER_THERE\" DISABLED && exporter \"$EXPORTER_HERE\" ENABLED"),
            Step::new("Proof", "Every partition is led, and nothing is pending", 60)
                .know("Look with `c8dr status` as well: it says `failed-over`, and what it costs to leave it so.")
                .after("idle && up && all_led \"${HERE[@]}\""),
        ],
        way_back: Vec::new(),
    };
    page.steps.splice(0..0, names);
    page
}
