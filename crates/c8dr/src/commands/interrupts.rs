//! Signals: who asks a run to stop, and what is then said.
//!
//! Ctrl-C (SIGINT) and SIGTERM ask it to stop after the deed in the air; the second one ends the process at once. Both
//! leave a run that can be resumed. A terminal that is closed (SIGHUP) stops nothing: whoever agreed to the plan wants it
//! done, and a connection that drops in the middle of a pause must not leave exporting paused with nobody there. Before a
//! run has begun all three end the process as the system does: nothing was done then.

use std::io;

use c8dr_domain::ids::RunId;
use c8dr_engine::drive::Canceller;
use c8dr_engine::journal::FileJournal;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::show::Screen;
use crate::site::Site;

/// The signals that ask to stop, from the moment on at which it is made.
pub(super) struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Stops {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&mut self) {
        // Streams of signals do not end.
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Watches for signals while it lives.
pub(super) struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches on behalf of a run. Where the system gives no signals there is nothing to watch.
pub(super) fn watch(site: &Site, screen: Screen, run: &RunId, canceller: Canceller) -> Watch {
    let directory = site.store.directory(run);
    let run = run.clone();
    let at_once = move || {
        // Read from the disk: what the journal knows is what holds, and the driver may be in the middle of anything.
        let alarm = FileJournal::read(&directory)
            .ok()
            .and_then(|recovered| recovered.run.pause_alarm())
            .map_or(String::new(), |alarm| format!("\n{alarm}"));
        format!(
            "Ended at once. What was sent goes on without c8dr. Go on with `c8dr run resume {run}`.{alarm}"
        )
    };
    // Listened for from now on, not from when the task is begun.
    let (stops, hangup) = (Stops::listen(), signal(SignalKind::hangup()));
    Watch(tokio::spawn(async move {
        let Ok(mut stops) = stops else {
            return;
        };
        tokio::select! {
            () = stops.asked() => {}
            () = hangups(hangup, screen) => {}
        }
        canceller.cancel();
        screen.say("Stopping after the request that is in the air. Once more (Ctrl-C) stops at once; both can be resumed.");
        stops.asked().await;
        screen.say(&at_once());
        std::process::exit(i32::from(Exit::Interrupted.code()));
    }))
}

/// Takes note of a terminal that is closed, and never ends.
async fn hangups(hangup: io::Result<Signal>, screen: Screen) {
    if let Ok(mut hangup) = hangup {
        while hangup.recv().await.is_some() {
            // Where the output goes to a file it is read later.
            screen.say(&format!(
                "The terminal was closed; the run goes on. `c8dr run show` tells how it ends; to stop it: `kill -INT {}`.",
                std::process::id()
            ));
        }
    }
    std::future::pending::<()>().await;
}
