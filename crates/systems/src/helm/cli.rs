//! The helm command: which words are typed for what, and how its answers are read.
//!
//! The context and the namespace are always named. `--wait` is never used: the brokers of a returning region are running
//! and not ready until they are members, so helm would wait for what only comes later.

use std::path::PathBuf;
use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Exchange, Tap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::release::{self, Release};
use super::yaml;
use crate::command::{End, Ran};
use crate::foreign::{Garbled, shown};
use crate::platform::{Environment, Line};

/// More than this is not read: a rendered chart with its templates takes some megabytes.
const OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where a release is.
#[derive(Clone, Debug)]
pub struct At {
    /// The context in the kubeconfig.
    pub context: String,
    /// The kubeconfig, where it is not the usual one.
    pub kubeconfig: Option<PathBuf>,
    /// The namespace.
    pub namespace: String,
    /// The release's name.
    pub release: String,
}

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The chart, as helm finds it: `camunda/camunda-platform`, a folder, a file, an address.
    pub reference: String,
    /// Its version, never a range.
    pub version: String,
    /// The values files, the last one wins.
    pub values: Vec<PathBuf>,
}

/// Helm could not be asked, or did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelmError {
    /// It did not start.
    #[error("helm could not be started: {0}")]
    NotStarted(String),
    /// It ended with an error.
    #[error("helm failed: {0}")]
    Failed(String),
    /// It was not done in time.
    #[error("helm did not answer: {0}")]
    TooLate(String),
    /// It printed something that is no answer.
    #[error("what helm printed is not understood: {0}")]
    Garbled(String),
}

impl From<Garbled> for HelmError {
    fn from(garbled: Garbled) -> Self {
        HelmError::Garbled(garbled.to_string())
    }
}

/// The helm command for one release.
#[derive(Clone)]
pub struct Cli {
    at: At,
    environment: Environment,
    clock: Clock,
    tap: Option<Tap>,
    look_limit: Duration,
    change_limit: Duration,
}

impl Cli {
    /// A look may take this long. Rendering a chart of this size takes less than one, and a slow API server some.
    pub const LOOK_LIMIT: Duration = Duration::from_secs(60);

    /// A change may take this long; helm itself is told to give up a little earlier, so that it can write down that it failed.
    pub const CHANGE_LIMIT: Duration = Duration::from_secs(10 * 60);

    /// A command for the release at `at`. Nothing is run yet.
    pub fn new(at: At, environment: Environment, clock: Clock, tap: Option<Tap>) -> Self {
        Cli {
            at,
            environment,
            clock,
            tap,
            look_limit: Self::LOOK_LIMIT,
            change_limit: Self::CHANGE_LIMIT,
        }
    }

    /// The same with other limits for looks and for changes.
    #[must_use]
    pub fn within(self, look_limit: Duration, change_limit: Duration) -> Self {
        Cli {
            look_limit,
            change_limit,
            ..self
        }
    }

    /// Where the release is.
    pub fn at(&self) -> &At {
        &self.at
    }

    /// What everything is run in.
    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The version of helm itself.
    ///
    /// # Errors
    /// If it does not say.
    pub async fn version(&self) -> Result<String, HelmError> {
        let line = Line {
            program: "helm".to_owned(),
            arguments: ["version", "--template", "{{.Version}}"]
                .map(str::to_owned)
                .into(),
        };
        Ok(shown(&self.read(line).await?, 40))
    }

    /// Name and version of a chart, as it says them itself: a chart in a folder is taken at whatever version it has.
    ///
    /// # Errors
    /// If it is not found, or is no chart.
    pub async fn chart(&self, chart: &Chart) -> Result<(String, String), HelmError> {
        let words = ["show", "chart", &chart.reference, "--version", &chart.version];
        let line = Line {
            program: "helm".to_owned(),
            arguments: words.map(str::to_owned).into(),
        };
        let body = self.read(line).await?;
        let told = yaml::mapping(&String::from_utf8_lossy(&body)).map_err(HelmError::Garbled)?;
        let text = |key: &str| {
            let value = yaml::at(&told, key).and_then(Value::as_str);
            shown(value.unwrap_or_default().as_bytes(), 100)
        };
        Ok((text("name"), text("version")))
    }

