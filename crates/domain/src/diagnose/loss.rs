//! What a silent region, a cut link or unseen brokers amount to.

use super::changes::pending_in_a_loss;
use super::{Code, Diagnosis, OUTAGE, no_proven_leader, standstill, unled};
use crate::fence;
use crate::ids::{BrokerId, ChangeId, RegionId, counted, number, sentence};
use crate::picture::{Lead, Picture};

/// Gateways answer and no broker does: our way to the brokers is blocked, or all of them are dead.
pub(super) fn brokers_unseen(picture: &Picture<'_>) -> Diagnosis {
    let gateways = picture.latest.gateways.iter().filter_map(|(name, gateway)| {
        let words = match gateway.topology.instead() {
            None => "shows its topology".to_owned(),
            Some(instead) => format!("says {instead}"),
        };
        gateway
            .topology
            .answered()
            .then(|| format!("Gateway {name} {words}."))
    });
    Diagnosis::new(
        Code::Unclear,
        "No broker of either region answers at its own endpoint, though gateways answer.",
    )
    .seen(gateways)
    .costs("Unknown: what the brokers do cannot be seen from here.")
    .then("Check the brokers' management endpoints in the configuration, and the way to them.")
}

/// The gateways show a smaller cluster, and who its members are cannot be read: one region was removed, or is being.
/// Nothing may be forced on that: it could be the second time.
pub(super) fn halved(picture: &Picture<'_>) -> Option<Diagnosis> {
    let full = picture.installation.cluster_size();
    let smaller: Vec<String> = picture
        .latest
        .topologies()
        .filter(|(_, _, topology)| topology.cluster_size < full)
        .map(|(name, _, topology)| {
            format!(
                "Gateway {name} shows a cluster of {} brokers of {full}.",
                topology.cluster_size
            )
        })
        .collect();
    picture.shrunk_unread().then(|| {
        Diagnosis::new(
            Code::Unclear,
            "Some brokers were removed from the cluster, and which of them cannot be read at the moment.",
        )
        .seen(smaller)
        .seen(picture.coordinator_silent().map(|why| format!("The coordinator does not answer: {why}.")))
        .costs("Seconds, if the coordinator answers again soon. A force now could be a second one, which drops every leader.")
        .then("Look again in a few seconds: `c8dr status`.")
    })
}

/// A region is silent. Lost, or not yet proven, or only not to be seen from here?
pub(super) fn one_silent(picture: &Picture<'_>, lost: RegionId) -> Diagnosis {
    let name = &picture.installation.region(lost).name;
    let survivors = picture.region(lost.other(), picture.latest);
    let since = picture.region_silent(lost);
    let evidence = format!(
        "Region {name} has answered nothing for {} over {:.1} s ({}).",
        number(since.readings, "reading"),
        since.span.as_secs_f64(),
        counted("broker", picture.installation.brokers_of(lost))
    );
    if let Some((change, why)) = lost_coordinator_change(picture, lost) {
        return coordinator_lost(picture, lost, change, &why).seen([evidence]);
    }
    if let Some(change) = pending_in_a_loss(picture, lost) {
        return change.seen([evidence]);
    }
    let gaps = fence::gaps(picture, lost);
    if gaps.is_empty() {
        return Diagnosis::new(Code::RegionLost, format!("Region {name} is lost: its brokers are silent and no partition has a leader."))
            .about(lost)
            .seen([evidence])
            .seen(lost_details(picture, lost))
            .costs(OUTAGE)
            .then(format!("If it will be back with its disks soon, wait: the cluster heals by itself. Else `c8dr failover --lost {name}`."))
            .then("Take user traffic off the lost region (DNS or load balancer) before or together with the failover.");
    }
    // Everybody is led by survivors, and their gateways still see the other side: they have it, we have not.
    let still_listed = picture.gateways_listing(&picture.installation.brokers_of(lost), lost.other()) > 0;
    let all_led = picture.leads().values().all(|lead| lead.leader().is_some());
    let long = since.reaches(fence::READINGS, UNREACHABLE_FROM_HERE);
    if all_led && still_listed && long {
        return Diagnosis::new(
            Code::RegionUnreachableFromHere,
            format!("Region {name} does not answer us, but the cluster works with it."),
        )
        .about(lost)
        .seen([
            evidence,
            "Every partition has a leader, and the surviving gateways list the silent brokers.".to_owned(),
        ])
        .then("Repair the way from this machine to that region. Do not fail over.");
    }
    let why = gaps.iter().map(|gap| gap.why.clone());
    if !survivors.silent.is_empty() {
        return Diagnosis::new(
            Code::RegionLostSurvivorDown,
            format!(
                "Region {name} is silent, and so {} {} of the other region.",
                if survivors.silent.len() == 1 { "is" } else { "are" },
                counted("broker", &survivors.silent)
            ),
        )
        .about(lost)
        .seen([evidence])
        .seen(why)
        .costs(OUTAGE)
        .then(format!(
            "Start {} again first: a force would hang on it.",
            counted("broker", &survivors.silent)
        ))
        .then(format!(
            "Only if its disk is gone: `c8dr failover --lost {name} --accept-data-loss \"reason\"`."
        ));
    }
    Diagnosis::new(
        Code::RegionSuspected,
        format!("Region {name} is silent; that it is lost is not proven yet."),
    )
    .about(lost)
    .seen([evidence])
    .seen(why)
    .costs(standstill(picture))
    .then("Look again: `c8dr status --watch`. Leaders step down about five seconds after a region is gone.")
}

