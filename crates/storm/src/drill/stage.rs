//! Where a drill is played: the lab, the ports through a network that can be spoilt, and who watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::installation::Installation;
use c8dr_engine::clock::Clock;
use c8dr_engine::drive::{Canceller, Gear};
use c8dr_engine::events::{Listener, Told};
use c8dr_engine::observe::Sources;
use c8dr_engine::ports::{Bucket, Platform, Search, Traffic, Zeebe};
use c8dr_lab::{Blow, Disk, Lab, Region, Timings, WorldConfig};

use super::machine::Machine;
use super::script::{Command, Deed, Drill, Moment, Statement, Struck};
use crate::disaster::region;
use crate::ear::Ear;
use crate::fault::{Fault, What, When};
use crate::judge::Judge;
use crate::plot::Plot;
use crate::rings::names::LabNames;
use crate::rings::{Ports, Ring, gateway, ports, wire};
use crate::scene::SceneError;
use crate::scene::spoilt;
use crate::spoilt::Spoilt;

/// The stage of one drill.
pub(super) struct Stage {
    pub(super) lab: Lab,
    pub(super) clock: Clock,
    pub(super) installation: Installation,
    zeebe: Spoilt<Arc<dyn Zeebe>>,
    searches: BTreeMap<RegionId, Spoilt<Arc<dyn Search>>>,
    platforms: BTreeMap<RegionId, Spoilt<Arc<dyn Platform>>>,
    pub(super) bucket: Option<Box<dyn Bucket>>,
    /// The users' names, where c8dr points them.
    pub(super) names: Option<LabNames>,
    pub(super) plot: Plot,
    pub(super) ear: Ear,
    pub(super) watcher: Watcher,
    pub(super) seed: u64,
    /// The cluster for whoever works past c8dr: no request of theirs is spoilt.
    others: Box<dyn Zeebe>,
    machines: Mutex<BTreeMap<String, Machine>>,
}

/// What a drill hears: the judge, and whoever shows it.
#[derive(Clone)]
pub(super) struct Watcher {
    ear: Ear,
    shown: Arc<dyn Listener>,
}

impl Listener for Watcher {
    fn tell(&self, told: &Told) {
        self.ear.tell(told);
        self.shown.tell(told);
    }
}

impl Stage {
    pub(super) fn new(
        drill: &Drill,
        ring: Ring,
        clock: &Clock,
        shown: Arc<dyn Listener>,
    ) -> Result<Stage, SceneError> {
        let world = &drill.world;
        let common = Disk::default();
        let config = WorldConfig {
            brokers: world.brokers,
            partitions: world.partitions,
            seed: world.seed,
            timings: Timings::measured(),
            creates_per_second: 4.0,
            disk: Disk {
                volume_bytes: world.disk_bytes.unwrap_or(common.volume_bytes),
                instance_bytes: world.instance_bytes.unwrap_or(common.instance_bytes),
                ..common
            },
            ..WorldConfig::default()
        };
        let lab = Lab::new(config, clock.clone())?;
        lab.with(|lab| lab.set_search_flavour(world.flavour));
        let regions = [0, 1].map(|i| {
            (
                format!("region{i}"),
                ExporterId::new(format!("elasticsearchregion{i}")),
            )
        });
        let installation = Installation::new("drill", regions.to_vec(), world.brokers, world.partitions, 4)?;
        let made = |ring: Ring| match ring {
            Ring::Wire => wire::ports(&lab, world.brokers, world.has_bucket),
            Ring::Ports => ports::ports(&lab, world.brokers, world.has_bucket),
        };
        let Ports {
            zeebe,
            searches,
            platforms,
            bucket,
        } = made(ring)?;
        let others = made(ring)?.zeebe;
        let plot = Plot::new(lab.clone(), Vec::new());
        let mut judge = Judge::new(lab.clone(), plot.clone(), lost(drill), world.brokers);
        judge.by_hand();
        let ear = Ear::new(judge, clock.clone(), true);
        Ok(Stage {
            zeebe: spoilt(zeebe.into(), &plot, clock),
            searches: (searches.into_iter())
                .map(|(region, port)| (region, spoilt(port.into(), &plot, clock)))
                .collect(),
            platforms: (platforms.into_iter())
                .map(|(region, port)| (region, spoilt(port.into(), &plot, clock)))
                .collect(),
            bucket,
            names: world.has_traffic.then(|| LabNames::of(&lab)),
            watcher: Watcher {
                ear: ear.clone(),
                shown,
            },
            ear,
            plot,
            clock: clock.clone(),
            installation,
            lab,
            seed: world.seed,
            others,
            machines: Mutex::default(),
        })
    }

