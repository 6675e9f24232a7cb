//! Endpoints that refuse who we are, and those that give no answer: two different things, with different ways out.

use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::ids::RegionId;
use crate::observation::Sight;
use crate::picture::Membership;

/// Statuses by which HTTP and gRPC refuse who asks.
const REFUSING: [u16; 5] = [401, 403, 407, 16, 7];

/// What stands against an endpoint.
pub(super) enum Trouble {
    /// It knows us not, or does not let us.
    Refused(String),
    /// It says nothing that is an answer.
    Unheard(String),
}

/// What stands against an endpoint; `None` if it was seen, or not asked.
pub(super) fn trouble<T>(sight: &Sight<T>) -> Option<Trouble> {
    match sight {
        Sight::Seen(_) | Sight::NotAsked => None,
        Sight::Declined { status, .. } if REFUSING.contains(status) => {
            Some(Trouble::Refused(sight.instead().unwrap_or_default()))
        }
        _ => {
            let hint = sight.hint().unwrap_or_default();
            Some(Trouble::Unheard(format!(
                "{} ({hint})",
                sight.instead().unwrap_or_default()
            )))
        }
    }
}

/// What is said of an endpoint that was asked in vain.
pub(super) fn unheard<T>(who: &str, sight: &Sight<T>, severity: Severity) -> Option<Finding> {
    Some(match trouble(sight)? {
        Trouble::Refused(instead) => finding(
            Severity::Blocking,
            FindingCode::RightsMissing,
            format!("{who} refuses who we are: {instead}."),
            "Correct the credentials in the configuration, or have the right granted there.",
        ),
        Trouble::Unheard(instead) => finding(
            severity,
            FindingCode::NoAnswer,
            format!("{who} gives no answer: {instead}."),
            "See whether it runs, and whether this machine reaches it: `c8dr status` shows all endpoints.",
        ),
    })
}

impl Scene<'_> {
    /// Gateways and brokers that were asked in vain.
    pub(super) fn cluster_unheard(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, gateway) in &self.picture.latest.gateways {
            let who = format!("The gateway {name} of region {}", self.name(gateway.region));
            // One gateway of a region may be missing; that none is left is said elsewhere.
            let worst = unheard(&who, &gateway.topology, Severity::Warning).or_else(|| {
                let who = format!("The management of {}", lower(&who));
                unheard(&who, &gateway.configuration, Severity::Warning)
                    .or_else(|| unheard(&who, &gateway.exporters, Severity::Warning))
            });
            findings.extend(worst);
        }
        for (broker, sight) in &self.picture.latest.brokers {
            let who = format!("Broker {broker} of region {}", self.name(RegionId::of(*broker)));
            // A broker that is silent is a state of its own.
            if let Some(Trouble::Refused(_)) = trouble(&sight.partitions) {
                findings.extend(unheard(&who, &sight.partitions, Severity::Blocking));
            } else if sight.answers() {
                let who = format!("The metrics page of {}", lower(&who));
                findings.extend(unheard(&who, &sight.metrics, Severity::Warning));
            }
        }
        findings
    }

    /// Searches and platforms that were asked in vain.
    pub(super) fn rebuild_unheard(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (region, sight) in &self.picture.latest.searches {
            let who = format!("The search of region {}", self.name(*region));
            if self.is_owed(*region) {
                // Its release is installed by the failback.
                if let Some(Trouble::Unheard(instead)) = trouble(&sight.cluster) {
                    findings.push(finding(
                        Severity::Note,
                        FindingCode::NoAnswer,
                        format!(
                            "{who} gives no answer: {instead}. Before its release is installed that is right."
                        ),
                        "Nothing, if the region is not rebuilt yet.",
                    ));
                    continue;
                }
            }
            findings.extend(
                unheard(&who, &sight.cluster, Severity::Blocking)
                    .or_else(|| unheard(&who, &sight.indices, Severity::Blocking))
                    .or_else(|| unheard(&who, &sight.repository, Severity::Blocking)),
            );
        }
        for (region, sight) in &self.picture.latest.platforms {
            let who = format!("The platform of region {}", self.name(*region));
            findings.extend(
                unheard(&who, &sight.pods, Severity::Blocking)
                    .or_else(|| unheard(&who, &sight.volumes, Severity::Warning)),
            );
        }
        findings
    }

    /// The region that was given up and is to return, if one was.
    pub(super) fn owed(&self) -> Option<RegionId> {
        match self.picture.membership() {
            Membership::Only(serving) => Some(serving.other()),
            _ => None,
        }
    }

    pub(super) fn is_owed(&self, region: RegionId) -> bool {
        self.owed() == Some(region)
    }
}

/// A sentence's beginning, within another one.
fn lower(who: &str) -> String {
    let mut letters = who.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}
