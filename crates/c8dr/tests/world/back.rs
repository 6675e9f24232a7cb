//! What a failback needs of the world: one region that serves, the other bare, a place outside, and the reckoning.

use std::time::Duration;

use c8dr_domain::check::check;
use c8dr_domain::condition::{Asks, SearchAsks};
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failback::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal};
use c8dr_domain::run::Run;
use c8dr_domain::search::Repository;
use c8dr_domain::topology::ExporterPhase;
use c8dr_engine::drive::Finish;
use c8dr_engine::events::Listener;
use c8dr_engine::observe::{Look, Sources, observe_all};
use c8dr_engine::ports::Zeebe;
use c8dr_lab::{BUCKET, FinalAudit, Region};
use c8dr_storm::rings::names::LabNames;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::{Credentials, Limits, S3, Store};
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::http::Service;
use serde_json::json;

use super::journal::Kept;
use super::wire::{Port, Wire};
use super::{Mortal, REGIONS, World};

/// How long somebody waits for a plan that is refused for what may pass.
const PLAN_LIMIT: Duration = Duration::from_secs(120);

/// No failback of the lab's takes longer, unless it waits for what never comes.
const DRIVE_LIMIT: Duration = Duration::from_secs(1800);

/// How long exporters may take to bring everything to both searches when all is over.
const CAUGHT_UP_LIMIT: Duration = Duration::from_secs(120);

/// What a plan is refused for that passes by itself.
const PASSES: [&str; 5] = [
    "survivor-down",
    "nothing-answers",
    "members-unreadable",
    "platform-unseen",
    "nothing-read",
];

/// The lab's name for a region.
pub(crate) fn region(id: RegionId) -> Region {
    REGIONS[id.0 as usize].1
}

/// Where snapshots go, as everywhere in the lab.
pub(crate) fn repository() -> Repository {
    Repository {
        name: "camunda_backup".to_owned(),
        settings: json!({
            "type": "s3",
            "settings": {"bucket": BUCKET, "client": "camunda", "base_path": "backups"},
        }),
    }
}

/// What a failback is asked for here.
pub(crate) fn request(world: &World, returning: RegionId) -> Request {
    let disk = world.lab.with(|world| world.config().disk);
    Request {
        reserve_bytes: disk.processing_free_bytes_min,
        floor_s: 60,
        ..Request::new(returning, repository())
    }
}

impl World {
    /// With the lab's name server, whose names c8dr points.
    pub(crate) fn with_names(mut self) -> World {
        self.names = Some(LabNames::of(&self.lab));
        self
    }

    /// Keeps direction and journals in memory, outside this "machine".
    pub(crate) fn with_memory(mut self) -> World {
        self.bucket = Some(Box::new(Store::memory(self.clock.clone())));
        self
    }

    /// Keeps direction and journals in the lab's own bucket, by S3's words.
    pub(crate) fn with_bucket(mut self) -> World {
        self.bucket = Some(Box::new(self.s3()));
        self
    }

    /// The lab's bucket, as one machine reaches it.
    pub(crate) fn s3(&self) -> Store {
        let settings = S3 {
            bucket: BUCKET.to_owned(),
            prefix: "c8dr".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: Some(BaseUrl::parse("http://127.0.0.1:9000").unwrap()),
            credentials: Credentials {
                access_key_id: "lab".to_owned(),
                secret_access_key: "lab".into(),
                session_token: None,
            },
            tls: TlsOptions::default(),
            limits: Limits::default(),
        };
        let wire = Wire {
            lab: self.lab.clone(),
            clock: self.clock.clone(),
            plot: self.plot.clone(),
            port: Port::Bucket,
        };
        Store::s3_over(settings, Service::new(wire), self.clock.clone()).unwrap()
    }

