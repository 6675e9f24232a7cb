//! What is shown, and how: for people, as one JSON or YAML document, or as `zbctl` would.

pub(crate) mod explain;
pub(crate) mod harmless;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod ready;
pub(crate) mod runs;
pub(crate) mod status;
pub(crate) mod unheard;
pub(crate) mod why;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use c8dr_domain::installation::Installation;
use c8dr_domain::plain;
use c8dr_engine::ports::Exchange;
use miette::Diagnostic;
use serde::Serialize;

use crate::args::{Args, Color, Output};
use crate::error::{CliError, Coded, ErrorCode};
use crate::exit::Exit;

/// Good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Under way, or to be decided.
pub(crate) const OPEN: Style = AnsiColor::Yellow.on_default();
/// A heading.
pub(crate) const HEAD: Style = Style::new().bold();
/// Beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Text in a style; the stream takes the colours off where they are not wanted.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where to read on, once below a message.
pub(crate) fn more(code: &str) -> String {
    styled(DIM, format!("  More: c8dr explain {code}"))
}

/// Where results and notes go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// The form of the result.
    pub(crate) output: Output,
    /// Whether a person is watching the notes on a terminal, so that a line may move.
    pub(crate) is_live: bool,
    /// How much is told beside the result.
    pub(crate) detail: Detail,
}

/// How much is told beside the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Only what a person has to do.
    Quiet,
    /// What happens.
    Normal,
    /// Each request as well.
    Requests,
}

impl Screen {
    /// The screen that the arguments ask for. Colours are chosen once for the process; without a choice anstream goes by the
    /// terminal, NO_COLOR and CLICOLOR_FORCE.
    pub(crate) fn new(args: &Args, is_terminal: bool) -> Self {
        match args.color() {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        draw_errors();
        let detail = match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (false, 0) => Detail::Normal,
            (false, _) => Detail::Requests,
        };
        Screen {
            output: args.output,
            // Requests in lines and a line that moves would overwrite each other.
            is_live: is_terminal && detail == Detail::Normal,
            detail,
        }
    }

    /// Whether the result is for people.
    pub(crate) fn is_human(&self) -> bool {
        matches!(self.output, Output::Human)
    }

    /// Prints the result for people. A closed pipe is no error of ours.
    /// Tells whether anybody still reads.
    pub(crate) fn print(&self, text: &str) -> bool {
        writeln!(anstream::stdout(), "{}", harmless::lines(text.trim_end())).is_ok()
    }

    /// Empties the terminal, for what comes anew.
    pub(crate) fn clear(&self) {
        let _ = write!(anstream::stdout(), "\u{1b}[H\u{1b}[2J");
    }

    /// As [`Screen::print`], for what a script may rely on: a full disk must not look like an empty answer.
    fn emit(&self, text: &str) -> Result<bool, CliError> {
        let mut out = anstream::stdout();
        match writeln!(out, "{}", harmless::lines(text.trim_end())).and_then(|()| out.flush()) {
            Err(error) if is_full(&error) => Err(CliError::NotPrinted(error)),
            // A closed pipe or a closed terminal: nobody is there to read it.
            written => Ok(written.is_ok()),
        }
    }

    /// Prints the result as people want it, or as the one document that was asked for. Tells whether anybody still reads.
    pub(crate) fn result<T: Serialize>(
        &self,
        document: &T,
        human: impl FnOnce() -> String,
    ) -> Result<bool, CliError> {
        match self.output {
            Output::Human => self.emit(&human()),
            Output::Json => {
                let text = serde_json::to_string_pretty(document).map_err(|error| CliError::Unwritable {
                    form: "JSON",
                    why: error.to_string(),
                })?;
                self.emit(&plain::json(text))
            }
            Output::Yaml => {
                let text = serde_saphyr::to_string(document).map_err(|error| CliError::Unwritable {
                    form: "YAML",
                    why: error.to_string(),
                })?;
                self.emit(&harmless::yaml(&text))
            }
            Output::Zbctl => Err(CliError::Usage {
                what: "`--output zbctl` is for `c8dr status` only".to_owned(),
                help: "Use human, json or yaml.".to_owned(),
            }),
        }
    }

    /// Says something beside the result; not with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if self.detail > Detail::Quiet {
            self.say(text);
        }
    }

    /// Says something that a person has to know or do, also with `--quiet`.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", harmless::lines(text.trim_end()));
    }

    /// Asks, without ending the line.
    pub(crate) fn ask(&self, text: &str) {
        let _ = write!(anstream::stderr(), "{}", harmless::lines(text));
    }

    /// Says how an exchange with an endpoint came out, in one line, where that is wanted.
    pub(crate) fn exchange(&self, exchange: &Exchange) {
        if self.detail < Detail::Requests {
            return;
        }
        let came = match exchange.status {
            Some(status) => status.to_string(),
            None => exchange.received.lines().next().unwrap_or("no answer").to_owned(),
        };
        self.say(&styled(
            DIM,
            format!(
                "{:.3} {} {came} in {} ms",
                exchange.at,
                exchange.request,
                exchange.took.as_millis()
            ),
        ));
    }

    /// Says why it did not work.
    pub(crate) fn error(&self, error: CliError) {
        match self.is_human() {
            true => show_error(error),
            false => say_document(&document(error)),
        }
    }
}

