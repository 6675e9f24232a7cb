//! What a command works with: the configuration, its endpoints, the clock, the runs of this machine.

use std::sync::Arc;

use c8dr_domain::ids::RegionId;
use c8dr_engine::clock::Clock;
use c8dr_engine::journal::Store;
use c8dr_engine::ports::Tap;
use c8dr_systems::dial::Tcp;
use c8dr_systems::zeebe::Cluster;

use crate::args::Args;
use crate::config::{self, Config};
use crate::environment;
use crate::error::CliError;
use crate::show::Screen;

/// One installation, as reached from here.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
}

impl Site {
    /// Opens the configured installation. Nothing is sent yet.
    pub(crate) fn open(args: &Args, screen: &Screen) -> Result<Self, CliError> {
        let home = environment::home();
        let found = config::find(args.config.as_deref(), &home)?;
        if found.is_lab {
            screen.note("There is no c8dr.yaml here; this is the running lab.");
        }
        let config = config::load(&found.path)?;
        let clock = Clock::at_speed(config.clock_speed);
        Self::with(config, clock, Store::at(home), None)
    }

    pub(crate) fn with(
        config: Config,
        clock: Clock,
        store: Store,
        tap: Option<Tap>,
    ) -> Result<Self, CliError> {
        let dial = Arc::new(Tcp::new(clock.clone()));
        let cluster = Cluster::new(config.endpoints.clone(), dial, clock.clone(), tap)?;
        Ok(Site {
            config,
            cluster,
            clock,
            store,
        })
    }

    /// The region that a person named, exactly.
    pub(crate) fn region(&self, typed: &str) -> Result<RegionId, CliError> {
        let installation = &self.config.installation;
        installation
            .region_named(typed)
            .map(|region| region.id)
            .ok_or_else(|| CliError::UnknownRegion {
                typed: typed.to_owned(),
                known: installation
                    .regions()
                    .each_ref()
                    .map(|region| format!("`{}`", region.name))
                    .join(" and "),
            })
    }

    /// A management address of a region's gateway, for the commands that a person would type.
    pub(crate) fn management_of(&self, region: RegionId) -> String {
        self.config
            .endpoints
            .gateways
            .values()
            .filter(|gateway| gateway.region == region)
            .find_map(|gateway| gateway.management.as_ref())
            .map_or_else(|| "http://localhost:9600".to_owned(), ToString::to_string)
    }
}
