//! Other people's programs: an argument list that is run once, never through a shell, with a deadline and with bounds.
//!
//! For what has no API of its own here, such as a site's own script that moves traffic. What is known afterwards is
//! little: a program that did not start did nothing; one that ran and did not end with 0 may have done anything.

mod output;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::Silence;
use c8dr_engine::clock::Clock;
use futures_util::future::{Either, select};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use tokio::process::{Child, ChildStderr, ChildStdout, Command as Process};

use self::output::Tail;
use crate::auth::Secrets;
use crate::foreign::shown;

/// How much of each of its two outputs is kept: the end of it, where programs say why they failed.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// After its end, or its deadline, the outputs are waited for only this long: whoever else holds them must not hold us.
const GRACE: Duration = Duration::from_millis(500);

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: OsString,
    /// Its arguments, each as it is: nothing is expanded, split or quoted.
    pub arguments: Vec<OsString>,
    /// The folder it runs in; ours if not given.
    pub folder: Option<PathBuf>,
    /// Variables beside our own environment.
    pub variables: Vec<(OsString, OsString)>,
    /// Variables that are secret: they are in its environment, and in nothing that is told.
    pub secrets: Vec<(OsString, SecretString)>,
    /// What else must not be told of what it writes: our environment is its own, and it may repeat what is in there.
    pub hidden: Vec<SecretString>,
    /// How long it may take.
    pub limit: Duration,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How.
    pub end: End,
    /// The end of what it wrote to its standard output, without secrets.
    pub output: String,
    /// The end of what it wrote to its standard error, without secrets.
    pub errors: String,
    /// How long it took.
    pub took: Duration,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By somebody's signal.
    Signalled(i32),
    /// By ours, as it was not done in time.
    TooLate(Duration),
    /// The system did not say how.
    Lost,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(code) => write!(f, "it ended with exit code {code}"),
            End::Signalled(signal) => write!(f, "it was ended by signal {signal}"),
            End::Lost => f.write_str("how it ended could not be learnt"),
            End::TooLate(limit) => write!(f, "it was not done within {limit:?} and was killed"),
        }
    }
}

/// The program did not start, so it did nothing.
#[derive(Debug, thiserror::Error)]
#[error("{program} could not be started")]
pub struct NotStarted {
    /// Which program.
    pub program: String,
    /// Why.
    #[source]
    pub why: io::Error,
}

impl Command {
    /// A program without arguments, in our own folder and environment.
    pub fn new(program: impl Into<OsString>, limit: Duration) -> Self {
        Command {
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            variables: Vec::new(),
            secrets: Vec::new(),
            hidden: Vec::new(),
            limit,
        }
    }

    /// Runs it, and waits for its end. It and what it started are killed at the deadline, and when the wait is given up.
    ///
    /// # Errors
    /// If it could not be started.
    pub async fn run(&self, clock: &Clock) -> Result<Ran, NotStarted> {
        let (ended, secrets) = self.to_its_end(clock, KEPT_BYTES_MAX).await?;
        Ok(Ran {
            end: ended.end,
            output: ended.output.text(&secrets),
            errors: ended.errors.text(&secrets),
            took: ended.took,
        })
    }

    /// As [`Command::run`], for what it writes to its standard output: `None` if that is more than `bytes_max`. It comes as
    /// it was written, secrets included, to be read and not to be told.
    pub(crate) async fn read(
        &self,
        clock: &Clock,
        bytes_max: usize,
    ) -> Result<(Ran, Option<Vec<u8>>), NotStarted> {
        let (ended, secrets) = self.to_its_end(clock, bytes_max).await?;
        let output = ended.output.whole();
        let ran = Ran {
            end: ended.end,
            output: String::new(),
            errors: ended.errors.text(&secrets),
            took: ended.took,
        };
        Ok((ran, output))
    }

