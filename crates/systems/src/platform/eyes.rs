//! Looking at a platform: by commands that print what Kubernetes lists, or by asking Kubernetes itself.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::Pod;
use c8dr_engine::clock::Clock;

use super::kubernetes;
use super::line::{Environment, Line};
use crate::auth::Secrets;
use crate::command::End;
use crate::foreign::Garbled;
use crate::kubernetes::Region;

/// More than this is not read: a pod takes some 10 kB, so it is a list of more than a thousand.
const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a platform is looked at.
#[derive(Clone, Debug)]
pub struct Eyes {
    /// Prints the installation's pods as `kubectl get pods -o json` does. It must print all of them: those that are left
    /// out are not waited for.
    pub pods: Option<Line>,
    /// Prints the installation's volume claims as `kubectl get pvc -o json` does.
    pub volumes: Option<Line>,
    /// The release in its cluster: what no command prints is asked of its API server.
    pub region: Option<Region>,
    /// What both are run in.
    pub environment: Environment,
    /// How long one look may take. 15 s by default: an API server that is asked for a namespace answers in one, and one
    /// that is being moved to another node in ten.
    pub limit: Duration,
}

impl Eyes {
    /// Eyes for pods only, in our own environment.
    pub fn new(pods: Line) -> Self {
        Eyes {
            pods: Some(pods),
            volumes: None,
            region: None,
            environment: Environment::default(),
            limit: Duration::from_secs(15),
        }
    }

    /// Eyes that ask the API server for everything.
    pub fn of(region: Region) -> Self {
        Eyes {
            pods: None,
            volumes: None,
            region: Some(region),
            environment: Environment::default(),
            limit: Duration::from_secs(15),
        }
    }

    pub(super) async fn pods(&self, clock: &Clock) -> Sight<Vec<Pod>> {
        match (&self.pods, &self.region) {
            (Some(line), _) => self.see(line, clock, kubernetes::pods).await,
            (None, Some(region)) => region.pods().await,
            (None, None) => Sight::NotAsked,
        }
    }

    pub(super) async fn volumes(&self, clock: &Clock) -> Sight<BTreeSet<String>> {
        match (&self.volumes, &self.region) {
            (Some(line), _) => self.see(line, clock, kubernetes::volumes).await,
            (None, Some(region)) => region.volumes().await,
            (None, None) => Sight::NotAsked,
        }
    }

    async fn see<T>(
        &self,
        line: &Line,
        clock: &Clock,
        read: impl FnOnce(&[u8]) -> Result<T, Garbled>,
    ) -> Sight<T> {
        let command = line.command(&self.environment, self.limit);
        let (ran, output) = match command.read(clock, OUTPUT_BYTES_MAX).await {
            Ok(ran) => ran,
            Err(not_started) => {
                return Sight::Silent {
                    why: not_started.silence(),
                    detail: not_started.words(),
                };
            }
        };
        let declined = |status: i32| Sight::Declined {
            status: u16::try_from(status).unwrap_or(u16::MAX),
            message: ran.words(),
        };
        match (ran.end, output) {
            (End::Exited(0), Some(output)) => read(&output).map_or_else(
                |garbled| Sight::Garbled {
                    problem: self.problem(&output, &garbled),
                },
                Sight::Seen,
            ),
            (End::Exited(0), None) => Sight::Garbled {
                problem: format!("it printed more than {OUTPUT_BYTES_MAX} bytes"),
            },
            (End::Exited(code), _) => declined(code),
            // As shells count it.
            (End::Signalled(signal), _) => declined(128 + signal),
            (End::TooLate(_), _) => Sight::Silent {
                why: Silence::NoAnswer,
                detail: ran.words(),
            },
            (End::Lost, _) => Sight::Silent {
                why: Silence::Broken,
                detail: ran.words(),
            },
        }
    }

    /// Why an output is not understood, without anything secret that stands in it.
    fn problem(&self, output: &[u8], garbled: &Garbled) -> String {
        let own = self.environment.secrets.iter().map(|(_, value)| value);
        let secrets = Secrets::new(own.chain(&self.environment.hidden).cloned());
        match secrets.are_in(&String::from_utf8_lossy(output)) {
            true => "the output is not understood, and not shown, as it repeats a secret".to_owned(),
            false => garbled.to_string(),
        }
    }
}
