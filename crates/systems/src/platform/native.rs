//! A platform that is seen and scaled through its API server, without any tool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::{Pod, WriteTrial};
use c8dr_engine::ports::Platform;
use futures_util::future::BoxFuture;

use crate::kubernetes::Region;

/// Pods and volumes as the API server lists them; Operate and Tasklist scaled by it. What it does not do, such as installing, the
/// other platform does, which also says what a person would type.
#[derive(Clone)]
pub struct Native {
    region: Region,
    others: Arc<dyn Platform>,
}

impl Native {
    /// A platform of a region; `others` does what is not scaling.
    pub fn new(region: Region, others: Arc<dyn Platform>) -> Self {
        Native { region, others }
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Platform for Native {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(self.region.pods())
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(self.region.volumes())
    }

    fn writes<'a>(
        &'a self,
        exporters: &'a BTreeMap<RegionId, ExporterId>,
    ) -> BoxFuture<'a, Sight<Vec<WriteTrial>>> {
        Box::pin(self.region.writes(exporters))
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        self.others.command(effect)
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        match effect {
            PlatformEffect::WebappsDown => Box::pin(self.region.webapps_down()),
            PlatformEffect::WebappsUp => Box::pin(self.region.webapps_up()),
            PlatformEffect::Install => self.others.perform(effect),
        }
    }
}
