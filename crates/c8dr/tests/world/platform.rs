//! The lab's platform behind the engine's port: no process can be started in virtual time, so the lab is told directly.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::{Component, Pod};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use c8dr_lab::{Lab, PlatformError, PodPhase, PodStatus, Region};
use futures_util::future::BoxFuture;

use super::wire::{Arrived, Plot, Side, Spoil, held_up, next_spoil};

/// How long a tool takes.
const TOOL: Duration = Duration::from_millis(200);

/// One region's platform.
pub(crate) struct LabPlatform {
    pub(crate) lab: Lab,
    pub(crate) region: Region,
    pub(crate) clock: Clock,
    pub(crate) plot: Plot,
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
    fn change(&self, effect: PlatformEffect) -> Result<(), PlatformError> {
        self.lab.with(|world| match effect {
            PlatformEffect::Install => world.upgrade_or_install(self.region, false),
            PlatformEffect::WebappsDown => ["operate", "tasklist"]
                .into_iter()
                .try_for_each(|webapp| world.scale_deployment(self.region, webapp, 0)),
            PlatformEffect::WebappsUp => world.upgrade_or_install(self.region, true),
        })
    }

    async fn run(&self, effect: PlatformEffect) -> Answer {
        let unknown = || Answer::Unknown {
            status: None,
            detail: "the tool was lost".to_owned(),
        };
        let to = format!("platform-{}", self.region.index());
        let line = format!("{effect:?}");
        let spoil = next_spoil(&self.plot);
        match spoil {
            Some(Spoil::LostBefore | Spoil::Status(_)) => return unknown(),
            Some(Spoil::Refused) => {
                return Answer::NotSent {
                    why: Silence::Refused,
                    detail: "there is no such tool".to_owned(),
                };
            }
            _ => {}
        }
        held_up(&self.plot, &to, &line, Side::Before).await;
        self.plot.lock().unwrap().arrived.push(Arrived {
            at: self.clock.wall(),
            to: to.clone(),
            line: line.clone(),
            body: String::new(),
        });
        let changed = self.change(effect);
        held_up(&self.plot, &to, &line, Side::After).await;
        self.clock.sleep(TOOL).await;
        match (spoil, changed) {
            (Some(_), _) => unknown(),
            (None, Ok(())) => Answer::Done,
            (None, Err(error)) => Answer::Refused {
                status: 1,
                message: error.to_string(),
            },
        }
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
        Box::pin(self.run(effect))
    }
}
