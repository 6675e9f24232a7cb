//! What the printed procedure says to look at, and what it prints as the output that should be seen (spec: the printed 8.6
//! procedure, the "Verification" of each step). Values are compared as a person does, not ids or hosts: "this is only an
//! example, and the values will differ for you".

use std::collections::{BTreeMap, BTreeSet};

use c8dr_lab::Region;
use serde_json::Value;

use super::terminal::{Closed, Hand, To, Typed};

/// Something to look at, with what should be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The topology lists the remaining brokers only.
    Remaining,
    /// "The cluster size has decreased, partitions have been redistributed, and new leaders have been elected."
    Shrunk,
    /// `jq .lastChange`: the status is COMPLETED.
    LastChange,
    /// The exporters are listed.
    ExportersListed,
    /// The exporter to the lost region is DISABLED, the other ENABLED.
    ExporterOff,
    /// Both exporters are ENABLED.
    ExportersOn,
    /// "Half of the amount of your set clusterSize is used to spawn Zeebe brokers" in the new region.
    Pods,
    /// The topology lists the new brokers, without partitions.
    Recognized,
    /// Operate and Tasklist are 0/0.
    WebappsDown,
    /// Operate and Tasklist are 1/1 in a region.
    WebappsUp(Region),
    /// The repository shows the snapshot with state SUCCESS.
    Snapshot(Region),
    /// `_status` of the snapshot in the new region: SUCCESS, and `done` equals `total`.
    RestoreStatus,
    /// All brokers have joined the cluster again.
    Whole,
}

/// The repository of the printed procedure.
pub(super) const REPOSITORY: &str = "/_snapshot/camunda_backup";

/// What a person reads out of a topology.
struct Seen {
    size: u64,
    partitions: u64,
    /// Partitions of each listed broker, with whether it leads.
    brokers: BTreeMap<u64, BTreeMap<u64, bool>>,
}

impl Seen {
    fn of(json: &Value) -> Option<Seen> {
        let brokers = json.get("brokers")?.as_array()?.iter().map(|broker| {
            let partitions = broker.get("partitions").and_then(Value::as_array);
            let roles = partitions.into_iter().flatten().filter_map(|partition| {
                let id = partition.get("partitionId")?.as_u64()?;
                Some((id, partition.get("role")?.as_str()? == "leader"))
            });
            Some((broker.get("nodeId")?.as_u64()?, roles.collect()))
        });
        Some(Seen {
            size: json.get("clusterSize")?.as_u64()?,
            partitions: json.get("partitionsCount")?.as_u64()?,
            brokers: brokers.collect::<Option<_>>()?,
        })
    }

    fn ids(&self) -> BTreeSet<u64> {
        self.brokers.keys().copied().collect()
    }

    fn led(&self) -> u64 {
        let led = |partition: &u64| {
            let mut holders = self.brokers.values();
            holders.any(|roles| roles.get(partition) == Some(&true))
        };
        (1..=self.partitions).filter(led).count() as u64
    }

    /// Replicas listed for the partition that has the fewest.
    fn fewest_replicas(&self) -> usize {
        let replicas = |partition: u64| {
            let holders = self.brokers.values();
            holders.filter(|roles| roles.contains_key(&partition)).count()
        };
        (1..=self.partitions).map(replicas).min().unwrap_or(0)
    }
}

impl Hand<'_, '_> {
    /// Looks, and says what is other than printed; `None` if it is as printed.
    pub(super) async fn sees(&mut self, look: Look) -> Result<Option<String>, Closed> {
        let other = match look {
            Look::Remaining | Look::Shrunk | Look::Recognized | Look::Whole => self.topology(look).await?,
            Look::LastChange => self.last_change().await?,
            Look::ExportersListed | Look::ExporterOff | Look::ExportersOn => self.exporters(look).await?,
            Look::Pods => self.pods()?,
            Look::WebappsDown => self.webapps(self.here(), 0)?,
            Look::WebappsUp(region) => self.webapps(region, 1)?,
            Look::Snapshot(region) => self.snapshot(region).await?,
            Look::RestoreStatus => self.restore_status().await?,
        };
        if let Some(words) = &other {
            self.says(|| format!("that is not what is printed: {words}"));
        }
        Ok(other)
    }

    async fn topology(&mut self, look: Look) -> Result<Option<String>, Closed> {
        let shown = self.look(Typed::get(To::Rest, "/v2/topology")).await?;
        let Some(seen) = Seen::of(&shown.json()) else {
            return Ok(Some("no topology is shown".to_owned()));
        };
        let all: BTreeSet<u64> = (0..u64::from(self.scene.disaster.brokers)).collect();
        let parity = u64::from(self.scene.disaster.lost.0);
        let (lost, remaining): (BTreeSet<u64>, BTreeSet<u64>) = all.iter().partition(|id| *id % 2 == parity);
        self.says(|| {
            let (ids, led) = (seen.ids(), seen.led());
            format!(
                "sees brokers {ids:?}, cluster size {}, {led} of {} partitions led",
                seen.size, seen.partitions
            )
        });
        let (half, whole) = (remaining.len() as u64, all.len() as u64);
        let missing = seen.partitions - seen.led();
        let unled = || format!("{missing} partitions have no leader");
        Ok(match look {
            Look::Remaining if seen.ids() != remaining => {
                Some(format!("brokers {:?} are listed", seen.ids()))
            }
            Look::Shrunk if seen.size != half => Some(format!("the cluster size is {}", seen.size)),
            Look::Shrunk if !seen.ids().is_disjoint(&lost) => Some("lost brokers are listed".to_owned()),
            Look::Shrunk | Look::Whole if missing > 0 => Some(unled()),
            Look::Recognized if seen.ids() != all => Some(format!("brokers {:?} are listed", seen.ids())),
            Look::Whole if seen.size != whole => Some(format!("the cluster size is {}", seen.size)),
            Look::Whole if seen.ids() != all => Some(format!("brokers {:?} are listed", seen.ids())),
            Look::Whole if seen.fewest_replicas() < 4 => {
                Some("a partition has fewer than 4 replicas".to_owned())
            }
            _ => None,
        })
    }

