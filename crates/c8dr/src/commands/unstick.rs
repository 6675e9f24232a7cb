//! `c8dr unstick`: brokers of a region that hang at their start, shown with what speaks for it; deleted one pod at a time.
//! `spec: concepts.md, startup hang; procedure.md FB1`

use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_domain::hanging::{Standing, standing};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Observation;
use c8dr_domain::platform::PodState;
use c8dr_engine::observe::{Look, observe};
use c8dr_systems::kubernetes::{BrokerPod, Region, Trouble};
use serde::Serialize;

use super::carry;
use super::fence::{apart, of, place};
use crate::args::{Args, Unstick};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::Screen;
use crate::show::progress::Progress;
use crate::site::Site;

/// How often it is looked for.
const PAUSE: Duration = Duration::from_secs(2);

/// What was found, and what was done.
#[derive(Serialize)]
struct Unstuck {
    region: String,
    place: String,
    pods: Vec<Line>,
    /// Pods that were deleted, and are a part of the cluster again.
    unstuck: Vec<String>,
    /// A pod that was deleted, and is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_back: Option<String>,
    /// Pods that hang and were left, as no more were to be deleted.
    left: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    pod: String,
    uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<u32>,
    hangs: bool,
    /// What speaks for it.
    evidence: String,
}

/// A pod, and how it stands.
struct Found {
    pod: BrokerPod,
    standing: Standing,
    words: String,
}

/// No lock of the installation is taken: a failback that waits for its brokers holds it, and that is when they hang. Two that
/// delete at once hit each pod once, by its UID.
pub(super) async fn run(args: &Args, screen: &Screen, wanted: &Unstick) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let id = site.region(&wanted.region)?;
    let region = of(&site, id)?;
    let patience = Duration::from_secs(wanted.after);
    let found = look(&site, region, id, patience).await?;
    let name = site.config.installation.region(id).name.clone();
    let mut unstuck = Unstuck {
        region: name.clone(),
        place: place(region),
        pods: found.iter().map(|found| line(found, id)).collect(),
        unstuck: Vec::new(),
        not_back: None,
        left: Vec::new(),
    };
    let hanging: Vec<&Found> = (found.iter())
        .filter(|found| found.standing == Standing::Hangs)
        .collect();
    if hanging.is_empty() {
        return match in_the_way(&found) {
            Some(what) => Err(CliError::NotHanging { what }),
            None => {
                screen.result(&unstuck, || human(&unstuck))?;
                Ok(Exit::Done)
            }
        };
    }
    if let Some(what) = broken(&found) {
        return Err(CliError::NotHanging { what });
    }
    apart(&site, id).await?;
    let most = wanted
        .at_most
        .unwrap_or_else(|| site.config.installation.brokers_of(id).len());
    let (victims, left) = hanging.split_at(most.min(hanging.len()));
    unstuck.left = left.iter().map(|found| found.pod.name.clone()).collect();
    let plan = words(&unstuck, victims, left);
    if wanted.consent.dry_run {
        screen.print(&format!("{plan}\n"));
        return Ok(Exit::Done);
    }
    if !wanted.consent.yes {
        screen.say(&plan);
        let prompt = format!("\nType the name of the region whose pods are deleted ({name}): ");
        carry::typed(screen, &prompt, &name).await?;
    }
    let progress = Progress::new(*screen, site.clock.clone());
    for victim in victims {
        let pod = &victim.pod;
        // It may have come by itself while somebody read and typed, or while the one before it came back.
        let now = look(&site, region, id, patience).await?;
        if !(now.iter()).any(|now| now.pod.uid == pod.uid && now.standing == Standing::Hangs) {
            unstuck.unstuck.push(format!("{}, by itself", pod.name));
            continue;
        }
        if let Err(trouble) = region.delete_broker_pod(pod).await {
            // Who lost the answer, or came second, looks what became of the pod as one who was answered does.
            let is_open = matches!(
                trouble.clone().answer(),
                Answer::Unknown { .. } | Answer::Conflict { .. }
            );
            if !is_open && !trouble.is_missing() {
                return Err(CliError::Kubernetes(trouble));
            }
        }
        let within = (patience, Duration::from_secs(wanted.wait));
        match back(&site, region, id, pod, within, &progress).await? {
            Ok(words) => unstuck.unstuck.push(format!("{} {words}", pod.name)),
            Err(words) => {
                // Whatever keeps this one keeps the next one, too.
                unstuck.not_back = Some(format!("{} {words}", pod.name));
                break;
            }
        }
    }
    progress.finish();
    screen.result(&unstuck, || human(&unstuck))?;
    Ok(match unstuck.not_back {
        None => Exit::Done,
        Some(_) => Exit::VerificationFailed,
    })
}

