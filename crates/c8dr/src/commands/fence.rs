//! `c8dr fence`: makes sure that a lost region cannot come back by itself, and sees it. `design: G3, level F2`

use std::time::Duration;

use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::RefusalCode;
use c8dr_domain::platform::PodState;
use c8dr_engine::clock::Clock;
use c8dr_systems::kubernetes::{Region, Still, Trouble, Workload};
use serde::Serialize;

use super::{carry, failover};
use crate::args::{Args, Fence, Lost};
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::Screen;
use crate::show::progress::Progress;
use crate::site::Site;

/// How long pods may take to end: a broker has 30 s for it, and a gateway drains before.
const GONE: Duration = Duration::from_secs(180);
/// How often they are looked for.
const PAUSE: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Serialize)]
struct Fenced {
    region: String,
    /// In which cluster and namespace.
    place: String,
    /// What was scaled to zero, with what it had before.
    scaled: Vec<String>,
    /// The network policy that was put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_policy: Option<String>,
    /// Pods that are still there.
    still_there: Vec<String>,
    /// Whether nothing can run there any more, as far as it was seen.
    proven: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
}

pub(super) async fn run(args: &Args, screen: &Screen, fence: &Fence) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let lost = site.region(&fence.lost)?;
    let region = of(&site, lost)?;
    plausible(&site, screen, fence, lost).await?;
    apart(&site, lost).await?;
    let workloads = region.workloads().await.map_err(CliError::Kubernetes)?;
    let name = site.config.installation.region(lost).name.clone();
    let plan = words(&name, region, &workloads, fence);
    if fence.consent.dry_run {
        screen.print(&format!("{plan}\n"));
        return Ok(Exit::Done);
    }
    if !fence.consent.yes {
        screen.say(&plan);
        carry::typed(
            screen,
            &format!("\nType the name of the region to fence ({name}): "),
            &name,
        )
        .await?;
    }
    let _lock = site
        .store
        .lock(site.config.installation.name(), &environment::operator())?;
    let mut fenced = Fenced {
        region: name,
        place: place(region),
        scaled: Vec::new(),
        network_policy: None,
        still_there: Vec::new(),
        proven: false,
        accepted: fence.accept_serving.clone(),
    };
    if fence.network_policy {
        region.cut_off().await.map_err(CliError::Kubernetes)?;
        fenced.network_policy = Some(region.policy_name());
    } else {
        for workload in &workloads {
            region
                .scale_to_zero(workload)
                .await
                .map_err(CliError::Kubernetes)?;
            fenced.scaled.push(format!(
                "{}/{} (it had {})",
                workload.kind.word(),
                workload.name,
                workload.replicas
            ));
        }
        let progress = Progress::new(*screen, site.clock.clone());
        let still = gone(region, &site.clock, &progress).await;
        progress.finish();
        let still = still.map_err(CliError::Kubernetes)?;
        fenced.proven = still.is_empty();
        fenced.still_there = still
            .iter()
            .map(|pod| format!("{} is {}", pod.name, pod.state.words()))
            .collect();
        if still.iter().any(|pod| pod.state == PodState::Unknown) {
            screen.say("A pod is on a node that is not heard: it may go on there, whatever Kubernetes shows. Switch the node off.");
        }
    }
    screen.result(&fenced, || human(&fenced))?;
    Ok(match (fenced.proven, &fenced.network_policy) {
        (true, _) => Exit::Done,
        // That the network keeps it is for a person to see.
        (false, Some(_)) => Exit::Waiting,
        (false, None) => Exit::VerificationFailed,
    })
}

/// The region's release in its cluster.
pub(super) fn of(site: &Site, region: RegionId) -> Result<&Region, CliError> {
    site.kubernetes.get(&region).ok_or_else(|| CliError::NotConfigured {
        what: format!(
            "this needs `kubernetes` of region {}",
            site.config.installation.region(region).name
        ),
        path: site.config.path.clone(),
        help: "Add it to the region: `kubernetes: { context: …, namespace: …, release: … }`. Then type the command again.",
    })
}

/// Where a region's release is, for people.
pub(super) fn place(region: &Region) -> String {
    format!(
        "release `{}` in namespace `{}` of {}",
        region.release, region.namespace, region.cluster
    )
}

