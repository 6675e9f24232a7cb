//! Runs written by hand into journals, one event after the other, at fixed times.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and reads better without borrows"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use c8dr::certificate::Certificate;
use c8dr_domain::condition::Known;
use c8dr_domain::diagnose::{Code, Diagnosis};
use c8dr_domain::effect::{Answer, Effect, PlatformEffect, Request, SearchEffect, SearchTask, ZeebeEffect};
use c8dr_domain::facts::{Compared, Facts, SnapshotFacts};
use c8dr_domain::ids::{BrokerId, ChangeId, ExporterId, GatewayName, PartitionId, RegionId, RunId};
use c8dr_domain::installation::Installation;
use c8dr_domain::plan::{Accepted, Class, Kind, Plan, Prediction, Seen, Settled, Step, StepId, Waiting};
use c8dr_domain::record;
use c8dr_domain::run::{Event, Outcome, Stop};
use c8dr_domain::search::{Holding, Holdings};
use c8dr_engine::journal::{FileJournal, Journal, Recovered, Store};
use jiff::{SignedDuration, Timestamp};

pub(crate) const LONDON: RegionId = RegionId(0);
pub(crate) const PARIS: RegionId = RegionId(1);

/// A run written by hand, one event after the other, at fixed times.
pub(crate) struct Written {
    pub(crate) home: tempfile::TempDir,
    pub(crate) run: RunId,
    journal: FileJournal,
    at: Timestamp,
    pub(crate) facts: Facts,
}

impl Written {
    pub(crate) fn begin(plan: &Plan, reason: &str) -> Written {
        let home = tempfile::tempdir().unwrap();
        let run = RunId::new(format!("20260101T120000-000Z-{}", plan.kind.as_str()));
        let journal = Store::at(home.path()).create(&run).unwrap();
        let mut written = Written {
            home,
            run: run.clone(),
            journal,
            at: "2026-01-01T12:00:00Z".parse().unwrap(),
            facts: Facts::of(run.clone()),
        };
        written.tell(Event::Planned {
            run,
            plan: Box::new(plan.clone()),
            fingerprint: record::fingerprint(plan).unwrap(),
            by: "alice@laptop".to_owned(),
            reason: Some(reason.to_owned()),
        });
        written
    }

    pub(crate) fn directory(&self) -> PathBuf {
        Store::at(self.home.path()).directory(&self.run)
    }

    pub(crate) fn recovered(&self) -> Recovered {
        FileJournal::read(&self.directory()).unwrap()
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::of(&self.recovered()).unwrap()
    }

    /// One event, half a second after the one before.
    #[track_caller]
    pub(crate) fn tell(&mut self, event: Event) {
        self.journal.append(self.at, &event).unwrap();
        self.at += SignedDuration::from_millis(500);
    }

    pub(crate) fn gather(&mut self) {
        let facts = Box::new(self.facts.clone());
        self.tell(Event::Gathered { facts });
    }

    /// A step up to its answer.
    pub(crate) fn sent(&mut self, step: &Step, answer: Answer) {
        let id = step.id;
        self.tell(Event::StepBegan { step: id });
        self.tell(Event::Remembered {
            step: id,
            known: known(100),
        });
        self.tell(Event::Intended {
            step: id,
            attempt: 1,
            request: request(&step.effect),
        });
        self.tell(Event::Answered {
            step: id,
            attempt: 1,
            answer,
        });
    }

    pub(crate) fn verified(&mut self, id: StepId) {
        self.tell(Event::StepEnded {
            step: id,
            outcome: Outcome::Verified,
            words: format!("{id} was read back."),
        });
    }

    pub(crate) fn done(&mut self, step: &Step) {
        let answer = match step.effect.begins_change() {
            true => Answer::Accepted {
                change: ChangeId(2),
                planned: Vec::new(),
                members: BTreeMap::new(),
            },
            false => Answer::Done,
        };
        self.sent(step, answer);
        self.verified(step.id);
    }

