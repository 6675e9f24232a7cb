//! Versions: of gateways and brokers, which have to be one; and of the searches, of which each has to read what the other wrote.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::ids::{RegionId, listed};

/// Minor versions that the procedure is for, oldest first. `spec: procedure.md §8–§10, §13`
const KNOWN: [(u32, u32); 4] = [(8, 6), (8, 7), (8, 8), (8, 9)];

/// The one that a real cluster was recorded of.
const RECORDED: (u32, u32) = (8, 6);

/// Major and minor of `8.6.0`, `8.10.0-alpha1`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let digits: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, digits.parse().ok()?))
}

impl Scene<'_> {
    /// Gateways and brokers, as every gateway lists them.
    pub(super) fn cluster_versions(&self) -> Vec<Finding> {
        let mut who: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (name, _, topology) in self.picture.latest.topologies() {
            let gateway = topology.gateway_version.as_str();
            who.entry(gateway).or_default().insert(format!("gateway {name}"));
            for (id, broker) in &topology.brokers {
                who.entry(broker.version.as_str())
                    .or_default()
                    .insert(format!("broker {id}"));
            }
        }
        who.remove("");
        let mut findings = Vec::new();
        if who.len() > 1 {
            let told = who
                .iter()
                .map(|(version, who)| format!("{version} ({})", listed(who)));
            findings.push(finding(
                Severity::Warning,
                FindingCode::VersionsDiffer,
                format!(
                    "Gateways and brokers are of different versions: {}.",
                    listed(told)
                ),
                "Finish the upgrade. No failover was tried in the middle of one.",
            ));
        }
        for version in who.keys() {
            match minor(version) {
                Some(known) if known == RECORDED => {}
                Some(old) if old < KNOWN[0] => findings.push(finding(
                    Severity::Blocking,
                    FindingCode::VersionUntried,
                    format!("Zeebe {version} has another procedure for dual regions than the one that is carried out here."),
                    "Upgrade to 8.6 or later, both regions alike.",
                )),
                Some(known) if KNOWN.contains(&known) => findings.push(finding(
                    Severity::Note,
                    FindingCode::VersionUntried,
                    format!("Zeebe {version} has the same interfaces by its documentation; recorded was 8.6.0."),
                    "Try a failover and a failback in a staging installation of this version.",
                )),
                _ => findings.push(finding(
                    Severity::Warning,
                    FindingCode::VersionUntried,
                    format!("Zeebe {version} is not known here."),
                    "Try a failover and a failback in a staging installation of this version; look for a newer c8dr.",
                )),
            }
        }
        findings
    }

    /// The searches: what one wrote the other has to read, whichever region is lost.
    pub(super) fn search_versions(&self) -> Option<Finding> {
        let of = |region: RegionId| -> Option<BTreeSet<(u32, u32)>> {
            let details = self.survey.searches.get(&region)?.details.seen()?;
            Some(
                details
                    .versions
                    .iter()
                    .filter_map(|version| minor(version))
                    .collect(),
            )
        };
        let [one, other] = [RegionId(0), RegionId(1)];
        let (first, second) = (of(one)?, of(other)?);
        if first == second || first.is_empty() || second.is_empty() {
            return None;
        }
        let told = |region: RegionId, versions: &BTreeSet<(u32, u32)>| {
            let versions = versions.iter().map(|(major, minor)| format!("{major}.{minor}"));
            format!("{} in region {}", listed(versions), self.name(region))
        };
        Some(finding(
            Severity::Blocking,
            FindingCode::SearchesDiffer,
            format!(
                "The searches are of different versions: {}, {}. An older one does not restore what a newer one wrote.",
                told(one, &first),
                told(other, &second)
            ),
            "Bring both searches to the same version.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_are_read_of_whatever_follows() {
        assert_eq!(minor("8.6.0"), Some((8, 6)));
        assert_eq!(minor("8.10.0-alpha1"), Some((8, 10)));
        assert_eq!(minor("8.8-SNAPSHOT"), Some((8, 8)));
        assert_eq!(minor("dev"), None);
    }
}
