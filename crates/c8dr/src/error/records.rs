//! What is said of journals, locks and records that cannot be used: what is safe, and the way out of each.

use std::fmt::Display;
use std::path::Path;

use c8dr_engine::drive::DriveError;
use c8dr_engine::handover::RecordError;
use c8dr_engine::journal::JournalError;
use c8dr_engine::journal::file::FILE_NAME;
use miette::Diagnostic;

use super::{CliError, ErrorCode};
use crate::exit::Exit;

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct JournalTrouble(pub JournalError);

/// A run's record outside this machine that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RecordTrouble(pub RecordError);

/// A run that broke off for a reason of this machine's, and not of the installation's.
#[derive(Debug, thiserror::Error)]
#[error("run {run} was broken off{}", .alarm.as_ref().map_or(String::new(), |alarm| format!(". {alarm}")))]
pub struct BrokenOff {
    /// The run.
    run: String,
    /// That exporting is paused, if it is.
    alarm: Option<String>,
    /// Why.
    source: DriveError,
}

impl BrokenOff {
    /// A run that breaks off now.
    pub fn new(run: &impl Display, alarm: Option<String>, source: DriveError) -> Self {
        BrokenOff {
            run: run.to_string(),
            alarm,
            source,
        }
    }
}

type Shown<'a> = Option<Box<dyn Display + 'a>>;

fn shown<'a>(text: impl Display + 'a) -> Shown<'a> {
    Some(Box::new(text))
}

/// The code of what is wrong with a journal.
fn code(error: &JournalError) -> ErrorCode {
    match error {
        JournalError::Io { .. } => ErrorCode::JournalIo,
        JournalError::Full { .. } => ErrorCode::JournalFull,
        JournalError::Missing { .. } => ErrorCode::JournalMissing,
        JournalError::Foreign { .. } => ErrorCode::JournalForeign,
        JournalError::Newer { .. } => ErrorCode::JournalNewer,
        JournalError::Damaged { .. } => ErrorCode::JournalDamaged,
        JournalError::NotUnderstood { .. } => ErrorCode::JournalNotUnderstood,
        JournalError::Impossible { .. } => ErrorCode::JournalImpossible,
        JournalError::OtherRun { .. } => ErrorCode::JournalOtherRun,
        JournalError::Empty { .. } => ErrorCode::JournalEmpty,
        JournalError::Gone { .. } => ErrorCode::JournalGone,
        JournalError::Meddled { .. } => ErrorCode::JournalMeddled,
        JournalError::Unwritable(_) => ErrorCode::JournalUnwritable,
    }
}

/// Where nothing in a journal can be believed.
fn instead(run: &str) -> String {
    format!(
        "Nothing was sent, and nothing in it was changed.\nIf a bucket is configured, the run's record lies there: `c8dr run resume {run} --from-record` goes on with it, and keeps what lies here beside it.\nOtherwise `c8dr status` shows what the installation itself says, whether exporting is paused, and what to do next."
    )
}

/// The run whose directory a journal lies in.
fn run_of(path: &Path) -> String {
    path.parent()
        .and_then(Path::file_name)
        .map_or_else(|| "RUN".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl Diagnostic for JournalTrouble {
    fn help<'a>(&'a self) -> Shown<'a> {
        shown(match &self.0 {
            JournalError::Io { .. } => {
                "Nothing is done that a journal does not know. Mend what the cause says, then type the command again.\nc8dr keeps its runs in the directory that C8DR_HOME names.".to_owned()
            }
            JournalError::Full { .. } => {
                "Nothing is done that a journal does not know, so nothing was sent. Make room on that disk, then type the command again.".to_owned()
            }
            JournalError::Missing { directory } => {
                let run = directory
                    .file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                format!(
                    "c8dr was stopped before it wrote the first line, and then nothing was done; or somebody took the journal away.\n{}\nA directory that holds nothing can be deleted.",
                    instead(&run)
                )
            }
            JournalError::Foreign { path, .. } if !path.ends_with(FILE_NAME) => {
                "It is left as it is. It does not belong there: put it elsewhere. `c8dr run list` shows the runs.".to_owned()
            }
            JournalError::Foreign { path, .. } => format!(
                "It is left as it is. If it does not belong there, put it elsewhere; if it was a journal, its first line was changed.\n{}",
                instead(&run_of(path))
            ),
            JournalError::Newer { .. } => {
                "Nothing was sent, and nothing in it was changed. Use the c8dr that wrote it, or a newer one.\n`c8dr status` of this one shows what the installation itself says.".to_owned()
            }
            JournalError::Damaged { path, .. } => format!(
                "Nothing in it can be trusted from there on. {}",
                instead(&run_of(path))
            ),
            JournalError::NotUnderstood { .. } => {
                "It was written by a c8dr that knows more, or by something else that seals its lines as c8dr does. Nothing was sent, and nothing in it was changed. Use the c8dr that wrote it.\n`c8dr status` of this one shows what the installation itself says.".to_owned()
            }
            JournalError::Impossible { path, .. } => format!(
                "Its lines are whole, so it is no damage: it was written by something else, or c8dr made a mistake; then please report it, with the file.\n{}",
                instead(&run_of(path))
            ),
            JournalError::OtherRun { found, .. } => format!(
                "Nothing was sent, and nothing in it was changed. Name its directory `{found}`, or put it elsewhere; then `c8dr run show {found}`."
            ),
            JournalError::Empty { .. } => {
                "There is nothing to go on with or to take back, and the directory can be deleted. `c8dr status` shows the installation.".to_owned()
            }
            JournalError::Gone { path } | JournalError::Meddled { path } => lost_its_journal(path),
            JournalError::Unwritable(_) => {
                "This is a mistake of c8dr's; please report it. `c8dr status` shows the installation.".to_owned()
            }
        })
    }
}

