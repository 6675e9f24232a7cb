//! The real binary at a terminal: a pseudo-terminal that can be typed into, read, made small, and closed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{self, Pty};

use super::lab_seen::until;

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A command with a terminal of its own, which is its controlling one.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    pty: Arc<Pty>,
    heard: Arc<Mutex<Vec<u8>>>,
    is_closed: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a command at a terminal of so many rows and columns.
    pub(crate) fn start(command: &Command, rows: u16, columns: u16) -> Terminal {
        let (pty, pts) = blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        // A stage's command has no standard input; here it is the terminal.
        let mut own = blocking::Command::new(command.get_program())
            .args(command.get_args())
            .env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                own = own.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            own = own.current_dir(folder);
        }
        let child = own.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let is_closed = Arc::new(AtomicBool::new(false));
        let reader = {
            let (pty, heard, is_closed) = (pty.clone(), heard.clone(), is_closed.clone());
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                // It ends with the command; and, where the terminal is closed, with the next thing that is written to it.
                while let Ok(count @ 1..) = pty.as_ref().read(&mut chunk) {
                    if is_closed.load(Ordering::SeqCst) {
                        break;
                    }
                    heard.lock().unwrap().extend(&chunk[..count]);
                }
            })
        };
        Terminal {
            child,
            pty,
            heard,
            is_closed,
            reader,
        }
    }

    /// All that was shown until now, without colours and cursor movements.
    pub(crate) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned();
        let escapes = regex::Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").unwrap();
        escapes.replace_all(&text, "").replace('\r', "")
    }

    /// Waits until something is shown.
    #[track_caller]
    pub(crate) fn until(&self, words: &str) {
        until(LIMIT, words, || self.shown().contains(words));
    }

    /// Types.
    pub(crate) fn types(&self, keys: &str) {
        self.pty.as_ref().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: the exit code, and all that was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        // What is still on its way is read to its end: then nobody holds the other side any more.
        let text = {
            let Terminal { reader, heard, .. } = self;
            reader.join().unwrap();
            let escapes = regex::Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").unwrap();
            let text = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
            escapes.replace_all(&text, "").replace('\r', "")
        };
        (code, text)
    }

    /// Closes the terminal under the command, as a connection does that drops. The command goes on, or not.
    pub(crate) fn close(self) -> Child {
        self.is_closed.store(true, Ordering::SeqCst);
        self.reader.join().unwrap();
        drop(self.pty);
        self.child
    }
}
