//! The effects on the world that a step may have, what goes out for one, and what a server can answer.
//!
//! A plan says what is meant ([`Effect`]); what is sent for it ([`Request`]) may need what was read on the way: the position
//! vector, the name of a snapshot, the id of a change. Both are journaled, the second before it leaves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ChangeId, ExporterId, GatewayName, RegionId, counted, each_region};
use crate::observation::Silence;
use crate::topology::{Member, Operation};

/// What a step does to the world, as far as it can be said before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// To the Zeebe cluster.
    Zeebe(ZeebeEffect),
    /// Cancels whichever change of this run is pending. `spec: edge-cases.md E4`
    CancelOwn,
    /// To a region's search.
    Search {
        /// Whose.
        region: RegionId,
        /// What.
        task: SearchTask,
    },
    /// To a region's platform: its releases and deployments.
    Platform {
        /// Whose.
        region: RegionId,
        /// What.
        effect: PlatformEffect,
    },
    /// To the users' names. `spec: procedure.md I3`
    Traffic {
        /// The regions that they shall point to, and to nothing else.
        to: BTreeSet<RegionId>,
    },
}

impl Effect {
    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            Effect::Zeebe(effect) => effect.words(),
            Effect::CancelOwn => "cancel the pending change of this run".to_owned(),
            Effect::Search { region, task } => format!("{} in region {region}", task.words()),
            Effect::Platform { region, effect } => format!("{} in region {region}", effect.words()),
            Effect::Traffic { to } => traffic_words(to),
        }
    }

    /// The effect on Zeebe, where it is one.
    pub fn zeebe(&self) -> Option<&ZeebeEffect> {
        match self {
            Effect::Zeebe(effect) => Some(effect),
            _ => None,
        }
    }

    /// Whether it begins a change of the cluster's configuration, which is then awaited by its id.
    pub fn begins_change(&self) -> bool {
        matches!(
            self,
            Effect::Zeebe(
                ZeebeEffect::ForceRemove { .. }
                    | ZeebeEffect::DisableExporter { .. }
                    | ZeebeEffect::EnableExporter { .. }
                    | ZeebeEffect::AddBrokers { .. }
                    | ZeebeEffect::Replicate { .. }
            )
        )
    }

    /// Whether sending it again, while its effect is absent, does nothing that sending it once would not. Those that begin
    /// a change are not among them, though some are harmless: a change is awaited instead.
    pub fn may_be_repeated(&self) -> bool {
        !self.begins_change()
            && !matches!(
                self,
                Effect::Search {
                    task: SearchTask::Snapshot { .. } | SearchTask::Restore { .. },
                    ..
                }
            )
    }
}

impl From<ZeebeEffect> for Effect {
    fn from(effect: ZeebeEffect) -> Self {
        Effect::Zeebe(effect)
    }
}

/// What a step does to a search, as far as it can be said before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchTask {
    /// Registers the repository. `spec: procedure.md FB3 b, f`
    Register {
        /// Its name.
        repository: String,
        /// Its type and settings, as the server wants them.
        settings: serde_json::Value,
        /// Takes an older registration away first: a search that registered it before the snapshot was whole does not see
        /// the snapshot. `spec: procedure.md I11`
        anew: bool,
    },
    /// Takes this run's snapshot. `spec: procedure.md FB3 d`
    Snapshot {
        /// In which repository.
        repository: String,
    },
    /// Deletes what stands in the way of the restore: indices without a document, and those that this run has restored.
    ClearTheWay,
    /// Restores this run's snapshot, by an explicit list of its indices. `spec: procedure.md FB3 h`
    Restore {
        /// From which repository.
        repository: String,
    },
}

impl SearchTask {
    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            SearchTask::Register {
                repository,
                anew: false,
                ..
            } => format!("register the repository {repository}"),
            SearchTask::Register {
                repository,
                anew: true,
                ..
            } => format!("register the repository {repository} anew"),
            SearchTask::Snapshot { repository } => format!("take this run's snapshot into {repository}"),
            SearchTask::ClearTheWay => "delete indices without documents that stand in the way".to_owned(),
            SearchTask::Restore { repository } => format!("restore this run's snapshot from {repository}"),
        }
    }
}

/// One request that changes a region's release or deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformEffect {
    /// Installs the release, or brings it up to date, with Operate and Tasklist off. `spec: procedure.md FB1`
    Install,
    /// Takes Operate and Tasklist down. `spec: procedure.md FB2`
    WebappsDown,
    /// Brings the release up to date with Operate and Tasklist on. `spec: procedure.md FB4`
    WebappsUp,
}

impl PlatformEffect {
    /// What it does, as a sentence's predicate.
    pub const fn words(self) -> &'static str {
        match self {
            PlatformEffect::Install => "install the release without Operate and Tasklist",
            PlatformEffect::WebappsDown => "take Operate and Tasklist down",
            PlatformEffect::WebappsUp => "bring Operate and Tasklist up",
        }
    }
}