    /// The release as it is; `None` is "there is none of this name".
    ///
    /// # Errors
    /// If helm does not say.
    pub async fn release(&self) -> Result<Option<Release>, HelmError> {
        // All states: by default helm leaves out just those that are stuck.
        let filter = format!("^{}$", self.at.release);
        let words = ["list", "--all", "--filter", filter.as_str(), "--output", "json"];
        let body = self.read(self.line(&words)).await?;
        let Some((revision, status)) = release::listed(&body, &self.at.release)? else {
            return Ok(None);
        };
        let name = self.at.release.as_str();
        let body = self
            .read(self.line(&["get", "metadata", name, "--output", "json"]))
            .await?;
        let (chart, version) = release::chart(&body)?;
        let body = self
            .read(self.line(&["history", name, "--max", "50", "--output", "json"]))
            .await?;
        Ok(Some(Release {
            name: name.to_owned(),
            revision,
            status,
            chart,
            version,
            history: release::history(&body)?,
        }))
    }

    /// The values that somebody gave to the release.
    ///
    /// # Errors
    /// If helm does not say.
    pub async fn values(&self) -> Result<Map<String, Value>, HelmError> {
        let words = ["get", "values", &self.at.release, "--output", "json"];
        let body = self.read(self.line(&words)).await?;
        Ok(raw::<Option<Map<String, Value>>>(&body)?.unwrap_or_default())
    }

    /// What was rendered for a revision.
    ///
    /// # Errors
    /// If helm does not say.
    pub async fn manifest(&self, revision: u32) -> Result<String, HelmError> {
        let revision = revision.to_string();
        let words = ["get", "manifest", &self.at.release, "--revision", &revision];
        let body = self.read(self.line(&words)).await?;
        String::from_utf8(body).map_err(|_| HelmError::Garbled("the manifest is not UTF-8".to_owned()))
    }

    /// What an upgrade would render. The server is asked, as a chart may look at what is there; nothing is changed.
    ///
    /// # Errors
    /// If helm refuses the values, or does not say.
    pub async fn rendered(&self, chart: &Chart, sets: &[&str]) -> Result<String, HelmError> {
        #[derive(Deserialize)]
        struct Rendered {
            manifest: String,
        }
        let mut words = self.upgrade_words(chart, sets);
        words.extend(["--dry-run=server", "--hide-secret", "--output", "json"].map(str::to_owned));
        let body = self.read(self.with_place(words)).await?;
        Ok(raw::<Rendered>(&body)?.manifest)
    }

    /// The line that installs the release, or brings it up to date.
    pub(super) fn upgrade(&self, chart: &Chart, sets: &[&str]) -> Line {
        let mut words = self.upgrade_words(chart, sets);
        words.extend(self.patience());
        self.with_place(words)
    }

    /// Rolls the release back, once.
    pub async fn roll_back(&self, revision: u32) -> Answer {
        self.change(&self.rollback(revision)).await
    }

    /// What a person would type for that.
    pub fn rollback_typed(&self, revision: u32) -> String {
        self.rollback(revision).typed(&self.environment)
    }

    /// The line that rolls the release back.
    pub(super) fn rollback(&self, revision: u32) -> Line {
        let mut words = vec![
            "rollback".to_owned(),
            self.at.release.clone(),
            revision.to_string(),
        ];
        words.extend(self.patience());
        self.with_place(words)
    }

    /// The line that takes the release away, with its history.
    pub(super) fn uninstall(&self) -> Line {
        self.with_place(vec!["uninstall".to_owned(), self.at.release.clone()])
    }

    /// Carries a line out, once.
    pub(super) async fn change(&self, line: &Line) -> Answer {
        let began = self.clock.wall();
        let command = line.command(&self.environment, self.change_limit);
        match command.run(&self.clock).await {
            Ok(ran) => {
                let text = format!("{}\n{}", ran.output.trim(), ran.errors.trim());
                self.tell(line, began, &ran, text.trim());
                answer(&ran)
            }
            Err(not_started) => Answer::NotSent {
                why: not_started.silence(),
                detail: not_started.words(),
            },
        }
    }

