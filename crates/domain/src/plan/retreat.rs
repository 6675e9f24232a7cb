//! The way back from a failback to one region: safe at any time, and it never leaves exporting paused.
//!
//! `spec: procedure.md §7`, `edge-cases.md E4`; guarantee G9. A step whose effect is there already is passed over, so this
//! one list serves every moment at which a run may be given up.

use std::collections::BTreeSet;

use super::failback::Request;
use super::{Class, Prediction, Step, StepId};
use crate::condition::Condition;
use crate::effect::{Effect, PlatformEffect, ZeebeEffect};
use crate::fence::Pale;
use crate::ids::counted;
use crate::picture::Picture;
use crate::planted::{self, Bug};
use crate::topology::ExporterStatus;

/// How long a change may take to be cancelled, or an exporter to be disabled.
const CHANGE_DEADLINE_MS: u64 = 300_000;
/// How long a force's proof may take, as in a failover.
const FORCE_DEADLINE_MS: u64 = 180_000;
/// How long a resume may take to be seen on every broker.
const RESUME_DEADLINE_MS: u64 = 300_000;
/// How long pods may take to come up.
const PODS_DEADLINE_MS: u64 = 900_000;

/// The steps, in order. What protects the disks (`Class::Safety`) is done even if one before it cannot be.
pub(super) fn steps(picture: &Picture<'_>, request: &Request) -> Vec<Step> {
    let installation = picture.installation;
    let survivors = request.returning.other();
    let (keep, back) = (
        installation.brokers_of(survivors),
        installation.brokers_of(request.returning),
    );
    let (own, theirs) = (
        installation.region(survivors).exporter.clone(),
        installation.region(request.returning).exporter.clone(),
    );
    let name = &installation.region(request.returning).name;
    let manual = &request.management;
    let ids: Vec<String> = keep.iter().map(|broker| format!("\"{broker}\"")).collect();
    let mut steps = vec![
        Step {
            id: StepId::Rt1,
            title: "Cancel the change of this run that is still pending".to_owned(),
            class: Class::Orderly,
            before: Vec::new(),
            effect: Effect::CancelOwn,
            after: vec![Condition::NothingPending],
            deadline_ms: CHANGE_DEADLINE_MS,
            prediction: predicted("CANCELLED at once; what it did stays done", 0, 1_000),
            manual: vec![format!(
                "curl -X DELETE '{manual}/actuator/cluster/changes/ID'   # only the one of this run"
            )],
        },
        Step {
            id: StepId::Rt2,
            title: format!("Remove {} of the region {name} again", counted("broker", &back)),
            class: Class::Orderly,
            before: vec![
                Condition::StillMembers {
                    brokers: back.clone(),
                },
                Condition::NothingPending,
                Condition::Up {
                    brokers: keep.clone(),
                },
                // Partitions that have not been joined are led by survivors all the time, so leaders say nothing here.
                Condition::Fenced {
                    lost: request.returning,
                    pales: BTreeSet::from([Pale::LostSilent, Pale::SurvivorsUp]),
                },
            ],
            effect: ZeebeEffect::ForceRemove {
                keep: keep.clone(),
                remove: back,
            }
            .into(),
            after: vec![
                Condition::ChangeEnded,
                // How many replicas are left depends on how far the add had come, where it began from three.
                match picture.is_reinforced(survivors) {
                    true => Condition::OnlyMembers {
                        exactly: keep.clone(),
                    },
                    false => Condition::Members {
                        exactly: keep.clone(),
                        replication_factor: installation.regional_replicas(),
                    },
                },
                Condition::Led { by: keep.clone() },
            ],
            deadline_ms: FORCE_DEADLINE_MS,
            prediction: predicted(
                "COMPLETED at once; joined partitions led again some six seconds later",
                3_500,
                8_500,
            ),
            manual: vec![format!(
                "curl -X POST '{manual}/actuator/cluster/brokers?force=true' -H 'Content-Type: application/json' -d '[{}]'",
                ids.join(", ")
            )],
        },
        Step {
            id: StepId::Rt3,
            title: format!("Disable the exporter {theirs} to the region {name} again"),
            class: Class::Orderly,
            before: vec![
                Condition::NothingPending,
                Condition::Exporter {
                    exporter: own.clone(),
                    status: ExporterStatus::Enabled,
                },
            ],
            effect: ZeebeEffect::DisableExporter {
                exporter: theirs.clone(),
            }
            .into(),
            after: vec![
                Condition::ChangeEnded,
                Condition::Exporter {
                    exporter: theirs.clone(),
                    status: ExporterStatus::Disabled,
                },
                Condition::Exporter {
                    exporter: own,
                    status: ExporterStatus::Enabled,
                },
            ],
            deadline_ms: CHANGE_DEADLINE_MS,
            prediction: predicted("COMPLETED within half a second", 100, 1_500),
            manual: vec![format!(
                "curl -X POST '{manual}/actuator/exporters/{theirs}/disable'"
            )],
        },
        Step {
            id: StepId::Rt4,
            title: "Resume exporting".to_owned(),
            class: Class::Safety,
            before: Vec::new(),
            effect: ZeebeEffect::ResumeExporting.into(),
            after: vec![Condition::ExportingOn { brokers: keep }],
            deadline_ms: RESUME_DEADLINE_MS,
            prediction: predicted("EXPORTING by every broker's own account", 0, 3_000),
            manual: vec![
                format!(
                    "curl -X POST '{manual}/actuator/exporting/resume'   # read `status` in the body, not the HTTP status"
                ),
                "curl 'http://EACH-BROKER:9600/actuator/partitions'   # exporterPhase EXPORTING everywhere"
                    .to_owned(),
            ],
        },
    ];
    if request.webapps {
        steps.push(Step {
            id: StepId::Rt5,
            title: format!(
                "Bring Operate and Tasklist of region {} up",
                installation.region(survivors).name
            ),
            class: Class::Orderly,
            before: Vec::new(),
            effect: Effect::Platform {
                region: survivors,
                effect: PlatformEffect::WebappsUp,
            },
            after: vec![Condition::WebappsUp { region: survivors }],
            deadline_ms: PODS_DEADLINE_MS,
            prediction: predicted("pods ready within minutes", 1_000, 180_000),
            manual: request.commands(survivors, PlatformEffect::WebappsUp),
        });
    }
    if let Some(traffic) = &request.traffic {
        steps.push(traffic.off_again(installation, survivors));
    }
    if planted::is(Bug::PauseForgotten) {
        steps.retain(|step| step.id != StepId::Rt4);
    }
    steps
}

fn predicted(what: &str, from_ms: u64, until_ms: u64) -> Prediction {
    Prediction {
        what: what.to_owned(),
        from_ms,
        until_ms,
    }
}
