//! What c8dr says when it can't: what happened, what is known, what to do next. Each with its exit code.

mod code;
mod coded;

use std::path::PathBuf;

use c8dr_domain::check::{self, Complaint};
use c8dr_domain::plan::Refusal;
use c8dr_engine::drive::DriveError;
use c8dr_engine::journal::JournalError;
use c8dr_engine::journal::store::LockError;
use c8dr_systems::bucket::BucketSetupError;
use c8dr_systems::zeebe::SetupError;
use miette::Diagnostic;

use crate::config::ConfigError;
use crate::exit::Exit;

pub use code::ErrorCode;
pub use coded::Coded;

/// Everything that ends a command other than its own result.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CliError {
    /// The configuration.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// A region that there is not.
    #[error("there is no region `{typed}`")]
    #[diagnostic(help(
        "The regions are {known}. The whole name is wanted, so that the wrong one is not given up by a slip."
    ))]
    UnknownRegion {
        /// What was typed.
        typed: String,
        /// What there is.
        known: String,
    },
    /// A code that there is not.
    #[error("there is no code `{typed}`")]
    #[diagnostic(help("Did you mean `{nearest}`? `c8dr explain` lists all."))]
    UnknownCode {
        /// What was typed.
        typed: String,
        /// The nearest that there is.
        nearest: &'static str,
    },
    /// The endpoints can't be used.
    #[error("the endpoints cannot be used as configured")]
    #[diagnostic(help("Correct `tls` or `auth` in the configuration."))]
    Setup(#[from] SetupError),
    /// The bucket cannot be used as it is configured.
    #[error(transparent)]
    #[diagnostic(help("Correct `bucket` in the configuration: url, endpoint, accessKey and secretKey."))]
    Bucket(#[from] BucketSetupError),
    /// A guard refused.
    #[error("refused: {0}")]
    Refused(Box<Refusal>),
    /// The checker complains of a plan.
    #[error("the plan is wrong and was not carried out: {}", check::sentences(.0))]
    #[diagnostic(help(
        "If the plan comes from a file, make a new one: `c8dr plan failover`. If c8dr has just made it, this is a mistake of c8dr's: please report it with the plan."
    ))]
    WrongPlan(Vec<Complaint>),
    /// A plan that no longer fits.
    #[error("the world has moved since this plan was made")]
    #[diagnostic(help("{differences}\nMake a new plan: `c8dr plan failover`."))]
    PlanOutdated {
        /// What differs.
        differences: String,
    },
    /// A plan file that can't be read.
    #[error("{} is no plan of c8dr: {why}", path.display())]
    #[diagnostic(help("Make one: `c8dr plan failover --lost REGION --save FILE`."))]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The plan's installation is another one.
    #[error("{what} is for another installation than the configured one")]
    #[diagnostic(help("Name the right configuration with `--config`."))]
    OtherInstallation {
        /// What.
        what: String,
    },
    /// Consent was asked for and nobody is there to give it.
    #[error("this changes the installation, and nobody is at the terminal to agree")]
    #[diagnostic(help("Read the plan with `--dry-run`, then repeat the command with `--yes`."))]
    NoTerminal,
    /// The configuration lacks what this command needs.
    #[error("{what}; {} does not have it", path.display())]
    #[diagnostic(help("{help}"))]
    NotConfigured {
        /// What is needed.
        what: String,
        /// The configuration.
        path: PathBuf,
        /// What to do.
        help: &'static str,
    },
    /// The record outside this machine could not be used.
    #[error("the record in the bucket: {what}")]
    #[diagnostic(help("{help}"))]
    Record {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// Consent was not given.
    #[error("not confirmed: `{typed}` is not `{wanted}`; nothing was done")]
    NotConfirmed {
        /// What was typed.
        typed: String,
        /// What had to be typed.
        wanted: String,
    },
    /// A run is in the way.
    #[error("run {run} of this installation is {word}, and another one must not begin beside it")]
    #[diagnostic(help(
        "Go on with it: `c8dr run resume {run}`.\nOr give it up: `c8dr run abort {run} --reason \"…\"`; what it did stays done.\nIf the region that a failback works from is gone for good: `c8dr failover --lost THAT --accept-data-loss \"…\"`."
    ))]
    UnfinishedRun {
        /// The run.
        run: String,
        /// Its state.
        word: String,
    },
    /// No such run.
    #[error("there is no {which}")]
    #[diagnostic(help("`c8dr run list` shows the runs of this machine."))]
    NoRun {
        /// Which was meant.
        which: String,
    },
    /// A run that has ended.
    #[error("run {run} has ended: it is {word}")]
    #[diagnostic(help("`c8dr run show {run}` tells what it did; `c8dr status` what is owed now."))]
    RunEnded {
        /// The run.
        run: String,
        /// Its state.
        word: String,
    },
    /// The lock.
    #[error(transparent)]
    #[diagnostic(help(
        "Wait for it, or look at it: `c8dr run list`. The lock goes with its process; there is nothing to clean up."
    ))]
    Lock(#[from] LockError),
    /// The journal.
    #[error(transparent)]
    #[diagnostic(help(
        "Nothing is done that the journal does not know. Look at the cluster itself: `c8dr status`."
    ))]
    Journal(#[from] JournalError),
    /// The driver.
    #[error("the run was broken off")]
    #[diagnostic(help("Mend what the cause says, then `c8dr run resume`."))]
    Drive(#[from] DriveError),
    /// The lab.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Lab {
        /// What.
        what: String,
        /// The way out.
        help: String,
    },
    /// A file that can't be written or read.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An argument that does not go with the command.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Usage {
        /// What.
        what: String,
        /// The way out.
        help: String,
    },
    /// A result that can't be printed as asked.
    #[error("the result cannot be written as {form}: {why}")]
    Unwritable {
        /// The form.
        form: &'static str,
        /// Why.
        why: String,
    },
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        CliError::Refused(Box::new(refusal))
    }
}

