//! The effects on the world that a step may have, and what a server can answer to one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ChangeId, ExporterId, counted};
use crate::observation::Silence;
use crate::topology::{Member, Operation};

/// One request that changes the installation. Carries everything: nothing is left to choose when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
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
}

impl Effect {
    /// What it does, as a sentence's predicate.
    pub fn words(&self) -> String {
        match self {
            Effect::ForceRemove { keep, remove } => {
                format!(
                    "remove {} by force, keep {}",
                    counted("broker", remove),
                    counted("broker", keep)
                )
            }
            Effect::DisableExporter { exporter } => format!("disable the exporter {exporter}"),
            Effect::CancelChange { change } => format!("cancel change {change}"),
            Effect::PauseExporting => "pause exporting".to_owned(),
            Effect::ResumeExporting => "resume exporting".to_owned(),
            Effect::ResumeExportingOn { broker } => format!("resume exporting on broker {broker}"),
            Effect::EnableExporter {
                exporter,
                initialize_from,
            } => {
                format!("enable the exporter {exporter} at the position of {initialize_from}")
            }
            Effect::AddBrokers {
                all,
                replication_factor,
            } => {
                format!(
                    "make {} the members, with {replication_factor} replicas",
                    counted("broker", all)
                )
            }
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
    /// Deletes one index by its whole name. Guarantee G10: only in the cluster with this UUID.
    DeleteIndex {
        /// Which index.
        index: String,
        /// The cluster in which alone it may go.
        cluster_uuid: String,
    },
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
            Answer::NotSent { why, detail } => format!("not sent: {why} {detail}").trim_end().to_owned(),
            Answer::Unknown {
                status: Some(status),
                detail,
            } => format!("outcome unknown ({status}): {detail}"),
            Answer::Unknown { status: None, detail } => format!("outcome unknown: {detail}"),
        }
    }
}
