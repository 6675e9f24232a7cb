//! The published end-to-end tests of 8.6, run as scripts: their order, their waits, their checks (spec: procedure.md §6 and §12,
//! columns "test"; baseline.md, "published EKS test"). Where these do not say how something is checked, the careful way is taken.

use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_lab::Blow;
use serde_json::Value;

use super::habits::HABITS;
use super::looks::exporter;
use super::terminal::{Closed, Hand, Shown, To, Typed};

/// The published budgets (spec: procedure.md §6).
struct Budget {
    /// Between two looks at a change, a deployment, or two tries of a request.
    every: Duration,
    /// Before the first look at the forced removal.
    first: Duration,
    /// Looks at the forced removal: 5 minutes.
    force: u32,
    /// Looks at an exporter's change, and at the adding of brokers: 15 minutes.
    change: u32,
    /// Looks until all brokers are listed.
    deployed: u32,
    /// Tries of a request that meets a broken connection or a 5xx.
    tries: u32,
    /// Between two tries to pause or resume.
    exporting_every: Duration,
    /// Tries to pause or resume.
    exporting_tries: u32,
}

const BUDGET: Budget = Budget {
    every: Duration::from_secs(15),
    first: Duration::from_secs(5),
    force: 20,
    change: 60,
    deployed: 30,
    tries: 8,
    exporting_every: Duration::from_secs(30),
    exporting_tries: 10,
};

/// Milliseconds that a command takes, with its port-forward or `kubectl exec`, of which each gets its own: from, to.
const COMMAND_MS: (u64, u64) = (1_000, 3_000);

/// As often somebody starts a script again that has ended with an error: as often as c8dr's person begins runs.
const STARTS_MAX: u32 = 4;

/// Why a script ends before its end.
enum Stop {
    Closed,
    Fails(String),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Stop {
        Stop::Closed
    }
}

impl Hand<'_, '_> {
    /// Until the failover's script has ended well.
    ///
    /// # Errors
    /// With what it ends every time.
    pub(super) async fn scripts_over(&mut self) -> Result<(), String> {
        self.command_ms = Some(COMMAND_MS);
        let mut last = String::new();
        for _ in 0..STARTS_MAX {
            match self.failover_script().await {
                Ok(()) => return Ok(()),
                Err(stop) => last = self.starts_again(stop).await,
            }
        }
        Err(last)
    }

    /// Until the failback's script has ended well.
    ///
    /// # Errors
    /// With what it ends every time.
    pub(super) async fn scripts_back(&mut self) -> Result<(), String> {
        self.command_ms = Some(COMMAND_MS);
        let mut last = String::new();
        for _ in 0..STARTS_MAX {
            match self.failback_script().await {
                Ok(()) => return Ok(()),
                Err(stop) => last = self.starts_again(stop).await,
            }
            if self.scene.returning_is_dead() {
                self.says(|| {
                    "the returning region is dark: runs the failover's script, and builds anew".to_owned()
                });
                self.scripts_over().await?;
                self.scene.strike(Blow::RegionIsBare(self.there()));
                self.passes((10_000, 40_000)).await;
            }
        }
        Err(last)
    }

    async fn starts_again(&mut self, stop: Stop) -> String {
        let words = match stop {
            Stop::Closed => {
                self.scene.ear.reached("terminal closed in the middle");
                "the terminal is closed".to_owned()
            }
            Stop::Fails(words) => words,
        };
        self.says(|| format!("the script ends: {words}; starts it again"));
        self.passes(HABITS.colleague_ms).await;
        words
    }

    async fn failover_script(&mut self) -> Result<(), Stop> {
        self.tries(StepId::Fo1).await?;
        self.scene.clock.sleep(BUDGET.first).await;
        self.polls("force", BUDGET.force, async |hand| hand.has_completed().await)
            .await?;
        self.tries(StepId::Fo2).await?;
        self.polls("disable", BUDGET.change, async |hand| {
            hand.exporter_is("DISABLED").await
        })
        .await
    }

