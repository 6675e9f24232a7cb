//! Kubernetes and helm as far as a failback needs them: a release in each region, its pods, and what an uninstall leaves.

use std::collections::BTreeMap;

use c8dr_engine::clock::Moment;
use serde::Serialize;

use crate::chance::Stream;
use crate::ids::Region;
use crate::search::Cluster;
use crate::world::gossip::Loss;
use crate::world::objects::pod_name;
use crate::world::webapps::{Deployment, Webapp};
use crate::world::{Data, Event, World};

/// The release's name in both regions (spec: procedure.md §1).
pub(super) const RELEASE: &str = "camunda";

/// What helm knows of a release.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) revision: u32,
    /// Somebody's upgrade of it was interrupted: helm lets nobody upgrade it before it is rolled back.
    pub(crate) is_pending: bool,
    /// Operate and Tasklist, where they are not switched off.
    pub(crate) deployments: BTreeMap<Webapp, Deployment>,
}

/// A region's platform.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) release: Option<Release>,
    /// Volumes that a new release would find.
    pub(crate) volumes: bool,
    /// Webapp pods by their number, those that terminate included.
    pub(crate) pods: BTreeMap<u64, Pod>,
    /// Whether the gateway's pod is there.
    pub(crate) gateway: bool,
}

/// Where a webapp's pod is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum PodPhase {
    /// Starting: it has not written anything yet.
    Pending,
    /// It works.
    Running,
    /// It was told to end, and still works.
    Terminating,
}

#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) webapp: Webapp,
    pub(crate) name: String,
    pub(crate) phase: PodPhase,
    /// When it was told to end.
    pub(crate) told_to_end: Option<Moment>,
}

/// A deployment as `kubectl get deployments` shows it. Its numbers do not count pods that terminate.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DeploymentStatus {
    /// Its name.
    pub name: String,
    /// How many pods are wanted.
    pub replicas: u32,
    /// How many are ready.
    pub ready: u32,
}

/// A region's release as `helm list` shows it, and what there is beside it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ReleaseStatus {
    /// The region's name.
    pub region: String,
    /// The release's name; none when nothing is installed.
    pub release: Option<&'static str>,
    /// Its revision, from 1.
    pub revision: Option<u32>,
    /// What helm says of it: `deployed`, or `pending-upgrade` after an interrupted upgrade.
    pub status: Option<&'static str>,
    /// Whether Operate and Tasklist are part of it.
    pub webapps: bool,
    /// Its deployments.
    pub deployments: Vec<DeploymentStatus>,
    /// Whether there are volumes, in use or left over.
    pub volumes: bool,
}

/// What the platform refuses, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// `helm install` of something installed.
    #[error("INSTALLATION FAILED: cannot re-use a name that is still in use")]
    NameInUse,
    /// `helm upgrade` of nothing.
    #[error("UPGRADE FAILED: {RELEASE:?} has no deployed releases")]
    NothingToUpgrade,
    /// `helm upgrade` while the release is `pending-upgrade`.
    #[error("UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress")]
    InProgress,
    /// `helm uninstall` of nothing.
    #[error("uninstall: Release not loaded: {RELEASE}: release: not found")]
    NothingToUninstall,
    /// `kubectl scale` of something that is not there.
    #[error("deployments.apps {0:?} not found")]
    NoDeployment(String),
    /// `kubectl scale` beyond reason.
    #[error("{0} replicas are more than the lab has room for; 10 at most")]
    TooManyReplicas(u32),
    /// `kubectl delete pvc` while pods hold them.
    #[error("the volumes are in use by the release {RELEASE}: uninstall it first")]
    VolumesInUse,
}

impl World {
    pub(super) fn install_at_first(&mut self, region: Region) {
        let deployments = Webapp::BOTH
            .into_iter()
            .map(|w| (w, Deployment { replicas: 1 }))
            .collect();
        let site = &mut self.sites[region.index()];
        site.volumes = true;
        site.gateway = true;
        site.release = Some(Release {
            revision: 1,
            is_pending: false,
            deployments,
        });
        self.fill_up(region);
        let pods: Vec<u64> = self.sites[region.index()].pods.keys().copied().collect();
        for pod in pods {
            // They have been running for long.
            self.webapp_starts(region, pod);
        }
    }

    /// `helm install`. Volumes that are left over are used: brokers and search come up with their old data.
    ///
    /// # Errors
    /// When the release is still there.
    pub fn install(&mut self, region: Region, webapps: bool) -> Result<(), PlatformError> {
        if self.sites[region.index()].release.is_some() {
            return Err(PlatformError::NameInUse);
        }
        let left_over = std::mem::replace(&mut self.sites[region.index()].volumes, true);
        let data = if left_over { Data::Old } else { Data::Empty };
        let (with, on) = (
            if left_over {
                "on left-over volumes"
            } else {
                "on new volumes"
            },
            if webapps { "with" } else { "without" },
        );
        self.say(format!(
            "Release {RELEASE} is installed in {} {with}, {on} webapps.",
            self.region_name(region)
        ));
        if left_over {
            self.start_search(region);
        } else {
            self.empty_search(region);
        }
        for id in self.brokers_of(region) {
            self.start_broker(id, data);
        }
        self.set_release(region, 1, webapps);
        Ok(())
    }

