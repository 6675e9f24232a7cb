//! `c8dr release`: the releases of both regions as helm tells of them, and the way back to a revision of one, when a person
//! asks for it by name.

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::ids::RegionId;
use c8dr_systems::helm::{Changes, Helm, Release, Trouble};
use serde::Serialize;

use super::{carry, releases};
use crate::args::{Args, ReleaseCommand, Rollback};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen, styled};
use crate::site::Site;

pub(super) async fn run(args: &Args, screen: &Screen, command: &ReleaseCommand) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    if site.helms.is_empty() {
        return Err(CliError::NotConfigured {
            what: "releases are looked at with `driver: helm`".to_owned(),
            path: site.config.path.clone(),
            help: "Without it, `helm list --all` and `helm history` show them.",
        });
    }
    match command {
        ReleaseCommand::Show => show(&site, screen).await,
        ReleaseCommand::Rollback(rollback) => roll_back(&site, screen, rollback).await,
    }
}

/// A region's release.
#[derive(Serialize)]
struct Shown {
    region: String,
    release: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chart: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    status: String,
    /// Why it could not be changed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    lines: Vec<String>,
}

async fn show(site: &Site, screen: &Screen) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    for (region, helm) in &site.helms {
        all.push(shown(site, *region, helm).await);
    }
    let is_fine = all.iter().all(|shown| shown.trouble.is_none());
    screen.result(&all, || human(&all))?;
    Ok(if is_fine { Exit::Done } else { Exit::Refused })
}

async fn shown(site: &Site, region: RegionId, helm: &Helm) -> Shown {
    let name = site.config.installation.region(region).name.clone();
    let mut shown = Shown {
        release: helm.cli().at().release.clone(),
        chart: None,
        revision: None,
        status: "unknown".to_owned(),
        trouble: None,
        lines: Vec::new(),
        region: name.clone(),
    };
    let told = |trouble: &Trouble, lines: &mut Vec<String>| {
        lines.push(format!("{trouble}."));
        lines.push(trouble.way_out());
        Some(trouble.code())
    };
    match helm.cli().release().await {
        Ok(Some(release)) => {
            shown.chart = Some(format!("{} {}", release.chart, release.version));
            shown.revision = Some(release.revision);
            shown.status = release.status.to_string();
            let outlook = match helm.whole().await {
                Ok(_) => helm.outlook(PlatformEffect::WebappsUp).await,
                Err(trouble) => Err(trouble),
            };
            match outlook {
                Ok(outlook) => shown.lines = releases::told(&name, &outlook),
                Err(trouble) => shown.trouble = told(&trouble, &mut shown.lines),
            }
        }
        Ok(None) => "not installed".clone_into(&mut shown.status),
        Err(error) => shown.trouble = told(&Trouble::Helm(error), &mut shown.lines),
    }
    shown
}

fn human(all: &[Shown]) -> String {
    let mut text = String::new();
    for shown in all {
        let style = match shown.trouble {
            None => show::GOOD,
            Some(_) => show::BAD,
        };
        let revision = shown
            .revision
            .map_or_else(String::new, |revision| format!(", revision {revision}"));
        text.push_str(&format!(
            "{}  {} {}{revision}: {}\n",
            styled(show::HEAD, &shown.region),
            shown.release,
            shown.chart.as_deref().unwrap_or_default(),
            styled(style, &shown.status)
        ));
        for line in &shown.lines {
            text.push_str(&format!("  {line}\n"));
        }
        if let Some(code) = shown.trouble {
            text.push_str(&show::more(code));
            text.push('\n');
        }
    }
    text
}

