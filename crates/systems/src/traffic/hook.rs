//! A site's own commands that show where the users' names point, and point them elsewhere.
//!
//! The commands are run once each, never through a shell. What the records were when they were read is handed to the one
//! that changes them as `C8DR_TRAFFIC_EXPECTED`; two exit codes say that nothing was changed, all else but 0 says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use futures_util::future::BoxFuture;

use super::form;
use crate::auth::Secrets;
use crate::command::End;
use crate::platform::{Environment, Line};

/// The exit code of a command that changed nothing, as the records are not what was expected (`EX_TEMPFAIL`).
pub const STALE: i32 = 75;
/// The exit code of a command that changed nothing, and never will (`EX_NOPERM`).
pub const REFUSED: i32 = 77;
/// In which variable a command is told what the records were.
const EXPECTED: &str = "C8DR_TRAFFIC_EXPECTED";
/// More than this is not read.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// The regions that the names can be pointed to by one command.
pub type Target = BTreeSet<RegionId>;

/// Names that are shown and changed by commands.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Prints where the names point, in the form of [`form::shown`].
    pub show: Line,
    /// What points the names to the regions.
    pub to: BTreeMap<Target, Line>,
    /// What the regions are called in what is printed.
    pub regions: BTreeMap<String, RegionId>,
    /// What the commands are run in.
    pub environment: Environment,
    /// How long each may take.
    pub limit: Duration,
    /// The clock.
    pub clock: Clock,
}

impl Hook {
    /// How long a command may take where nothing is said: a name server answers in less than one second, and one that is
    /// asked through a provider's API in some.
    pub const LIMIT: Duration = Duration::from_secs(10);

    async fn see(&self) -> Sight<TrafficSight> {
        let command = self.show.command(&self.environment, self.limit);
        let (ran, output) = match command.read(&self.clock, OUTPUT_BYTES_MAX).await {
            Ok(ran) => ran,
            Err(not_started) => {
                return Sight::Silent {
                    why: not_started.silence(),
                    detail: not_started.words(),
                };
            }
        };
        let silent = |why| Sight::Silent {
            why,
            detail: ran.words(),
        };
        match (ran.end, output) {
            (End::Exited(0), Some(output)) => match form::shown(&output, &self.regions) {
                Ok(seen) => Sight::Seen(seen),
                Err(problem) => Sight::Garbled {
                    problem: self.harmless(problem, &output),
                },
            },
            (End::Exited(0), None) => Sight::Garbled {
                problem: format!("it printed more than {OUTPUT_BYTES_MAX} bytes"),
            },
            (End::Exited(code), _) => Sight::Declined {
                status: u16::try_from(code).unwrap_or(u16::MAX),
                message: ran.words(),
            },
            (End::TooLate(_), _) => silent(Silence::NoAnswer),
            (End::Signalled(_) | End::Lost, _) => silent(Silence::Broken),
        }
    }

    /// A complaint of an output, without anything secret that stands in it.
    fn harmless(&self, problem: String, output: &[u8]) -> String {
        let own = self.environment.secrets.iter().map(|(_, value)| value);
        let secrets = Secrets::new(own.chain(&self.environment.hidden).cloned());
        match secrets.are_in(&String::from_utf8_lossy(output)) {
            true => "the output is not understood, and not shown, as it repeats a secret".to_owned(),
            false => problem,
        }
    }

    async fn change(&self, effect: &TrafficEffect) -> Answer {
        let Some(line) = self.to.get(&effect.to) else {
            // 412: our own condition is not met, so nothing was run.
            return Answer::Refused {
                status: 412,
                message: "nothing was run: no command is configured for these regions".to_owned(),
            };
        };
        let mut command = line.command(&self.environment, self.limit);
        if let Some(expected) = &effect.expected {
            command.variables.push((EXPECTED.into(), expected.into()));
        }
        let ran = match command.run(&self.clock).await {
            Ok(ran) => ran,
            Err(not_started) => {
                return Answer::NotSent {
                    why: not_started.silence(),
                    detail: not_started.words(),
                };
            }
        };
        match ran.end {
            End::Exited(0) => Answer::Done,
            End::Exited(STALE) => Answer::Stale { message: ran.words() },
            End::Exited(REFUSED) => Answer::Refused {
                status: 403,
                message: ran.words(),
            },
            _ => Answer::Unknown {
                status: None,
                detail: ran.words(),
            },
        }
    }
}

