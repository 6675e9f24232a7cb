//! A report as Markdown, for tickets and for terminals. The picture becomes its table of moments, and bodies stay in the file
//! beside it.

use std::fmt::Write;

use super::page::{Block, Page, Table, Tone};
use super::text::markdown;

/// The document. All text in it comes from outside and is escaped here, and nowhere else.
pub(super) fn document(page: &Page) -> String {
    let mut text = format!(
        "# {}\n\n**{}**\n",
        markdown(&page.title),
        markdown(&page.verdict.text)
    );
    // Writing to a string cannot fail.
    for words in &page.summary {
        let _ = write!(text, "\n{}\n", markdown(words));
    }
    for section in &page.sections {
        let _ = write!(text, "\n## {}\n", markdown(&section.heading));
        for block in &section.blocks {
            match block {
                Block::Words(words) => {
                    let _ = write!(text, "\n{}\n", markdown(words));
                }
                Block::List(items) => put_list(&mut text, items.iter().map(String::as_str)),
                Block::Table(table) => put_table(&mut text, table),
                Block::Timeline(_) => {}
                Block::Exchanges(exchanges) => {
                    put_list(&mut text, exchanges.iter().map(|shown| shown.line.as_str()));
                }
            }
        }
    }
    text
}

fn put_list<'a>(text: &mut String, items: impl Iterator<Item = &'a str>) {
    text.push('\n');
    for item in items {
        let _ = writeln!(text, "- {}", markdown(item));
    }
}

fn put_table(text: &mut String, table: &Table) {
    let head: Vec<String> = table.head.iter().map(|name| markdown(name)).collect();
    let _ = writeln!(text, "\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| match cell.tone {
                Tone::Bad => format!("**{}**", markdown(&cell.text)),
                _ => markdown(&cell.text),
            })
            .collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}