    pub(super) fn zeebe(&self) -> &dyn Zeebe {
        &self.zeebe
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources {
            zeebe: &self.zeebe as &dyn Zeebe,
            searches: (self.searches.iter())
                .map(|(id, port)| (*id, port as &dyn Search))
                .collect(),
            platforms: (self.platforms.iter())
                .map(|(id, port)| (*id, port as &dyn Platform))
                .collect(),
            traffic: (self.names.as_ref()).map(|names| names as &dyn Traffic),
        }
    }

    pub(super) fn gear(&self, canceller: &Canceller) -> Gear<'_> {
        let Sources {
            zeebe,
            searches,
            platforms,
            traffic,
        } = self.sources();
        Gear {
            zeebe,
            searches,
            platforms,
            traffic,
            bucket: self.bucket.as_deref(),
            clock: self.clock.clone(),
            listener: &self.watcher,
            canceller: canceller.clone(),
            seed: self.seed,
        }
    }

    /// The machines of the operators, by their names.
    pub(super) fn machines(&self) -> MutexGuard<'_, BTreeMap<String, Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arranges what happens at a moment that nobody waits for.
    pub(super) fn arrange(&self, moment: Moment, struck: Struck) {
        let when = match moment {
            Moment::Request(step, side) => When::Request { step, side },
            Moment::Records(chapter, number) => When::Record { chapter, number },
            Moment::Into(after, chapter) => When::At { chapter, after },
        };
        let what = match struck {
            Struck::Blow(blow, lasts) => What::Strikes { blow, lasts },
            Struck::Spoil(spoil) => What::Spoilt(spoil),
            Struck::KillC8dr => What::C8drDies,
        };
        self.plot.add(Fault { when, what });
    }

    /// Does something to the world.
    ///
    /// # Errors
    /// If the world does not take it, as a sentence.
    pub(super) async fn do_it(&self, deed: &Deed) -> Result<(), String> {
        let done = match deed {
            Deed::Blows(blows, lasts) => {
                for blow in blows {
                    self.plot.strike(Duration::ZERO, *blow, *lasts);
                }
                Ok(())
            }
            Deed::Load(creates) => {
                self.lab.with(|world| world.set_load(*creates));
                return Ok(());
            }
            Deed::Install { region: id, webapps } => self
                .lab
                .with(|world| world.upgrade_or_install(region(*id), *webapps)),
            Deed::Uninstall(id) => self.lab.with(|world| world.uninstall(region(*id))),
            Deed::DeleteVolumes(id) => self.lab.with(|world| world.delete_volumes(region(*id))),
            Deed::Names(trouble) => {
                self.lab.with(|world| world.trouble_names(*trouble));
                return Ok(());
            }
            Deed::PointNames(to) => {
                let (to, strange) = match to {
                    Some(id) => ([region(*id)].into(), None),
                    None => (Default::default(), Some("192.0.2.1".to_owned())),
                };
                self.lab.with(|world| world.set_names(to, strange));
                return Ok(());
            }
            Deed::SetExporter { region, on } => return self.set_exporter(*region, *on).await,
        };
        self.ear.heard().judge.troubled();
        done.map_err(|error| format!("{error}."))
    }

    /// Somebody's own call, past c8dr, through the first gateway that takes it.
    async fn set_exporter(&self, region: RegionId, on: bool) -> Result<(), String> {
        let exporter = |id: RegionId| self.installation.region(id).exporter.clone();
        let effect = match on {
            true => ZeebeEffect::EnableExporter {
                exporter: exporter(region),
                initialize_from: exporter(region.other()),
            },
            false => ZeebeEffect::DisableExporter {
                exporter: exporter(region),
            },
        };
        let mut last = "no gateway answers".to_owned();
        for broker in 0..self.lab.with(|world| world.config().brokers) {
            let (name, _) = gateway(broker);
            match self.others.perform(&name, &effect, Mode::Real).await {
                Answer::Accepted { .. } | Answer::Done => {
                    self.ear.heard().judge.troubled();
                    return Ok(());
                }
                other => last = other.words(),
            }
        }
        Err(format!("Nobody takes that: {last}."))
    }
}

/// The region that this drill is about: the first that is broken, or else the first that a command calls lost.
fn lost(drill: &Drill) -> RegionId {
    let broken = drill.lines.iter().find_map(|line| match &line.statement {
        Statement::At(_, Some(Deed::Blows(blows, _))) | Statement::Do(Deed::Blows(blows, _)) => {
            blows.iter().find_map(|blow| match blow {
                Blow::RegionDies(Region::Even) => Some(RegionId(0)),
                Blow::RegionDies(Region::Odd) => Some(RegionId(1)),
                _ => None,
            })
        }
        _ => None,
    });
    let named = drill.lines.iter().find_map(|line| match &line.statement {
        Statement::Command { command, .. } => match command {
            Command::Failover { lost, .. } => Some(*lost),
            Command::Failback { returning, .. } => Some(*returning),
            _ => None,
        },
        _ => None,
    });
    broken.or(named).unwrap_or(RegionId(1))
}