    pub(crate) fn proven(&mut self, compared: Option<Compared>) {
        self.tell(Event::ProofBegan { known: known(120) });
        if compared.is_some() {
            self.facts.compared = compared;
            self.gather();
        }
        self.tell(Event::Verified {
            words: "Every leader exports.".to_owned(),
        });
    }
}

pub(crate) fn known(position: i64) -> Known {
    Known {
        change: None,
        processed: BTreeMap::from([(PartitionId(1), position), (PartitionId(2), position + 7)]),
    }
}

pub(crate) fn installation(names: [&str; 2]) -> Installation {
    let regions = names
        .into_iter()
        .zip(["elasticsearchregion0", "elasticsearchregion1"])
        .map(|(name, exporter)| (name.to_owned(), ExporterId::new(exporter)))
        .collect();
    Installation::new("camunda", regions, 4, 2, 4).unwrap()
}

pub(crate) fn step(id: StepId, title: &str, effect: impl Into<Effect>) -> Step {
    Step {
        id,
        title: title.to_owned(),
        class: Class::Orderly,
        before: Vec::new(),
        effect: effect.into(),
        after: Vec::new(),
        deadline_ms: 60_000,
        prediction: Prediction {
            what: "its effect".to_owned(),
            from_ms: 0,
            until_ms: 1_000,
        },
        manual: vec![format!("curl -X POST 'http://localhost:9600/{id}'")],
    }
}

pub(crate) fn request(effect: &Effect) -> Request {
    match effect {
        Effect::Zeebe(effect) => Request::Zeebe {
            gateway: GatewayName::new("london-gateway"),
            effect: effect.clone(),
        },
        Effect::Search { region, .. } => Request::Search {
            region: *region,
            effect: SearchEffect::DeleteSnapshot {
                repository: "backup".to_owned(),
                name: "stands for any".to_owned(),
            },
        },
        Effect::Platform { region, effect } => Request::Platform {
            region: *region,
            effect: *effect,
        },
        Effect::CancelOwn | Effect::Traffic { .. } => unreachable!("no plan here cancels, or moves traffic"),
    }
}

pub(crate) fn plan(kind: Kind, names: [&str; 2], steps: Vec<Step>) -> Plan {
    Plan {
        format: record::FORMAT,
        made_at: "2026-01-01T12:00:00Z".parse().unwrap(),
        kind,
        installation: installation(names),
        lost: PARIS,
        seen: Seen::default(),
        diagnosis: Diagnosis {
            code: Code::RegionLost,
            summary: format!("Region {} is lost.", names[1]),
            region: Some(PARIS),
            change: None,
            evidence: vec!["Brokers 1 and 3 do not answer.".to_owned()],
            cost_of_waiting: "Two partitions stand still.".to_owned(),
            next: Vec::new(),
        },
        settled: Vec::new(),
        steps,
        retreat: Vec::new(),
        proof: Vec::new(),
        proof_deadline_ms: 60_000,
        waiting: Waiting {
            possible: true,
            disks_allow_s: None,
            words: "Waiting is possible.".to_owned(),
        },
        accepted: Vec::new(),
        notes: vec!["Until a failback is verified the installation is unprotected.".to_owned()],
    }
}

pub(crate) fn failover_plan(names: [&str; 2]) -> Plan {
    let force = ZeebeEffect::ForceRemove {
        keep: [0, 2].map(BrokerId).into(),
        remove: [1, 3].map(BrokerId).into(),
    };
    let disable = ZeebeEffect::DisableExporter {
        exporter: ExporterId::new("elasticsearchregion1"),
    };
    let steps = vec![
        step(StepId::Fo1, "Remove brokers 1 and 3", force),
        step(StepId::Fo2, "Disable the exporter elasticsearchregion1", disable),
    ];
    Plan {
        accepted: vec![Accepted::Unrecorded {
            reason: "the bucket is in the lost region".to_owned(),
        }],
        ..plan(Kind::Failover, names, steps)
    }
}