    async fn to_its_end(
        &self,
        clock: &Clock,
        output_bytes_max: usize,
    ) -> Result<(Ended, Secrets), NotStarted> {
        let began = clock.now();
        let mut process = Process::new(&self.program);
        process
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(
                self.secrets
                    .iter()
                    .map(|(name, value)| (name, value.expose_secret())),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts can be ended with it.
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            process.current_dir(folder);
        }
        let child = process.spawn().map_err(|why| NotStarted {
            program: self.program.to_string_lossy().into_owned(),
            why,
        })?;
        let own = self.secrets.iter().map(|(_, value)| value);
        let secrets = Secrets::new(own.chain(&self.hidden).cloned());
        let mut group = Group::of(child);
        let mut output = Tail::new(group.child.stdout.take(), output_bytes_max, &secrets);
        let mut errors = Tail::new(group.child.stderr.take(), KEPT_BYTES_MAX, &secrets);
        let finished = async {
            let reading = async { tokio::join!(output.read(), errors.read()) };
            match select(pin!(group.child.wait()), pin!(reading)).await {
                // Something that it left running may still hold its outputs, and would hold us.
                Either::Left((status, rest)) => {
                    let _ = clock.timeout(GRACE, rest).await;
                    status
                }
                Either::Right((_, wait)) => wait.await,
            }
        };
        let end = match clock.timeout(self.limit, finished).await {
            Ok(status) => {
                group.leave();
                status.map_or(End::Lost, end_of)
            }
            Err(_) => {
                group.kill();
                let rest = async { tokio::join!(group.child.wait(), output.read(), errors.read()) };
                // What was read until now is kept, whether or not the rest comes.
                let _ = clock.timeout(GRACE, rest).await;
                End::TooLate(self.limit)
            }
        };
        let ended = Ended {
            end,
            output,
            errors,
            took: clock.now().since(began),
        };
        Ok((ended, secrets))
    }

    /// Runs it for its effect, once.
    pub async fn perform(&self, clock: &Clock) -> Answer {
        match self.run(clock).await {
            Ok(Ran {
                end: End::Exited(0), ..
            }) => Answer::Done,
            Ok(ran) => Answer::Unknown {
                status: None,
                detail: ran.words(),
            },
            Err(not_started) => Answer::NotSent {
                why: not_started.silence(),
                detail: not_started.words(),
            },
        }
    }
}

impl NotStarted {
    /// The nearest of the words for "nobody was reached": no such program, or not for us.
    pub(crate) fn silence(&self) -> Silence {
        match self.why.kind() {
            io::ErrorKind::NotFound => Silence::NoSuchHost,
            _ => Silence::Refused,
        }
    }

    /// It and its source, as one sentence.
    pub(crate) fn words(&self) -> String {
        format!("{self}: {}", self.why)
    }
}

impl Ran {
    /// How it ended, and the last lines of what it said, fit to be shown.
    pub(crate) fn words(&self) -> String {
        const LINES_MAX: usize = 5;
        const LINE_CHARS_MAX: usize = 200;
        let text = if self.errors.trim().is_empty() {
            &self.output
        } else {
            &self.errors
        };
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last: Vec<String> = lines[lines.len().saturating_sub(LINES_MAX)..]
            .iter()
            .map(|line| shown(line.as_bytes(), LINE_CHARS_MAX))
            .collect();
        match last.is_empty() {
            true => self.end.to_string(),
            false => format!("{}: {}", self.end, last.join(" / ")),
        }
    }

    /// Its last words: the last line of its errors, or of its output.
    pub fn said(&self) -> &str {
        let last = |text: &'_ str| -> usize { text.trim_end().rfind('\n').map_or(0, |at| at + 1) };
        let text = if self.errors.trim().is_empty() {
            &self.output
        } else {
            &self.errors
        };
        text[last(text)..].trim()
    }
}

/// How a program ended, with what is left of its outputs.
struct Ended {
    end: End,
    output: Tail<ChildStdout>,
    errors: Tail<ChildStderr>,
    took: Duration,
}

