//! The same disasters without c8dr: people who have nothing but what is published, and a terminal.
//!
//! - [`habits`] are the rules by which a person works: the printed procedure says what to type and what to see, and nothing
//!   of how long it takes, or of what to do when something else is seen.
//! - `printed` is the printed procedure, `scripts` the way of the published tests.

mod deeds;
pub mod habits;
mod looks;
mod printed;
mod scripts;
mod terminal;

use c8dr_domain::plan::Kind;

use crate::fault::Chapter;
use crate::life::Ending;
use crate::planner::Planner;
use crate::scene::Scene;
use terminal::Hand;

impl Scene<'_> {
    /// Until the failover is called done by whoever works by hand. An ending if it never is.
    pub(crate) async fn fail_over_by_hand(&mut self) -> Option<Ending> {
        let by = self.planner;
        let mut hand = Hand::new(self, Chapter::Failover);
        let done = match by {
            Planner::Scripts => hand.scripts_over().await,
            Planner::C8dr | Planner::Guide => hand.fails_over().await,
        };
        self.called_done(Kind::Failover, done).await
    }

    /// Until the failback is called done by whoever works by hand. An ending if it never is.
    pub(crate) async fn fail_back_by_hand(&mut self) -> Option<Ending> {
        let by = self.planner;
        let mut hand = Hand::new(self, Chapter::Failback);
        let done = match by {
            Planner::Scripts => hand.scripts_back().await,
            Planner::C8dr | Planner::Guide => hand.fails_back().await,
        };
        let ending = self.called_done(Kind::Failback, done).await;
        if ending.is_none() {
            self.rest(true).await;
        }
        ending
    }

    async fn called_done(&mut self, kind: Kind, done: Result<(), String>) -> Option<Ending> {
        match done {
            Ok(()) => {
                self.ear.person(|| format!("calls the {} done", kind.as_str()));
                self.ear.heard().judge.called_done(kind);
                None
            }
            Err(words) => {
                self.ear.person(|| format!("gives up: {words}"));
                self.rest(false).await;
                Some(Ending::Waiting(words))
            }
        }
    }

    /// The guide wants to be sure that a region is lost for good, and that the new one is clean: a person who sees that it is
    /// not so waits.
    pub(crate) async fn waits_by_hand(&mut self, from_ms: u64, to_ms: u64) {
        let pause = self.person.between_ms(from_ms, to_ms);
        self.clock.sleep(pause).await;
    }
}
