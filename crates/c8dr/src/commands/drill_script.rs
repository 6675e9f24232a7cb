//! `c8dr drill SCRIPT`: a drill from text, live on the screen or in virtual time.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use c8dr_engine::clock::Clock;
use c8dr_storm::Ring;
use c8dr_storm::drill::{self, Failed, Happened, Known, Outcome, perform, perform_virtually};
use serde::Serialize;

use super::storm::{no_such_world, on_a_thread};
use crate::args::Drill;
use crate::error::{CliError, DrillTrouble};
use crate::exit::Exit;
use crate::report::RunReport;
use crate::show::progress::Progress;
use crate::show::{BAD, DIM, GOOD, HEAD, Screen, styled};

/// As big as a script may be, so that a wrong file is not read whole.
const TEXT_MAX: u64 = 256 * 1024;

/// What is printed in the end.
#[derive(Serialize)]
struct Report {
    /// `passed`, or `failed`.
    outcome: &'static str,
    drill: String,
    /// The expectations that were met.
    met: Vec<Met>,
    /// The one that was not; the drill ends there.
    failed: Option<Failed>,
    /// Laws that hold in every drill, and were broken.
    violations: Vec<c8dr_storm::judge::Violation>,
    /// Process instances that were acknowledged to clients.
    acknowledged: usize,
    /// Those of them that are in no log.
    missing: usize,
    /// In the drill's own time.
    took_seconds: f64,
    runs: Vec<RunReport>,
    /// The whole story, if it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    story: Vec<String>,
}

/// An expectation that was met.
#[derive(Serialize)]
struct Met {
    line: usize,
    expected: String,
}

/// A line that was understood.
#[derive(Serialize)]
struct Read<'a> {
    line: usize,
    text: &'a str,
}

/// A drill in a list.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    about: String,
}

/// What the binary keeps.
pub(super) fn list(screen: &Screen) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    for known in drill::ALL {
        all.push(Listed {
            name: known.name,
            about: understood(known.name, known.text)?.about().to_owned(),
        });
    }
    screen.result(&all, || {
        let width = all.iter().map(|one| one.name.len()).max().unwrap_or_default();
        let lines: Vec<String> = (all.iter())
            .map(|one| format!("{:width$}  {}", styled(HEAD, one.name), one.about))
            .collect();
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}

pub(super) async fn run(screen: &Screen, wanted: &Drill, script: &str) -> Result<Exit, CliError> {
    let (name, text) = found(script)?;
    let drill = understood(&name, &text)?;
    if wanted.dry_run {
        let lines: Vec<Read> = (drill.lines().iter())
            .map(|line| Read {
                line: line.number,
                text: &line.text,
            })
            .collect();
        screen.result(&lines, || {
            let shown: Vec<String> = (lines.iter())
                .map(|read| format!("{:4}  {}", read.line, read.text))
                .collect();
            shown.join("\n")
        })?;
        return Ok(Exit::Done);
    }
    let outcome = if wanted.in_virtual_time {
        on_a_thread(move || perform_virtually(&drill, Ring::Ports)).await?
    } else {
        live(screen, wanted, &drill).await?
    };
    let outcome = outcome.map_err(|error| no_such_world(&error))?;
    let is_passed = outcome.is_passed();
    let report = Report::of(name, outcome, wanted.trace);
    screen.result(&report, || report.human())?;
    Ok(match is_passed {
        true => Exit::Done,
        false => Exit::VerificationFailed,
    })
}

type Performed = Result<Outcome, c8dr_storm::SceneError>;

/// At the clock's own pace, with all that happens on the screen.
async fn live(screen: &Screen, wanted: &Drill, drill: &drill::Drill) -> Result<Performed, CliError> {
    let speed = wanted.world.speed;
    if !(speed.is_finite() && speed > 0.0) {
        return Err(CliError::Usage {
            what: format!("a clock cannot run at speed {speed}"),
            help: "Give a number above 0, for example 5.".to_owned(),
        });
    }
    let clock = Clock::at_speed(speed);
    let progress = Arc::new(Progress::new(*screen, clock.clone()));
    let told = progress.clone();
    let outcome = perform(
        drill,
        Ring::Ports,
        clock,
        progress.clone(),
        move |happened| match happened {
            Happened::Line { at, line } => told.line(&format!(
                "{} {}",
                styled(DIM, format!("{:6.1} s", at.as_secs_f64())),
                styled(HEAD, &line.text)
            )),
            Happened::Ended { operator, done } => told.line(&format!(
                "         {}{} {}",
                match *operator {
                    drill::YOU => String::new(),
                    other => format!("{other}: "),
                },
                styled(DIM, format!("exit {}:", done.exit)),
                done.summary()
            )),
            Happened::Met { text, .. } => told.line(&format!("         {} {text}", styled(GOOD, "met"))),
        },
    )
    .await;
    progress.finish();
    Ok(outcome)
}

/// A script by its path, or by the name of one that is kept.
fn found(script: &str) -> Result<(String, String), CliError> {
    let path = Path::new(script);
    if path.is_file() {
        let unread = |source| CliError::Io {
            doing: "read the drill",
            path: path.to_owned(),
            source,
        };
        let length = std::fs::metadata(path).map_err(unread)?.len();
        if length > TEXT_MAX {
            return Err(CliError::Usage {
                what: format!("{script} has {length} bytes, more than any drill"),
                help: format!("A drill is text of at most {TEXT_MAX} bytes: docs/guide/drills.md."),
            });
        }
        let bytes = std::fs::read(path).map_err(unread)?;
        let text = String::from_utf8(bytes).map_err(|_| CliError::Usage {
            what: format!("{script} is no drill: it is not text in UTF-8"),
            help: "A drill is plain text: `c8dr drill --list` shows those that there are.".to_owned(),
        })?;
        return Ok((script.to_owned(), text));
    }
    match drill::named(script) {
        Some(Known { name, text }) => Ok((format!("{name}.drill"), (*text).to_owned())),
        None => Err(CliError::Usage {
            what: format!("there is no file `{script}`, and no drill of that name is kept in this binary"),
            help: format!(
                "Did you mean `c8dr drill {}`? `c8dr drill --list` shows all; a script of your own is named by its path.",
                nearest(script)
            ),
        }),
    }
}

fn nearest(wrong: &str) -> &'static str {
    let near = |known: &&Known| strsim::damerau_levenshtein(wrong, known.name);
    drill::ALL.iter().min_by_key(near).map_or("", |known| known.name)
}

