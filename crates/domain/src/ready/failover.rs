//! Could the loss of a region be handled now? What the readings of the cluster say against it.

use jiff::SignedDuration;

use super::{Finding, FindingCode, Prospect, Severity, finding};
use crate::diagnose::{Code, Diagnosis};
use crate::history::History;
use crate::ids::{RegionId, clause, counted, sentence};
use crate::installation::Installation;
use crate::observation::Sight;
use crate::picture::{Membership, Picture};
use crate::topology::ExporterStatus;

/// From the loss until leaders have stepped down and it is diagnosed. Recorded: 5.4 to 5.7 s. `spec: baseline.md`
const DETECT: SignedDuration = SignedDuration::from_millis(6_000);
/// From the force until every partition is led. Recorded: 4.0 to 8.6 s.
const FORCE: SignedDuration = SignedDuration::from_millis(7_000);
/// From the disable until exporting has caught up. Recorded: 0.2 to 0.5 s, and a flush.
const DISABLE: SignedDuration = SignedDuration::from_millis(2_000);

/// What the loss of each region would mean.
pub fn prospects(installation: &Installation, history: &History, diagnosis: &Diagnosis) -> Vec<Prospect> {
    let Some(picture) = Picture::of(installation, history) else {
        return Vec::new();
    };
    let common = common(&picture, diagnosis);
    installation
        .regions()
        .iter()
        .map(|region| {
            let mut findings = common.clone();
            findings.extend(survivors_of(&picture, region.id));
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            Prospect {
                region: region.id,
                name: region.name.clone(),
                about_s: (DETECT + FORCE + DISABLE).as_secs().unsigned_abs(),
                made_of: format!(
                    "{} s until it is proven, {} s for the force and the elections, {} s for the exporter; your decision is \
                     not counted",
                    DETECT.as_secs(),
                    FORCE.as_secs(),
                    DISABLE.as_secs()
                ),
                findings,
            }
        })
        .collect()
}

fn common(picture: &Picture<'_>, diagnosis: &Diagnosis) -> Vec<Finding> {
    let mut findings = Vec::new();
    if diagnosis.code != Code::Healthy {
        let remedy = diagnosis
            .next
            .first()
            .cloned()
            .unwrap_or_else(|| "See `c8dr status`.".to_owned());
        findings.push(finding(
            Severity::Blocking,
            FindingCode::NotHealthy,
            diagnosis.summary.clone(),
            remedy,
        ));
    }
    if let Some(change) = picture
        .configuration()
        .and_then(|configuration| configuration.pending_change.as_ref())
    {
        findings.push(finding(
            Severity::Blocking, FindingCode::ChangePending,
            format!("Change {} is pending: if the coordinator's region were lost now, nothing could get out of it.", change.id),
            format!("Wait for its end, or cancel it while it still can be: `curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{}`.", change.id),
        ));
    }
    if picture.membership() == Membership::Whole {
        findings.extend(misplaced(picture));
    }
    if let Some(exporters) = picture.latest.exporters() {
        for region in picture.installation.regions() {
            match exporters.get(&region.exporter) {
                None => findings.push(finding(
                    Severity::Blocking,
                    FindingCode::ExporterUnknown,
                    format!(
                        "The cluster has no exporter {} (of region {}).",
                        region.exporter, region.name
                    ),
                    "Correct the exporter's name in the configuration.",
                )),
                Some(ExporterStatus::Enabled) => {}
                Some(status) => findings.push(finding(
                    Severity::Warning,
                    FindingCode::ExporterOff,
                    format!("The exporter {} is {status}.", region.exporter),
                    "Finish the failback, or enable it again with the position of the other.",
                )),
            }
        }
    }
    if !picture.paused().is_empty() {
        findings.push(finding(
            Severity::Blocking, FindingCode::ExportingPaused,
            "Exporting is paused: what is paused now stays unexported after a failover.",
            "If nobody is in a backup or failback: `curl -X POST $MANAGEMENT/actuator/exporting/resume`, and read the body's status.",
        ));
    }
    findings
}

/// Replicas that are not where the round robin puts them: a region that goes might then take too many.
fn misplaced(picture: &Picture<'_>) -> Option<Finding> {
    let configuration = picture.configuration()?;
    let wrong: Vec<_> = picture
        .installation
        .placement()
        .into_iter()
        .filter(|(partition, replicas)| {
            let held: Vec<_> = configuration
                .members
                .iter()
                .filter(|(_, member)| member.partitions.contains_key(partition))
                .map(|(broker, _)| *broker)
                .collect();
            !held.iter().eq(replicas.keys())
        })
        .map(|(partition, _)| partition)
        .collect();
    (!wrong.is_empty()).then(|| {
        finding(
            Severity::Blocking, FindingCode::ReplicasMisplaced,
            sentence(
                "partition",
                wrong,
                "is not placed two and two over the regions as configured.",
                "are not placed two and two over the regions as configured.",
            ),
            "Bring every partition to four replicas in the round-robin placement (`POST /actuator/cluster/brokers?replicationFactor=4`).",
        )
    })
}

/// What the survivors of `lost` would lack.
fn survivors_of(picture: &Picture<'_>, lost: RegionId) -> Vec<Finding> {
    let side = lost.other();
    let name = &picture.installation.region(side).name;
    let mut findings = Vec::new();
    let sight = picture.region(side, picture.latest);
    if !sight.silent.is_empty() {
        findings.push(finding(
            Severity::Blocking,
            FindingCode::SurvivorDown,
            format!(
                "Region {name} would have to go on alone, and {}",
                clause(
                    "broker",
                    &sight.silent,
                    "of it does not answer.",
                    "of it do not answer."
                )
            ),
            format!(
                "Start {}: a force waits for every broker that is kept.",
                counted("broker", &sight.silent)
            ),
        ));
    }
    if !sight.unasked.is_empty() {
        findings.push(finding(
            Severity::Warning, FindingCode::BrokersNotConfigured,
            format!("The management endpoints of {} are not configured; leaders could be proven by gateways only.", counted("broker", &sight.unasked)),
            "Add them under `brokers` in the configuration.",
        ));
    }
    let gateways: Vec<_> = picture
        .latest
        .gateways
        .iter()
        .filter(|(_, seen)| seen.region == side)
        .collect();
    let managing = gateways
        .iter()
        .filter(|(_, seen)| matches!(seen.configuration, Sight::Seen(_)))
        .count();
    if managing == 0 {
        findings.push(finding(
            Severity::Blocking,
            FindingCode::NoManagement,
            format!("No gateway of region {name} gives access to the cluster's management."),
            "Give at least one gateway of that region its management address, and see that it can be reached from here.",
        ));
    }
    if picture.gateways_seen(side) == 1 {
        findings.push(finding(
            Severity::Warning,
            FindingCode::OneGateway,
            format!(
                "Only one gateway of region {name} shows its topology; two are needed to see that they agree."
            ),
            "Configure a second gateway of that region.",
        ));
    }
    findings
}