    async fn last_change(&mut self) -> Result<Option<String>, Closed> {
        let shown = self.look(Typed::get(To::Management, "/actuator/cluster")).await?;
        let json = shown.json();
        // jq prints this object and nothing else: a pending change beside it is not seen.
        let last = json.get("lastChange").cloned().unwrap_or_default();
        self.says(|| format!("jq .lastChange  ->  {last}"));
        let status = last.get("status").and_then(Value::as_str);
        Ok((status != Some("COMPLETED")).then(|| format!("lastChange is {last}")))
    }

    async fn exporters(&mut self, look: Look) -> Result<Option<String>, Closed> {
        let shown = self
            .look(Typed::get(To::Management, "/actuator/exporters"))
            .await?;
        let json = shown.json();
        let status = |region: Region| {
            let id = exporter(region);
            let one = json.as_array()?.iter().find(|one| one["exporterId"] == id)?;
            one["status"].as_str().map(str::to_owned)
        };
        let seen = (status(self.here()), status(self.there()));
        self.says(|| {
            let [first, second] = Region::BOTH.map(|region| {
                format!(
                    "{} {}",
                    exporter(region),
                    status(region).unwrap_or_else(|| "not shown".to_owned())
                )
            });
            format!("sees {first}, {second}")
        });
        let wanted = match look {
            Look::ExporterOff => (Some("ENABLED"), Some("DISABLED")),
            Look::ExportersOn => (Some("ENABLED"), Some("ENABLED")),
            _ if seen.1.is_some() => return Ok(None),
            _ => (None, None),
        };
        let is_so = (seen.0.as_deref(), seen.1.as_deref()) == wanted && seen.1.is_some();
        Ok((!is_so).then(|| {
            let [here, there] = [&seen.0, &seen.1].map(|one| one.as_deref().unwrap_or("not shown"));
            format!("the exporters are {here} and {there}")
        }))
    }

    fn pods(&mut self) -> Result<Option<String>, Closed> {
        let there = self.there();
        let pods = self.kubectl(|world| world.pods(there))?;
        let brokers = pods
            .iter()
            .filter(|pod| pod.labels.component == "zeebe-broker")
            .count();
        let wanted = self.scene.disaster.brokers / 2;
        self.says(|| {
            format!(
                "kubectl get pods  ->  {brokers} brokers in region{}",
                there.index()
            )
        });
        Ok((brokers != wanted as usize).then(|| format!("{brokers} broker pods instead of {wanted}")))
    }

    fn webapps(&mut self, region: Region, wanted: u32) -> Result<Option<String>, Closed> {
        let deployments = self.kubectl(|world| world.release(region))?.deployments;
        let mut shown = deployments
            .iter()
            .map(|one| format!("{} {}/{}", one.name, one.ready, one.replicas));
        let line = shown.by_ref().collect::<Vec<_>>().join(", ");
        self.says(|| format!("kubectl get deployments of region{}  ->  {line}", region.index()));
        let is_so = deployments.len() == 2
            && deployments
                .iter()
                .all(|one| one.ready == wanted && one.replicas == wanted);
        Ok((!is_so).then(|| match line.is_empty() {
            true => "no deployments of Operate and Tasklist".to_owned(),
            false => line,
        }))
    }

    async fn snapshot(&mut self, region: Region) -> Result<Option<String>, Closed> {
        let path = format!("{REPOSITORY}/_all");
        let shown = self.look(Typed::get(To::Search(region), &path)).await?;
        let (json, name) = (shown.json(), self.snapshot_name());
        let own = json["snapshots"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["snapshot"] == name);
        let state = own.and_then(|own| own["state"].as_str()).unwrap_or("not there");
        self.says(|| format!("sees snapshot {name}: {state}"));
        if ["PARTIAL", "FAILED"].contains(&state) && region == self.here() {
            // The guide wants SUCCESS, and prints no way to be rid of this one: the next gets another name.
            self.spoilt_snapshots += 1;
        }
        Ok((state != "SUCCESS").then(|| format!("the snapshot {name} is {state}")))
    }

    async fn restore_status(&mut self) -> Result<Option<String>, Closed> {
        let path = format!("{REPOSITORY}/{}/_status", self.snapshot_name());
        let shown = self.look(Typed::get(To::Search(self.there()), &path)).await?;
        let json = shown.json();
        let one = &json["snapshots"][0];
        let shards = &one["shards_stats"];
        self.says(|| {
            format!(
                "sees state {}, {} of {} shards",
                one["state"], shards["done"], shards["total"]
            )
        });
        let is_so = one["state"] == "SUCCESS" && shards["done"] == shards["total"];
        Ok((!is_so).then(|| format!("the state is {}", one["state"])))
    }

    /// The printed name, as long as it is free.
    pub(super) fn snapshot_name(&self) -> String {
        match self.spoilt_snapshots {
            0 => "failback".to_owned(),
            spoilt => format!("failback{}", spoilt + 1),
        }
    }
}

/// The exporter to a region's search.
pub(super) fn exporter(region: Region) -> String {
    format!("elasticsearchregion{}", region.index())
}