/// What goes out: one request, with everything filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// To Zeebe.
    Zeebe {
        /// Through which gateway.
        gateway: GatewayName,
        /// What.
        effect: ZeebeEffect,
    },
    /// To a region's search.
    Search {
        /// Whose.
        region: RegionId,
        /// What.
        effect: SearchEffect,
    },
    /// To a region's platform.
    Platform {
        /// Whose.
        region: RegionId,
        /// What.
        effect: PlatformEffect,
    },
    /// To the users' names.
    Traffic {
        /// What.
        effect: TrafficEffect,
    },
}

impl Request {
    /// Where it goes, in a few words.
    pub fn through(&self) -> String {
        match self {
            Request::Zeebe { gateway, .. } => format!("gateway {gateway}"),
            Request::Search { region, .. } => format!("the search of region {region}"),
            Request::Platform { region, .. } => format!("the platform of region {region}"),
            Request::Traffic { .. } => "the traffic's driver".to_owned(),
        }
    }

    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            Request::Zeebe { effect, .. } => effect.words(),
            Request::Search { effect, .. } => effect.words(),
            Request::Platform { effect, .. } => effect.words().to_owned(),
            Request::Traffic { effect } => traffic_words(&effect.to),
        }
    }
}

/// One request that changes the Zeebe cluster. Carries everything: nothing is left to choose when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeebeEffect {
    /// Removes the lost brokers by force and cuts every partition down to the kept ones. `spec: procedure.md FO1`
    ForceRemove {
        /// The brokers that stay: what goes on the wire.
        keep: BTreeSet<BrokerId>,
        /// The brokers that go: what the plan means by it, and what is compared.
        remove: BTreeSet<BrokerId>,
    },
    /// Stops an exporter on every partition. `spec: procedure.md FO2`
    DisableExporter {
        /// The exporter.
        exporter: ExporterId,
    },
    /// Cancels a pending change; what it did stays done. `spec: api.md §2.5`
    CancelChange {
        /// The change.
        change: ChangeId,
    },
    /// Pauses exporting everywhere, hard. `spec: procedure.md FB2`
    PauseExporting,
    /// Resumes exporting everywhere. `spec: procedure.md FB6`
    ResumeExporting,
    /// Resumes exporting on one broker, by itself: the way to finish a resume that did half. `spec: edge-cases.md E3`
    ResumeExportingOn {
        /// The broker.
        broker: BrokerId,
    },
    /// Starts an exporter at another one's acknowledged position. `spec: procedure.md FB5`
    EnableExporter {
        /// The exporter.
        exporter: ExporterId,
        /// The exporter whose position it takes. Without one it would start at the log's end: a hole for ever.
        initialize_from: ExporterId,
    },
    /// Makes these the members, with this replication factor; never by force. `spec: procedure.md FB7`
    AddBrokers {
        /// All members, old and new.
        all: BTreeSet<BrokerId>,
        /// Replicas per partition.
        replication_factor: u32,
    },
    /// Gives each partition this many replicas on the same members; never by force. `spec: real-zeebe/README.md §8`
    Replicate {
        /// The members, before and after.
        members: BTreeSet<BrokerId>,
        /// Replicas per partition.
        replication_factor: u32,
    },
}

impl ZeebeEffect {
    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            ZeebeEffect::ForceRemove { keep, remove } => {
                format!(
                    "remove {} by force, keep {}",
                    counted("broker", remove),
                    counted("broker", keep)
                )
            }
            ZeebeEffect::DisableExporter { exporter } => format!("disable the exporter {exporter}"),
            ZeebeEffect::CancelChange { change } => format!("cancel change {change}"),
            ZeebeEffect::PauseExporting => "pause exporting".to_owned(),
            ZeebeEffect::ResumeExporting => "resume exporting".to_owned(),
            ZeebeEffect::ResumeExportingOn { broker } => format!("resume exporting on broker {broker}"),
            ZeebeEffect::EnableExporter {
                exporter,
                initialize_from,
            } => {
                format!("enable the exporter {exporter} at the position of {initialize_from}")
            }
            ZeebeEffect::AddBrokers {
                all,
                replication_factor,
            } => {
                format!(
                    "make {} the members, with {replication_factor} replicas",
                    counted("broker", all)
                )
            }
            ZeebeEffect::Replicate {
                members,
                replication_factor,
            } => format!(
                "give each partition {replication_factor} replicas on {}",
                counted("broker", members)
            ),
        }
    }
}

