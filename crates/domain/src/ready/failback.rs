//! Could a failback be carried out: now, where a region is owed; else after the loss of either.

use std::collections::BTreeSet;

use super::{Finding, FindingCode, Return, Scene, Severity, finding};
use crate::ids::{BrokerId, RegionId, listed, sentence};
use crate::observation::Sight;
use crate::picture::Membership;
use crate::platform::{Component, Pod};

/// Zeebe's own part: pause until drained, enable, resume, add until every replica is listed. Recorded, without data: 20.9 s.
const ZEEBE_S: u64 = 21;

/// What is said before anything was read.
pub(super) fn none() -> Return {
    Return {
        owed: None,
        about_s: ZEEBE_S,
        made_of: made_of(None),
        findings: Vec::new(),
    }
}

fn made_of(documents: Option<u64>) -> String {
    let copied = match documents {
        Some(documents) => format!("and copying {documents} documents"),
        None => "and copying the search".to_owned(),
    };
    format!(
        "{ZEEBE_S} s for Zeebe's own part without data; installing the release (some minutes), {copied} and the brokers' data take as long as they take"
    )
}

impl Scene<'_> {
    /// What concerns a failback.
    pub(super) fn of_failback(&self) -> Return {
        let mut findings: Vec<Finding> = self.members_missing().into_iter().collect();
        findings.extend(self.not_configured());
        findings.extend(self.rebuild_unheard());
        findings.extend(self.searches_well());
        findings.extend(self.repository());
        findings.extend(self.exporters_behind());
        findings.extend(self.disks());
        findings.extend(self.platforms());
        findings.extend(self.charts());
        let documents = self
            .picture
            .latest
            .searches
            .iter()
            .filter(|(region, _)| !self.is_owed(**region))
            .filter_map(|(_, sight)| {
                let indices = sight.indices.seen()?;
                Some(indices.iter().filter_map(|index| index.documents).sum())
            })
            .max();
        Return {
            owed: self.owed(),
            about_s: ZEEBE_S,
            made_of: made_of(documents),
            findings,
        }
    }

    /// What a loss has left: a region that is no member, replicas that have no second region.
    fn members_missing(&self) -> Option<Finding> {
        let configuration = self.picture.configuration()?;
        if self.picture.membership() == Membership::Whole {
            return None;
        }
        let missing: BTreeSet<BrokerId> = (self.picture.installation.brokers())
            .into_iter()
            .filter(|broker| !configuration.members.contains_key(broker))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let regions: BTreeSet<RegionId> = missing.iter().map(|broker| RegionId::of(*broker)).collect();
        let names = regions.iter().map(|region| self.name(*region));
        let remedy = match self.owed() {
            Some(owed) => format!(
                "Rebuild region {} and bring it back: `c8dr failback --returning {}`.",
                self.name(owed),
                self.name(owed)
            ),
            None => "`c8dr status` says what state that is.".to_owned(),
        };
        Some(finding(
            Severity::Blocking,
            FindingCode::MembersMissing,
            format!(
                "{} Region {} lacks: partitions have no replica there, and the loss of any broker more stops some.",
                sentence("broker", &missing, "is no member.", "are no members."),
                listed(names)
            ),
            remedy,
        ))
    }

    fn not_configured(&self) -> Option<Finding> {
        let configured = &self.survey.configured;
        let lacks = |of: &BTreeSet<RegionId>| {
            (self.picture.installation.regions())
                .iter()
                .any(|region| !of.contains(&region.id))
        };
        let missing: Vec<&str> = [
            (configured.repository.is_none(), "`snapshots`"),
            (lacks(&configured.searches), "`search` in both regions"),
            (lacks(&configured.platforms), "`platform` in both regions"),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect();
        (!missing.is_empty()).then(|| {
            finding(
                Severity::Blocking,
                FindingCode::NotConfigured,
                format!(
                    "A failback needs {}, and the configuration has none.",
                    listed(missing)
                ),
                "`c8dr failback --help` says what goes there.",
            )
        })
    }

    /// Pods that should be ready, and what is left where nothing may be.
    fn platforms(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (region, sight) in &self.picture.latest.platforms {
            let name = self.name(*region);
            if self.is_owed(*region) {
                findings.extend(self.leftovers(*region));
                continue;
            }
            let Sight::Seen(pods) = &sight.pods else { continue };
            let unready = || {
                pods.iter()
                    .filter(|pod| !pod.is_ready && pod.component != Component::Other)
            };
            let broken: Vec<String> = unready()
                .filter(|pod| pod.trouble.is_some())
                .map(Pod::told)
                .collect();
            if !broken.is_empty() {
                findings.push(finding(
                    Severity::Warning,
                    FindingCode::PodsBroken,
                    format!("In region {name} {} not able to run.", be("pod", &broken)),
                    "It stays so until what is named is mended: `kubectl describe pod` says more. Making a pod anew does not mend it.",
                ));
            }
            let not_yet: Vec<&str> = unready()
                .filter(|pod| pod.trouble.is_none())
                .map(|pod| pod.name.as_str())
                .collect();
            if !not_yet.is_empty() {
                findings.push(finding(
                    Severity::Warning,
                    FindingCode::PodsUnready,
                    format!("In region {name} {} not ready.", be("pod", &not_yet)),
                    "`kubectl describe pod` and the pods' logs say why. Brokers that hang at their start: `c8dr unstick`.",
                ));
            }
        }
        findings
    }

    /// Volumes and brokers' pods of a region that is to be rebuilt: what runs there with old disks is refused. Its own new
    /// release, with brokers that are listed and have no partition, is right.
    fn leftovers(&self, region: RegionId) -> Option<Finding> {
        let sight = self.picture.latest.platforms.get(&region)?;
        let brokers = self.picture.installation.brokers_of(region);
        let has_joined = self.picture.latest.topologies().any(|(_, side, topology)| {
            side != region && brokers.iter().all(|id| topology.brokers.contains_key(id))
        });
        if has_joined {
            return None;
        }
        let pods = sight
            .pods
            .seen()
            .into_iter()
            .flatten()
            .map(|pod| format!("pod {}", pod.name));
        let volumes = sight
            .volumes
            .seen()
            .into_iter()
            .flatten()
            .map(|volume| format!("volume {volume}"));
        let left: Vec<String> = pods.chain(volumes).collect();
        (!left.is_empty()).then(|| {
            let name = self.name(region);
            finding(
                Severity::Blocking,
                FindingCode::Leftovers,
                format!("Region {name} has to be empty before it is rebuilt, and there {}.", be("", &left)),
                "See whose they are; uninstall the release and delete its volumes by name. c8dr deletes neither.",
            )
        })
    }

    fn charts(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        match &self.survey.values {
            Sight::Seen(mistakes) => findings.extend(mistakes.iter().map(|mistake| {
                finding(
                    Severity::Blocking,
                    FindingCode::ValuesWrong,
                    format!("The values files do not fit: {mistake}."),
                    "Correct them; `c8dr values --check` shows all.",
                )
            })),
            Sight::NotAsked => {}
            other => findings.push(finding(
                Severity::Blocking,
                FindingCode::ValuesWrong,
                format!(
                    "The values files could not be checked: {}.",
                    other.instead().unwrap_or_default()
                ),
                "`c8dr values --check` says more.",
            )),
        }
        for (region, drift) in &self.survey.charts {
            if self.is_owed(*region) {
                // It is installed by the failback.
                continue;
            }
            let name = self.name(*region);
            match drift {
                Sight::Seen(drift) => findings.extend(drift.iter().map(|what| {
                    finding(
                        Severity::Warning,
                        FindingCode::ChartDrift,
                        format!("The release of region {name} differs: {what}"),
                        "Bring the values and the release together before a failback installs it anew.",
                    )
                })),
                Sight::NotAsked => {}
                other => findings.push(finding(
                    Severity::Warning,
                    FindingCode::ChartDrift,
                    format!(
                        "Whether the release of region {name} is as described is not known: {}.",
                        other.instead().unwrap_or_default()
                    ),
                    "See whether helm reaches that region from here.",
                )),
            }
        }
        findings
    }
}

/// `pod a is`, `pods a and b are`: names with the verb in their number; without a word only the names.
fn be<T: std::fmt::Display>(word: &str, names: &[T]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    let told = listed(names);
    match (word, names.len()) {
        ("", _) => format!("{verb} {told}"),
        (word, 1) => format!("{word} {told} {verb}"),
        (word, _) => format!("{word}s {told} {verb}"),
    }
}
