//! The words of one line with their places, and what a reader asks of them.

use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plain;

use super::mistake::{Mistake, nearest};
use super::script::Span;

/// The units of durations, in milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// No drill lasts longer than a day.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// A word of a line.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    /// Written in quotation marks.
    is_quoted: bool,
    span: Span,
}

/// A reader's place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    /// The line's number, from 1, and its text.
    number: usize,
    line: &'a str,
    /// Where the line begins in the file.
    begin: usize,
    words: Vec<Word<'a>>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The words of a line, without its comment.
    pub(super) fn new(number: usize, begin: usize, line: &'a str) -> Result<Cursor<'a>, Mistake> {
        let mut cursor = Cursor {
            number,
            line,
            begin,
            words: Vec::new(),
            at: 0,
        };
        let mut rest = line;
        loop {
            rest = rest.trim_start();
            let from = line.len() - rest.len();
            let Some(first) = rest.chars().next().filter(|first| *first != '#') else {
                return Ok(cursor);
            };
            let (text, is_quoted, taken) = match first {
                '"' => {
                    let inner = rest.get(1..).unwrap_or_default();
                    let Some(end) = inner.find('"') else {
                        return Err(cursor.mistake(
                            from..line.len(),
                            "a quotation mark that is not closed".to_owned(),
                            "Close it with another `\"` on the same line.".to_owned(),
                        ));
                    };
                    (inner.get(..end).unwrap_or_default(), true, end + 2)
                }
                ',' => (",", false, 1),
                _ => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '"' | '#');
                    let end = rest.find(ends).unwrap_or(rest.len());
                    (rest.get(..end).unwrap_or_default(), false, end)
                }
            };
            cursor.words.push(Word {
                text,
                is_quoted,
                span: from..from + taken,
            });
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// A mistake at a place in this line.
    fn mistake(&self, span: Span, what: String, help: String) -> Mistake {
        let before = self.line.get(..span.start).unwrap_or_default();
        Mistake {
            what,
            help,
            line: self.number,
            column: before.chars().count() + 1,
            span: self.begin + span.start..self.begin + span.end,
        }
    }

    /// The place of the word that was read last.
    fn last(&self) -> Span {
        let word = self.at.checked_sub(1).and_then(|at| self.words.get(at));
        word.map_or(0..self.line.len(), |word| word.span.clone())
    }

    /// A mistake at the word that was read last.
    pub(super) fn wrong(&self, what: impl Into<String>, help: impl Into<String>) -> Mistake {
        self.mistake(self.last(), what.into(), help.into())
    }

    /// A mistake behind the last word, where something is missing.
    pub(super) fn missing(&self, what: &str, known: &[&str]) -> Mistake {
        let end = self.words.last().map_or(0, |word| word.span.end);
        let help = match known {
            [] => format!("Write {what} there."),
            _ => nearest("", known),
        };
        self.mistake(
            end..end,
            format!("{what} is missing at the end of the line"),
            help,
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.words.len()
    }

    /// The next word, unread.
    pub(super) fn peek(&self) -> Option<&'a str> {
        self.words
            .get(self.at)
            .filter(|word| !word.is_quoted)
            .map(|word| word.text)
    }

    /// Whether a text in quotation marks comes next.
    pub(super) fn is_quoted(&self) -> bool {
        self.words.get(self.at).is_some_and(|word| word.is_quoted)
    }

    /// Reads the next word if it is this one.
    pub(super) fn has(&mut self, wanted: &str) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// The next word, whatever it is.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, Mistake> {
        let Some(word) = self.words.get(self.at) else {
            return Err(self.missing(what, &[]));
        };
        self.at += 1;
        match word.is_quoted {
            false => Ok(word.text),
            true => Err(self.wrong(
                format!("{what} is wanted here"),
                "Write it without quotation marks.",
            )),
        }
    }

    /// The next word, which must be one of these.
    pub(super) fn one_of(&mut self, what: &str, known: &[&'static str]) -> Result<&'static str, Mistake> {
        if self.is_done() {
            return Err(self.missing(what, known));
        }
        let word = self.word(what)?;
        let found = known.iter().find(|one| **one == word);
        found.copied().ok_or_else(|| self.unknown(word, what, known))
    }

    /// A word that was read and is none of these.
    pub(super) fn unknown(&self, word: &str, what: &str, known: &[&str]) -> Mistake {
        self.wrong(
            format!("`{}` is no {what}", shortened(word)),
            nearest(word, known),
        )
    }

    /// A text in quotation marks.
    pub(super) fn quoted(&mut self, what: &str) -> Result<String, Mistake> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        match word {
            Some(word) if word.is_quoted && !word.text.trim().is_empty() => Ok(word.text.to_owned()),
            Some(_) => Err(self.wrong(
                format!("{what} is wanted here"),
                "Write it in quotation marks: \"INC-4711\".",
            )),
            None => Err(self.missing(&format!("{what} in quotation marks"), &[])),
        }
    }

    /// The line ends here.
    pub(super) fn end(&mut self) -> Result<(), Mistake> {
        if self.is_done() {
            return Ok(());
        }
        let word = self.words.get(self.at).map_or("", |word| word.text);
        self.at += 1;
        Err(self.wrong(
            format!("`{}` is more than this statement takes", shortened(word)),
            "One statement stands on one line; what is expected is separated by commas.",
        ))
    }

    /// A whole number within limits.
    pub(super) fn number(&mut self, what: &str, from: u64, to: u64) -> Result<u64, Mistake> {
        let word = self.word(what)?;
        match word.parse::<u64>() {
            Ok(number) if (from..=to).contains(&number) => Ok(number),
            Ok(_) => Err(self.wrong(
                format!("{what} cannot be {}", shortened(word)),
                format!("Write a whole number from {from} to {to}."),
            )),
            Err(_) => Err(self.wrong(
                format!(
                    "{what} is wanted here, and `{}` is no whole number",
                    shortened(word)
                ),
                format!("Write a whole number from {from} to {to}."),
            )),
        }
    }

    /// How long: `500ms`, `5s`, `1m30s`, `2h`.
    pub(super) fn duration(&mut self) -> Result<Duration, Mistake> {
        let word = self.word("a duration")?;
        match duration(word) {
            Ok(duration) if duration <= DURATION_MAX => Ok(duration),
            Ok(_) => Err(self.wrong(
                format!("`{}` is too long", shortened(word)),
                "No drill lasts longer than 24h.",
            )),
            Err(help) => Err(self.wrong(format!("`{}` is no duration", shortened(word)), help)),
        }
    }

    /// Whether the next word begins like a duration: with a figure.
    pub(super) fn is_figure(&self) -> bool {
        self.peek()
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// A region by its whole name.
    pub(super) fn region(&mut self) -> Result<RegionId, Mistake> {
        match self.one_of("region", &["region0", "region1"])? {
            "region0" => Ok(RegionId(0)),
            _ => Ok(RegionId(1)),
        }
    }

    /// What stands between two places, as it was written.
    pub(super) fn text_since(&self, from: usize) -> String {
        let begin = self.words.get(from).map_or(0, |word| word.span.start);
        let end = self.last().end.max(begin);
        self.line.get(begin..end).unwrap_or_default().to_owned()
    }

    /// How many words were read.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Goes back one word.
    pub(super) fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// The line as it was written, without its comment.
    pub(super) fn text(&self) -> String {
        let end = self.words.last().map_or(0, |word| word.span.end);
        self.line.get(..end).unwrap_or_default().trim().to_owned()
    }
}

/// A word that may be of any length.
pub(super) fn shortened(word: &str) -> String {
    const LENGTH_MAX: usize = 40;
    let mut short: String = word.chars().take(LENGTH_MAX).collect();
    if word.chars().count() > LENGTH_MAX {
        short.push('…');
    }
    // What a terminal would obey is spelled out.
    plain::plain(&short).into_owned()
}

fn duration(word: &str) -> Result<Duration, String> {
    let units = || {
        let all: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
        format!("`{}`", all.join("`, `"))
    };
    let mut rest = word;
    let mut sum_ms: u64 = 0;
    while !rest.is_empty() {
        let figures = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(figures);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: f64 = match number.parse() {
            Ok(number) => number,
            Err(_) => return Err("Write a number with its unit: 500ms, 5s, 1m30s, 2h.".to_owned()),
        };
        let Some((_, ms)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            return Err(match unit {
                "" => format!("A unit is missing: {}, right behind the number.", units()),
                _ => format!(
                    "`{}` is no unit: write {}, right behind the number.",
                    shortened(unit),
                    units()
                ),
            });
        };
        let part = Duration::try_from_secs_f64(number * (*ms as f64) / 1_000.0);
        let part = part.map_err(|_| "No drill lasts longer than 24h.".to_owned())?;
        let part = u64::try_from(part.as_millis()).unwrap_or(u64::MAX);
        sum_ms = sum_ms.saturating_add(part);
        rest = tail;
    }
    Ok(Duration::from_millis(sum_ms))
}
