//! Why a release is not changed: each with its code, and with the way out.

use std::fmt;

use super::cli::HelmError;
use super::release::Status;

/// The name that Camunda's chart gives itself.
pub const CHART: &str = "camunda-platform";

/// Why a release is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Helm cannot be asked.
    Helm(HelmError),
    /// There is none, where one must be.
    Missing {
        /// Its name.
        release: String,
        /// Its namespace.
        namespace: String,
    },
    /// Helm believes that a change of it is going on.
    Pending {
        /// Its name.
        release: String,
        /// Its revision.
        revision: u32,
        /// How it stands.
        status: Status,
        /// What would end it, as it is typed.
        way_out: String,
    },
    /// Its last change failed.
    Failed {
        /// Its name.
        release: String,
        /// Its revision.
        revision: u32,
        /// What would end it, as it is typed.
        way_out: String,
    },
    /// It is something else.
    OtherChart {
        /// What is installed, or would be.
        found: String,
    },
    /// Its version is not the configured one.
    OtherVersion {
        /// What is installed, or would be.
        found: String,
        /// What is configured.
        wanted: String,
    },
    /// The change would begin brokers anew.
    MovesBrokers {
        /// What would be changed of them.
        changes: Vec<String>,
    },
}

impl Trouble {
    /// The codes of all of them.
    pub const CODES: [&str; 7] = [
        "helm-unusable",
        "release-missing",
        "release-pending",
        "release-failed",
        "release-other-chart",
        "release-other-version",
        "release-moves-brokers",
    ];

    /// Its code, which has a page.
    pub fn code(&self) -> &'static str {
        let number = match self {
            Trouble::Helm(_) => 0,
            Trouble::Missing { .. } => 1,
            Trouble::Pending { .. } => 2,
            Trouble::Failed { .. } => 3,
            Trouble::OtherChart { .. } => 4,
            Trouble::OtherVersion { .. } => 5,
            Trouble::MovesBrokers { .. } => 6,
        };
        Self::CODES[number]
    }

    /// The way out, in sentences.
    pub fn way_out(&self) -> String {
        match self {
            Trouble::Helm(_) => {
                "Is helm 3 in the PATH, and may it read the release? Type what `--verbose` shows by hand.".to_owned()
            }
            Trouble::Missing { .. } => {
                "Are context, namespace and release those of this region? `helm list --all --all-namespaces` shows what there is."
                    .to_owned()
            }
            Trouble::Pending { way_out, .. } => format!(
                "If somebody's helm is still at work, wait for it. If nobody's is, it was killed, and this ends it: `{way_out}`."
            ),
            Trouble::Failed { way_out, .. } => {
                format!("`helm history` tells why it failed. Mend that, or go back: `{way_out}`.")
            }
            Trouble::OtherChart { .. } => format!(
                "`chart` must name Camunda's chart, which calls itself {CHART}, and `release` what was installed from it."
            ),
            Trouble::OtherVersion { found, .. } => format!(
                "Both regions must run what is installed. Write `version: {found}` for both if that is right; bring both to another version before a region is lost, never on the way back."
            ),
            Trouble::MovesBrokers { .. } => {
                "Bring the values files back to what is installed (`helm get values` shows it), and change them when both regions serve again."
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Helm(error) => error.fmt(f),
            Trouble::Missing { release, namespace } => {
                write!(f, "there is no release {release} in the namespace {namespace}")
            }
            Trouble::Pending {
                release,
                revision,
                status,
                ..
            } => write!(
                f,
                "revision {revision} of the release {release} is {status}: helm refuses every change of it"
            ),
            Trouble::Failed {
                release, revision, ..
            } => write!(
                f,
                "revision {revision} of the release {release} has failed: what is there may be a part of it"
            ),
            Trouble::OtherChart { found } => {
                write!(f, "this is the chart {found}, and not {CHART}")
            }
            Trouble::OtherVersion { found, wanted } => {
                write!(f, "the chart has version {found}, and {wanted} is configured")
            }
            Trouble::MovesBrokers { changes } => {
                write!(
                    f,
                    "this would restart brokers while each partition needs all of them: {}",
                    changes.join("; ")
                )
            }
        }
    }
}

impl std::error::Error for Trouble {}

impl From<HelmError> for Trouble {
    fn from(error: HelmError) -> Self {
        Trouble::Helm(error)
    }
}
