//! `c8dr clean`: what an earlier life of the returning region has left behind; removed only by name. `design: G10`

use std::time::Duration;

use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::picture::{Membership, Picture};
use c8dr_engine::observe::{Look, observe};
use c8dr_systems::kubernetes::{Leftover, Leftovers, Region, Trouble};
use serde::Serialize;

use super::carry;
use super::fence::{apart, of, place};
use crate::args::{Args, Clean};
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::Screen;
use crate::site::Site;

/// How long something may take to be gone once it was told to: a claim waits for whoever protects it.
const GONE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_secs(1);

/// What was found, and what was done.
#[derive(Serialize)]
struct Cleaned {
    region: String,
    place: String,
    found: Vec<Line>,
    /// What could not be looked at.
    unseen: Vec<String>,
    /// What is gone now.
    removed: Vec<String>,
    /// What was told to go and is still there.
    still_there: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    what: String,
    uid: String,
    note: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    used_by: Vec<String>,
}

pub(super) async fn run(args: &Args, screen: &Screen, clean: &Clean) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let returning = site.region(&clean.returning)?;
    let region = of(&site, returning)?;
    let left = region.leftovers().await.map_err(CliError::Kubernetes)?;
    let name = site.config.installation.region(returning).name.clone();
    let mut cleaned = Cleaned {
        region: name.clone(),
        place: place(region),
        found: left.all.iter().map(line).collect(),
        unseen: left.unseen.clone(),
        removed: Vec::new(),
        still_there: Vec::new(),
    };
    if clean.delete.is_empty() {
        screen.result(&cleaned, || human(&cleaned))?;
        return Ok(Exit::Done);
    }
    let victims = victims(&left, &clean.delete)?;
    given_up(&site, returning).await?;
    apart(&site, returning).await?;
    let plan = words(&cleaned, &victims);
    if clean.consent.dry_run {
        screen.print(&format!("{plan}\n"));
        return Ok(Exit::Done);
    }
    if !clean.consent.yes {
        screen.say(&plan);
        let prompt = format!("\nType the name of the region in which this is deleted ({name}): ");
        carry::typed(screen, &prompt, &name).await?;
    }
    let _lock = site
        .store
        .lock(site.config.installation.name(), &environment::operator())?;
    for victim in &victims {
        region.remove(victim).await.map_err(CliError::Kubernetes)?;
    }
    let still = gone(&site, region, &victims)
        .await
        .map_err(CliError::Kubernetes)?;
    for victim in &victims {
        match still.contains(&victim.uid) {
            true => cleaned.still_there.push(victim.to_string()),
            false => cleaned.removed.push(victim.to_string()),
        }
    }
    screen.result(&cleaned, || human(&cleaned))?;
    Ok(match cleaned.still_there.is_empty() {
        true => Exit::Done,
        false => Exit::VerificationFailed,
    })
}

fn line(leftover: &Leftover) -> Line {
    Line {
        what: leftover.to_string(),
        uid: leftover.uid.clone(),
        note: leftover.note.clone(),
        used_by: leftover.used_by.iter().cloned().collect(),
    }
}

/// What was named, each exactly, none of it in use.
fn victims(left: &Leftovers, named: &[String]) -> Result<Vec<Leftover>, CliError> {
    let mut victims = Vec::new();
    let mut wrong = Vec::new();
    for name in named {
        match left.all.iter().find(|leftover| leftover.to_string() == *name) {
            None => wrong.push(format!("`{name}` is none of what is left over")),
            Some(leftover) if !leftover.used_by.is_empty() => wrong.push(format!(
                "`{name}` is in use by {}",
                leftover.used_by.iter().cloned().collect::<Vec<_>>().join(", ")
            )),
            Some(leftover) if victims.contains(leftover) => {}
            Some(leftover) => victims.push(leftover.clone()),
        }
    }
    match wrong.is_empty() {
        true => Ok(victims),
        false => Err(CliError::NotALeftover {
            what: wrong.join("; "),
        }),
    }
}

/// Only in a region whose brokers were removed from the cluster, and only while the other one says so.
async fn given_up(site: &Site, returning: RegionId) -> Result<(), CliError> {
    let mut history = History::new();
    history.add(observe(&site.cluster, &site.clock, Look::Everything).await);
    let installation = &site.config.installation;
    let name = &installation.region(returning).name;
    let refused = |why: String| Err(CliError::NotALeftover { what: why });
    let Some(picture) = Picture::of(installation, &history) else {
        return refused(
            "nothing of the cluster could be read, so it is not known whether that region serves".to_owned(),
        );
    };
    match picture.membership() {
        Membership::Only(region) if region == returning.other() => Ok(()),
        Membership::Only(_) => refused(format!("region {name} is the one that serves")),
        Membership::Whole | Membership::Mixed(_) => refused(format!(
            "brokers of region {name} are members of the cluster: it was never given up"
        )),
        Membership::Unknown => refused(format!(
            "who the members of the cluster are cannot be read, so it is not known whether region {name} was given up"
        )),
    }
}

/// The UIDs of those that are still there when they should be gone.
async fn gone(site: &Site, region: &Region, victims: &[Leftover]) -> Result<Vec<String>, Trouble> {
    let began = site.clock.now();
    loop {
        let left = region.leftovers().await?;
        let still: Vec<String> = victims
            .iter()
            .filter(|victim| left.all.iter().any(|leftover| leftover.uid == victim.uid))
            .map(|victim| victim.uid.clone())
            .collect();
        if still.is_empty() || site.clock.now().since(began) >= GONE {
            return Ok(still);
        }
        site.clock.sleep(PAUSE).await;
    }
}

fn words(cleaned: &Cleaned, victims: &[Leftover]) -> String {
    let mut text = format!(
        "To be deleted for good in region {}, {}:\n",
        cleaned.region, cleaned.place
    );
    for victim in victims {
        text.push_str(&format!("  {victim}  UID {}  {}\n", victim.uid, victim.note));
    }
    text
}

fn human(cleaned: &Cleaned) -> String {
    let mut text = format!("Region {}: {}\n", cleaned.region, cleaned.place);
    if cleaned.found.is_empty() {
        text.push_str("Nothing is left over.\n");
    }
    for line in &cleaned.found {
        text.push_str(&format!("  {}  UID {}  {}", line.what, line.uid, line.note));
        if !line.used_by.is_empty() {
            text.push_str(&format!("  in use by {}", line.used_by.join(", ")));
        }
        text.push('\n');
    }
    for unseen in &cleaned.unseen {
        text.push_str(&format!("Not looked at: {unseen}\n"));
    }
    for removed in &cleaned.removed {
        text.push_str(&format!("Gone: {removed}\n"));
    }
    for still in &cleaned.still_there {
        text.push_str(&format!("Told to go, and still there: {still}\n"));
    }
    if cleaned.removed.is_empty() && cleaned.still_there.is_empty() && !cleaned.found.is_empty() {
        text.push_str(&format!(
            "Nothing was deleted. To delete, name each: `c8dr clean --returning {} --delete {}`.\n",
            cleaned.region, cleaned.found[0].what
        ));
    }
    text.trim_end().to_owned()
}
