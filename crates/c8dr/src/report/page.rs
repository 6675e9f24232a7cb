//! A report as a value: headings, tables, one picture. What it is written in, HTML or Markdown, is decided elsewhere.
//!
//! All text in it is as it came. Whoever writes it makes it harmless.

use std::fmt::Display;

use jiff::Timestamp;

use super::story::Lane;

/// What a colour means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Verified, or the same.
    Good,
    /// Waited for, unknown, or left to a person.
    Waiting,
    /// Failed, missing, or not the same.
    Bad,
}

/// A report.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Its title.
    pub(super) title: String,
    /// The verdict in a few words, with its colour.
    pub(super) verdict: Cell,
    /// A sentence more.
    pub(super) summary: Vec<String>,
    /// What it says, in order.
    pub(super) sections: Vec<Section>,
}

/// A part of a report.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its heading.
    pub(super) heading: String,
    /// What stands below it.
    pub(super) blocks: Vec<Block>,
}

/// What a section is made of.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// A paragraph.
    Words(String),
    /// Items.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// The picture.
    Timeline(Timeline),
    /// Requests with their answers, folded.
    Exchanges(Vec<Shown>),
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The columns' names.
    pub(super) head: Vec<String>,
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// What it says.
    pub(super) text: String,
    /// Its colour.
    pub(super) tone: Tone,
}

/// A request with what came back.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// What is seen while it is folded: when, what, the status.
    pub(super) line: String,
    /// The bodies, each with its name.
    pub(super) bodies: Vec<(&'static str, String)>,
}

/// A line of time.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Its steps.
    pub(super) lanes: Vec<Lane>,
    /// Moments.
    pub(super) marks: Vec<Mark>,
    /// Times of a meaning of their own: unprotected, paused.
    pub(super) bands: Vec<Band>,
    /// Where its seconds are counted from, in words.
    pub(super) zero_words: &'static str,
    /// Where its seconds are counted from.
    pub(super) zero: Timestamp,
    /// Where it ends.
    pub(super) end: Timestamp,
}

/// A moment.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// When.
    pub(super) at: Timestamp,
    /// What.
    pub(super) words: &'static str,
}

/// A time of a meaning.
#[derive(Clone, Debug)]
pub(super) struct Band {
    /// From when.
    pub(super) from: Timestamp,
    /// Until when; `None` is still.
    pub(super) until: Option<Timestamp>,
    /// What.
    pub(super) words: &'static str,
}

impl Cell {
    /// In no colour.
    pub(super) fn plain(text: impl Display) -> Cell {
        Cell::of(Tone::Plain, text)
    }

    /// In a colour.
    pub(super) fn of(tone: Tone, text: impl Display) -> Cell {
        Cell {
            text: format!("{text}"),
            tone,
        }
    }

    /// What is known, or that it is not: an unknown is never shown as a number.
    pub(super) fn known(value: Option<impl Display>) -> Cell {
        match value {
            Some(value) => Cell::plain(value),
            None => Cell::of(Tone::Waiting, "unknown"),
        }
    }
}

impl Table {
    /// A table without rows yet.
    pub(super) fn new<const N: usize>(head: [&str; N]) -> Table {
        Table {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// With one row more.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl Timeline {
    /// Seconds from its beginning.
    pub(super) fn seconds(&self, at: Timestamp) -> f64 {
        at.duration_since(self.zero).as_secs_f64()
    }
}