    /// Loses a region, fails over, and builds the lost region anew with nothing on it.
    pub(crate) async fn one_region(&mut self, lost: RegionId) {
        self.loss_proven(lost).await;
        let plan = self.plan(lost).unwrap();
        let (finish, _) = self.carry_out(plan, Mortal::default()).await.unwrap();
        assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
        self.clock.sleep(Duration::from_secs(2)).await;
        self.lab.rebuild_bare(region(lost));
        // What is counted and kept from here on is the failback's.
        let mut plot = self.plot.lock().unwrap();
        plot.arrived.clear();
        plot.seen = 0;
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            zeebe: &self.cluster as &dyn Zeebe,
            searches: self.searches.iter().map(|(id, it)| (*id, it.as_ref())).collect(),
            platforms: self.platforms.iter().map(|(id, it)| (*id, it.as_ref())).collect(),
            traffic: None,
        }
    }

    /// Looks at all that a failback's plan is made from.
    pub(crate) async fn look_back(&mut self) {
        let search = SearchAsks {
            indices: true,
            ..SearchAsks::default()
        };
        let asks = Asks {
            both_regions: true,
            platforms: REGIONS.map(|(id, _)| id).into(),
            searches: REGIONS.map(|(id, _)| (id, search.clone())).into(),
            ..Asks::default()
        };
        let reading = observe_all(&self.sources(), &self.clock, Look::Everything, &asks).await;
        self.history.add(reading);
    }

    /// Looks until a failback can be planned, or is refused for what does not pass.
    pub(crate) async fn planned_back(&mut self, request: &Request) -> Result<Plan, Refusal> {
        let began = self.clock.now();
        self.history = Default::default();
        loop {
            self.look_back().await;
            match plan(&self.installation, &self.history, request, self.clock.wall()) {
                Ok(plan) => {
                    assert_eq!(check(&plan, self.history.latest()), vec![]);
                    return Ok(plan);
                }
                Err(refusal)
                    if !PASSES.contains(&refusal.code.as_str())
                        || self.clock.now().since(began) > PLAN_LIMIT =>
                {
                    return Err(refusal);
                }
                Err(_) => self.clock.sleep(Duration::from_millis(500)).await,
            }
        }
    }

    /// The plain failback's plan.
    pub(crate) async fn plan_back(&mut self, returning: RegionId) -> Plan {
        let request = request(self, returning);
        self.planned_back(&request).await.unwrap()
    }

    /// Plans and carries a failback out.
    pub(crate) async fn fail_back(&mut self, returning: RegionId) -> (Finish, Run) {
        let plan = self.plan_back(returning).await;
        self.carry_out(plan, Mortal::default()).await.unwrap()
    }

    /// The same, before the eyes of a listener.
    pub(crate) async fn fail_back_told(
        &mut self,
        returning: RegionId,
        listener: &dyn Listener,
    ) -> (Finish, Run, Kept) {
        let plan = self.plan_back(returning).await;
        let journal = Mortal::default();
        let kept = journal.kept.clone();
        let clock = self.clock.clone();
        let driven = clock
            .timeout(DRIVE_LIMIT, self.carry_out_told(plan, journal, listener))
            .await;
        let last: Vec<String> = (kept.lock().unwrap().iter().rev().take(4))
            .map(|(at, event)| format!("{at} {event:?}"))
            .collect();
        assert!(driven.is_ok(), "it still waits after {DRIVE_LIMIT:?}: {last:#?}");
        let (finish, run) = driven.unwrap().unwrap();
        (finish, run, kept)
    }

    /// Goes on with a run in the next process.
    pub(crate) async fn resume_kept(&mut self, kept: &Kept) -> (Finish, Run) {
        let events = kept.lock().unwrap().clone();
        self.resume(&events, Mortal::reopened(kept)).await.unwrap()
    }

    /// Turns a run round, in the next process, and drives it back to one region.
    pub(crate) async fn abort(&mut self, kept: &Kept) -> (Finish, Run) {
        let events = kept.lock().unwrap().clone();
        let told = |_: &c8dr_engine::events::Told| {};
        let mut driver = self.resumed(&events, Mortal::reopened(kept), &told).unwrap();
        driver
            .turn_round("test".to_owned(), "given up".to_owned())
            .await
            .unwrap()
            .unwrap();
        if driver.run().has_ended() {
            let words = "ended at once".to_owned();
            return (
                Finish::TurnedBack {
                    by_itself: false,
                    words,
                },
                driver.run().clone(),
            );
        }
        let finish = driver.drive().await.unwrap();
        (finish, driver.run().clone())
    }

    /// Lets clients rest until both searches have everything, and reckons.
    pub(crate) async fn reckoned(&self) -> FinalAudit {
        self.lab.with(|world| world.set_load(0.0));
        let began = self.clock.now();
        while !self.lab.exporters_caught_up() && self.clock.now().since(began) < CAUGHT_UP_LIMIT {
            self.clock.sleep(Duration::from_millis(200)).await;
        }
        self.lab.final_audit()
    }

    /// Asserts that both regions serve, by the lab's own truth, and that every promise is kept in the log and in both
    /// searches.
    #[track_caller]
    pub(crate) fn assert_whole(&self, audit: &FinalAudit, context: &str) {
        let status = self.lab.status();
        assert_eq!(status.leaderless, Vec::<u32>::new(), "{context}");
        assert_eq!(status.led_twice, Vec::<u32>::new(), "{context}");
        assert_eq!(status.pending_change, None, "{context}");
        for broker in status.regions.iter().flat_map(|region| &region.brokers) {
            assert!(broker.ready, "{context}: broker {} is not ready", broker.id);
            assert!(
                !broker.leads.is_empty() || !broker.follows.is_empty(),
                "{context}: broker {} holds nothing",
                broker.id
            );
        }
        assert!(audit.acknowledged > 0, "{context}: clients were served");
        assert!(audit.exporters_caught_up, "{context}: {audit:#?}");
        assert!(audit.is_whole(), "{context}: {audit:#?}");
    }

    /// Asserts that one region serves and nothing is paused: on the survivors' own account.
    pub(crate) async fn assert_one_region(&mut self, lost: RegionId, context: &str) {
        let status = self.lab.status();
        assert_eq!(status.leaderless, Vec::<u32>::new(), "{context}");
        assert_eq!(status.pending_change, None, "{context}");
        self.look_back().await;
        let latest = self.history.latest().unwrap();
        let (_, configuration) = latest.configuration().unwrap();
        let survivors = self.installation.brokers_of(lost.other());
        assert_eq!(
            configuration
                .members
                .keys()
                .copied()
                .collect::<std::collections::BTreeSet<_>>(),
            survivors,
            "{context}: members are the survivors"
        );
        let exporters = latest.exporters().unwrap();
        for (id, _) in REGIONS {
            let exporter = &self.installation.region(id).exporter;
            let wanted = if id == lost { "DISABLED" } else { "ENABLED" };
            assert_eq!(
                exporters.get(exporter).map(ToString::to_string).as_deref(),
                Some(wanted),
                "{context}: exporter of region {id}"
            );
        }
        for broker in &survivors {
            let own = latest.brokers[broker].partitions.seen().unwrap();
            for (partition, replica) in own {
                assert_eq!(
                    replica.exporter_phase,
                    Some(ExporterPhase::Exporting),
                    "{context}: partition {partition} on broker {broker}"
                );
            }
        }
    }
}
