//! The real binary, in an environment of its own: its own home, its own directory, no variables of ours.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A home and a working directory that vanish with it, and the lab in it.
pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.out, self.err))
    }

    /// Asserts the exit code, with all that was said if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts that something was said, on either stream, however it was wrapped.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Ran {
        let flat = |text: &str| {
            text.replace('│', " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let all = format!("{} {}", flat(&self.out), flat(&self.err));
        assert!(
            all.contains(words),
            "`{words}` is not in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Stage {
    pub(crate) fn new() -> Stage {
        Stage {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// The working directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where c8dr keeps its things.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_c8dr"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("C8DR_HOME", self.home())
            .env("USER", "tester")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Starts it in the background.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A lab that runs until the stage is gone.
    pub(crate) fn lab(&self, args: &[&str]) {
        self.run(&[&["lab", "up"], args].concat()).exits(0);
    }

    /// Waits until a status shows a state.
    #[track_caller]
    pub(crate) fn until(&self, code: &str, limit: Duration) {
        #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
        let began = Instant::now();
        loop {
            let status = self.run(&["status", "--output", "json"]).exits(0).json();
            if status["diagnosis"]["code"] == code {
                return;
            }
            assert!(began.elapsed() < limit, "not {code}, but {}", status["diagnosis"]);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // There may be no lab; then there is nothing to end.
        let _ = self.command(&["lab", "down"]).output();
    }
}