/// The brokers' pods, and how each stands by what the cluster says at the same time.
async fn look(
    site: &Site,
    region: &Region,
    id: RegionId,
    patience: Duration,
) -> Result<Vec<Found>, CliError> {
    let pods = region.broker_pods().await.map_err(CliError::Kubernetes)?;
    if pods.is_empty() {
        return Err(CliError::Kubernetes(Trouble::Access {
            what: format!("there is no broker's pod of {}", place(region)),
            help: "Correct `kubernetes` of the region, or install the release".to_owned(),
        }));
    }
    let reading = observe(&site.cluster, &site.clock, Look::Everything).await;
    let found = |pod| found(site, &reading, id, pod, patience);
    Ok(pods.into_iter().map(found).collect())
}

fn found(site: &Site, reading: &Observation, id: RegionId, pod: BrokerPod, patience: Duration) -> Found {
    let broker = pod.broker(id);
    // The node's clock wrote it down; one that is ahead has not waited at all.
    let after = pod
        .since
        .map(|since| Duration::try_from(site.clock.wall().duration_since(since)).unwrap_or_default());
    let standing = standing(reading, broker, pod.state, after, patience);
    Found {
        words: standing.words(broker, after),
        standing,
        pod,
    }
}

fn line(found: &Found, id: RegionId) -> Line {
    Line {
        pod: found.pod.name.clone(),
        uid: found.pod.uid.clone(),
        broker: found.pod.broker(id).map(|broker| broker.0),
        hangs: found.standing == Standing::Hangs,
        evidence: found.words.clone(),
    }
}

/// What is wrong with pods that do not hang, if that is so.
fn broken(found: &[Found]) -> Option<String> {
    let broken = |found: &&Found| matches!(found.standing, Standing::Broken(_));
    listed(found.iter().filter(broken))
}

/// The same, or that nobody can tell.
fn in_the_way(found: &[Found]) -> Option<String> {
    let untold = |found: &&Found| {
        matches!(
            found.standing,
            Standing::Broken(_) | Standing::Untold | Standing::Otherwise(PodState::Unknown)
        )
    };
    listed(found.iter().filter(untold))
}

fn listed<'a>(found: impl Iterator<Item = &'a Found>) -> Option<String> {
    let each: Vec<String> = found
        .map(|found| format!("pod {} {}", found.pod.name, found.words))
        .collect();
    (!each.is_empty()).then(|| each.join("; "))
}

/// Waits until the pod that was made in place of another is ready, or a part of the cluster; `Err` if it is not, and why.
async fn back(
    site: &Site,
    region: &Region,
    id: RegionId,
    gone: &BrokerPod,
    (patience, limit): (Duration, Duration),
    progress: &Progress,
) -> Result<Result<String, String>, CliError> {
    let began = site.clock.now();
    loop {
        let found = look(site, region, id, patience).await;
        let last = match &found {
            Ok(found) => match found.iter().find(|found| found.pod.name == gone.name) {
                Some(old) if old.pod.uid == gone.uid => format!("is there still, and {}", old.words),
                Some(anew) => match anew.standing {
                    Standing::Ready | Standing::InCluster => return Ok(Ok(anew.words.clone())),
                    Standing::Broken(_) => return Ok(Err(anew.words.clone())),
                    _ => anew.words.clone(),
                },
                None => "was deleted, and is not made anew yet".to_owned(),
            },
            // It was the only one, perhaps.
            Err(_) => "was deleted, and cannot be seen".to_owned(),
        };
        if site.clock.now().since(began) >= limit {
            found?;
            return Ok(Err(format!("{last}, {} s after it was deleted", limit.as_secs())));
        }
        progress.now(&format!("{} {last}", gone.name));
        site.clock.sleep(PAUSE).await;
    }
}

fn words(unstuck: &Unstuck, victims: &[&Found], left: &[&Found]) -> String {
    let mut text = format!("Region {}: {}\n", unstuck.region, unstuck.place);
    for victim in victims {
        text.push_str(&format!(
            "  pod {} {}\n    UID {}\n",
            victim.pod.name, victim.words, victim.pod.uid
        ));
    }
    text.push_str(&format!(
        "To be deleted, one at a time, each after the one before is a part of the cluster again: {}. Disks stay as they are.\n",
        victims
            .iter()
            .map(|victim| victim.pod.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    for found in left {
        text.push_str(&format!(
            "Left for another time (`--at-most`): {}\n",
            found.pod.name
        ));
    }
    text
}

fn human(unstuck: &Unstuck) -> String {
    let mut text = format!("Region {}: {}\n", unstuck.region, unstuck.place);
    for line in &unstuck.pods {
        text.push_str(&format!("  pod {} {}\n", line.pod, line.evidence));
    }
    for back in &unstuck.unstuck {
        text.push_str(&format!("Made anew: {back}\n"));
    }
    if let Some(not_back) = &unstuck.not_back {
        text.push_str(&format!(
            "NOT back: {not_back}. No other was deleted: whatever keeps this one keeps the next, too.\n"
        ));
    }
    for left in &unstuck.left {
        text.push_str(&format!("Hangs, and was left: {left}\n"));
    }
    if !unstuck.pods.iter().any(|line| line.hangs) {
        text.push_str("Nothing hangs.\n");
    }
    text.trim_end().to_owned()
}