    fn upgrade_words(&self, chart: &Chart, sets: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = ["upgrade", "--install", &self.at.release, &chart.reference]
            .map(str::to_owned)
            .into();
        words.extend(["--version".to_owned(), chart.version.clone()]);
        for file in &chart.values {
            words.extend(["--values".to_owned(), file.to_string_lossy().into_owned()]);
        }
        for set in sets {
            words.extend(["--set".to_owned(), (*set).to_owned()]);
        }
        words
    }

    /// How long helm waits for hooks: less than we wait for helm. One that is killed leaves a release that is stuck.
    fn patience(&self) -> [String; 2] {
        let limit = self
            .change_limit
            .saturating_sub(Duration::from_secs(30))
            .as_secs();
        ["--timeout".to_owned(), format!("{}s", limit.max(1))]
    }

    fn line(&self, words: &[&str]) -> Line {
        self.with_place(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// A line with the place in it: never the current context, never the context's namespace.
    fn with_place(&self, words: Vec<String>) -> Line {
        let mut arguments = words;
        arguments.extend(["--kube-context".to_owned(), self.at.context.clone()]);
        arguments.extend(["--namespace".to_owned(), self.at.namespace.clone()]);
        if let Some(kubeconfig) = &self.at.kubeconfig {
            arguments.extend([
                "--kubeconfig".to_owned(),
                kubeconfig.to_string_lossy().into_owned(),
            ]);
        }
        Line {
            program: "helm".to_owned(),
            arguments,
        }
    }

    /// Runs a line that changes nothing, and gives what it printed.
    async fn read(&self, line: Line) -> Result<Vec<u8>, HelmError> {
        let began = self.clock.wall();
        let command = line.command(&self.environment, self.look_limit);
        let (ran, output) = command
            .read(&self.clock, OUTPUT_BYTES_MAX)
            .await
            .map_err(|not_started| HelmError::NotStarted(not_started.words()))?;
        // Values and manifests may hold secrets, so what was printed is told by its size alone.
        let size = output.as_ref().map_or(OUTPUT_BYTES_MAX, Vec::len);
        let told = format!("{size} bytes {}", ran.errors.trim());
        self.tell(&line, began, &ran, told.trim());
        match (ran.end, output) {
            (End::Exited(0), Some(output)) => Ok(output),
            (End::Exited(0), None) => Err(HelmError::Garbled(format!(
                "it printed more than {OUTPUT_BYTES_MAX} bytes"
            ))),
            (End::TooLate(_), _) => Err(HelmError::TooLate(ran.words())),
            _ => Err(HelmError::Failed(ran.words())),
        }
    }

    fn tell(&self, line: &Line, at: jiff::Timestamp, ran: &Ran, text: &str) {
        let Some(tap) = &self.tap else { return };
        tap(Exchange {
            at,
            took: ran.took,
            request: line.typed(&self.environment),
            sent: None,
            status: match ran.end {
                End::Exited(code) => u16::try_from(code).ok(),
                _ => None,
            },
            received: text.to_owned(),
            date: None,
        });
    }
}

/// JSON with its texts as they are, line breaks and all: to be compared. What is shown of it is made harmless there.
fn raw<T: DeserializeOwned>(body: &[u8]) -> Result<T, HelmError> {
    serde_json::from_slice(body).map_err(|error| HelmError::Garbled(shown(error.to_string().as_bytes(), 200)))
}

/// What an end of helm's says of a change. A release that is busy was not touched; of all else only looking tells.
fn answer(ran: &Ran) -> Answer {
    const BUSY: &str = "another operation (install/upgrade/rollback) is in progress";
    match ran.end {
        End::Exited(0) => Answer::Done,
        End::Exited(_) if ran.errors.contains(BUSY) => Answer::Refused {
            status: 409,
            message: format!("helm: {BUSY}"),
        },
        _ => Answer::Unknown {
            status: None,
            detail: ran.words(),
        },
    }
}
