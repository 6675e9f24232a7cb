//! The lab's platforms behind the engine's port, in both rings: no process can be started in virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::platform::{Component, Pod};
use c8dr_engine::ports::Platform;
use c8dr_lab::{Lab, PlatformError, PodPhase, PodStatus, Region};
use futures_util::future::BoxFuture;

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
    }
}

impl LabPlatform {
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
