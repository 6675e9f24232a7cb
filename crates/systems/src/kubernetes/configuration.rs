//! The numbers of a Zeebe cluster in a broker's environment and in its files, as Camunda's charts 11 to 15 write them.
//! `spec: api.md §10, §11`

use std::collections::BTreeMap;

/// How a broker's id follows from its pod's number: that times the regions, plus the region's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// How many regions there are.
    pub regions: u32,
    /// Which one this is.
    pub region: u32,
}

impl Numbering {
    /// From the line of a start-up script that computes it: `${K8S_NAME##*-} * 2 + 1`.
    pub(super) fn of_script(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("##*-}")?;
        let rest = rest.trim_start().strip_prefix('*')?;
        let (regions, rest) = leading(rest)?;
        let rest = rest.trim_start().strip_prefix('+')?;
        let (region, _) = leading(rest)?;
        Some(Numbering { regions, region })
    }

    /// From a variable that computes it, where a chart has the line there.
    pub(super) fn of_environment(environment: &BTreeMap<String, String>) -> Option<Self> {
        environment.values().find_map(|value| Self::of_script(value))
    }
}

fn leading(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The size of a cluster, as far as it is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Brokers of all regions together.
    pub cluster_size: Option<u32>,
    /// Partitions.
    pub partition_count: Option<u32>,
    /// Replicas of each.
    pub replication_factor: Option<u32>,
}

impl Numbers {
    /// From variables, which overrule files.
    pub(super) fn of_environment(environment: &BTreeMap<String, String>) -> Self {
        let of = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| environment.get(*name)?.trim().parse().ok())
        };
        Numbers {
            cluster_size: of(&["CAMUNDA_CLUSTER_SIZE", "ZEEBE_BROKER_CLUSTER_CLUSTERSIZE"]),
            partition_count: of(&[
                "CAMUNDA_CLUSTER_PARTITIONCOUNT",
                "ZEEBE_BROKER_CLUSTER_PARTITIONSCOUNT",
            ]),
            replication_factor: of(&[
                "CAMUNDA_CLUSTER_REPLICATIONFACTOR",
                "ZEEBE_BROKER_CLUSTER_REPLICATIONFACTOR",
            ]),
        }
    }

    /// From an `application.yaml`: what stands below a key `cluster`.
    pub(super) fn of_yaml(text: &str) -> Self {
        let mut numbers = Numbers::default();
        let mut above: Vec<(usize, String)> = Vec::new();
        for line in text.lines() {
            let body = line.trim_start();
            let Some((key, value)) = body.split_once(':') else {
                continue;
            };
            if body.starts_with(['#', '-']) {
                continue;
            }
            let indent = line.len() - body.len();
            above.retain(|(other, _)| *other < indent);
            let plain: String = key
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            if above.last().is_some_and(|(_, parent)| parent == "cluster") {
                let value = value.split('#').next().unwrap_or_default();
                let number = value.trim().trim_matches(['"', '\'']).parse().ok();
                let slot = match plain.as_str() {
                    "size" | "clustersize" => Some(&mut numbers.cluster_size),
                    "partitioncount" | "partitionscount" => Some(&mut numbers.partition_count),
                    "replicationfactor" => Some(&mut numbers.replication_factor),
                    _ => None,
                };
                if let (Some(slot), Some(number)) = (slot, number) {
                    *slot = Some(number);
                }
            }
            above.push((indent, plain));
        }
        numbers
    }

    /// Takes what is not known yet from others.
    pub(super) fn complete(&mut self, others: &Numbers) {
        self.cluster_size = self.cluster_size.or(others.cluster_size);
        self.partition_count = self.partition_count.or(others.partition_count);
        self.replication_factor = self.replication_factor.or(others.replication_factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbering_is_read_as_the_charts_write_it() {
        for line in [
            "export ZEEBE_BROKER_CLUSTER_NODEID=$(( ${K8S_NAME##*-} * 2 + 1 ))",
            "export VALUES_ORCHESTRATION_NODE_ID=\"${VALUES_ORCHESTRATION_NODE_ID:-$[${K8S_NAME##*-} * 2 + 1]}\"",
        ] {
            assert_eq!(
                Numbering::of_script(line),
                Some(Numbering {
                    regions: 2,
                    region: 1
                }),
                "{line}"
            );
        }
        for line in ["${K8S_NAME##*-}", "${K8S_NAME##*-} * two + 1", "x * 2 + 1"] {
            assert_eq!(Numbering::of_script(line), None, "{line}");
        }
    }

    #[test]
    fn numbers_are_read_below_cluster_only() {
        let old = "zeebe:\n  broker:\n    cluster:\n      clusterSize: 8\n      partitionsCount: \"4\" # so it is\n      replicationFactor: 4\n    threads:\n      size: 3\n";
        let new = "camunda:\n  cluster:\n    size: \"8\"\n    partition-count: 4\n    replication-factor: 4\n  data:\n    size: 1\n";
        for text in [old, new] {
            let numbers = Numbers::of_yaml(text);
            assert_eq!(
                (
                    numbers.cluster_size,
                    numbers.partition_count,
                    numbers.replication_factor
                ),
                (Some(8), Some(4), Some(4)),
                "{text}"
            );
        }
        assert_eq!(
            Numbers::of_yaml("size: 3\n# cluster:\n#   size: 8\n"),
            Numbers::default()
        );
    }
}