/// Rolls a release back, after it was shown what that restarts and the release's name was typed.
async fn roll_back(site: &Site, screen: &Screen, wanted: &Rollback) -> Result<Exit, CliError> {
    let region = site.region(&wanted.region)?;
    let name = &site.config.installation.region(region).name;
    let Some(helm) = site.helms.get(&region) else {
        return Err(CliError::NotConfigured {
            what: format!("{name} is not changed by helm"),
            path: site.config.path.clone(),
            help: "Write `driver: helm` for it, or roll back by hand.",
        });
    };
    let of = |trouble| releases::of(site, region, trouble);
    // A run may be about to change the same release.
    let _claimed = carry::claim(site, screen, None)?;
    let release = helm
        .cli()
        .release()
        .await
        .map_err(|error| of(error.into()))?
        .ok_or_else(|| of(helm.missing()))?;
    let to = target(&release, wanted.to)?;
    let changes = between(helm, release.revision, to).await.map_err(of)?;
    let brokers: Vec<String> = changes.of_brokers().map(ToString::to_string).collect();
    if !brokers.is_empty() && wanted.accept_broker_restart.is_none() {
        return Err(of(Trouble::MovesBrokers { changes: brokers }));
    }
    let typed = helm.cli().rollback_typed(to);
    let mut lines = vec![format!(
        "The release {} in {name} goes back from revision {} ({}) to revision {to}: {typed}",
        release.name, release.revision, release.status
    )];
    for change in changes.of_pods() {
        lines.push(format!("  pods are restarted: {change}"));
    }
    screen.say(&lines.join("\n"));
    if !wanted.yes {
        let prompt = format!(
            "\nNobody else's helm must be at work on it. Type the name of the release ({}): ",
            release.name
        );
        carry::typed(screen, &prompt, &release.name).await?;
    }
    let answer = helm.cli().roll_back(to).await;
    let after = helm.cli().release().await.map_err(|error| of(error.into()))?;
    finished(screen, &answer, after.as_ref(), release.revision)
}

/// Which revision: the one that was asked for if it was ever whole, or the last whole one.
fn target(release: &Release, wanted: Option<u32>) -> Result<u32, CliError> {
    let wrong = |what: String| {
        CliError::Usage {
        what,
        help: "`helm history` lists the revisions; one that was deployed once, and is not the newest, can be gone back to."
            .to_owned(),
    }
    };
    match wanted {
        Some(number) if release.history.iter().all(|revision| revision.number != number) => Err(wrong(
            format!("there is no revision {number} of {}", release.name),
        )),
        Some(number) => Ok(number),
        None => release.last_whole().ok_or_else(|| {
            wrong(format!(
                "no revision of {} was ever whole: take it away with `helm uninstall`",
                release.name
            ))
        }),
    }
}

async fn between(helm: &Helm, from: u32, to: u32) -> Result<Changes, Trouble> {
    let before = helm.cli().manifest(from).await?;
    let after = helm.cli().manifest(to).await?;
    Changes::between(&before, &after)
        .map_err(|why| Trouble::Helm(c8dr_systems::helm::HelmError::Garbled(why)))
}

#[derive(Serialize)]
struct RolledBack {
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    status: String,
}

/// Helm's answer is not believed: the history must have a new revision that is deployed.
fn finished(
    screen: &Screen,
    answer: &Answer,
    after: Option<&Release>,
    before: u32,
) -> Result<Exit, CliError> {
    let status = after.map_or_else(|| "gone".to_owned(), |release| release.status.to_string());
    let told = RolledBack {
        answer: answer.words(),
        revision: after.map(|release| release.revision),
        status: status.clone(),
    };
    let is_back = after.is_some_and(|release| {
        release.revision > before && release.status == c8dr_systems::helm::Status::Deployed
    });
    screen.result(&told, || match is_back {
        true => format!(
            "Rolled back: revision {} is {status}.",
            told.revision.unwrap_or_default()
        ),
        false => format!(
            "helm {}; the release is {status}. `c8dr release show` tells more.",
            answer.words()
        ),
    })?;
    Ok(match (answer, is_back) {
        (Answer::Done, true) => Exit::Done,
        (Answer::Refused { .. } | Answer::NotSent { .. }, _) => Exit::Refused,
        (Answer::Done, false) => Exit::VerificationFailed,
        _ => Exit::Unknown,
    })
}
