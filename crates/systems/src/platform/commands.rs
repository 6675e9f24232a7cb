//! A platform that is changed by commands: `helm`, `kubectl`, or a site's own scripts.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Pod;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use futures_util::future::BoxFuture;

use super::Tasks;
use super::eyes::Eyes;
use super::line::{Line, quoted};

/// Runs configured commands, each once and in order.
#[derive(Clone, Debug)]
pub struct Commands {
    eyes: Eyes,
    tasks: Tasks<Line>,
    limit: Duration,
    clock: Clock,
}

impl Commands {
    /// All commands of one effect together may take this long: `helm upgrade` alone waits five minutes for its hooks.
    pub const LIMIT: Duration = Duration::from_secs(10 * 60);

    /// A platform that is seen by `eyes` and changed by `tasks`, in the environment of the eyes, within
    /// [`Commands::LIMIT`]. Nothing is run yet.
    pub fn new(eyes: Eyes, tasks: Tasks<Line>, clock: Clock) -> Self {
        Commands {
            eyes,
            tasks,
            limit: Self::LIMIT,
            clock,
        }
    }

    /// The same with another limit for all commands of one effect together.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Commands { limit, ..self }
    }

    async fn run(&self, effect: PlatformEffect) -> Answer {
        let lines = self.tasks.of(effect);
        if lines.is_empty() {
            // 412: our own condition is not met, so nothing was run.
            return Answer::Refused {
                status: 412,
                message: format!("nothing was run: no command is configured to {}", effect.words()),
            };
        }
        let began = self.clock.now();
        for (before, line) in lines.iter().enumerate() {
            let left = match before {
                0 => self.limit,
                _ => in_seconds(self.limit.saturating_sub(self.clock.now().since(began))),
            };
            let command = line.command(&self.eyes.environment, left);
            let answer = match left.is_zero() {
                true => Answer::Unknown {
                    status: None,
                    detail: format!(
                        "it was not begun, as the {:?} for all of them were over",
                        self.limit
                    ),
                },
                false => command.perform(&self.clock).await,
            };
            let place = match lines.len() {
                1 => String::new(),
                all => format!("command {} of {all}, {}: ", before + 1, quoted(&line.program)),
            };
            match answer {
                Answer::Done => {}
                Answer::Unknown { status, detail } => {
                    return Answer::Unknown {
                        status,
                        detail: format!("{place}{detail}"),
                    };
                }
                // Those before it have had their effect, so it can no longer be said that nothing was done.
                Answer::NotSent { detail, .. } if before > 0 => {
                    return Answer::Unknown {
                        status: None,
                        detail: format!("{place}{detail}"),
                    };
                }
                other => return other,
            }
        }
        Answer::Done
    }
}

impl Platform for Commands {
    fn pods(&self) -> BoxFuture<'_, Sight<Vec<Pod>>> {
        Box::pin(self.eyes.pods(&self.clock))
    }

    fn volumes(&self) -> BoxFuture<'_, Sight<BTreeSet<String>>> {
        Box::pin(self.eyes.volumes(&self.clock))
    }

    fn command(&self, effect: PlatformEffect) -> Vec<String> {
        let environment = &self.eyes.environment;
        let lines = self.tasks.of(effect);
        let folder = environment.folder.iter().filter(|_| !lines.is_empty());
        folder
            .map(|folder| format!("cd {}", quoted(&folder.to_string_lossy())))
            .chain(lines.iter().map(|line| line.typed(environment)))
            .collect()
    }

    fn perform(&self, effect: PlatformEffect) -> BoxFuture<'_, Answer> {
        Box::pin(self.run(effect))
    }
}

/// Whole seconds, as it is told to people where it runs out.
fn in_seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs())
}
