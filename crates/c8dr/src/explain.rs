//! Every code that c8dr says, and the page that explains it: refusals, states, errors, findings, exits, steps and rules.
//!
//! The pages lie in `docs/errors` and in the binary. Codes come from the enums that yield them, so that a code without a
//! page fails a test, and so does a page without a code.

mod pages;

use c8dr_domain::check::Rule;
use c8dr_domain::diagnose::Code;
use c8dr_domain::plan::{RefusalCode, StepId};
use c8dr_domain::ready::FindingCode;
use c8dr_domain::run::Stop;
use serde::Serialize;
use strum::VariantArray;

use crate::error::ErrorCode;
use crate::exit::Exit;

/// What a code is the code of. One code can be several: `survivor-down` is refused, and found by `c8dr ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A state of the installation, as `c8dr status` names it.
    State,
    /// A plan that was refused.
    Refusal,
    /// An error of a command.
    Error,
    /// What `c8dr ready` found.
    Finding,
    /// How a command ended, or why a run stopped.
    Exit,
    /// A step of a failover, a failback, or the way back.
    Step,
    /// A rule that the checker holds plans against.
    Rule,
}

impl Kind {
    /// All that there are.
    pub const ALL: &[Kind] = Kind::VARIANTS;

    /// Its heading in the list.
    pub const fn heading(self) -> &'static str {
        match self {
            Kind::State => "States (c8dr status)",
            Kind::Refusal => "Refusals (exit 3)",
            Kind::Error => "Errors",
            Kind::Finding => "Findings (c8dr ready)",
            Kind::Exit => "Exits, and why a run stopped",
            Kind::Step => "Steps",
            Kind::Rule => "Rules of the plan checker",
        }
    }

    /// The codes of this kind, in the order of their enum.
    pub fn codes(self) -> Vec<&'static str> {
        match self {
            Kind::State => Code::ALL.iter().map(|code| code.as_str()).collect(),
            Kind::Refusal => RefusalCode::ALL.iter().map(|code| code.as_str()).collect(),
            Kind::Error => ErrorCode::ALL.iter().map(|code| code.as_str()).collect(),
            Kind::Finding => FindingCode::ALL.iter().map(|code| code.as_str()).collect(),
            // Every stop is an exit; chained all the same, so that one that is not would be missed here.
            Kind::Exit => {
                let mut words: Vec<_> = Exit::ALL.iter().map(|exit| exit.word()).collect();
                let stops = Stop::ALL.iter().map(|stop| stop.as_str());
                words.extend(stops.filter(|stop| !Exit::ALL.iter().any(|exit| exit.word() == *stop)));
                words
            }
            Kind::Step => StepId::ALL.iter().map(|step| step.as_str()).collect(),
            Kind::Rule => Rule::ALL.iter().map(|rule| rule.as_str()).collect(),
        }
    }
}

/// The sections that every page has, in this order.
pub const SECTIONS: [&str; 5] = [
    "What it means",
    "Why",
    "See for yourself",
    "Ways out",
    "Safe meanwhile",
];

/// The page of one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// What it is the code of.
    pub kinds: Vec<Kind>,
    /// The code in a sentence.
    pub title: String,
    /// The page, as Markdown.
    pub markdown: &'static str,
}

impl Page {
    fn new(code: &'static str, markdown: &'static str) -> Page {
        let kinds = Kind::ALL
            .iter()
            .copied()
            .filter(|kind| kind.codes().contains(&code));
        let title = markdown
            .split("\n\n")
            .nth(1)
            .map(|paragraph| paragraph.replace('\n', " "))
            .unwrap_or_default();
        Page {
            code,
            kinds: kinds.collect(),
            title,
            markdown,
        }
    }
}

/// All pages, by their codes.
pub fn all() -> Vec<Page> {
    pages::PAGES
        .iter()
        .map(|(code, markdown)| Page::new(code, markdown))
        .collect()
}

/// The page of a code, however it is capitalised; an exit also by its number, and a code of old (`usage::unknown_region`).
///
/// # Errors
/// The nearest code, if there is no such one.
pub fn page(typed: &str) -> Result<Page, &'static str> {
    let by_number = Exit::ALL
        .iter()
        .find(|exit| exit.code().to_string() == typed)
        .map(|exit| exit.word());
    let name = typed.rsplit("::").next().unwrap_or(typed);
    let wanted = by_number.unwrap_or(name).to_lowercase().replace('_', "-");
    let found = pages::PAGES
        .iter()
        .find(|(code, _)| code.to_lowercase() == wanted);
    found
        .map(|(code, markdown)| Page::new(code, markdown))
        .ok_or_else(|| nearest(&wanted))
}

/// The code that is most like a wrong one.
fn nearest(wrong: &str) -> &'static str {
    let likeness = |code: &str| strsim::jaro_winkler(wrong, &code.to_lowercase());
    pages::PAGES
        .iter()
        .map(|(code, _)| *code)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .unwrap_or("healthy")
}
