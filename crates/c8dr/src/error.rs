//! What c8dr says when it can't: what happened, what is known, what to do next. Each with its exit code.

mod code;
mod coded;
mod drill;
mod records;

use std::path::PathBuf;

use c8dr_domain::check::{self, Complaint};
use c8dr_domain::plan::Refusal;
use c8dr_engine::drive::DriveError;
use c8dr_engine::journal::store::LockError;
use c8dr_systems::bucket::BucketSetupError;
use c8dr_systems::helm::Trouble;
use c8dr_systems::helm::values::Unreadable;
use c8dr_systems::kubernetes;
use c8dr_systems::terraform::NoBucketName;
use c8dr_systems::zeebe::SetupError;
use miette::Diagnostic;

use crate::config::ConfigError;
use crate::exit::Exit;

pub use code::ErrorCode;
pub use coded::Coded;
pub use drill::DrillTrouble;
pub use records::{BrokenOff, JournalTrouble, RecordTrouble};

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
        "{hint}The regions are {known}. The whole name is wanted, so that the wrong one is not given up by a slip."
    ))]
    UnknownRegion {
        /// What was typed.
        typed: String,
        /// What probably happened, as a sentence with a space after it, or nothing.
        hint: &'static str,
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
    #[error("this plan (made at {made_at:.0}) is not what would be done now; nothing was sent")]
    #[diagnostic(help("{differences}{moved}Make a new plan, read it, and apply that: `{again}`."))]
    PlanOutdated {
        /// When the plan was made.
        made_at: jiff::Timestamp,
        /// What would be done otherwise.
        differences: String,
        /// What is seen otherwise.
        moved: String,
        /// The command for a new plan.
        again: String,
    },
    /// A plan file that can't be read.
    #[error("{} is no plan of c8dr: {why}", path.display())]
    #[diagnostic(help("Nothing was sent. Make one: `c8dr plan failover --lost REGION --save FILE`."))]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A plan of a newer c8dr.
    #[error("{} has plan format {found}; this c8dr reads up to {reads}", path.display())]
    #[diagnostic(help(
        "Nothing was sent. Use the c8dr that made it, or make a new plan with this one: `c8dr plan failover --lost REGION --save FILE`."
    ))]
    NewerPlan {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The highest that is read.
        reads: u32,
    },
    /// A plan that is not what was saved.
    #[error("{} was changed since it was saved: the plan does not fit its fingerprint", path.display())]
    #[diagnostic(help(
        "Nothing was sent. A plan is what was looked at and checked when it was made; it is not written by hand.\nMake a new one: `c8dr plan failover --lost REGION --save FILE`."
    ))]
    EditedPlan {
        /// The file.
        path: PathBuf,
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
    /// Kubernetes.
    #[error("{0}")]
    #[diagnostic(help(
        "What was answered before stays done; nothing else was changed. `c8dr explain kubernetes-trouble` tells what to look at."
    ))]
    Kubernetes(kubernetes::Trouble),
    /// Something is not to be deleted.
    #[error("nothing was deleted: {what}")]
    #[diagnostic(help(
        "`c8dr clean --returning REGION` lists what is left over, and `c8dr status` who serves."
    ))]
    NotALeftover {
        /// What is in the way.
        what: String,
    },
    /// What is wrong is not that brokers hang.
    #[error("nothing was deleted: {what}")]
    #[diagnostic(help(
        "Making a pod anew mends only one that hangs. `kubectl describe pod` says more of one that is broken, `c8dr status` who is in the cluster."
    ))]
    NotHanging {
        /// What is wrong instead.
        what: String,
    },
    /// The record outside this machine could not be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Record(RecordTrouble),
    /// Lines are missing at the end of a journal, as its record outside shows.
    #[error(
        "lines are missing at the end of the journal of run {run}: it has {here}, and its record {place} has {there}"
    )]
    #[diagnostic(help(
        "Nobody else went on with the run; its journal was cut, or an older copy was put in its place. Nothing was sent, and nothing in it was changed.\n`c8dr run resume {run} --from-record` goes on with the record, and keeps what lies here beside it."
    ))]
    Cut {
        /// The run.
        run: String,
        /// Lines here.
        here: usize,
        /// Lines there.
        there: usize,
        /// Where the record lies.
        place: String,
    },
    /// Consent was not given.
    #[error("not confirmed: {typed}; nothing was done")]
    #[diagnostic(help(
        "If it is right, repeat the command and type the region's name as the question shows it. If it is not: `c8dr status`."
    ))]
    NotConfirmed {
        /// What was typed, and why it is no yes.
        typed: String,
    },
    /// Somebody left at the question.
    #[error("not confirmed: you left at the question; nothing was done")]
    #[diagnostic(help("Repeat the command when it is decided; `c8dr status` shows how things stand."))]
    LeftAtTheQuestion,
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
    #[diagnostic(help(
        "`c8dr run list` shows the runs of this machine. One that was begun on another: `c8dr run resume --from-record`."
    ))]
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
        "Wait for it, or look at it: `c8dr run list`. To stop it: Ctrl-C there, or `kill -INT` with that pid; it can be resumed or given up then. The lock goes with its process; there is nothing to clean up."
    ))]
    Lock(LockError),
    /// The lock cannot be made.
    #[error(transparent)]
    #[diagnostic(help(
        "Without the lock two c8dr could work on one installation, so nothing was sent. Mend what the cause says, then type the command again.\nc8dr keeps its runs and locks in the directory that C8DR_HOME names."
    ))]
    Home(LockError),
    /// The journal.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Journal(JournalTrouble),
    /// A run that broke off.
    #[error(transparent)]
    #[diagnostic(transparent)]
    BrokenOff(BrokenOff),
    /// The driver.
    #[error("the run was not begun")]
    #[diagnostic(help("Nothing was sent. Mend what the cause says, then type the command again."))]
    Drive(DriveError),
    /// The lab.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Lab {
        /// What.
        what: String,
        /// The way out.
        help: String,
    },
    /// A drill's script that is not understood.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Drill(Box<DrillTrouble>),
    /// A file that can't be written or read.
    #[error("cannot {doing} {}", path.display())]
    #[diagnostic(help(
        "Mend what the cause says. What a run did stays done, and its journal tells it: `c8dr run show`."
    ))]
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
    /// A release is not to be changed.
    #[error("the release of {region}: {trouble}")]
    #[diagnostic(help("{}\nNothing was changed.", .trouble.way_out()))]
    Release {
        /// Whose.
        region: String,
        /// Why.
        trouble: Trouble,
    },
    /// Values that are not those of the installation.
    #[error("the values are not those of this installation: {}", mistakes.join("; "))]
    #[diagnostic(help(
        "Mend the files; `c8dr values` prints what belongs there, `c8dr values --check` reads them again. Nothing was changed."
    ))]
    ValuesWrong {
        /// Each with its file, its key, what was found and what was expected.
        mistakes: Vec<String>,
    },
    /// A values file that cannot be read.
    #[error(transparent)]
    #[diagnostic(help("Name the files under `platform.values`, beside the configuration if not absolute."))]
    ValuesUnreadable(#[from] Unreadable),
    /// The bucket's name is not known.
    #[error(transparent)]
    #[diagnostic(help(
        "Name the folder in which `terraform apply` was run under `snapshots.bucketFrom.terraform.dir`, or the bucket itself in `snapshots.settings`."
    ))]
    BucketName(#[from] NoBucketName),
    /// A result that nobody could take.
    #[error("the result could not be written to the standard output")]
    #[diagnostic(help(
        "What was done is done: `c8dr run show` tells of the newest run, `c8dr status` how things stand."
    ))]
    NotPrinted(#[source] std::io::Error),
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

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => CliError::Lock(error),
            LockError::Io { .. } => CliError::Home(error),
        }
    }
}

