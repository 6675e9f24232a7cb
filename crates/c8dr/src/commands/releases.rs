//! What must hold of the releases and their values before a failback, and what helm would change: looked at, never changed.

use c8dr_domain::effect::PlatformEffect;
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::plan::Plan;
use c8dr_systems::helm::values::{Mistake, Seen, Weight, check};
use c8dr_systems::helm::{Outlook, Trouble};

use crate::error::CliError;
use crate::site::Site;

/// More lines than these are not read at night; `c8dr release show` has all.
const LINES_MAX: usize = 12;

/// Checks values and releases, and tells in the plan's notes what helm would change in the region that serves.
pub(super) async fn checked(site: &Site, history: &History, mut plan: Plan) -> Result<Plan, CliError> {
    let is_by_helm = plan
        .steps
        .iter()
        .any(|step| matches!(&step.effect, c8dr_domain::effect::Effect::Platform { region, .. } if site.helms.contains_key(region)));
    if !is_by_helm {
        return Ok(plan);
    }
    let mistakes = values(site, &seen(history))?;
    let (wrong, unchecked): (Vec<Mistake>, Vec<Mistake>) = mistakes
        .into_iter()
        .partition(|mistake| mistake.weight == Weight::Wrong);
    if !wrong.is_empty() {
        return Err(CliError::ValuesWrong {
            mistakes: wrong.iter().map(ToString::to_string).collect(),
        });
    }
    plan.notes.extend(
        unchecked
            .iter()
            .map(|mistake| format!("Not checked in the values: {mistake}.")),
    );
    let (there, here) = tokio::try_join!(returning(site, plan.lost), serving(site, plan.survivors()))?;
    plan.notes.extend(there);
    plan.notes.extend(here);
    Ok(plan)
}

/// What is wrong with the values files of both regions.
pub(super) fn values(site: &Site, seen: &Seen) -> Result<Vec<Mistake>, CliError> {
    let mut all = Vec::new();
    let Some(of) = &site.config.rebuild.values else {
        return Ok(all);
    };
    for (region, helm) in &site.helms {
        let Some(generation) = of.generation else { continue };
        let files = helm.files()?;
        all.extend(check(&files, &of.described(generation), region.0 as usize, seen));
    }
    // What stands in a file of both is told once.
    let mut told: Vec<Mistake> = Vec::new();
    for mistake in all {
        if !told.contains(&mistake) {
            told.push(mistake);
        }
    }
    Ok(told)
}

/// What the cluster itself says of its sizes. While a region is failed over only the partitions are as configured.
pub(super) fn seen(history: &History) -> Seen {
    let Some(latest) = history.latest() else {
        return Seen::default();
    };
    let partition_count = latest
        .gateways
        .values()
        .find_map(|gateway| match &gateway.topology {
            Sight::Seen(topology) => Some(topology.partitions_count),
            _ => None,
        });
    Seen {
        partition_count,
        ..Seen::default()
    }
}

/// The release of the region that returns: it may be missing, and it may have failed, as it is installed anew.
async fn returning(site: &Site, region: RegionId) -> Result<Vec<String>, CliError> {
    let Some(helm) = site.helms.get(&region) else {
        return Ok(Vec::new());
    };
    let found = helm
        .checked()
        .await
        .map_err(|trouble| of(site, region, trouble))?;
    let name = &site.config.installation.region(region).name;
    Ok(match found {
        None => Vec::new(),
        Some(release) => vec![format!(
            "In {name} the release {} is there already: revision {}, {}.",
            release.name, release.revision, release.status
        )],
    })
}

/// The release of the region that serves: whole, and what bringing it up to date would change.
async fn serving(site: &Site, region: RegionId) -> Result<Vec<String>, CliError> {
    let Some(helm) = site.helms.get(&region) else {
        return Ok(Vec::new());
    };
    let look = async {
        helm.whole().await?;
        helm.outlook(PlatformEffect::WebappsUp).await
    };
    let outlook = look.await.map_err(|trouble| of(site, region, trouble))?;
    let name = &site.config.installation.region(region).name;
    Ok(told(name, &outlook))
}

/// What an upgrade would change, in lines.
pub(super) fn told(region: &str, outlook: &Outlook) -> Vec<String> {
    let mut lines = Vec::new();
    for drift in &outlook.values {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        lines.push(format!(
            "The value `{}` in {region}: {} is installed, {} is in the files.",
            drift.key,
            side(&drift.installed),
            side(&drift.files)
        ));
    }
    for change in outlook.changes.of_pods() {
        lines.push(format!("The upgrade in {region} would restart pods: {change}."));
    }
    if lines.is_empty() && outlook.release.is_some() {
        lines.push(format!(
            "The values files of {region} are what is installed there; the upgrade would restart no pod."
        ));
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("And {more} more; `c8dr release show` has all."));
    }
    lines
}

/// A trouble with a region's release.
pub(super) fn of(site: &Site, region: RegionId, trouble: Trouble) -> CliError {
    CliError::Release {
        region: site.config.installation.region(region).name.clone(),
        trouble,
    }
}
