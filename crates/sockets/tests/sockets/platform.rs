//! A region's platform as the operator reaches it: helm and kubectl, whose requests are no business of these tests, so they go
//! to the lab's host past the network.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::{Component, Pod};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use c8dr_lab::{PlatformError, PodPhase, PodStatus, Region};
use futures_util::future::BoxFuture;

use crate::stage::LabHost;

/// How long a tool takes.
const TOOL: Duration = Duration::from_millis(200);

/// One region's platform.
pub(crate) struct RemotePlatform {
    pub(crate) lab: LabHost,
    pub(crate) region: Region,
    pub(crate) clock: Clock,
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

impl RemotePlatform {
    async fn change(&self, effect: PlatformEffect) -> Result<(), PlatformError> {
        let region = self.region;
        let change = move |world: &mut c8dr_lab::World| match effect {
            PlatformEffect::Install => world.upgrade_or_install(region, false),
            PlatformEffect::WebappsDown => ["operate", "tasklist"]
                .into_iter()
                .try_for_each(|webapp| world.scale_deployment(region, webapp, 0)),
            PlatformEffect::WebappsUp => world.upgrade_or_install(region, true),
        };
        self.lab.with(move |lab| lab.with(change)).await
    }
}

impl Platform for RemotePlatform {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        let region = self.region;
        Box::pin(async move {
            let pods = self
                .lab
                .with(move |lab| lab.with(|world| world.pods(region)))
                .await;
            Sight::Seen(pods.into_iter().map(pod).collect())
        })
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        let region = self.region;
        Box::pin(async move {
            let volumes = self
                .lab
                .with(move |lab| lab.with(|world| world.volumes(region)))
                .await;
            Sight::Seen(volumes.into_iter().map(|volume| volume.name).collect())
        })
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        vec![format!("helm: {}", effect.words())]
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let changed = self.change(effect).await;
            self.clock.sleep(TOOL).await;
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
