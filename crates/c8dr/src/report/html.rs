//! A report as one HTML file: no network, no script, light or dark as the reader's system is.

use std::fmt::Write;

use super::page::{Block, Cell, Page, Section, Shown, Table, Timeline, Tone};
use super::svg;
use super::text::{html, html_lines};

/// The page. All text in it comes from outside and is escaped here, and nowhere else.
pub(super) fn page(page: &Page) -> String {
    let mut text = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Even what were to slip through the escaping could neither run nor call home.
    text.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    text.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p class=\"verdict {class}\">{verdict}</p>",
        title = html(&page.title),
        class = class(page.verdict.tone),
        verdict = html(&page.verdict.text),
    );
    for words in &page.summary {
        let _ = writeln!(text, "<p>{}</p>", html(words));
    }
    for section in &page.sections {
        put_section(&mut text, section);
    }
    text.push_str("</main>\n</body>\n</html>\n");
    text
}

fn put_section(text: &mut String, section: &Section) {
    let _ = writeln!(text, "<section>\n<h2>{}</h2>", html(&section.heading));
    for block in &section.blocks {
        match block {
            Block::Words(words) => {
                let _ = writeln!(text, "<p>{}</p>", html(words));
            }
            Block::List(items) => {
                text.push_str("<ul>\n");
                for item in items {
                    let _ = writeln!(text, "<li>{}</li>", html(item));
                }
                text.push_str("</ul>\n");
            }
            Block::Table(table) => put_table(text, table),
            Block::Timeline(timeline) => put_timeline(text, timeline),
            Block::Exchanges(exchanges) => {
                for shown in exchanges {
                    put_exchange(text, shown);
                }
            }
        }
    }
    text.push_str("</section>\n");
}

fn put_table(text: &mut String, table: &Table) {
    text.push_str("<div class=\"wide\"><table>\n<thead><tr>");
    for name in &table.head {
        let _ = write!(text, "<th scope=\"col\">{}</th>", html(name));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        text.push_str("<tr>");
        for cell in row {
            put_cell(text, cell);
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table></div>\n");
}

fn put_cell(text: &mut String, cell: &Cell) {
    let _ = match cell.tone {
        Tone::Plain => write!(text, "<td>{}</td>", html(&cell.text)),
        tone => write!(
            text,
            "<td><span class=\"{}\">{}</span></td>",
            class(tone),
            html(&cell.text)
        ),
    };
}

fn put_timeline(text: &mut String, timeline: &Timeline) {
    let _ = writeln!(
        text,
        "<figure class=\"wide\">\n{}<figcaption><span class=\"key look\"></span> looking <span class=\"key air\"></span> request in the air <span class=\"key wait\"></span> waiting for its effect <span class=\"key end-good\"></span> verified <span class=\"key end-bad\"></span> failed <span class=\"key band\"></span> unprotected or paused. Seconds are counted from {}.</figcaption>\n</figure>",
        svg::svg(timeline),
        html(timeline.zero_words),
    );
}

fn put_exchange(text: &mut String, shown: &Shown) {
    let _ = writeln!(text, "<details>\n<summary>{}</summary>", html(&shown.line));
    for (name, body) in &shown.bodies {
        let _ = writeln!(
            text,
            "<p class=\"dim\">{}</p>\n<pre>{}</pre>",
            html(name),
            html_lines(body)
        );
    }
    text.push_str("</details>\n");
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Waiting => "waiting",
        Tone::Bad => "bad",
    }
}

/// Colours mean something: green verified, amber waited for or unknown, red failed, blue in the air.
const STYLE: &str = "\
:root { color-scheme: light dark; --page: #ffffff; --ink: #1c2024; --dim: #5b6470; --line: #d9dee4; --soft: #f3f5f7;
  --good: #14743a; --waiting: #8a5a00; --bad: #b3261e; --air: #1f5fbf; --look: #c3cad3; --wait: #e3a008; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --ink: #e6e9ec; --dim: #9aa4af; --line: #343a41;
  --soft: #1d2226; --good: #57c785; --waiting: #f0b84a; --bad: #ff8a80; --air: #7db0ff; --look: #4a525b; --wait: #b98512; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 8px; }
h2 { font-size: 18px; margin: 36px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
p { margin: 6px 0; overflow-wrap: anywhere; }
.verdict { font-size: 20px; font-weight: 600; }
.good { color: var(--good); font-weight: 600; }
.waiting { color: var(--waiting); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.dim { color: var(--dim); }
.wide { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 600; white-space: nowrap; }
li { overflow-wrap: anywhere; }
details { border-bottom: 1px solid var(--line); padding: 3px 0; }
summary { cursor: pointer; font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 8px 10px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 12px/1.45 ui-monospace, monospace; margin: 4px 0 10px; }
figure { margin: 8px 0; }
figcaption { color: var(--dim); font-size: 13px; }
svg { display: block; width: 100%; min-width: 860px; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg text.dim { fill: var(--dim); paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
svg .tick { stroke: var(--line); }
svg .look { fill: var(--look); }
svg .wait { fill: var(--wait); }
svg .air { fill: var(--air); }
svg .band { fill: var(--wait); opacity: .55; }
svg .end-good { fill: var(--good); }
svg .end-bad { fill: var(--bad); }
svg .end-waiting { fill: var(--waiting); }
svg .end-plain { fill: var(--dim); }
svg .mark { stroke: var(--dim); stroke-dasharray: 3 3; }
svg .mark-dot { fill: var(--ink); }
svg .mark-number { fill: var(--page); font-size: 11px; font-weight: 600; }
.key { display: inline-block; width: 12px; height: 10px; margin: 0 3px 0 10px; }
.key.look { background: var(--look); }
.key.air { background: var(--air); }
.key.wait { background: var(--wait); }
.key.band { background: var(--wait); opacity: .55; }
.key.end-good { background: var(--good); }
.key.end-bad { background: var(--bad); }
@media print { details { display: none; } body { background: #fff; } }
";