/// Refuses to touch a region that is, by its UID, the other one as well: contexts are easily mixed up.
pub(super) async fn apart(site: &Site, region: RegionId) -> Result<(), CliError> {
    let own = of(site, region)?
        .namespace_uid()
        .await
        .map_err(CliError::Kubernetes)?;
    let Some(other) = site.kubernetes.get(&region.other()) else {
        return Ok(());
    };
    // One that cannot be read now is lost, perhaps, and then not the one that answered.
    match other.namespace_uid().await {
        Ok(uid) if uid == own => Err(CliError::Kubernetes(Trouble::Access {
            what: format!(
                "{} and {} are the same namespace of the same cluster",
                place(of(site, region)?),
                place(other)
            ),
            help: "Nothing was changed. Correct `kubernetes` of the regions: each has its own".to_owned(),
        })),
        _ => Ok(()),
    }
}

/// Whether the region may be lost at all, by what a failover would say.
async fn plausible(site: &Site, screen: &Screen, fence: &Fence, lost: RegionId) -> Result<(), CliError> {
    let asked = Lost {
        lost: site.config.installation.region(lost).name.clone(),
        accept_unfenced: None,
        accept_data_loss: None,
        accept_unrecorded: None,
        reinforce: false,
        accept_unknown_disks: None,
    };
    let refusal = match failover::planned(site, screen, &asked, &mut History::new()).await {
        Ok(_) => return Ok(()),
        Err(CliError::Refused(refusal)) => refusal,
        Err(other) => return Err(other),
    };
    match refusal.code {
        // Just what a fence is for: it is not proven that it is gone, or it is there and should not be.
        RefusalCode::NotFenced | RefusalCode::ReturnedWithOldDisks => Ok(()),
        // Nobody would be left, and no reason makes that right.
        RefusalCode::LastRegion => Err(CliError::Refused(refusal)),
        _ if fence.accept_serving.is_some() => Ok(()),
        _ => Err(CliError::Refused(refusal)),
    }
}

/// Waits until no pod is left, or until that has taken too long.
async fn gone(region: &Region, clock: &Clock, progress: &Progress) -> Result<Vec<Still>, Trouble> {
    let began = clock.now();
    loop {
        let still = region.still_there().await?;
        if still.is_empty() || clock.now().since(began) >= GONE {
            return Ok(still);
        }
        progress.now(&format!("{} pods are still there", still.len()));
        clock.sleep(PAUSE).await;
    }
}

/// What will be done.
fn words(name: &str, region: &Region, workloads: &[Workload], fence: &Fence) -> String {
    let mut text = format!("Fence of region {name}: {}.\n", place(region));
    match fence.network_policy {
        true => text.push_str(&format!(
            "A network policy `{}` cuts its brokers and gateways off. Whether the network keeps it cannot be seen from here.\n",
            region.policy_name()
        )),
        false => {
            for workload in workloads {
                text.push_str(&format!(
                    "{}/{} is scaled from {} to 0.\n",
                    workload.kind.word(),
                    workload.name,
                    workload.replicas
                ));
            }
            text.push_str("Then it is watched until no pod of them is left. Disks stay as they are.\n");
        }
    }
    if let Some(reason) = &fence.accept_serving {
        text.push_str(&format!(
            "Accepted although the region seems to serve: {reason}\n"
        ));
    }
    text
}

fn human(fenced: &Fenced) -> String {
    let mut text = match (fenced.proven, &fenced.network_policy) {
        (true, _) => format!(
            "Region {} is fenced: no broker and no gateway is left there.\n",
            fenced.region
        ),
        (false, Some(policy)) => format!(
            "Network policy {policy} is there. See that it is kept: `c8dr status` must show the brokers of {} silent.\n",
            fenced.region
        ),
        (false, None) => format!("Region {} is NOT fenced yet.\n", fenced.region),
    };
    for line in fenced.scaled.iter() {
        text.push_str(&format!("  scaled to 0: {line}\n"));
    }
    for line in fenced.still_there.iter() {
        text.push_str(&format!("  still there: {line}\n"));
    }
    text.push_str("Next: `c8dr failover --lost ");
    text.push_str(&fenced.region);
    text.push_str(" --dry-run`.");
    text
}