/// After which time survivors that still lead everything are believed to have a quorum, which a lost region excludes.
///
/// Leaders step down five to eight seconds after their quorum is gone, eleven on a busy machine. `spec: edge-cases.md E5`
const UNREACHABLE_FROM_HERE: jiff::SignedDuration = jiff::SignedDuration::from_secs(20);

fn lost_details(picture: &Picture<'_>, lost: RegionId) -> Vec<String> {
    let answering = picture.region(lost.other(), picture.latest).answering;
    let mut details = vec![sentence(
        "broker",
        &answering,
        "answers and leads nothing.",
        "answer; none of them leads a partition.",
    )];
    if let Some(why) = picture.coordinator_lost_with(lost) {
        details.push(format!(
            "The cluster configuration cannot be read ({why}); its coordinator is lost with the region. A force still works, unless a change was pending that was never seen: then it is refused (409), and changes nothing."
        ));
    }
    let brokers = picture.installation.brokers_of(lost);
    let (seen, listing) = (
        picture.gateways_seen(lost.other()),
        picture.gateways_listing(&brokers, lost.other()),
    );
    details.push(format!(
        "{listing} of {seen} surviving gateways still list lost brokers; they forget them after some 13 s."
    ));
    details
}

/// A change that is known to be pending, and why the configuration cannot be read: its coordinator is lost with `lost` and
/// does not answer. `None` where it answers, or where nothing was pending when it last did. `spec: edge-cases.md E9`
pub fn lost_coordinator_change(picture: &Picture<'_>, lost: RegionId) -> Option<(Option<ChangeId>, String)> {
    let why = picture.coordinator_lost_with(lost)?;
    let pending = picture
        .history
        .readings()
        .rev()
        .find_map(|reading| reading.configuration())?
        .1
        .pending_change
        .as_ref()?;
    Some((Some(pending.id), why))
}

/// The dead end of `spec: edge-cases.md E9`, with both ways out; also used when a force is answered 409 there.
pub fn coordinator_lost(
    picture: &Picture<'_>,
    lost: RegionId,
    change: Option<ChangeId>,
    why: &str,
) -> Diagnosis {
    let name = &picture.installation.region(lost).name;
    let lowest = picture
        .installation
        .brokers_of(lost)
        .first()
        .copied()
        .unwrap_or(BrokerId(0));
    let change_words = change.map_or("A change".to_owned(), |change| format!("Change {change}"));
    let mut diagnosis = Diagnosis::new(
        Code::CoordinatorLost,
        format!("{change_words} was pending when region {name} was lost with the coordinator, broker {lowest}."),
    )
    .about(lost)
    .seen([
        format!("The configuration cannot be read or changed: {why}."),
        "While a change is pending a force is refused (409), and a cancel goes to the lost coordinator (502).".to_owned(),
    ])
    .costs(OUTAGE)
    .then(format!("Way out 1: start broker {lowest} again with its old data, wait until `/actuator/cluster` answers, cancel the change (`DELETE /actuator/cluster/changes/{{id}}`), stop it, run `c8dr failover --lost {name}`."))
    .then(format!("Way out 2: start a fresh, empty broker with node id {lowest} in the surviving region, cancel the change, and run `c8dr failover --lost {name}` at once; the empty broker exits by itself after the force."));
    diagnosis.change = change;
    diagnosis
}

/// Both regions answer us, but each has dropped the other from its gateways: the link between them is cut.
pub(super) fn dropped_by_the_other_side(picture: &Picture<'_>) -> Option<Diagnosis> {
    let cut = picture.installation.regions().iter().all(|region| {
        let other = picture.installation.brokers_of(region.id.other());
        picture.gateways_seen(region.id) > 0 && picture.gateways_listing(&other, region.id) == 0
    });
    // One side's gateways may be out of our sight; then the other side's must have dropped brokers that answer us.
    let one_sided = picture.installation.regions().iter().find(|region| {
        let other = picture.installation.brokers_of(region.id.other());
        picture.gateways_seen(region.id) > 0
            && picture.gateways_listing(&other, region.id) == 0
            && picture.region(region.id.other(), picture.latest).all_answer()
            && picture
                .leads()
                .values()
                .all(|lead| !matches!(lead, Lead::Proven(_)))
    });
    if !cut && one_sided.is_none() {
        return None;
    }
    let unled = unled(picture);
    Some(
        Diagnosis::new(Code::LinkCut, "Both regions are alive, but do not see each other: the link between them is cut.")
            .seen(["The gateways of each side list none of the other side's brokers, while those answer us.".to_owned()])
            .seen((!unled.is_empty()).then(|| no_proven_leader(&unled)))
            .costs(OUTAGE)
            .then("Repair the link: the cluster heals by itself.")
            .then("If it can't be repaired: stop the brokers of one region (scale its StatefulSet to zero), then fail over to the other. Never force both sides.")
            .then("Without stopping them: `c8dr failover --lost REGION --accept-unfenced \"reason\"`."),
    )
}