fn understood(name: &str, text: &str) -> Result<drill::Drill, CliError> {
    drill::Drill::parse(text).map_err(|mistakes| match DrillTrouble::of(name, text, &mistakes) {
        Some(trouble) => CliError::Drill(Box::new(trouble)),
        None => CliError::Lab {
            what: format!("{name} is not understood"),
            help: "This is a mistake of c8dr's: please report it with the drill.".to_owned(),
        },
    })
}

impl Report {
    fn of(drill: String, outcome: Outcome, has_story: bool) -> Report {
        Report {
            outcome: match outcome.is_passed() {
                true => "passed",
                false => "failed",
            },
            drill,
            met: (outcome.met.into_iter())
                .map(|(line, expected)| Met { line, expected })
                .collect(),
            failed: outcome.failed,
            violations: outcome.violations,
            acknowledged: outcome.acknowledged,
            missing: outcome.missing,
            took_seconds: (outcome.took.as_secs_f64() * 10.0).round() / 10.0,
            runs: outcome.runs.iter().map(RunReport::of).collect(),
            story: match has_story {
                true => outcome.story.iter().map(ToString::to_string).collect(),
                false => Vec::new(),
            },
        }
    }

    fn human(&self) -> String {
        let mut text = String::new();
        for line in &self.story {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "{}", styled(HEAD, &self.drill));
        for met in &self.met {
            let _ = writeln!(
                text,
                "  {} line {:3}: {}",
                styled(GOOD, "met   "),
                met.line,
                met.expected
            );
        }
        if let Some(failed) = &self.failed {
            let _ = writeln!(
                text,
                "  {} line {:3}: {}\n          {}",
                styled(BAD, "missed"),
                failed.line,
                failed.expected,
                failed.was
            );
        }
        for violation in &self.violations {
            let _ = writeln!(
                text,
                "  {} at {:.1} s: {}",
                styled(BAD, "broken"),
                violation.at_s,
                violation.words
            );
        }
        for run in &self.runs {
            let _ = writeln!(text, "  run {}: {}", run.run, run.outcome);
        }
        let _ = writeln!(
            text,
            "  {} process instances were acknowledged to clients, {} of them are missing.",
            self.acknowledged, self.missing
        );
        if self.story.is_empty() && self.outcome == "failed" {
            let _ = writeln!(
                text,
                "  What happened, line by line: `c8dr drill {} --virtual --trace`.",
                self.drill
            );
        }
        let verdict = match (&self.failed, self.violations.is_empty()) {
            (None, true) => styled(GOOD, "passed"),
            (Some(failed), _) => styled(BAD, format!("failed at line {}", failed.line)),
            (None, false) => styled(BAD, "a law that holds in every drill was broken"),
        };
        let _ = write!(
            text,
            "{verdict}: {} expectations met in {:.1} s of the drill's time",
            self.met.len(),
            self.took_seconds
        );
        text
    }
}
