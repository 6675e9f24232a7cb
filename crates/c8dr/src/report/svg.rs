//! The timeline as a picture: a lane per step with its look, its requests, its wait and its end; moments; times of a meaning.
//!
//! Inline SVG without script. Its colours are the page's, by class: green verified, amber waited for, red failed, blue in
//! the air.

use std::fmt::Write;

use jiff::Timestamp;

use super::page::{Band, Timeline, Tone};
use super::story::{Lane, Span};
use super::text::html;

/// The picture's width, in its own units.
const WIDTH: f64 = 1_080.0;
/// Where the lanes begin: left of it stand their names.
const LEFT: f64 = 330.0;
/// Where they end: right of it there is room for a duration.
const RIGHT: f64 = 1_020.0;
/// A lane's height.
const LANE: f64 = 24.0;
/// A bar's height.
const BAR: f64 = 12.0;
/// The rows in which the numbers of moments stand, so that near ones do not cover each other.
const MARK_ROWS: usize = 3;
/// How much of a name is shown; the whole name is told when it is pointed at.
const LABEL_LETTERS_MAX: usize = 46;
/// How many lines across there are at most.
const TICKS_MAX: f64 = 9.0;

/// The picture.
pub(super) fn svg(timeline: &Timeline) -> String {
    let rows = timeline.bands.len() + timeline.lanes.len();
    let top = 22.0 * MARK_ROWS as f64 + 10.0;
    let bottom = top + LANE * rows as f64;
    let mut picture = Picture {
        timeline,
        top,
        bottom,
        text: String::new(),
    };
    picture.put(&format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"What happened when\">\n",
        height = bottom + 30.0
    ));
    picture.axis();
    for (row, band) in timeline.bands.iter().enumerate() {
        picture.band(row, band);
    }
    for (row, lane) in timeline.lanes.iter().enumerate() {
        picture.lane(timeline.bands.len() + row, lane);
    }
    picture.marks();
    picture.put("</svg>\n");
    picture.text
}

struct Picture<'a> {
    timeline: &'a Timeline,
    top: f64,
    bottom: f64,
    text: String,
}

