//! The runbook: a failover or failback of this very installation as a page of commands for a person with bash, curl and jq.
//!
//! It is made from the configuration alone, so that it can be printed while all is well. Its order and its checks are those
//! of the plan. `spec: procedure.md §2, §3a, §4, §5`

pub mod failback;
pub mod failover;
mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use c8dr_domain::effect::PlatformEffect;
use c8dr_domain::ids::RegionId;
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::traffic::Reroute;
use c8dr_domain::traffic::regions_words;
use serde::Serialize;

/// Where everything of an installation is, as far as a person has to type it.
#[derive(Clone, Debug)]
pub struct Places {
    /// The installation.
    pub installation: Installation,
    /// Each region's gateways: the management address, and that of `/v2/topology` where it is configured.
    pub gateways: BTreeMap<RegionId, Vec<(String, Option<String>)>>,
    /// Each region's brokers' own management addresses.
    pub brokers: BTreeMap<RegionId, Vec<String>>,
    /// Whether Zeebe's endpoints ask for a login.
    pub zeebe_login: bool,
    /// Whether the searches ask for a login.
    pub search_login: bool,
    /// The searches.
    pub searches: BTreeMap<RegionId, String>,
    /// The command that prints each region's pods as JSON, by its words.
    pub pods: BTreeMap<RegionId, Vec<String>>,
    /// What is typed for each effect on a platform.
    pub platforms: BTreeMap<RegionId, Vec<(PlatformEffect, Vec<String>)>>,
    /// The users' names, where they are configured.
    pub traffic: Option<Reroute>,
}

/// The page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runbook {
    /// What it does, as a title.
    pub title: String,
    /// What to know before the first command.
    pub know: Vec<String>,
    /// What is typed once, in the shell in which everything else is typed.
    pub setup: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The way back, for whoever has to give up in the middle.
    pub way_back: Vec<Step>,
}

/// One step: what must hold, what is typed, what must come to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name, as in a plan.
    pub id: String,
    /// What it does.
    pub title: String,
    /// What is to be known for it.
    pub note: Option<String>,
    /// A check that prints `ok` as soon as the step may be done.
    pub before: Option<String>,
    /// What is typed, once.
    pub act: Option<String>,
    /// What is expected as an answer.
    pub expect: Option<String>,
    /// A check that prints `ok` as soon as the step is done.
    pub after: Option<String>,
    /// How long that may take at most, in seconds.
    pub within_s: u64,
}

impl Places {
    /// The step that points the users' names to these regions, where they are configured.
    fn names(&self, id: &str, to: &BTreeSet<RegionId>, note: &str) -> Option<Step> {
        let lines = self.traffic.as_ref()?.commands.get(to)?;
        let title = format!(
            "Point the users' names to {}",
            regions_words(&self.installation, to)
        );
        let step = Step::new(id, title, 60).know(note);
        Some(step.act(lines.join("\n"), "the names point there, and to nothing else."))
    }
}

impl Step {
    fn new(id: &str, title: impl Into<String>, within_s: u64) -> Step {
        Step {
            id: id.to_owned(),
            title: title.into(),
            note: None,
            before: None,
            act: None,
            expect: None,
            after: None,
            within_s,
        }
    }

    fn know(mut self, note: impl Into<String>) -> Step {
        self.note = Some(note.into());
        self
    }

    fn before(mut self, check: impl Into<String>) -> Step {
        self.before = Some(ok(&check.into()));
        self
    }

    fn act(mut self, command: impl Into<String>, expect: &str) -> Step {
        self.act = Some(command.into());
        self.expect = Some(expect.to_owned());
        self
    }

    fn after(mut self, check: impl Into<String>) -> Step {
        self.after = Some(ok(&check.into()));
        self
    }

    fn write(&self, text: &mut String, kind: &str) {
        // Writing to a string cannot fail.
        if let Some(note) = &self.note {
            let _ = write!(text, "\n{note}\n");
        }
        if let Some(before) = &self.before {
            let _ = write!(
                text,
                "\nBefore: repeat until it prints `ok`; do not go on without it.\n\n```sh check{kind}\n{before}\n```\n"
            );
        }
        if let Some(act) = &self.act {
            let _ = write!(text, "\nType once:\n\n```sh{kind}\n{act}\n```\n");
        }
        if let Some(expect) = &self.expect {
            let _ = write!(text, "\nExpect: {expect}\n");
        }
        if let Some(after) = &self.after {
            let within = match self.within_s {
                seconds if seconds < 120 => format!("{seconds} s"),
                seconds => format!("{} min", seconds / 60),
            };
            let _ = write!(
                text,
                "\nAfter: repeat until it prints `ok`, for {within} at most.\n\n```sh check{kind}\n{after}\n```\n"
            );
        }
    }
}

/// A check that says `ok` if it holds.
fn ok(check: &str) -> String {
    format!("{check} && echo ok")
}

impl Runbook {
    /// The page as Markdown. Checks are code of the kind `sh check`, commands of the kind `sh`.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", self.title);
        // Writing to a string cannot fail.
        for line in &self.know {
            let _ = writeln!(text, "- {line}");
        }
        let _ = write!(
            text,
            "\n## 0 · Once, in the bash in which you type all the rest\n\n```sh setup\n{}\n```\n",
            self.setup.trim_end()
        );
        for (step, number) in self.steps.iter().zip(1..) {
            let _ = write!(text, "\n## {number} · {} {}\n", step.id, step.title);
            step.write(&mut text, "");
        }
        if !self.way_back.is_empty() {
            text.push_str(
                "\n## The way back, if you have to give up\n\nLeave out what was not done. After FB7 has added brokers go on, not back.\n",
            );
            for step in &self.way_back {
                let _ = write!(text, "\n### {} {}\n", step.id, step.title);
                step.write(&mut text, " back");
            }
        }
        text
    }
}