/// One request that changes a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchEffect {
    /// Registers a repository, which also proves that every node can write to it.
    Register {
        /// Its name.
        repository: String,
        /// Its type and settings, as the server wants them.
        settings: serde_json::Value,
        /// Takes an older registration away first.
        anew: bool,
    },
    /// Begins a snapshot and does not wait for it.
    Snapshot {
        /// In which repository.
        repository: String,
        /// Its name, unique per run.
        name: String,
        /// What is put into it: the run, and the position vector V. The servers refuse more than 1,024 bytes of it.
        metadata: BTreeMap<String, serde_json::Value>,
    },
    /// Deletes a snapshot by its name.
    DeleteSnapshot {
        /// In which repository.
        repository: String,
        /// Its name.
        name: String,
    },
    /// Begins a restore of exactly these indices and does not wait for it.
    Restore {
        /// From which repository.
        repository: String,
        /// Which snapshot.
        name: String,
        /// Which indices; never a pattern.
        indices: BTreeSet<String>,
    },
    /// Deletes indices by their whole names, one by one. Guarantee G10: only in the cluster with this UUID.
    DeleteIndices {
        /// Which.
        indices: BTreeSet<String>,
        /// The cluster in which alone they may go.
        cluster_uuid: String,
    },
}

impl SearchEffect {
    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            SearchEffect::Register {
                repository,
                anew: false,
                ..
            } => format!("register the repository {repository}"),
            SearchEffect::Register {
                repository,
                anew: true,
                ..
            } => format!("register the repository {repository} anew"),
            SearchEffect::Snapshot { repository, name, .. } => {
                format!("take the snapshot {name} into {repository}")
            }
            SearchEffect::DeleteSnapshot { repository, name } => {
                format!("delete the snapshot {name} of {repository}")
            }
            SearchEffect::Restore {
                repository,
                name,
                indices,
            } => {
                format!(
                    "restore {} indices of the snapshot {name} from {repository}",
                    indices.len()
                )
            }
            SearchEffect::DeleteIndices {
                indices,
                cluster_uuid,
            } => {
                format!(
                    "delete {} in the cluster {cluster_uuid}",
                    crate::ids::listed(indices)
                )
            }
        }
    }
}

/// One request that points the users' names elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficEffect {
    /// The regions that every name shall point to, and to nothing else.
    pub to: BTreeSet<RegionId>,
    /// What the records were when they were read: where they are otherwise now, somebody else is at work, and nothing is
    /// changed. `None`: the driver cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

fn traffic_words(to: &BTreeSet<RegionId>) -> String {
    format!("point the users' names to {}", each_region(to))
}

/// Whether the server shall carry an effect out or only say what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Carry it out.
    Real,
    /// `dryRun=true`: only answer. Changes nothing.
    Rehearsal,
}

/// What came back for an effect. Never "success": that is read from the world afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// 202: the server has planned a change and will carry it out.
    Accepted {
        /// Its id. A rehearsal shows the id that it would get.
        change: ChangeId,
        /// What it is going to do; empty when there is nothing to do.
        planned: Vec<Operation>,
        /// The members before the change; while the coordinator is lost the only source for them.
        members: BTreeMap<BrokerId, Member>,
    },
    /// 200 or 204: done, nothing to wait for.
    Done,
    /// The server refused it for good (400, 401, 403, 404, 405, 501): nothing was done.
    Refused {
        /// HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// 409: another change is pending, perhaps an earlier request of our own.
    Conflict {
        /// Its message, which does not tell the change's id.
        message: String,
    },
    /// What was to be changed is no longer as it was read: somebody else has changed it. Nothing was done.
    Stale {
        /// What is known of it.
        message: String,
    },
    /// It never left this machine: no connection came about.
    NotSent {
        /// Why.
        why: Silence,
        /// What the network said.
        detail: String,
    },
    /// It may or may not have had its effect: 500, 502, 504, no answer in time, a broken connection, half an answer.
    Unknown {
        /// HTTP status, if there was one.
        status: Option<u16>,
        /// What is known.
        detail: String,
    },
}

impl Answer {
    /// What came back, in a few words.
    pub fn words(&self) -> String {
        match self {
            Answer::Accepted { change, planned, .. } => {
                format!("accepted as change {change} with {} operations", planned.len())
            }
            Answer::Done => "done".to_owned(),
            Answer::Refused { status, message } => format!("refused with {status}: {message}"),
            Answer::Conflict { message } => format!("409, another change is pending: {message}"),
            Answer::Stale { message } => {
                format!("nothing was changed, as somebody else has changed it since: {message}")
            }
            Answer::NotSent { why, detail } => format!("not sent: {why} {detail}").trim_end().to_owned(),
            Answer::Unknown {
                status: Some(status),
                detail,
            } => format!("outcome unknown ({status}): {detail}"),
            Answer::Unknown { status: None, detail } => format!("outcome unknown: {detail}"),
        }
    }
}
