//! What is still to go wrong, and the one place that lets it happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_domain::run::Event;
use c8dr_engine::clock::Moment;
use c8dr_lab::{Blow, Lab};
use tokio::sync::Notify;

use crate::fault::{Chapter, Fault, Side, Spoil, What, When, kind};

/// What is still to go wrong. Clones share one list.
#[derive(Clone)]
pub(crate) struct Plot {
    lab: Lab,
    plotted: Arc<Mutex<Plotted>>,
    /// c8dr dies now.
    death: Arc<Notify>,
}

struct Plotted {
    pending: Vec<Fault>,
    /// The step whose request is in the air.
    step: Option<StepId>,
    /// Until when something is broken that heals by itself.
    troubled_until: Moment,
    /// How often each kind of fault happened.
    happened: BTreeMap<&'static str, u64>,
}

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Spoil(Spoil),
    Death,
    /// Death, and the request has its effect this long afterwards.
    LateDeath(Duration),
}

impl Plot {
    pub(crate) fn new(lab: Lab, faults: Vec<Fault>) -> Plot {
        Plot {
            lab,
            plotted: Arc::new(Mutex::new(Plotted {
                pending: faults,
                step: None,
                troubled_until: Moment::START,
                happened: BTreeMap::new(),
            })),
            death: Arc::new(Notify::new()),
        }
    }

    /// Something more is to go wrong.
    pub(crate) fn add(&self, fault: Fault) {
        self.plotted().pending.push(fault);
    }

    fn plotted(&self) -> MutexGuard<'_, Plotted> {
        self.plotted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arranges everything that has its time in a chapter that begins now.
    pub(crate) fn begin(&self, chapter: Chapter) {
        let due = self.take(|when| match when {
            When::At { chapter: of, after } if of == chapter => Some(after),
            _ => None,
        });
        for (after, what) in due {
            if let What::Strikes { blow, lasts } = what {
                self.strike(after, blow, lasts);
            }
        }
    }

    /// Hears what the journal of a run has got, and says whether c8dr dies of it.
    pub(crate) fn recorded(&self, chapter: Chapter, number: usize, event: &Event) -> bool {
        // Also when a step begins: who writes an intent down too late sends before it.
        if let Event::StepBegan { step } | Event::Intended { step, .. } = event {
            self.turns_to(*step);
        }
        self.reaches(chapter, number)
    }

    /// The next request is one of this step.
    pub(crate) fn turns_to(&self, step: StepId) {
        self.plotted().step = Some(step);
    }

    /// So many records are written in a chapter. Says whether whoever writes them ends by that.
    pub(crate) fn reaches(&self, chapter: Chapter, number: usize) -> bool {
        let due = self.take(|when| (when == When::Record { chapter, number }).then_some(()));
        let dies = due.iter().any(|(_, what)| *what == What::C8drDies);
        if dies {
            self.count(What::C8drDies);
        }
        dies
    }

    /// What a request meets on one side of it. The world is struck at once.
    pub(crate) fn meet(&self, side: Side) -> Option<Met> {
        let step = self.plotted().step?;
        let due = self.take(|when| (when == When::Request { step, side }).then_some(()));
        let mut met = None;
        for (_, what) in due {
            match what {
                What::Strikes { blow, lasts } => self.strike(Duration::ZERO, blow, lasts),
                What::Spoilt(spoil) => {
                    self.count(what);
                    met = met.or(Some(Met::Spoil(spoil)));
                }
                What::C8drDies => {
                    self.count(what);
                    met = Some(Met::Death);
                }
                What::C8drDiesSending { late } => {
                    self.count(what);
                    met = Some(Met::LateDeath(late));
                }
            }
        }
        met
    }

    fn take<T>(&self, due: impl Fn(When) -> Option<T>) -> Vec<(T, What)> {
        let mut plotted = self.plotted();
        let mut taken = Vec::new();
        plotted.pending.retain(|fault| match due(fault.when) {
            Some(found) => {
                taken.push((found, fault.what));
                false
            }
            None => true,
        });
        taken
    }

    fn count(&self, what: What) {
        *self.plotted().happened.entry(kind(what)).or_default() += 1;
    }

    /// Strikes the world so long from now; what can heal heals after it has lasted.
    pub(crate) fn strike(&self, after: Duration, blow: Blow, lasts: Option<Duration>) {
        self.count(What::Strikes { blow, lasts });
        let at = self.lab.with(|world| {
            let at = world.now() + after;
            let end = at + lasts.unwrap_or_default();
            if after.is_zero() {
                world.strike(blow);
            } else {
                world.strike_at(at, blow);
            }
            if let (Some(healed), Some(_)) = (blow.healed_by(), lasts) {
                world.strike_at(end, healed);
            }
            end
        });
        let mut plotted = self.plotted();
        plotted.troubled_until = plotted.troubled_until.max(at);
    }

    /// c8dr is gone from here on: whoever drives it hears of it, and this never returns.
    pub(crate) async fn die(&self) {
        self.death.notify_one();
        std::future::pending::<()>().await;
    }

    /// Waits until c8dr dies.
    pub(crate) async fn death(&self) {
        self.death.notified().await;
    }

    /// Until when something is broken by a fault that heals by itself.
    pub(crate) fn troubled_until(&self) -> Moment {
        self.plotted().troubled_until
    }

    /// Nothing more goes wrong.
    pub(crate) fn call_off(&self) {
        self.plotted().pending.clear();
    }

    /// How often each kind of fault happened.
    pub(crate) fn happened(&self) -> BTreeMap<&'static str, u64> {
        self.plotted().happened.clone()
    }
}