/// What is done by a run that loses its journal on the way.
fn lost_its_journal(path: &Path) -> String {
    let run = run_of(path);
    format!(
        "Nothing is done that a journal does not know, so the run stopped at once; what it had sent before stays sent.\nIf a bucket is configured, the run's record lies there: `c8dr run resume {run} --from-record` goes on with it.\nOtherwise `c8dr status` shows what the installation itself says, whether exporting is paused, and what to do next; a new run does what is still owed."
    )
}

impl Diagnostic for RecordTrouble {
    fn help<'a>(&'a self) -> Shown<'a> {
        const NOTHING_DONE: &str = "Nothing was sent, and nothing was written here.";
        const ELSEWHERE: &str = "The machine that began the run can go on with its own journal: `c8dr run resume` there. `c8dr status` shows what the installation itself says.";
        shown(match &self.0 {
            RecordError::Unreachable(_) => {
                format!("{NOTHING_DONE} Try again when the bucket answers. {ELSEWHERE}")
            }
            RecordError::Stray { .. } => {
                format!(
                    "{NOTHING_DONE} If it does not belong there, put it elsewhere, then type the command again. {ELSEWHERE}"
                )
            }
            RecordError::Hole { .. } => {
                format!(
                    "{NOTHING_DONE} If the bucket keeps versions, bring the missing piece back. {ELSEWHERE}"
                )
            }
            RecordError::Unreadable(JournalError::Newer { .. } | JournalError::NotUnderstood { .. }) => {
                format!("{NOTHING_DONE} Use the c8dr that wrote it, or a newer one.")
            }
            RecordError::Unreadable(_) => {
                format!("{NOTHING_DONE} If the bucket keeps versions, bring the right ones back. {ELSEWHERE}")
            }
            RecordError::Nothing { .. } => {
                format!(
                    "{NOTHING_DONE} Without a name the newest recorded run is taken: `c8dr run resume --from-record`."
                )
            }
        })
    }
}

impl Diagnostic for BrokenOff {
    fn help<'a>(&'a self) -> Shown<'a> {
        let run = &self.run;
        shown(match &self.source {
            DriveError::Journal(JournalError::Full { .. }) => format!(
                "Nothing is done that the journal does not know, so the run stopped at once; what it had sent before stays sent. Make room on that disk, then `c8dr run resume {run}`: it looks at what has become of it, and goes on."
            ),
            DriveError::Journal(JournalError::Gone { path } | JournalError::Meddled { path }) => {
                lost_its_journal(path)
            }
            DriveError::Journal(_) => format!(
                "Nothing is done that the journal does not know, so the run stopped at once; what it had sent before stays sent. Mend what the cause says, then `c8dr run resume {run}`."
            ),
            _ => format!("Mend what the cause says, then `c8dr run resume {run}`."),
        })
    }
}

impl BrokenOff {
    /// What it is called.
    pub(super) fn error_code(&self) -> ErrorCode {
        match &self.source {
            DriveError::Journal(error) => code(error),
            DriveError::WrongPlan(_) => ErrorCode::PlanWrong,
            _ => ErrorCode::RunBrokenOff,
        }
    }

    /// The exit code: a run whose journal is whole up to here can be resumed.
    pub(super) fn exit(&self) -> Exit {
        match &self.source {
            DriveError::Journal(JournalError::Full { .. } | JournalError::Io { .. }) => Exit::Interrupted,
            DriveError::WrongPlan(_) => Exit::Refused,
            _ => Exit::Unexpected,
        }
    }
}

impl JournalTrouble {
    /// What it is called.
    pub(super) fn error_code(&self) -> ErrorCode {
        code(&self.0)
    }

    /// The exit code: what cannot be trusted is refused.
    pub(super) fn exit(&self) -> Exit {
        match self.0.is_of_content() {
            true => Exit::Refused,
            false => Exit::Unexpected,
        }
    }
}

impl RecordTrouble {
    /// What it is called.
    pub(super) fn error_code(&self) -> ErrorCode {
        match &self.0 {
            RecordError::Unreachable(_) => ErrorCode::RecordUnreachable,
            RecordError::Hole { .. } => ErrorCode::RecordHole,
            RecordError::Stray { .. } => ErrorCode::RecordStray,
            RecordError::Unreadable(JournalError::Newer { .. } | JournalError::NotUnderstood { .. }) => {
                ErrorCode::RecordNewer
            }
            RecordError::Unreadable(JournalError::Foreign { .. }) => ErrorCode::RecordForeign,
            RecordError::Unreadable(JournalError::OtherRun { .. }) => ErrorCode::RecordOtherRun,
            RecordError::Unreadable(_) => ErrorCode::RecordDamaged,
            RecordError::Nothing { .. } => ErrorCode::RecordNothing,
        }
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match &self.0 {
            RecordError::Nothing { .. } => Exit::Usage,
            _ => Exit::Refused,
        }
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        CliError::Journal(JournalTrouble(error))
    }
}

impl From<RecordError> for CliError {
    fn from(error: RecordError) -> Self {
        CliError::Record(RecordTrouble(error))
    }
}

impl From<DriveError> for CliError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Journal(error) => error.into(),
            other => CliError::Drive(other),
        }
    }
}
