//! What a drive needs besides a cluster: a plan from fresh readings, journals that die, listeners that count.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use c8dr_domain::history::History;
use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::plan::Plan;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::run::{Event, Run, Stop};
use c8dr_engine::clock::Clock;
use c8dr_engine::drive::{Beginning, Canceller, DriveError, Driver, Finish, Gear};
use c8dr_engine::events::Told;
use c8dr_engine::journal::{FileJournal, Journal, JournalError, Unkept};
use c8dr_engine::observe::{Look, observe};
use jiff::Timestamp;

use crate::cluster::Cluster;

/// A cluster that has lost a region, a clock, and a directory for the journal.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) canceller: Canceller,
    pub(crate) home: tempfile::TempDir,
}

/// When a process dies, counted in journal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// The record is durable, and nothing happens any more.
    After(usize),
    /// The record is not written: whatever came before it has happened.
    Before(usize),
}

struct Mortal {
    file: FileJournal,
    written: usize,
    death: Death,
}

impl Journal for Mortal {
    fn append(&mut self, at: Timestamp, event: &Event) -> Result<(), JournalError> {
        let dead = || {
            Err(JournalError::Io {
                doing: "write",
                path: "journal.jsonl".into(),
                source: std::io::Error::other("the process died"),
            })
        };
        self.written += 1;
        if matches!(self.death, Death::Before(record) if self.written >= record) {
            return dead();
        }
        if matches!(self.death, Death::After(record) if self.written > record) {
            return dead();
        }
        self.file.append(at, event)?;
        if self.death == Death::After(self.written) {
            dead()
        } else {
            Ok(())
        }
    }

    fn text(&self) -> &[u8] {
        self.file.text()
    }
}

impl Stage {
    pub(crate) fn without(lost: RegionId) -> Stage {
        let clock = Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0);
        Stage {
            cluster: Cluster::without(lost, clock.clone()),
            clock,
            canceller: Canceller::default(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn directory(&self) -> std::path::PathBuf {
        self.home.path().join("a-run")
    }

    /// Looks for four seconds.
    pub(crate) async fn readings(&self) -> History {
        let mut history = History::new();
        for _ in 0..8 {
            history.add(observe(&self.cluster, &self.clock, Look::Everything).await);
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        history
    }

    pub(crate) async fn plan(&self) -> Plan {
        let history = self.readings().await;
        let request = Request::new(self.cluster.lost);
        plan(&self.cluster.installation, &history, &request, self.clock.wall()).unwrap()
    }

    fn gear<'a>(&'a self, listener: &'a (dyn c8dr_engine::events::Listener + 'a)) -> Gear<'a> {
        Gear {
            zeebe: &self.cluster,
            searches: Default::default(),
            platforms: Default::default(),
            traffic: None,
            bucket: None,
            clock: self.clock.clone(),
            listener,
            canceller: self.canceller.clone(),
            seed: 7,
        }
    }

    /// Begins a run of `plan`, with its journal in this stage's directory, and drives it until it ends or dies.
    pub(crate) async fn begin(&self, plan: Plan, death: Death) -> Result<Finish, DriveError> {
        self.begin_told(plan, death, &|_: &Told| {}).await
    }

    pub(crate) async fn begin_told(
        &self,
        plan: Plan,
        death: Death,
        listener: &dyn c8dr_engine::events::Listener,
    ) -> Result<Finish, DriveError> {
        let run = RunId::new("a-run");
        let file = FileJournal::create(&self.directory(), &run)?;
        let journal = Box::new(Mortal {
            file,
            written: 0,
            death,
        });
        let beginning = Beginning {
            run,
            plan,
            by: "a test".to_owned(),
            reason: None,
        };
        Driver::begin(self.gear(listener), journal, beginning, History::new())?
            .drive()
            .await
    }

    /// As another process would: from the file alone.
    pub(crate) async fn resume(&self) -> Result<Finish, DriveError> {
        self.resume_mortal(Death::Never).await
    }

    pub(crate) async fn resume_mortal(&self, death: Death) -> Result<Finish, DriveError> {
        let (file, recovered) = FileJournal::reopen(&self.directory())?;
        let journal = Box::new(Mortal {
            file,
            written: 0,
            death,
        });
        let listener = |_: &Told| {};
        let mut driver = Driver::resume(
            self.gear(&listener),
            journal,
            recovered.run,
            "another process".to_owned(),
        )?;
        driver.drive().await
    }

    /// A run that is not kept anywhere.
    pub(crate) async fn carry_out(&self, plan: Plan) -> (Finish, Run) {
        let listener = |_: &Told| {};
        let run = RunId::new("unkept");
        let beginning = Beginning {
            run,
            plan,
            by: "a test".to_owned(),
            reason: None,
        };
        let mut driver =
            Driver::begin(self.gear(&listener), Box::new(Unkept), beginning, History::new()).unwrap();
        let finish = driver.drive().await.unwrap();
        (finish, driver.run().clone())
    }

    /// The run as its file tells it.
    pub(crate) fn recorded(&self) -> Run {
        FileJournal::read(&self.directory()).unwrap().run
    }
}

#[track_caller]
pub(crate) fn verified(finish: &Finish) {
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:#?}");
}

/// Stopped like this, with a part of what is said.
#[track_caller]
pub(crate) fn stopped(finish: &Finish, why: Stop, says: &str) {
    match finish {
        Finish::Stopped { stop, words, .. } => {
            assert_eq!(*stop, why, "{words}");
            assert!(words.contains(says), "{says:?} is not in {words:?}");
        }
        Finish::Verified { words } | Finish::TurnedBack { words, .. } => panic!("ended: {words}"),
    }
}

/// Counts what is told and acts at one of them.
pub(crate) struct At<F: Fn() + Send + Sync> {
    told: AtomicUsize,
    at: usize,
    act: Mutex<F>,
}

impl<F: Fn() + Send + Sync> At<F> {
    pub(crate) fn new(at: usize, act: F) -> Self {
        At {
            told: AtomicUsize::new(0),
            at,
            act: Mutex::new(act),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.told.load(Ordering::Relaxed)
    }
}

impl<F: Fn() + Send + Sync> c8dr_engine::events::Listener for At<F> {
    fn tell(&self, _: &Told) {
        if self.told.fetch_add(1, Ordering::Relaxed) == self.at {
            self.act.lock().unwrap()();
        }
    }
}

/// A file's bytes.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
