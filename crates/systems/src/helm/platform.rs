//! A region's platform that is changed by helm, and looked at without it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::{Pod, WriteTrial};
use c8dr_engine::ports::Platform;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::cli::{Chart, Cli, HelmError};
use super::generation::Generation;
use super::manifest::Changes;
use super::release::{Release, Status, WayOut};
use super::trouble::{CHART, Trouble};
use super::values::{self, Values};
use crate::platform::Line;

/// A platform that helm changes.
#[derive(Clone)]
pub struct Helm {
    cli: Cli,
    chart: Chart,
    generation: Generation,
    workloads: Arc<dyn Platform>,
}

/// What a change of the release would bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The release as it is, if there is one.
    pub release: Option<Release>,
    /// Values that the files have and the release has not, or has otherwise. Secrets are not told.
    pub values: Vec<values::Drift>,
    /// What would be changed of what is installed.
    pub changes: Changes,
}

impl Helm {
    /// A platform of this generation of charts, changed by `cli` to `chart`. What helm does not do for us is done through
    /// `workloads`: looking at pods and volumes, and scaling Operate and Tasklist to zero.
    pub fn new(cli: Cli, chart: Chart, generation: Generation, workloads: Arc<dyn Platform>) -> Self {
        Helm {
            cli,
            chart,
            generation,
            workloads,
        }
    }

    /// The helm command of this release.
    pub fn cli(&self) -> &Cli {
        &self.cli
    }

    /// The values files, merged as helm merges them.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn files(&self) -> Result<Values, values::Unreadable> {
        Values::read(&self.chart.values)
    }

    /// What must hold of the release before anything is changed; the release, if there is one.
    ///
    /// # Errors
    /// If it does not hold.
    pub async fn checked(&self) -> Result<Option<Release>, Trouble> {
        let Some(release) = self.cli.release().await? else {
            return Ok(None);
        };
        if release.status.is_pending() {
            return Err(self.pending(&release));
        }
        is_ours(&release.chart, &release.version, &self.chart.version)?;
        Ok(Some(release))
    }

    /// As [`Helm::checked`], of a release that must be there and whole: of the region that serves, before a failback is begun.
    ///
    /// # Errors
    /// If it does not hold.
    pub async fn whole(&self) -> Result<Release, Trouble> {
        let release = self.checked().await?.ok_or_else(|| self.missing())?;
        match release.status {
            Status::Failed => Err(Trouble::Failed {
                release: release.name.clone(),
                revision: release.revision,
                way_out: self.way_out(&release),
            }),
            _ => Ok(release),
        }
    }

    /// What an effect would change of the release, found out without changing anything.
    ///
    /// # Errors
    /// If the release is not to be changed.
    pub async fn outlook(&self, effect: PlatformEffect) -> Result<Outlook, Trouble> {
        let release = self.checked().await?;
        let (name, version) = self.cli.chart(&self.chart).await?;
        is_ours(&name, &version, &self.chart.version)?;
        let Some(release) = release else {
            return match effect {
                PlatformEffect::Install => Ok(Outlook::default()),
                _ => Err(self.missing()),
            };
        };
        let installed = self.cli.values().await?;
        let files = self
            .files()
            .map_err(|unreadable| HelmError::Failed(unreadable.to_string()))?;
        let wanted = self.sets(effect);
        let mut changes = Changes::default();
        if let Some(sets) = wanted {
            let after = self.cli.rendered(&self.chart, sets).await?;
            let usual = self.sets_of(&installed);
            // From chart 13 on the webapps are a part of the brokers, and the procedure itself begins these anew. What is
            // not due to that is somebody's change of the files.
            let judged = match self.generation.scales_webapps() || usual == sets {
                true => None,
                false => Some(self.cli.rendered(&self.chart, usual).await?),
            };
            // What is there may be a part of a change that failed, so the last whole revision is compared as well.
            let mut revisions: BTreeSet<u32> = [release.revision].into();
            revisions.extend(release.last_whole());
            for revision in revisions {
                let before = self.cli.manifest(revision).await?;
                changes = between(&before, &after)?;
                guard(effect, &changes, judged.as_deref(), &before)?;
            }
        }
        Ok(Outlook {
            values: values::drift(&installed, files.tree(), wanted.unwrap_or_default()),
            release: Some(release),
            changes,
        })
    }

    /// What is set beside the files for an effect; `None` if helm is not what does it.
    fn sets(&self, effect: PlatformEffect) -> Option<&'static [&'static str]> {
        match effect {
            PlatformEffect::Install => Some(self.generation.webapps_off()),
            PlatformEffect::WebappsDown if self.generation.scales_webapps() => None,
            PlatformEffect::WebappsDown => Some(self.generation.webapps_off()),
            PlatformEffect::WebappsUp => Some(&[]),
        }
    }

    /// What was set when the release was made what it is.
    fn sets_of(&self, installed: &Map<String, Value>) -> &'static [&'static str] {
        let off = self.generation.webapps_off();
        let is_set = |set: &&str| {
            let key = set.split('=').next().unwrap_or_default();
            super::yaml::at(installed, key) == Some(&Value::Bool(false))
        };
        match off.iter().all(is_set) {
            true => off,
            false => &[],
        }
    }

    fn pending(&self, release: &Release) -> Trouble {
        Trouble::Pending {
            release: release.name.clone(),
            revision: release.revision,
            status: release.status.clone(),
            way_out: self.way_out(release),
        }
    }

    /// There is no release, where one must be.
    pub fn missing(&self) -> Trouble {
        Trouble::Missing {
            release: self.cli.at().release.clone(),
            namespace: self.cli.at().namespace.clone(),
        }
    }

    fn way_out(&self, release: &Release) -> String {
        let line = match release.way_out() {
            Some(WayOut::Rollback(revision)) => self.cli.rollback(revision),
            _ => self.cli.uninstall(),
        };
        line.typed(self.cli.environment())
    }

    async fn run(&self, effect: PlatformEffect) -> Answer {
        let Some(sets) = self.sets(effect) else {
            return self.workloads.perform(effect).await;
        };
        match self.outlook(effect).await {
            Ok(_) => self.cli.change(&self.upgrade_line(sets)).await,
            // Whether helm could be asked is the same question as whether it can be sent.
            Err(Trouble::Helm(error)) => Answer::NotSent {
                why: Silence::NoConnection,
                detail: format!("nothing was changed: {error}"),
            },
            Err(trouble) => Answer::Refused {
                status: 412,
                message: format!(
                    "nothing was changed: {trouble} [{}]. {}",
                    trouble.code(),
                    trouble.way_out()
                ),
            },
        }
    }

    fn upgrade_line(&self, sets: &[&str]) -> Line {
        self.cli.upgrade(&self.chart, sets)
    }
}