    /// `helm upgrade`: switches the webapps on or off; brokers and search go on as they are.
    ///
    /// # Errors
    /// When nothing is installed, or somebody's upgrade was interrupted.
    pub fn upgrade(&mut self, region: Region, webapps: bool) -> Result<(), PlatformError> {
        let release = self.sites[region.index()].release.as_ref();
        let release = release.ok_or(PlatformError::NothingToUpgrade)?;
        if release.is_pending {
            return Err(PlatformError::InProgress);
        }
        let revision = release.revision;
        let on = if webapps { "with" } else { "without" };
        self.say(format!(
            "Release {RELEASE} is upgraded in {}, {on} webapps.",
            self.region_name(region)
        ));
        self.set_release(region, revision + 1, webapps);
        Ok(())
    }

    fn set_release(&mut self, region: Region, revision: u32, webapps: bool) {
        // One replica each, as the chart says: an upgrade also takes back what somebody scaled by hand.
        let wanted = Webapp::BOTH.into_iter().filter(|_| webapps);
        let deployments = wanted.map(|w| (w, Deployment { replicas: 1 })).collect();
        self.sites[region.index()].release = Some(Release {
            revision,
            is_pending: false,
            deployments,
        });
        self.sites[region.index()].gateway = true;
        self.fill_up(region);
    }

    /// Lets an upgrade be interrupted, or rolls it back: a rollback is a revision of its own.
    pub(super) fn set_upgrade_pending(&mut self, region: Region, pending: bool) {
        let release = self.sites[region.index()].release.as_mut();
        let Some(release) = release.filter(|r| r.is_pending != pending) else {
            return;
        };
        release.is_pending = pending;
        release.revision += 1;
        let words = if pending {
            "interrupted: it is pending-upgrade"
        } else {
            "rolled back"
        };
        self.say(format!(
            "An upgrade of release {RELEASE} in {} is {words}.",
            self.region_name(region)
        ));
    }

    /// `helm uninstall`: all processes end, the volumes stay.
    ///
    /// # Errors
    /// When nothing is installed.
    pub fn uninstall(&mut self, region: Region) -> Result<(), PlatformError> {
        if self.sites[region.index()].release.take().is_none() {
            return Err(PlatformError::NothingToUninstall);
        }
        self.say(format!(
            "Release {RELEASE} is uninstalled from {}; its volumes stay.",
            self.region_name(region)
        ));
        self.fill_up(region);
        self.end_processes(region);
        Ok(())
    }

    /// The platform's part of an empty return.
    pub(super) fn reinstall_without_webapps(&mut self, region: Region) {
        self.sites[region.index()] = Site {
            release: Some(Release {
                revision: 1,
                is_pending: false,
                deployments: BTreeMap::new(),
            }),
            volumes: true,
            pods: BTreeMap::new(),
            gateway: true,
        };
    }

    pub(super) fn end_processes(&mut self, region: Region) {
        self.sites[region.index()].gateway = false;
        self.stop_search(region);
        for id in self.brokers_of(region) {
            self.end_process(id);
        }
        self.contacts_changed(Loss::Crash);
    }

    /// `kubectl delete pvc`, of brokers and search. Does nothing when there are none.
    ///
    /// # Errors
    /// When they are in use.
    pub fn delete_volumes(&mut self, region: Region) -> Result<(), PlatformError> {
        let site = &mut self.sites[region.index()];
        if site.release.is_some() {
            return Err(PlatformError::VolumesInUse);
        }
        if std::mem::take(&mut site.volumes) {
            self.wipe_disks(region);
            self.say(format!(
                "The volumes of {} are deleted.",
                self.region_name(region)
            ));
        }
        Ok(())
    }

    /// What was on a region's disks is gone for good. Its processes must have ended.
    fn wipe_disks(&mut self, region: Region) {
        let search = &mut self.searches[region.index()];
        // The life goes on counting: answers of an earlier one stay recognisable.
        *search = Cluster {
            life: search.life,
            ..Cluster::default()
        };
        for id in self.brokers_of(region) {
            *self.emptied.entry(id).or_default() += 1;
            self.filled.remove(&id);
            if let Some(broker) = self.broker_mut(id) {
                broker.configuration = None;
                broker.replicas.clear();
                broker.joined_at.clear();
            }
        }
    }