    async fn failback_script(&mut self) -> Result<(), Stop> {
        self.tries(StepId::Fb1).await?;
        self.polls("deploy", BUDGET.deployed, async |hand| {
            hand.all_are_listed().await
        })
        .await?;
        self.exports("pause", StepId::Fb2b).await?;
        self.tries(StepId::Fb2a).await?;
        for step in [StepId::Fb3a, StepId::Fb3b, StepId::Fb3c, StepId::Fb3e] {
            self.tries(step).await?;
        }
        self.tries(StepId::Fb5).await?;
        self.polls("enable", BUDGET.change, async |hand| {
            hand.exporter_is("ENABLED").await
        })
        .await?;
        self.tries(StepId::Fb7).await?;
        self.polls("add", BUDGET.change, async |hand| hand.has_completed().await)
            .await?;
        self.exports("resume", StepId::Fb6).await?;
        self.tries(StepId::Fb4a).await?;
        self.tries(StepId::Fb4b).await
    }

    /// Sends a step's request until there is an answer that is no 5xx. Whatever else is answered is good.
    async fn tries(&mut self, step: StepId) -> Result<(), Stop> {
        let mut last = String::new();
        for _ in 0..BUDGET.tries {
            match self.types(step).await? {
                Shown::Answer { status, .. } if status < 500 => return Ok(()),
                shown => last = shown.words(),
            }
            self.scene.clock.sleep(BUDGET.every).await;
        }
        Err(Stop::Fails(format!("{step}: {last}")))
    }

    /// Pauses or resumes: any HTTP status of 20x is good, whatever the body says.
    async fn exports(&mut self, verb: &str, step: StepId) -> Result<(), Stop> {
        let mut last = String::new();
        for _ in 0..BUDGET.exporting_tries {
            match self.exporting(verb, step).await? {
                Shown::Answer { status, .. } if (200..210).contains(&status) => return Ok(()),
                shown => last = shown.words(),
            }
            self.scene.clock.sleep(BUDGET.exporting_every).await;
        }
        Err(Stop::Fails(format!("{step}: {last}")))
    }

    async fn polls(
        &mut self,
        what: &str,
        looks: u32,
        mut is_so: impl AsyncFnMut(&mut Self) -> Result<bool, Closed>,
    ) -> Result<(), Stop> {
        for _ in 0..looks {
            if is_so(self).await? {
                return Ok(());
            }
            self.scene.clock.sleep(BUDGET.every).await;
        }
        Err(Stop::Fails(format!("{what} has not come to its end")))
    }

    async fn has_completed(&mut self) -> Result<bool, Closed> {
        let shown = self.look(Typed::get(To::Management, "/actuator/cluster")).await?;
        let json = shown.json();
        let is_pending = json.get("pendingChange").is_some_and(|change| !change.is_null());
        let so = json["lastChange"]["status"] == "COMPLETED" && !is_pending;
        self.says(|| {
            format!(
                "sees that the change is {}",
                if so { "completed" } else { "not completed" }
            )
        });
        Ok(so)
    }

    async fn exporter_is(&mut self, status: &str) -> Result<bool, Closed> {
        let shown = self
            .look(Typed::get(To::Management, "/actuator/exporters"))
            .await?;
        let id = exporter(self.there());
        let json = shown.json();
        let own = json
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["exporterId"] == id);
        let seen = own.map_or(&Value::Null, |own| &own["status"]);
        self.says(|| format!("sees that {id} is {seen}"));
        Ok(seen == status)
    }

    async fn all_are_listed(&mut self) -> Result<bool, Closed> {
        let shown = self.look(Typed::get(To::Rest, "/v2/topology")).await?;
        let json = shown.json();
        let listed = json["brokers"].as_array().map_or(0, Vec::len);
        self.says(|| format!("sees {listed} brokers"));
        Ok(listed == self.scene.disaster.brokers as usize)
    }
}