impl Platform for Helm {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        self.workloads.pods()
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        self.workloads.volumes()
    }

    fn writes<'a>(
        &'a self,
        exporters: &'a BTreeMap<RegionId, ExporterId>,
    ) -> BoxFuture<'a, Sight<Vec<WriteTrial>>> {
        self.workloads.writes(exporters)
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        match self.sets(effect) {
            Some(sets) => vec![self.upgrade_line(sets).typed(self.cli.environment())],
            None => self.workloads.command(effect),
        }
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(self.run(effect))
    }
}

fn is_ours(name: &str, version: &str, wanted: &str) -> Result<(), Trouble> {
    if name != CHART {
        return Err(Trouble::OtherChart {
            found: name.to_owned(),
        });
    }
    match version == wanted {
        true => Ok(()),
        false => Err(Trouble::OtherVersion {
            found: version.to_owned(),
            wanted: wanted.to_owned(),
        }),
    }
}

/// Brokers that are not yet members may be begun anew; those that serve may not, but where the procedure itself does it.
fn guard(
    effect: PlatformEffect,
    changes: &Changes,
    without_webapps: Option<&str>,
    before: &str,
) -> Result<(), Trouble> {
    if effect == PlatformEffect::Install {
        return Ok(());
    }
    let drifted = match without_webapps {
        Some(same) => &between(before, same)?,
        None => changes,
    };
    let found: Vec<String> = drifted.of_brokers().map(ToString::to_string).collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(Trouble::MovesBrokers { changes: found }),
    }
}

fn between(before: &str, after: &str) -> Result<Changes, Trouble> {
    Changes::between(before, after).map_err(|why| Trouble::Helm(HelmError::Garbled(why)))
}
