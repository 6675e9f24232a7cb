//! A release as helm tells of it: how it stands, its revisions, and the way out where it is stuck.

use std::fmt;

use serde::Deserialize;

use crate::foreign::json::Int;
use crate::foreign::{Garbled, json, shown};

/// How a release, or one revision of it, stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is what is installed.
    Deployed,
    /// A later revision is.
    Superseded,
    /// Its last change failed; what is there may be a part of it.
    Failed,
    /// Its first install was begun, and never ended.
    PendingInstall,
    /// An upgrade was begun, and never ended.
    PendingUpgrade,
    /// A rollback was begun, and never ended.
    PendingRollback,
    /// It is being taken away.
    Uninstalling,
    /// It was taken away, with its history kept.
    Uninstalled,
    /// Another word of helm's.
    Other(String),
}

impl Status {
    fn of(word: &str) -> Self {
        match word {
            "deployed" => Status::Deployed,
            "superseded" => Status::Superseded,
            "failed" => Status::Failed,
            "pending-install" => Status::PendingInstall,
            "pending-upgrade" => Status::PendingUpgrade,
            "pending-rollback" => Status::PendingRollback,
            "uninstalling" => Status::Uninstalling,
            "uninstalled" => Status::Uninstalled,
            other => Status::Other(shown(other.as_bytes(), 40)),
        }
    }

    /// Whether helm refuses every change because it believes that one is going on.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Deployed => "deployed",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
            Status::Uninstalling => "uninstalling",
            Status::Uninstalled => "uninstalled",
            Status::Other(word) => word,
        })
    }
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its newest revision.
    pub revision: u32,
    /// How that stands.
    pub status: Status,
    /// The chart's name, such as `camunda-platform`.
    pub chart: String,
    /// The chart's version.
    pub version: String,
    /// Its revisions, the oldest first.
    pub history: Vec<Revision>,
}

/// One revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub number: u32,
    /// How it stands.
    pub status: Status,
    /// What helm says of it.
    pub description: String,
}

/// The way out of a release that is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// Roll back to this revision: the last one that was whole.
    Rollback(u32),
    /// Take it away: no revision was ever whole.
    Uninstall,
}

impl Release {
    /// The newest revision that was whole once: deployed now, or until a later one took its place.
    pub fn last_whole(&self) -> Option<u32> {
        let of = |status: &Status| {
            self.history
                .iter()
                .rev()
                .find(|revision| revision.status == *status)
                .map(|revision| revision.number)
        };
        of(&Status::Deployed).or_else(|| of(&Status::Superseded))
    }

    /// The way out, if it is stuck or failed.
    pub fn way_out(&self) -> Option<WayOut> {
        match self.status.is_pending() || self.status == Status::Failed {
            true => Some(self.last_whole().map_or(WayOut::Uninstall, WayOut::Rollback)),
            false => None,
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    revision: Int<u32>,
    status: String,
}

#[derive(Deserialize)]
struct Metadata {
    chart: String,
    version: String,
}

#[derive(Deserialize)]
struct Told {
    revision: Int<u32>,
    status: String,
    #[serde(default)]
    description: String,
}

/// The release of this name in what `helm list --all -o json` prints: its newest revision and how that stands.
pub(super) fn listed(body: &[u8], name: &str) -> Result<Option<(u32, Status)>, Garbled> {
    let all: Vec<Listed> = json::read(body)?;
    Ok(all
        .into_iter()
        .find(|release| release.name == name)
        .map(|release| (release.revision.0, Status::of(&release.status))))
}

/// Name and version of the chart in what `helm get metadata -o json` prints.
pub(super) fn chart(body: &[u8]) -> Result<(String, String), Garbled> {
    let metadata: Metadata = json::read(body)?;
    let plain = |text: String| shown(text.as_bytes(), 100);
    Ok((plain(metadata.chart), plain(metadata.version)))
}

/// The revisions in what `helm history -o json` prints, the oldest first.
pub(super) fn history(body: &[u8]) -> Result<Vec<Revision>, Garbled> {
    let all: Vec<Told> = json::read(body)?;
    let mut all: Vec<Revision> = all
        .into_iter()
        .map(|told| Revision {
            number: told.revision.0,
            status: Status::of(&told.status),
            description: shown(told.description.as_bytes(), 200),
        })
        .collect();
    all.sort_by_key(|revision| revision.number);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(status: &str, history: &str) -> Release {
        Release {
            name: "camunda".to_owned(),
            revision: 3,
            status: Status::of(status),
            chart: "camunda-platform".to_owned(),
            version: "11.12.3".to_owned(),
            history: super::history(history.as_bytes()).unwrap(),
        }
    }

    /// As helm 3.19 prints it.
    const HISTORY: &str = r#"[{"revision":1,"updated":"2026-01-02T03:04:05.6Z","status":"superseded","chart":"camunda-platform-11.12.3","app_version":"8.6.x","description":"Install complete"},
        {"revision":2,"updated":"2026-01-02T03:05:05.6Z","status":"deployed","chart":"camunda-platform-11.12.3","app_version":"8.6.x","description":"Upgrade complete"},
        {"revision":3,"updated":"2026-01-02T03:06:05.6Z","status":"pending-upgrade","chart":"camunda-platform-11.12.3","app_version":"8.6.x","description":"Preparing upgrade"}]"#;

    #[test]
    fn the_way_out_leads_to_what_was_whole() {
        assert_eq!(
            release("pending-upgrade", HISTORY).way_out(),
            Some(WayOut::Rollback(2))
        );
        assert_eq!(release("deployed", HISTORY).way_out(), None);
        let first = r#"[{"revision":1,"status":"pending-install","description":"Initial install underway"}]"#;
        assert_eq!(
            release("pending-install", first).way_out(),
            Some(WayOut::Uninstall)
        );
        // A rollback that was begun has superseded what it left.
        let back = HISTORY.replace("deployed", "superseded");
        assert_eq!(
            release("pending-rollback", &back).way_out(),
            Some(WayOut::Rollback(2))
        );
    }

    #[test]
    fn a_release_is_found_by_its_whole_name() {
        let list = br#"[{"name":"camunda-old","namespace":"camunda-paris","revision":"7","updated":"x","status":"failed","chart":"c-1","app_version":""},
            {"name":"camunda","namespace":"camunda-paris","revision":"2","updated":"x","status":"pending-install","chart":"c-1","app_version":""}]"#;
        assert_eq!(
            listed(list, "camunda").unwrap(),
            Some((2, Status::PendingInstall))
        );
        assert_eq!(listed(list, "camund").unwrap(), None);
        assert_eq!(listed(b"[]", "camunda").unwrap(), None);
        assert!(listed(b"", "camunda").is_err(), "nothing is no list");
    }
}
