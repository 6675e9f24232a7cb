//! The printed procedure of 8.6, step by step, in its order (spec: the printed 8.6 procedure).

use c8dr_domain::plan::StepId;
use c8dr_lab::{Blow, Region};

use super::deeds::Verdict;
use super::habits::HABITS;
use super::looks::Look;
use super::terminal::{Closed, Hand};
use crate::fault::Chapter;

/// One command of the procedure, with what is to be looked at before and after it.
struct Page {
    step: StepId,
    before: &'static [Look],
    after: Vec<Look>,
}

/// Why a step does not come to its end.
enum Stop {
    /// The terminal is closed.
    Closed,
    /// The returning region is dark.
    Dark(String),
    /// Everything was tried.
    GivesUp(String),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Stop {
        Stop::Closed
    }
}

fn failover() -> Vec<Page> {
    vec![
        Page {
            step: StepId::Fo1,
            before: &[Look::Remaining],
            after: vec![Look::Shrunk, Look::LastChange],
        },
        Page {
            step: StepId::Fo2,
            before: &[Look::ExportersListed],
            after: vec![Look::ExporterOff, Look::LastChange],
        },
    ]
}

fn failback(here: Region, there: Region) -> Vec<Page> {
    let page = |step, after| Page {
        step,
        before: &[],
        after,
    };
    vec![
        page(StepId::Fb1, vec![Look::Pods, Look::Recognized]),
        page(StepId::Fb2a, vec![Look::WebappsDown]),
        // "There's currently no API available to confirm this."
        page(StepId::Fb2b, vec![]),
        page(StepId::Fb3a, vec![]),
        page(StepId::Fb3b, vec![Look::Snapshot(here)]),
        page(StepId::Fb3c, vec![Look::Snapshot(there)]),
        page(StepId::Fb3e, vec![Look::RestoreStatus]),
        page(StepId::Fb4a, vec![Look::WebappsUp(here)]),
        page(StepId::Fb4b, vec![Look::WebappsUp(there)]),
        page(StepId::Fb5, vec![Look::ExportersOn, Look::LastChange]),
        page(StepId::Fb6, vec![]),
        page(StepId::Fb7, vec![Look::LastChange, Look::Whole]),
    ]
}

impl Hand<'_, '_> {
    /// Until the failover is called done.
    ///
    /// # Errors
    /// Why the person gives up.
    pub(super) async fn fails_over(&mut self) -> Result<(), String> {
        match self.pages(&failover(), false).await {
            Ok(()) => Ok(()),
            Err(Stop::GivesUp(words) | Stop::Dark(words)) => Err(words),
            Err(Stop::Closed) => Err("nobody is left".to_owned()),
        }
    }

    /// Until the failback is called done.
    ///
    /// # Errors
    /// Why the person gives up.
    pub(super) async fn fails_back(&mut self) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..HABITS.failbacks_max {
            let pages = failback(self.here(), self.there());
            match self.pages(&pages, true).await {
                Ok(()) => return Ok(()),
                Err(Stop::GivesUp(words)) => return Err(words),
                Err(Stop::Closed) => return Err("nobody is left".to_owned()),
                Err(Stop::Dark(words)) => last = words,
            }
            // The region is lost once more: the guide's answer to that is its failover, and then its failback from the top.
            self.says(|| "the returning region is dark: fails over again".to_owned());
            self.passes(HABITS.types_ms).await;
            self.pages(&failover(), false).await.map_err(|stop| match stop {
                Stop::GivesUp(words) | Stop::Dark(words) => words,
                Stop::Closed => "nobody is left".to_owned(),
            })?;
            self.says(|| "builds the returning region anew".to_owned());
            // Whoever begins again knows that the name of the first snapshot is taken.
            self.spoilt_snapshots += 1;
            self.scene.strike(Blow::RegionIsBare(self.there()));
            self.passes((10_000, 40_000)).await;
        }
        Err(last)
    }

    async fn pages(&mut self, pages: &[Page], minds_dark: bool) -> Result<(), Stop> {
        for page in pages {
            let mut takes_over = self.chapter == Chapter::Failback && !minds_dark;
            loop {
                match self.page(page, takes_over, minds_dark).await {
                    Ok(()) => break,
                    Err(Stop::Closed) => {
                        self.scene.ear.reached("terminal closed in the middle");
                        self.says(|| format!("is gone in the middle of {}; a colleague goes on", page.step));
                        self.passes(HABITS.colleague_ms).await;
                        takes_over = true;
                    }
                    Err(stop) => return Err(stop),
                }
            }
        }
        Ok(())
    }

    /// One command, until what follows it looks as printed. Whoever takes over looks first, and believes what is printed.
    async fn page(&mut self, page: &Page, takes_over: bool, minds_dark: bool) -> Result<(), Stop> {
        if takes_over && !page.after.is_empty() && self.looks(&page.after, 1).await?.is_none() {
            self.says(|| format!("takes {} for done", page.step));
            return Ok(());
        }
        // What is other than printed before the command does not keep anybody from typing it: the ids are known.
        self.looks(page.before, 3).await?;
        let (mut last, mut cleared) = (String::new(), 0);
        for _ in 0..HABITS.tries_max {
            let mut sent = 0;
            while sent < HABITS.sends_max {
                let types = if sent == 0 {
                    HABITS.types_ms
                } else {
                    HABITS.repeats_ms
                };
                self.passes(types).await;
                sent += 1;
                let looks_max = match self.does(page.step).await? {
                    Verdict::AsPrinted if page.after.is_empty() => return Ok(()),
                    Verdict::AsPrinted => HABITS.looks_max,
                    Verdict::InTheWay(index) if cleared < HABITS.clears_max => {
                        // The error says what to do: a person who reads it does that, and sends the command again.
                        cleared += 1;
                        sent -= 1;
                        self.passes(HABITS.types_ms).await;
                        self.deletes(&index).await?;
                        continue;
                    }
                    Verdict::InTheWay(index) => {
                        last = format!("index {index} stands in the way");
                        continue;
                    }
                    Verdict::Odd(words) => {
                        last = words;
                        let blindly = self.scene.person.percent(HABITS.repeats_blindly_percent);
                        if blindly || page.after.is_empty() {
                            continue;
                        }
                        1
                    }
                };
                match self.looks(&page.after, looks_max).await? {
                    None => return Ok(()),
                    Some(words) => last = words,
                }
            }
            if minds_dark && self.is_dark() {
                return Err(Stop::Dark(format!("{}: {last}", page.step)));
            }
            self.says(|| format!("sits back: {last}"));
            self.passes(HABITS.sits_back_ms).await;
        }
        Err(Stop::GivesUp(format!("{}: {last}", page.step)))
    }

    /// People see in their pods that the returning region, or its search, is down and does not come back.
    fn is_dark(&self) -> bool {
        let status = self.scene.lab.status();
        let region = status.regions.get(self.there().index());
        self.scene.returning_is_dead() || region.is_some_and(|region| !region.search.alive)
    }

    /// Looks at each of these until it is as printed. What is other in the end, if anything is.
    async fn looks(&mut self, looks: &[Look], looks_max: u32) -> Result<Option<String>, Stop> {
        for look in looks {
            let mut other = None;
            for looked in 0..looks_max {
                let types = if looked == 0 {
                    HABITS.types_ms
                } else {
                    HABITS.repeats_ms
                };
                self.passes(types).await;
                other = self.sees(*look).await?;
                if other.is_none() {
                    break;
                }
            }
            if other.is_some() {
                return Ok(other);
            }
        }
        Ok(None)
    }
}