fn end_of(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// A child and whatever it starts. Dropped before its end, all of them end.
struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Group { child, leader }
    }

    /// It has ended: what it left running on purpose goes on, and its number may soon be another's.
    fn leave(&mut self) {
        self.leader = None;
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // It may have ended already.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Command {
        // A shell is only the test's program here; the driver itself knows none.
        Command {
            arguments: vec!["-c".into(), script.into()],
            ..Command::new("sh", limit)
        }
    }

    const SOON: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(30);

    async fn performed(command: &Command) -> Answer {
        command.perform(&Clock::system()).await
    }

    #[tokio::test]
    async fn only_exit_0_is_done_and_only_what_did_not_start_did_nothing() {
        assert_eq!(performed(&shell("exit 0", LONG)).await, Answer::Done);
        let failed = performed(&shell("echo first >&2; echo why >&2; exit 3", LONG)).await;
        assert_eq!(
            failed,
            Answer::Unknown {
                status: None,
                detail: "it ended with exit code 3: first / why".to_owned()
            }
        );
        let hostile = performed(&shell(
            "printf '\\033[2J\\342\\200\\256 %01000d\\n' 7 >&2; seq 9 >&2; exit 1",
            LONG,
        ))
        .await;
        assert_eq!(
            hostile,
            Answer::Unknown {
                status: None,
                detail: "it ended with exit code 1: 5 / 6 / 7 / 8 / 9".to_owned()
            }
        );
        let hostile = performed(&shell(
            "printf '\\033[2J\\342\\200\\256 %01000d\\n' 7 >&2; exit 1",
            LONG,
        ))
        .await;
        assert!(
            matches!(&hostile, Answer::Unknown { detail, .. }
                if detail.contains(r"\u{1b}[2J\u{202e} 000") && detail.len() < 400),
            "{hostile:?}"
        );
        let killed = performed(&shell("kill -TERM $$", LONG)).await;
        assert!(
            matches!(&killed, Answer::Unknown { detail, .. } if detail.contains("signal 15")),
            "{killed:?}"
        );
        for (program, expected) in [
            ("c8dr-no-such-program", Silence::NoSuchHost),
            ("/", Silence::Refused),
        ] {
            let absent = performed(&Command::new(program, LONG)).await;
            assert!(
                matches!(&absent, Answer::NotSent { why, detail } if *why == expected && detail.starts_with(program)),
                "{absent:?}"
            );
        }
    }

    #[tokio::test]
    async fn arguments_are_not_expanded() {
        let mut command = shell("printf '%s|' \"$@\"", LONG);
        command
            .arguments
            .extend(["sh", "$HOME; exit 1", "a b", "*", ""].map(OsString::from));
        let ran = command.run(&Clock::system()).await.unwrap();
        assert_eq!(
            (ran.end, ran.output.as_str()),
            (End::Exited(0), "$HOME; exit 1|a b|*||")
        );
    }

    /// Waits until no process is left in the group that the program told as its own.
    async fn gone(group: &str) -> bool {
        let group = Pid::from_raw(group.trim().parse().unwrap()).unwrap();
        let clock = Clock::system();
        for _ in 0..500 {
            if rustix::process::test_kill_process_group(group).is_err() {
                return true;
            }
            clock.sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn what_hangs_is_killed_with_all_that_it_started() {
        let ran = shell("echo $$; sleep 600 & sleep 600; echo never", SOON)
            .run(&Clock::system())
            .await
            .unwrap();
        assert_eq!(ran.end, End::TooLate(SOON));
        assert!(!ran.output.contains("never"));
        assert!(gone(&ran.output).await, "something was left running");
        assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = shell(
            "echo $$ > told.new; mv told.new told; sleep 600 & sleep 600",
            LONG,
        );
        command.folder = Some(folder.path().to_owned());
        let told = folder.path().join("told");
        let clock = Clock::system();
        let begun = async {
            while !told.exists() {
                clock.sleep(Duration::from_millis(5)).await;
            }
        };
        match select(pin!(command.run(&clock)), pin!(clock.timeout(LONG, begun))).await {
            Either::Left((ran, _)) => panic!("it ended: {ran:?}"),
            Either::Right((begun, _)) => begun.unwrap(),
        }
        // The run lay in the scrutinee, and has been dropped with it.
        assert!(gone(&std::fs::read_to_string(told).unwrap()).await);
    }

    #[tokio::test]
    async fn what_it_leaves_running_holds_nobody() {
        let ran = shell("sleep 600 & echo $$; exit 0", LONG)
            .run(&Clock::system())
            .await
            .unwrap();
        assert_eq!(ran.end, End::Exited(0));
        assert!(ran.took < LONG, "{:?}", ran.took);
        let group = Pid::from_raw(ran.output.trim().parse().unwrap()).unwrap();
        kill_process_group(group, Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn big_output_is_read_to_its_end_and_its_end_is_kept() {
        let ran = shell(
            "head -c 20000000 /dev/zero | tr '\\0' x; echo end; echo why >&2",
            LONG,
        )
        .run(&Clock::system())
        .await
        .unwrap();
        assert_eq!((ran.end, ran.said()), (End::Exited(0), "why"));
        assert!(ran.output.ends_with("xend\n") && ran.output.len() <= KEPT_BYTES_MAX + 3);
    }

    #[tokio::test]
    async fn a_secret_reaches_the_program_and_nothing_else() {
        let mut command = shell("echo \"token $TOKEN, $PLAIN\"; exit 1", LONG);
        command.variables = vec![("PLAIN".into(), "seen".into())];
        command.secrets = vec![("TOKEN".into(), "hunter22".into())];
        let ran = command.run(&Clock::system()).await.unwrap();
        assert_eq!(ran.output, "token ***, seen\n");
        let told = format!("{command:?} {:?}", performed(&command).await);
        assert!(!told.contains("hunter22"), "{told}");
    }
}