/// An error for people: its frame, and where to read on.
fn show_error(error: CliError) {
    let code = error.error_code();
    let text = match error {
        CliError::Refused(refusal) => plan::refused(&refusal),
        other => format!("{:?}", miette::Report::new(Coded::from(other))),
    };
    let text = format!("{}\n{}", text.trim_end(), more(code));
    let _ = writeln!(anstream::stderr(), "{}", harmless::lines(&text));
}

/// An error for programs: one line, the last of the error stream; what was said before it are plain lines. YAML reads JSON.
fn say_document(error: &ErrorDocument) {
    let line = serde_json::json!({ "error": error }).to_string();
    let _ = writeln!(anstream::stderr(), "{}", plain::json(line));
}

/// How errors are drawn: always with colours, as the stream takes them off where they are not wanted; and broken at spaces
/// only, as a path or a command that is broken in its middle cannot be copied.
fn draw_errors() {
    use textwrap::{WordSeparator, WordSplitter};
    // Only the first one is set, and all are the same.
    let _ = miette::set_hook(Box::new(|_| {
        let handler = miette::MietteHandlerOpts::new()
            .color(true)
            .rgb_colors(miette::RgbColors::Never)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .build();
        Box::new(handler)
    }));
}

/// Says that the arguments are wrong: as we say it where that is better, else as clap does, or as the last line that
/// `--output json` promises. What was asked for is then known from the words only.
pub(crate) fn usage(
    error: &clap::Error,
    better: Option<CliError>,
    words: impl Iterator<Item = std::ffi::OsString>,
) {
    draw_errors();
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let is_document = words.iter().enumerate().any(|(at, word)| {
        let value = match word.as_str() {
            "--output" | "-o" => words.get(at + 1).map(String::as_str),
            word => word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o")),
        };
        matches!(value, Some("json" | "yaml"))
    });
    match (better, is_document) {
        (Some(better), true) => return say_document(&document(better)),
        (Some(better), false) => return show_error(better),
        (None, true) => {}
        (None, false) => {
            // It repeats what was typed, which a script may have taken from anywhere.
            let words = error.render().ansi().to_string();
            let _ = write!(anstream::stderr(), "{}", harmless::lines(&words));
            return;
        }
    }
    let text = error.render().to_string();
    let mut parts = text.trim_start_matches("error: ").splitn(2, "\n\n");
    let code = ErrorCode::WrongUsage.as_str();
    let document = ErrorDocument {
        code: code.to_owned(),
        message: parts.next().unwrap_or_default().trim().to_owned(),
        causes: Vec::new(),
        seen: Vec::new(),
        help: parts.next().map(|help| help.trim().to_owned()),
        exit: Exit::Usage.code(),
        more: format!("c8dr explain {code}"),
    };
    say_document(&document);
}

/// An error as a document: what the frame tells a person, by names.
fn document(error: CliError) -> ErrorDocument {
    let (exit, refusal) = match &error {
        CliError::Refused(refusal) => (error.exit(), Some(refusal.as_ref().clone())),
        other => (other.exit(), None),
    };
    let coded = Coded::from(error);
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(&coded);
    while let Some(source) = cause {
        causes.push(source.to_string());
        cause = source.source();
    }
    let help = match &refusal {
        Some(refusal) => Some(refusal.way_out.join("\n")),
        None => coded.help().map(|help| help.to_string()),
    };
    let code = coded.error_code();
    ErrorDocument {
        code: code.to_owned(),
        message: coded.to_string(),
        causes,
        seen: refusal.map(|refusal| refusal.evidence).unwrap_or_default(),
        help,
        exit: exit.code(),
        more: format!("c8dr explain {code}"),
    }
}

/// What `--output json` prints for an error, as the last line of the error stream.
#[derive(Serialize)]
pub(crate) struct ErrorDocument {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) seen: Vec<String>,
    pub(crate) help: Option<String>,
    pub(crate) exit: u8,
    pub(crate) more: String,
}

/// Whether something was not written for want of room.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// A server's words can be kilobytes.
pub(crate) fn shortened(text: &str) -> String {
    const CHARS: usize = 240;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// A duration as people say it.
pub(crate) fn seconds(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_negative() {
        // One process began it and another ended it, and the clock was set back between them.
        "an unknown time (the clock was set back)".to_owned()
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A sentence that tells regions by their numbers, with their names instead: what people call them.
pub(crate) fn named(installation: Option<&Installation>, text: &str) -> String {
    let Some(installation) = installation else {
        return text.to_owned();
    };
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("region ") {
        let (before, after) = rest.split_at(at + "region ".len());
        named.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = after.split_at(digits);
        match number
            .parse::<usize>()
            .ok()
            .and_then(|number| installation.regions().get(number))
        {
            Some(region) => named.push_str(&region.name),
            None => named.push_str(number),
        }
        rest = tail;
    }
    named.push_str(rest);
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use c8dr_domain::ids::ExporterId;

    #[test]
    fn regions_are_told_by_their_names() {
        let regions =
            [("london", "e0"), ("paris", "e1")].map(|(name, e)| (name.to_owned(), ExporterId::new(e)));
        let installation = Installation::new("camunda", regions.to_vec(), 4, 4, 4).unwrap();
        let told = |text| named(Some(&installation), text);
        assert_eq!(
            told("the search of region 1 and region 0."),
            "the search of region paris and region london."
        );
        assert_eq!(
            told("region 7, region paris, region "),
            "region 7, region paris, region "
        );
    }
}