impl CliError {
    /// Its code, which has a page: `c8dr explain CODE`.
    pub fn error_code(&self) -> &'static str {
        let code = match self {
            CliError::Refused(refusal) => return refusal.code.as_str(),
            CliError::Config(error) => error.error_code(),
            CliError::Release { trouble, .. } => return trouble.code(),
            CliError::ValuesWrong { .. } => ErrorCode::ValuesWrong,
            CliError::ValuesUnreadable(_) => ErrorCode::ValuesUnreadable,
            CliError::BucketName(_) => ErrorCode::BucketNameUnknown,
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
            CliError::Kubernetes(_) => ErrorCode::KubernetesTrouble,
            CliError::NotALeftover { .. } => ErrorCode::NotALeftover,
            CliError::NotHanging { .. } => ErrorCode::NotHanging,
            CliError::Record(trouble) => trouble.error_code(),
            CliError::Cut { .. } => ErrorCode::JournalCut,
            CliError::NewerPlan { .. } => ErrorCode::PlanNewer,
            CliError::EditedPlan { .. } => ErrorCode::PlanEdited,
            CliError::LeftAtTheQuestion => ErrorCode::LeftAtTheQuestion,
            CliError::Home(_) => ErrorCode::HomeUnusable,
            CliError::BrokenOff(broken) => broken.error_code(),
            CliError::NotPrinted(_) => ErrorCode::NotPrinted,
            CliError::NotConfirmed { .. } => ErrorCode::NotConfirmed,
            CliError::UnfinishedRun { .. } => ErrorCode::RunUnfinished,
            CliError::NoRun { .. } => ErrorCode::NoSuchRun,
            CliError::RunEnded { .. } => ErrorCode::RunEnded,
            CliError::Lock(_) => ErrorCode::InstallationLocked,
            CliError::Journal(trouble) => trouble.error_code(),
            CliError::Drive(_) => ErrorCode::RunNotBegun,
            CliError::Lab { .. } => ErrorCode::LabTrouble,
            CliError::Drill(_) => ErrorCode::DrillWrong,
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
            | CliError::Drill(_)
            | CliError::ValuesUnreadable(_)
            | CliError::BucketName(_)
            | CliError::Usage { .. } => Exit::Usage,
            CliError::Refused(_)
            | CliError::Release { .. }
            | CliError::ValuesWrong { .. }
            | CliError::WrongPlan(_)
            | CliError::PlanOutdated { .. }
            | CliError::OtherInstallation { .. }
            | CliError::UnfinishedRun { .. }
            | CliError::RunEnded { .. }
            | CliError::Lock(_) => Exit::Refused,
            CliError::NotConfigured { .. } => Exit::Usage,
            CliError::Cut { .. } | CliError::EditedPlan { .. } | CliError::NewerPlan { .. } => Exit::Refused,
            CliError::Kubernetes(kubernetes::Trouble::Access { .. }) => Exit::Usage,
            CliError::Kubernetes(kubernetes::Trouble::Refused { .. }) => Exit::Refused,
            CliError::Kubernetes(
                kubernetes::Trouble::Unheard { .. } | kubernetes::Trouble::Garbled { .. },
            ) => Exit::Unknown,
            CliError::NotALeftover { .. } => Exit::Refused,
            CliError::NotHanging { .. } => Exit::Refused,
            CliError::Record(trouble) => trouble.exit(),
            CliError::Journal(trouble) => trouble.exit(),
            CliError::BrokenOff(broken) => broken.exit(),
            CliError::NoTerminal | CliError::NotConfirmed { .. } | CliError::LeftAtTheQuestion => {
                Exit::Waiting
            }
            CliError::Drive(DriveError::WrongPlan(_)) => Exit::Refused,
            CliError::Home(_)
            | CliError::Drive(_)
            | CliError::Io { .. }
            | CliError::Unwritable { .. }
            | CliError::NotPrinted(_) => Exit::Unexpected,
        }
    }
}
