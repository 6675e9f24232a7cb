//! What errors of the command line are called. Each has a page: `c8dr explain CODE`.

use std::fmt;

use strum::VariantArray;

/// The code of an error that is no refusal of a plan; those have [`c8dr_domain::plan::RefusalCode`]. Kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ErrorCode {
    /// There is no configuration file.
    NoConfiguration,
    /// The configuration file cannot be read.
    ConfigurationUnreadable,
    /// Something in the configuration is wrong.
    ConfigurationWrong,
    /// The configuration lacks what this command needs.
    ConfigurationIncomplete,
    /// A secret is not where the configuration says.
    SecretMissing,
    /// `tls` or `auth` cannot be used.
    EndpointsUnusable,
    /// `bucket` cannot be used.
    BucketUnusable,
    /// An API server could not be asked, or said no.
    KubernetesTrouble,
    /// What was named is not left over, or the region serves.
    NotALeftover,
    /// What is wrong with a region's brokers is not that they hang.
    NotHanging,
    /// There is no such region.
    UnknownRegion,
    /// There is no such code to explain.
    UnknownCode,
    /// An argument does not go with the command.
    WrongUsage,
    /// The file is no plan of c8dr.
    NotAPlan,
    /// The world has moved since the plan was made.
    PlanOutdated,
    /// The checker complains of the plan.
    PlanWrong,
    /// The plan or run belongs to another installation.
    NotThisInstallation,
    /// Nobody is at the terminal to agree.
    NoTerminal,
    /// The region's name was not typed.
    NotConfirmed,
    /// A run of this installation has not ended.
    RunUnfinished,
    /// There is no such run.
    NoSuchRun,
    /// The run has ended.
    RunEnded,
    /// The run could not go on.
    RunBrokenOff,
    /// Another c8dr works on this installation.
    InstallationLocked,
    /// The run could not be begun.
    RunNotBegun,
    /// A journal cannot be read or written.
    JournalIo,
    /// There is no room for the journal.
    JournalFull,
    /// A run's directory holds no journal.
    JournalMissing,
    /// What lies there is no journal.
    JournalForeign,
    /// The journal was written by a newer c8dr.
    JournalNewer,
    /// A line of the journal does not fit its hash, or the line before it.
    JournalDamaged,
    /// A line of the journal is sealed and not understood.
    JournalNotUnderstood,
    /// The journal tells of something that cannot have happened.
    JournalImpossible,
    /// The journal is that of another run than its directory.
    JournalOtherRun,
    /// The journal ends before the plan: nothing was done.
    JournalEmpty,
    /// The journal was taken away while the run was on.
    JournalGone,
    /// Somebody else wrote into the journal while the run was on.
    JournalMeddled,
    /// An event cannot be written as JSON.
    JournalUnwritable,
    /// Lines are missing at the end of the journal, as its record outside shows.
    JournalCut,
    /// The record outside this machine cannot be reached.
    RecordUnreachable,
    /// A piece of the record is missing.
    RecordHole,
    /// Something else lies in the record.
    RecordStray,
    /// The record was written by a newer c8dr.
    RecordNewer,
    /// The record is none of c8dr's.
    RecordForeign,
    /// The record is that of another run.
    RecordOtherRun,
    /// The record is damaged.
    RecordDamaged,
    /// There is no record of that name.
    RecordNothing,
    /// The plan was saved by a newer c8dr.
    PlanNewer,
    /// The plan was changed since it was saved.
    PlanEdited,
    /// Where c8dr keeps its runs and locks cannot be used.
    HomeUnusable,
    /// Somebody left at the question.
    LeftAtTheQuestion,
    /// The result could not be written to the standard output.
    NotPrinted,
    /// The lab cannot do what was asked.
    LabTrouble,
    /// A drill's script is not understood.
    DrillWrong,
    /// A file cannot be written or read.
    FileTrouble,
    /// The result cannot be written as asked.
    Unwritable,
    /// Helm cannot be asked.
    HelmUnusable,
    /// There is no release where one must be.
    ReleaseMissing,
    /// Helm believes that a change of the release is going on.
    ReleasePending,
    /// The release's last change failed.
    ReleaseFailed,
    /// The release, or the chart, is something else.
    ReleaseOtherChart,
    /// The chart's version is not the configured one.
    ReleaseOtherVersion,
    /// The change would restart brokers that serve.
    ReleaseMovesBrokers,
    /// The values are not those of the installation.
    ValuesWrong,
    /// A values file cannot be read.
    ValuesUnreadable,
    /// Terraform does not tell the name of the bucket.
    BucketNameUnknown,
}

impl ErrorCode {
    /// All that there are.
    pub const ALL: &[ErrorCode] = ErrorCode::VARIANTS;

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
