//! What is shown, and how: for people, as one JSON or YAML document, or as `zbctl` would.

pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod ready;
pub(crate) mod runs;
pub(crate) mod status;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use c8dr_domain::installation::Installation;
use serde::Serialize;

use crate::args::Output;
use crate::error::CliError;

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

/// Where results and notes go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// The form of the result.
    pub(crate) output: Output,
    /// Whether a person may be watching the notes.
    pub(crate) is_live: bool,
}

impl Screen {
    pub(crate) fn new(output: Output, color: bool, is_terminal: bool) -> Self {
        if !color {
            anstream::ColorChoice::Never.write_global();
        }
        Screen {
            output,
            is_live: is_terminal,
        }
    }

    /// Whether the result is for people.
    pub(crate) fn is_human(&self) -> bool {
        matches!(self.output, Output::Human)
    }

    /// Prints the result for people. A closed pipe is no error of ours.
    pub(crate) fn print(&self, text: &str) {
        let _ = writeln!(anstream::stdout(), "{}", text.trim_end());
    }

    /// Prints the result as people want it, or as the one document that was asked for.
    pub(crate) fn result<T: Serialize>(
        &self,
        document: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        match self.output {
            Output::Human => self.print(&human()),
            Output::Json => {
                self.print(&serde_json::to_string_pretty(document).map_err(|error| {
                    CliError::Unwritable {
                        form: "JSON",
                        why: error.to_string(),
                    }
                })?);
            }
            Output::Yaml => {
                self.print(
                    &serde_saphyr::to_string(document).map_err(|error| CliError::Unwritable {
                        form: "YAML",
                        why: error.to_string(),
                    })?,
                );
            }
            Output::Zbctl => {
                return Err(CliError::Usage {
                    what: "`--output zbctl` is for `c8dr status` only".to_owned(),
                    help: "Use human, json or yaml.".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Says something beside the result.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
    }

    /// Says why it did not work.
    pub(crate) fn error(&self, error: CliError) {
        match error {
            CliError::Refused(refusal) => self.note(&plan::refused(&refusal)),
            other => {
                let _ = writeln!(anstream::stderr(), "{:?}", miette::Report::new(other));
            }
        }
    }
}

/// A duration as people say it.
pub(crate) fn seconds(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
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
