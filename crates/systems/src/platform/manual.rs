//! A platform that a person changes, while we watch it.

use std::collections::BTreeSet;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Pod;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use futures_util::future::BoxFuture;

use super::Tasks;
use super::eyes::Eyes;

/// Tells a person what to do. Only looking is done by us.
#[derive(Clone, Debug)]
pub struct Manual {
    eyes: Eyes,
    tasks: Tasks<String>,
    clock: Clock,
}

impl Manual {
    /// A platform that is seen by `eyes`, and for which a person does what the lines of `tasks` say.
    pub fn new(eyes: Eyes, tasks: Tasks<String>, clock: Clock) -> Self {
        Manual { eyes, tasks, clock }
    }
}

impl Platform for Manual {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(self.eyes.pods(&self.clock))
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(self.eyes.volumes(&self.clock))
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        self.tasks.of(effect).to_vec()
    }

    fn is_manual(&self) -> bool {
        true
    }

    /// Sends nothing. That it was done is seen, not answered.
    fn perform(&self, _: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(async { Answer::Done })
    }
}