impl CliError {
    /// Its code, which has a page: `c8dr explain CODE`.
    pub fn error_code(&self) -> &'static str {
        let code = match self {
            CliError::Refused(refusal) => return refusal.code.as_str(),
            CliError::Config(error) => error.error_code(),
            CliError::UnknownRegion { .. } => ErrorCode::UnknownRegion,
            CliError::UnknownCode { .. } => ErrorCode::UnknownCode,
            CliError::Setup(_) => ErrorCode::EndpointsUnusable,
            CliError::Bucket(_) => ErrorCode::BucketUnusable,
            CliError::WrongPlan(_) | CliError::Drive(DriveError::WrongPlan(_)) => ErrorCode::PlanWrong,
            CliError::PlanOutdated { .. } => ErrorCode::PlanOutdated,
            CliError::NotAPlan { .. } => ErrorCode::NotAPlan,
            CliError::OtherInstallation { .. } => ErrorCode::NotThisInstallation,
            CliError::NoTerminal => ErrorCode::NoTerminal,
            CliError::NotConfigured { .. } => ErrorCode::ConfigurationIncomplete,
            CliError::Record { .. } => ErrorCode::RecordUnusable,
            CliError::NotConfirmed { .. } => ErrorCode::NotConfirmed,
            CliError::UnfinishedRun { .. } => ErrorCode::RunUnfinished,
            CliError::NoRun { .. } => ErrorCode::NoSuchRun,
            CliError::RunEnded { .. } => ErrorCode::RunEnded,
            CliError::Lock(_) => ErrorCode::InstallationLocked,
            CliError::Journal(_) => ErrorCode::JournalUnusable,
            CliError::Drive(_) => ErrorCode::RunBrokenOff,
            CliError::Lab { .. } => ErrorCode::LabTrouble,
            CliError::Io { .. } => ErrorCode::FileTrouble,
            CliError::Usage { .. } => ErrorCode::WrongUsage,
            CliError::Unwritable { .. } => ErrorCode::Unwritable,
        };
        code.as_str()
    }

    /// The exit code that it ends with.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Config(_)
            | CliError::UnknownRegion { .. }
            | CliError::UnknownCode { .. }
            | CliError::Setup(_)
            | CliError::Bucket(_)
            | CliError::NotAPlan { .. }
            | CliError::NoRun { .. }
            | CliError::Lab { .. }
            | CliError::Usage { .. } => Exit::Usage,
            CliError::Refused(_)
            | CliError::WrongPlan(_)
            | CliError::PlanOutdated { .. }
            | CliError::OtherInstallation { .. }
            | CliError::UnfinishedRun { .. }
            | CliError::RunEnded { .. }
            | CliError::Lock(_) => Exit::Refused,
            CliError::NotConfigured { .. } => Exit::Usage,
            CliError::Record { .. } => Exit::Refused,
            CliError::NoTerminal | CliError::NotConfirmed { .. } => Exit::Waiting,
            CliError::Drive(DriveError::WrongPlan(_)) => Exit::Refused,
            CliError::Journal(_) | CliError::Drive(_) | CliError::Io { .. } | CliError::Unwritable { .. } => {
                Exit::Unexpected
            }
        }
    }
}