impl Traffic for Hook {
    fn place(&self) -> String {
        format!("the names that `{}` shows", self.show.typed(&self.environment))
    }

    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>> {
        Box::pin(self.see())
    }

    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String> {
        let line = self.to.get(to).map(|line| line.typed(&self.environment));
        let show = format!("{}   # read it back", self.show.typed(&self.environment));
        line.into_iter().chain([show]).collect()
    }

    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(effect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(show: &str, change: &str, limit: Duration) -> Hook {
        let shell = |script: &str| Line::of(["sh", "-c", script]).unwrap();
        Hook {
            show: shell(show),
            to: [([RegionId(0)].into(), shell(change))].into(),
            regions: [("london", 0), ("paris", 1)]
                .map(|(name, id)| (name.to_owned(), RegionId(id)))
                .into(),
            environment: Environment {
                hidden: vec!["hunter22".into()],
                ..Environment::default()
            },
            limit,
            clock: Clock::system(),
        }
    }

    fn quick(show: &str, change: &str) -> Hook {
        hook(show, change, Duration::from_secs(30))
    }

    fn to_london(expected: Option<&str>) -> TrafficEffect {
        TrafficEffect {
            to: [RegionId(0)].into(),
            expected: expected.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn what_the_command_shows_is_seen() {
        let seen = quick("echo points a london paris; echo version 7", "true")
            .look()
            .await;
        let seen = seen.seen().unwrap();
        assert!(seen.is_at(&[RegionId(0), RegionId(1)].into()));
        assert_eq!(seen.version.as_deref(), Some("7"));
    }

    #[tokio::test]
    async fn what_does_not_say_it_is_not_taken_for_an_answer() {
        assert!(matches!(
            quick("true", "true").look().await,
            Sight::Garbled { .. }
        ));
        assert!(matches!(
            quick("echo points a london; exit 3", "true").look().await,
            Sight::Declined { status: 3, .. }
        ));
        let slow = hook("sleep 60", "true", Duration::from_millis(200));
        assert!(matches!(
            slow.look().await,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ));
        let telling = quick("echo password hunter22", "true").look().await;
        assert!(!format!("{telling:?}").contains("hunter22"), "{telling:?}");
    }

    #[tokio::test]
    async fn each_end_of_the_change_has_its_meaning() {
        let answer = async |change: &str| quick("true", change).perform(&to_london(None)).await;
        assert_eq!(answer("true").await, Answer::Done);
        assert!(matches!(
            answer("echo it moved >&2; exit 75").await,
            Answer::Stale { message } if message.contains("it moved")
        ));
        assert!(matches!(
            answer("exit 77").await,
            Answer::Refused { status: 403, .. }
        ));
        assert!(matches!(answer("exit 1").await, Answer::Unknown { .. }));
        let nowhere = TrafficEffect {
            to: [RegionId(1)].into(),
            expected: None,
        };
        assert!(matches!(
            quick("true", "true").perform(&nowhere).await,
            Answer::Refused { status: 412, .. }
        ));
    }

    #[tokio::test]
    async fn the_change_is_told_what_was_expected() {
        let hook = quick("true", "test \"$C8DR_TRAFFIC_EXPECTED\" = 7 || exit 75");
        assert_eq!(hook.perform(&to_london(Some("7"))).await, Answer::Done);
        assert!(matches!(
            hook.perform(&to_london(Some("6"))).await,
            Answer::Stale { .. }
        ));
    }
}