pub(crate) fn task(region: RegionId, repository: &str) -> Effect {
    Effect::Search {
        region,
        task: SearchTask::Snapshot {
            repository: repository.to_owned(),
        },
    }
}

pub(crate) fn platform(region: RegionId, effect: PlatformEffect) -> Effect {
    Effect::Platform { region, effect }
}

pub(crate) fn failback_plan() -> Plan {
    let steps = vec![
        step(
            StepId::Fb2a,
            "Take Operate and Tasklist down",
            platform(LONDON, PlatformEffect::WebappsDown),
        ),
        step(StepId::Fb2b, "Pause exporting", ZeebeEffect::PauseExporting),
        step(StepId::Fb3b, "Take the snapshot", task(LONDON, "backup")),
        step(StepId::Fb3e, "Restore the snapshot", task(PARIS, "backup")),
        step(StepId::Fb6, "Resume exporting", ZeebeEffect::ResumeExporting),
    ];
    Plan {
        settled: vec![Settled {
            id: StepId::Fb1,
            title: "Install the release".to_owned(),
            why: "Brokers 1 and 3 are listed, and hold nothing.".to_owned(),
        }],
        ..plan(Kind::Failback, ["london", "paris"], steps)
    }
}

pub(crate) fn holdings(count: u64) -> Holdings {
    [1, 2]
        .map(|partition| {
            let holding = Holding {
                count: count + u64::from(partition),
                hash: "0123456789abcdef".repeat(4),
                highest: Some(130),
            };
            (PartitionId(partition), holding)
        })
        .into()
}

pub(crate) fn compared() -> Compared {
    Compared {
        up_to: [(PartitionId(1), 131), (PartitionId(2), 132)].into(),
        held: [(LONDON, holdings(40)), (PARIS, holdings(40))].into(),
    }
}

/// A failover that was interrupted in its second step.
pub(crate) fn failover(names: [&str; 2], reason: &str) -> Written {
    let plan = failover_plan(names);
    let mut written = Written::begin(&plan, reason);
    written.done(&plan.steps[0]);
    written.sent(
        &plan.steps[1],
        Answer::Unknown {
            status: Some(504),
            detail: format!("{reason} timed out"),
        },
    );
    written.tell(Event::Stopped {
        stop: Stop::Interrupted,
        words: format!("Interrupted: {reason}"),
    });
    written
}

/// It goes on, and is verified.
pub(crate) fn failed_over(names: [&str; 2], reason: &str) -> Written {
    let mut written = failover(names, reason);
    written.tell(Event::Resumed {
        by: "bob@desk".to_owned(),
    });
    written.verified(StepId::Fo2);
    written.proven(None);
    written
}

/// A failback, verified, whose facts are as `change` makes them.
pub(crate) fn failed_back(change: impl FnOnce(&mut Facts, &mut Compared)) -> Written {
    let plan = failback_plan();
    let mut written = Written::begin(&plan, "drill");
    let mut facts = Facts {
        positions: [(PartitionId(1), 105), (PartitionId(2), 112)].into(),
        clusters: [
            (LONDON, "london-uuid".to_owned()),
            (PARIS, "paris-uuid".to_owned()),
        ]
        .into(),
        snapshot: Some(SnapshotFacts {
            name: "c8dr-1".to_owned(),
            uuid: Some("snapshot-uuid".to_owned()),
            indices: ["operate".to_owned()].into(),
            documents: [("operate".to_owned(), 82), ("zeebe-record".to_owned(), 86)].into(),
        }),
        ..Facts::of(written.run.clone())
    };
    let mut compared = compared();
    change(&mut facts, &mut compared);
    written.facts = facts;
    for (index, step) in plan.steps.iter().enumerate() {
        written.done(step);
        if index == 1 {
            written.gather();
        }
    }
    written.proven(Some(compared));
    written
}