impl Picture<'_> {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn length(&self) -> f64 {
        self.timeline.seconds(self.timeline.end).max(0.001)
    }

    fn x(&self, at: Timestamp) -> f64 {
        let part = (self.timeline.seconds(at) / self.length()).clamp(0.0, 1.0);
        LEFT + part * (RIGHT - LEFT)
    }

    fn y(&self, row: usize) -> f64 {
        self.top + LANE * row as f64
    }

    fn axis(&mut self) {
        let step = step_of(self.length());
        let mut at = 0.0;
        while at <= self.length() + step * 0.001 {
            let x = LEFT + at / self.length() * (RIGHT - LEFT);
            let (top, bottom) = (self.top, self.bottom);
            // Writing to a string cannot fail.
            let _ = writeln!(
                self.text,
                "<line class=\"tick\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/><text class=\"dim\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>",
                y = bottom + 18.0,
                label = label(at, step),
            );
            at += step;
        }
    }

    fn name(&mut self, row: usize, name: &str) {
        let y = self.y(row) + LANE / 2.0 + 4.0;
        let letters = name.chars().count();
        let shown: String = match letters > LABEL_LETTERS_MAX {
            true => name.chars().take(LABEL_LETTERS_MAX - 1).chain(['…']).collect(),
            false => name.to_owned(),
        };
        let _ = writeln!(
            self.text,
            "<text x=\"8\" y=\"{y:.1}\"><title>{}</title>{}</text>",
            html(name),
            html(&shown)
        );
    }

    fn bar(&mut self, row: usize, class: &str, from: Timestamp, until: Timestamp, told: &str) {
        let (x, end) = (self.x(from), self.x(until));
        let y = self.y(row) + (LANE - BAR) / 2.0;
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\"><title>{}</title></rect>",
            html(told),
            // What is too short to be seen is drawn all the same.
            width = (end - x).max(1.5),
        );
    }

    fn band(&mut self, row: usize, band: &Band) {
        self.name(row, band.words);
        let until = band.until.unwrap_or(self.timeline.end);
        let told = match band.until {
            Some(until) => format!("{}: {}", band.words, took(band.from, until)),
            None => format!("{}: still", band.words),
        };
        self.bar(row, "band", band.from, until, &told);
        self.after(row, until, &told_after(band));
    }

    fn after(&mut self, row: usize, at: Timestamp, words: &str) {
        let x = self.x(at) + 6.0;
        let y = self.y(row) + LANE / 2.0 + 4.0;
        let _ = writeln!(
            self.text,
            "<text class=\"dim\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            html(words)
        );
    }

    fn lane(&mut self, row: usize, lane: &Lane) {
        self.name(row, &lane.label);
        for span in &lane.spans {
            let until = span.until.unwrap_or(self.timeline.end);
            self.bar(row, "look", span.from, until, "looking");
            self.sent(row, lane, *span, until);
            let (class, word) = match (span.until, span.tone) {
                (None, _) => ("end-waiting", "not ended"),
                (_, Tone::Good) => ("end-good", "verified"),
                (_, Tone::Bad) => ("end-bad", "failed"),
                (_, Tone::Waiting) => ("end-waiting", "left"),
                (_, Tone::Plain) => ("end-plain", "skipped"),
            };
            let x = self.x(until);
            let y = self.y(row) + 3.0;
            let _ = writeln!(
                self.text,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"3\" height=\"{height}\"><title>{word} after {took}</title></rect>",
                height = LANE - 6.0,
                took = took(span.from, until),
            );
        }
        if let Some(last) = lane.spans.last() {
            let until = last.until.unwrap_or(self.timeline.end);
            self.after(row, until, &took(last.from, until));
        }
    }

    /// What went out in a span: in the air until it was answered, waited for from there on.
    fn sent(&mut self, row: usize, lane: &Lane, span: Span, until: Timestamp) {
        let within: Vec<_> = lane
            .attempts
            .iter()
            .filter(|sent| sent.at >= span.from && sent.at <= until)
            .collect();
        for (index, sent) in within.iter().enumerate() {
            let next = within.get(index + 1).map_or(until, |next| next.at);
            let answered = sent.answered.unwrap_or(next);
            self.bar(row, "wait", answered, next, "waiting for its effect");
            self.bar(row, "air", sent.at, answered, &sent.words);
        }
    }

    fn marks(&mut self) {
        let mut rows = [f64::NEG_INFINITY; MARK_ROWS];
        for (number, mark) in self.timeline.marks.iter().enumerate() {
            let x = self.x(mark.at);
            let row = rows
                .iter()
                .position(|last| x - last > 20.0)
                .unwrap_or(number % MARK_ROWS);
            rows[row] = x;
            let y = 14.0 + 22.0 * row as f64;
            let bottom = self.bottom;
            let _ = writeln!(
                self.text,
                "<g><title>{title}</title><line class=\"mark\" x1=\"{x:.1}\" y1=\"{from:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/><circle class=\"mark-dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9\"/><text class=\"mark-number\" x=\"{x:.1}\" y=\"{base:.1}\" text-anchor=\"middle\">{number}</text></g>",
                title = html(mark.words),
                from = y + 9.0,
                base = y + 4.0,
                number = number + 1,
            );
        }
    }
}

fn told_after(band: &Band) -> String {
    band.until
        .map_or_else(|| "still".to_owned(), |until| took(band.from, until))
}

fn took(from: Timestamp, until: Timestamp) -> String {
    crate::show::seconds(until.duration_since(from))
}

/// The distance of the lines across: 1, 2 or 5 times a power of ten, so that there are few.
fn step_of(length: f64) -> f64 {
    let raw = length / TICKS_MAX;
    let power = 10_f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw)
        .unwrap_or(10.0 * power)
}

fn label(at: f64, step: f64) -> String {
    match step {
        step if step >= 60.0 => format!("{:.0} min", at / 60.0),
        step if step >= 1.0 => format!("{at:.0} s"),
        _ => format!("{at:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::step_of;

    #[test]
    fn there_are_few_lines_across_whatever_the_length() {
        for length in [0.001, 0.7, 9.0, 55.0, 61.0, 3_600.0, 900_000.0] {
            let lines = length / step_of(length);
            assert!((2.0..=9.01).contains(&lines), "{lines} lines for {length} s");
        }
    }
}
