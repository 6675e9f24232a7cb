//! The searches: how well each is, whether each index has a second copy, whether both are two; and the repository between them.

use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::condition::search::differing;
use crate::ids::{RegionId, listed, number};
use crate::observation::Sight;
use crate::search::{Color, SearchCluster, SearchDetails};

/// How many names are told before the rest is only counted.
const NAMES_MAX: usize = 3;

/// Below this share of its disk free a node gets no shards any more: the servers' own low watermark of 85 %.
const DISK_FREE_SHARE: f64 = 0.15;

impl Scene<'_> {
    /// How well each search is.
    pub(super) fn searches_well(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (region, sight) in &self.picture.latest.searches {
            let name = self.name(*region);
            let details = self
                .survey
                .searches
                .get(region)
                .and_then(|search| search.details.seen());
            if let Some(cluster) = sight.cluster.seen() {
                findings.extend(colored(name, cluster, details));
            }
            if let Some(details) = details {
                findings.extend(self.search_details(*region, details));
            }
        }
        findings.extend(self.one_search());
        findings.extend(self.search_versions());
        findings
    }

    fn search_details(&self, region: RegionId, details: &SearchDetails) -> Vec<Finding> {
        let name = self.name(region);
        let mut findings = Vec::new();
        if !details.read_only.is_empty() {
            findings.push(finding(
                Severity::Blocking,
                FindingCode::SearchUnwell,
                format!(
                    "The search of region {name} takes no writes into {}: a disk was too full, or somebody closed them.",
                    some(&details.read_only)
                ),
                "Make room, then take the block off: `curl -X PUT $SEARCH/_all/_settings -H 'Content-Type: application/json' -d '{\"index.blocks.read_only_allow_delete\": null}'`.",
            ));
        }
        if let (Some(free), Some(total)) = (details.disk_free_bytes, details.disk_total_bytes)
            && (free as f64) < DISK_FREE_SHARE * total as f64
        {
            findings.push(finding(
                Severity::Warning,
                FindingCode::SearchUnwell,
                format!(
                    "A node of the search of region {name} has {:.0} % of its disk free: below 15 % it gets no new shards, and a restore waits.",
                    100.0 * free as f64 / total.max(1) as f64
                ),
                "Give it a larger disk, or delete what is not needed.",
            ));
        }
        if !details.without_replicas.is_empty() {
            let node = match details.nodes {
                0 | 1 => "It has one node, which cannot hold a second copy",
                _ => "A node that is lost takes them with it",
            };
            findings.push(finding(
                Severity::Warning,
                FindingCode::NoReplicas,
                format!(
                    "The search of region {name} keeps no second copy of {}. {node}; between a failover and the failback nothing else holds them.",
                    some(&details.without_replicas)
                ),
                "Give the exporter `args.index.numberOfReplicas: 1` (and at least two nodes), and Operate and Tasklist the same.",
            ));
        }
        findings
    }

    /// Both addresses lead to one cluster.
    fn one_search(&self) -> Option<Finding> {
        let uuid = |region: RegionId| {
            let search = self.picture.latest.searches.get(&region)?;
            search.cluster.seen().map(|cluster| cluster.uuid.as_str())
        };
        let (one, other) = (uuid(RegionId(0))?, uuid(RegionId(1))?);
        (one == other).then(|| {
            finding(
                Severity::Blocking,
                FindingCode::OneSearch,
                format!("The configured searches of both regions are one and the same cluster ({one})."),
                "Correct the `search` of one region in the configuration.",
            )
        })
    }

    /// The repository: as it is registered, and as it was tried.
    pub(super) fn repository(&self) -> Vec<Finding> {
        let Some(wanted) = &self.survey.configured.repository else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        for (region, sight) in &self.picture.latest.searches {
            if sight.cluster.seen().is_none() {
                continue;
            }
            let name = self.name(*region);
            if let Sight::Seen(Some(registration)) = &sight.repository
                && let Some(setting) = differing(registration, &wanted.settings)
                // The region that was filled last has it for reading only.
                && setting != "readonly"
            {
                findings.push(finding(
                    Severity::Warning,
                    FindingCode::RepositoryDiffers,
                    format!(
                        "The repository {} is registered in region {name} with another `{setting}` than the configuration has. A failback registers it anew.",
                        wanted.name
                    ),
                    "Correct `snapshots` in the configuration, or the registration: both must mean the same place.",
                ));
            }
            let trial = self.survey.searches.get(region).map(|search| &search.trial);
            findings.extend(tried(name, &wanted.name, trial.unwrap_or(&Sight::NotAsked)));
        }
        findings
    }
}

/// What came of trying the repository in one region.
fn tried(region: &str, repository: &str, trial: &Sight<crate::search::RepositoryTrial>) -> Vec<Finding> {
    let keys = "See to the client's keys in every node's keystore, the bucket's name and policy, and the way from the nodes to it.";
    let mut findings = Vec::new();
    match trial {
        Sight::NotAsked => findings.push(finding(
            Severity::Note,
            FindingCode::NotProbed,
            format!("Whether the search of region {region} can write to and read from the repository {repository} was not tried: only writing would show it."),
            "`c8dr ready --probe` registers it under a name of its own, lets every node write, and takes it away again.",
        )),
        Sight::Seen(trial) => {
            if let Some(why) = &trial.refused {
                findings.push(finding(
                    Severity::Blocking,
                    FindingCode::RepositoryUnusable,
                    format!("The search of region {region} cannot use the repository {repository}: {why}."),
                    keys,
                ));
            }
            if let Some(left) = &trial.left {
                findings.push(finding(
                    Severity::Warning,
                    FindingCode::ProbeLeft,
                    format!("The probe could not take away what it registered in region {region}: {left}."),
                    "Delete it by hand; nothing uses it.",
                ));
            }
        }
        other => findings.push(finding(
            Severity::Blocking,
            FindingCode::RepositoryUnusable,
            format!(
                "Whether the search of region {region} can use the repository {repository} is not known: {}.",
                other.instead().unwrap_or_default()
            ),
            keys,
        )),
    }
    findings
}

fn colored(region: &str, cluster: &SearchCluster, details: Option<&SearchDetails>) -> Option<Finding> {
    match cluster.color {
        Color::Green => None,
        Color::Yellow => {
            let why = match details.map(|details| details.nodes) {
                Some(1) => " It has one node, which cannot hold replicas: it stays so.",
                _ => "",
            };
            Some(finding(
                Severity::Warning,
                FindingCode::SearchUnwell,
                format!("The search of region {region} is yellow: replicas are missing.{why}"),
                "`curl $SEARCH/_cluster/allocation/explain` says why.",
            ))
        }
        Color::Red => Some(finding(
            Severity::Blocking,
            FindingCode::SearchUnwell,
            format!(
                "The search of region {region} is red: data is missing{}, and no snapshot of it is whole.",
                cluster.red_words()
            ),
            "`curl $SEARCH/_cluster/allocation/explain` says why.",
        )),
    }
}

/// The first names, and how many more.
fn some<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&String> = names.into_iter().collect();
    match names.len().saturating_sub(NAMES_MAX) {
        0 => listed(names),
        more => format!(
            "{} and {}",
            names[..NAMES_MAX]
                .iter()
                .map(|name| name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            number(more, "more index").replace("indexs", "indices")
        ),
    }
}