    /// A region's platform is built anew and nothing is on it: no release, no pod, no volume, whatever there was. So it
    /// stays until an install (spec: procedure.md I7, the state before FB1).
    pub fn rebuild_bare(&mut self, region: Region) {
        self.say(format!(
            "The platform of {} is built anew, with nothing on it.",
            self.region_name(region)
        ));
        self.end_processes(region);
        self.wipe_disks(region);
        self.sites[region.index()] = Site::default();
    }

    /// `helm upgrade --install`: an install where nothing is installed, otherwise an upgrade.
    pub fn upgrade_or_install(&mut self, region: Region, webapps: bool) -> Result<(), PlatformError> {
        match self.upgrade(region, webapps) {
            Err(PlatformError::NothingToUpgrade) => self.install(region, webapps),
            done => done,
        }
    }

    /// A `helm upgrade` that changes the brokers' own settings: every one of a region that runs is started anew.
    pub fn roll_brokers(&mut self, region: Region) {
        for id in self.brokers_of(region) {
            if self.broker(id).is_some_and(super::Broker::runs) {
                self.rolled.push((self.now, id));
                self.kill_broker(id);
                self.start_broker(id, Data::Old);
            }
        }
    }

    /// `kubectl scale deployment`, by its whole name or that of the webapp.
    ///
    /// # Errors
    /// When there is no such deployment, or no room.
    pub fn scale_deployment(
        &mut self,
        region: Region,
        deployment: &str,
        replicas: u32,
    ) -> Result<(), PlatformError> {
        if replicas > 10 {
            return Err(PlatformError::TooManyReplicas(replicas));
        }
        let short = deployment
            .strip_prefix(RELEASE)
            .map_or(deployment, |s| s.trim_start_matches('-'));
        let webapp = Webapp::BOTH.into_iter().find(|w| w.name() == short);
        let release = self.sites[region.index()].release.as_mut();
        let found = webapp.and_then(|w| release?.deployments.get_mut(&w));
        let found = found.ok_or_else(|| PlatformError::NoDeployment(deployment.to_owned()))?;
        found.replicas = replicas;
        self.say(format!(
            "Deployment {RELEASE}-{short} of {} is scaled to {replicas}.",
            self.region_name(region)
        ));
        self.fill_up(region);
        Ok(())
    }

    /// Starts the pods that are missing, and tells the surplus to end.
    pub(super) fn fill_up(&mut self, region: Region) {
        for webapp in Webapp::BOTH {
            let site = &self.sites[region.index()];
            let wanted = site.release.as_ref().and_then(|r| r.deployments.get(&webapp));
            let wanted = wanted.map_or(0, |d| d.replicas as usize);
            let living = site
                .pods
                .iter()
                .filter(|(_, p)| p.webapp == webapp && p.phase != PodPhase::Terminating);
            let living: Vec<u64> = living.map(|(number, _)| *number).collect();
            for number in living.iter().skip(wanted) {
                let wait = self
                    .chance
                    .span(Stream::Webapps, self.config.timings.webapp_termination);
                let now = self.now;
                if let Some(pod) = self.sites[region.index()].pods.get_mut(number) {
                    pod.phase = PodPhase::Terminating;
                    pod.told_to_end = Some(now);
                }
                self.after(wait, Event::PodGone { region, pod: *number });
            }
            for _ in living.len()..wanted {
                self.pods_made += 1;
                let number = self.pods_made;
                let pod = Pod {
                    webapp,
                    name: pod_name(webapp.name(), number),
                    phase: PodPhase::Pending,
                    told_to_end: None,
                };
                self.sites[region.index()].pods.insert(number, pod);
                let wait = self
                    .chance
                    .span(Stream::Webapps, self.config.timings.webapp_start);
                self.after(wait, Event::WebappTurn { region, pod: number });
            }
        }
    }

    /// What is installed in a region.
    pub fn release(&self, region: Region) -> ReleaseStatus {
        let site = &self.sites[region.index()];
        let release = site.release.as_ref();
        let ready = |webapp: Webapp| {
            let up = site
                .pods
                .values()
                .filter(|p| p.webapp == webapp && p.phase == PodPhase::Running);
            u32::try_from(up.count()).unwrap_or(u32::MAX)
        };
        let deployments = release.into_iter().flat_map(|r| &r.deployments);
        ReleaseStatus {
            region: self.region_name(region).to_owned(),
            release: release.map(|_| RELEASE),
            revision: release.map(|r| r.revision),
            status: release.map(|r| {
                if r.is_pending {
                    "pending-upgrade"
                } else {
                    "deployed"
                }
            }),
            webapps: release.is_some_and(|r| !r.deployments.is_empty()),
            deployments: deployments
                .map(|(webapp, d)| DeploymentStatus {
                    name: format!("{RELEASE}-{}", webapp.name()),
                    replicas: d.replicas,
                    ready: ready(*webapp),
                })
                .collect(),
            volumes: site.volumes,
        }
    }
}
