//! The lab's platforms behind the engine's port, in both rings: no process can be started in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::observation::Sight;
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::platform::{Component, Pod, Trial, WriteTrial};
use c8dr_engine::ports::Platform;
use c8dr_lab::{BrokerId, Lab, PlatformError, PodPhase, PodStatus, Region};
use futures_util::future::BoxFuture;

use crate::disaster::region;

/// How long a tool takes.
const TOOL: Duration = Duration::from_millis(200);

/// One region's platform.
pub(crate) struct LabPlatform {
    pub(crate) lab: Lab,
    pub(crate) region: Region,
}

fn pod(status: PodStatus) -> Pod {
    let component = match status.labels.component {
        "zeebe-broker" => Component::Broker,
        "zeebe-gateway" => Component::Gateway,
        "operate" | "tasklist" => Component::Webapp,
        "master" => Component::Search,
        _ => Component::Other,
    };
    Pod {
        name: status.name,
        component,
        is_ready: status.ready,
        is_terminating: status.phase == PodPhase::Terminating,
        trouble: None,
    }
}

impl LabPlatform {
    /// The broker in a pod: by its number in its stateful set, and its region.
    fn broker(&self, pod: &str) -> Option<BrokerId> {
        let ordinal: u32 = pod.rsplit('-').next()?.parse().ok()?;
        Some(BrokerId(ordinal * 2 + u32::from(self.region == Region::Odd)))
    }

    fn change(&self, effect: PlatformEffect) -> Result<(), PlatformError> {
        self.lab.with(|world| match effect {
            PlatformEffect::Install => world.upgrade_or_install(self.region, false),
            PlatformEffect::WebappsDown => ["operate", "tasklist"]
                .into_iter()
                .try_for_each(|webapp| world.scale_deployment(self.region, webapp, 0)),
            PlatformEffect::WebappsUp if planted::is(Bug::RestartAtRfTwo) => {
                world.roll_brokers(self.region);
                world.upgrade_or_install(self.region, true)
            }
            PlatformEffect::WebappsUp => world.upgrade_or_install(self.region, true),
        })
    }
}

impl Platform for LabPlatform {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(async {
            let pods = self.lab.with(|world| world.pods(self.region));
            Sight::Seen(pods.into_iter().map(pod).collect())
        })
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(async {
            let volumes = self.lab.with(|world| world.volumes(self.region));
            Sight::Seen(volumes.into_iter().map(|volume| volume.name).collect())
        })
    }

    fn writes<'a>(
        &'a self,
        exporters: &'a BTreeMap<RegionId, ExporterId>,
    ) -> BoxFuture<'a, Sight<Vec<WriteTrial>>> {
        Box::pin(async {
            self.lab.clock().sleep(TOOL).await;
            Sight::Seen(self.lab.with(|world| {
                let pods = world.pods(self.region).into_iter();
                pods.filter(|pod| pod.labels.component == "zeebe-broker" && pod.ready)
                    .flat_map(|pod| exporters.keys().map(move |to| (pod.name.clone(), *to)))
                    .map(|(pod, to)| WriteTrial {
                        outcome: match self
                            .broker(&pod)
                            .and_then(|broker| world.try_to_write(broker, region(to)))
                        {
                            Some(cluster) => Trial::Written { cluster },
                            None => Trial::Failed {
                                why: "curl there ended with 28: timed out".to_owned(),
                            },
                        },
                        pod,
                        to,
                    })
                    .collect()
            }))
        })
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        vec![format!("helm: {}", effect.words())]
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let changed = self.change(effect);
            self.lab.clock().sleep(TOOL).await;
            match changed {
                Ok(()) => Answer::Done,
                Err(error) => Answer::Refused {
                    status: 1,
                    message: error.to_string(),
                },
            }
        })
    }
}
