//! All steps of a failback, FB1 to FB7, with what must hold before and after each.
//!
//! `spec: procedure.md §5`. Which of them are owed is decided by what is observed; see the module above.

use super::Request;
use crate::condition::Condition;
use crate::effect::{Effect, PlatformEffect, SearchTask, ZeebeEffect};
use crate::ids::{ExporterId, RegionId, counted};
use crate::installation::Installation;
use crate::picture::Picture;
use crate::plan::{Class, Prediction, Step, StepId};
use crate::planted::{self, Bug};
use crate::search::Repository;
use crate::topology::ExporterStatus;

/// How long pods may take to come or go.
const PODS_DEADLINE_MS: u64 = 900_000;
/// How long a rebuilt region may take until its brokers are listed. Recorded: 16 to 26 s after the start.
const REBUILD_DEADLINE_MS: u64 = 1_800_000;
/// How long the exporters may take to hand over what they hold. Recorded: up to 5.2 s; a slow search takes longer.
const DRAIN_DEADLINE_MS: u64 = 300_000;
/// How long a repository may take to be registered and seen.
const REPOSITORY_DEADLINE_MS: u64 = 120_000;
/// How long a snapshot or a restore may take: data decides; the disks' room is watched all the time.
const COPY_DEADLINE_MS: u64 = 86_400_000;
/// How long an exporter may take to be enabled. Recorded: 0.6 to 1.9 s.
const ENABLE_DEADLINE_MS: u64 = 600_000;
/// How long a resume may take to be seen on every broker. Recorded: 0.01 to 1.5 s; incomplete partitions, 10 s.
const RESUME_DEADLINE_MS: u64 = 300_000;
/// How long the brokers may take to join. Recorded: 9.5 to 14 s without data.
const ADD_DEADLINE_MS: u64 = 7_200_000;

struct Ground<'a> {
    picture: &'a Picture<'a>,
    installation: &'a Installation,
    request: &'a Request,
}

/// All steps, in order.
pub(super) fn steps(picture: &Picture<'_>, request: &Request) -> Vec<Step> {
    let ground = Ground {
        picture,
        installation: picture.installation,
        request,
    };
    let mut steps = vec![ground.install()];
    if request.webapps {
        steps.push(ground.webapps_down());
    }
    steps.extend([
        ground.pause(),
        ground.register(),
        ground.snapshot(),
        ground.register_there(),
        ground.clear_the_way(),
        ground.restore(),
    ]);
    if request.webapps {
        steps.push(ground.webapps_up(StepId::Fb4a, ground.here()));
        steps.push(ground.webapps_up(StepId::Fb4b, ground.there()));
    }
    steps.extend([ground.enable(), ground.resume(), ground.add()]);
    steps.extend(ground.traffic_back());
    if planted::is(Bug::EnableAfterResume) {
        let resume = steps.iter().position(|step| step.id == StepId::Fb6).unwrap_or(1);
        steps.swap(resume - 1, resume);
    }
    steps
}

impl Ground<'_> {
    fn here(&self) -> RegionId {
        self.request.returning.other()
    }

    fn there(&self) -> RegionId {
        self.request.returning
    }

    /// The replicas that every partition has in the surviving region: two, or three where it was reinforced.
    fn replicas_here(&self) -> u32 {
        let usual = self.installation.regional_replicas();
        let least = self.picture.replicas_within(self.here()).map(|(least, _)| least);
        least
            .and_then(|least| u32::try_from(least).ok())
            .map_or(usual, |least| least.max(usual))
    }

    fn name(&self, region: RegionId) -> &str {
        &self.installation.region(region).name
    }

    fn exporter(&self, region: RegionId) -> ExporterId {
        self.installation.region(region).exporter.clone()
    }

    fn is(&self, region: RegionId, status: ExporterStatus) -> Condition {
        Condition::Exporter {
            exporter: self.exporter(region),
            status,
        }
    }

    fn unmoved(&self) -> Condition {
        Condition::Unmoved {
            exporter: self.exporter(self.here()),
        }
    }

    fn room(&self) -> Condition {
        Condition::RoomLeft {
            brokers: self.installation.brokers_of(self.here()),
            floor_s: self.request.floor_s,
            reserve_bytes: self.request.reserve_bytes,
        }
    }

    fn joined(&self) -> Condition {
        Condition::Joined {
            brokers: self.installation.brokers_of(self.there()),
        }
    }

    fn led_here(&self) -> Condition {
        Condition::Led {
            by: self.installation.brokers_of(self.here()),
        }
    }

    fn well(region: RegionId) -> Condition {
        Condition::SearchWell { region }
    }

    fn repository(&self) -> String {
        self.request.repository.name.clone()
    }

    fn whole(&self, region: RegionId) -> Condition {
        Condition::SnapshotWhole {
            region,
            repository: self.repository(),
        }
    }

    fn install(&self) -> Step {
        let there = self.there();
        Step {
            id: StepId::Fb1,
            title: format!(
                "Install the release in region {}, without Operate and Tasklist",
                self.name(there)
            ),
            class: Class::Orderly,
            before: vec![
                Condition::NothingPending,
                Condition::Up {
                    brokers: self.installation.brokers_of(self.here()),
                },
                // Everything after rests on it: without it nothing is installed, and no webapp taken down, for nothing.
                Self::well(self.here()),
                Condition::NothingLeft { region: there },
            ],
            effect: Effect::Platform {
                region: there,
                effect: PlatformEffect::Install,
            },
            after: vec![
                self.joined(),
                Condition::NoWebapps { region: there },
                Self::well(there),
            ],
            deadline_ms: REBUILD_DEADLINE_MS,
            prediction: predicted(
                "brokers listed, Running and not Ready: that is right",
                16_000,
                300_000,
            ),
            manual: self.request.commands(there, PlatformEffect::Install),
        }
    }

    fn webapps_down(&self) -> Step {
        let here = self.here();
        Step {
            id: StepId::Fb2a,
            title: format!("Take Operate and Tasklist of region {} down", self.name(here)),
            class: Class::Orderly,
            before: [self.joined(), Self::well(here)]
                .into_iter()
                .chain(self.writes_arrive())
                .collect(),
            effect: Effect::Platform {
                region: here,
                effect: PlatformEffect::WebappsDown,
            },
            after: vec![Condition::NoWebapps { region: here }],
            deadline_ms: PODS_DEADLINE_MS,
            prediction: predicted("no pod left, not even one that terminates", 1_000, 60_000),
            manual: self.request.commands(here, PlatformEffect::WebappsDown),
        }
    }

    fn pause(&self) -> Step {
        let (here, there) = (self.here(), self.there());
        let mut before = vec![self.joined()];
        before.extend(self.no_webapps());
        before.extend([
            Condition::NothingPending,
            self.led_here(),
            Condition::Complete {
                replication_factor: self.replicas_here(),
            },
            self.is(here, ExporterStatus::Enabled),
            self.is(there, ExporterStatus::Disabled),
            Self::well(here),
            Self::well(there),
            self.room(),
        ]);
        before.extend(self.writes_arrive());
        let manual = &self.request.management;
        Step {
            id: StepId::Fb2b,
            title: "Pause exporting, and wait until nothing is in the exporters' hands".to_owned(),
            class: Class::Orderly,
            before,
            effect: ZeebeEffect::PauseExporting.into(),
            after: vec![
                Condition::ExportingPaused {
                    brokers: self.installation.brokers_of(here),
                },
                Condition::Drained {
                    exporter: self.exporter(here),
                },
                Self::well(here),
                Self::well(there),
                self.room(),
            ],
            deadline_ms: DRAIN_DEADLINE_MS,
            prediction: predicted("paused at once, drained some seconds later", 100, 8_000),
            manual: vec![
                format!(
                    "curl -X POST '{manual}/actuator/exporting/pause'   # read `status` in the body, not the HTTP status"
                ),
                "curl 'http://EACH-BROKER:9600/actuator/partitions'   # exporterPhase PAUSED everywhere"
                    .to_owned(),
                format!(
                    "curl 'http://EACH-LEADER:9600/actuator/prometheus' | grep -E 'zeebe_exporter_last_(updated_)?exported_position.*{}'   # equal for each partition it leads",
                    self.exporter(here)
                ),
            ],
        }
    }

    /// Before anything is paused or taken down for it: a search that brokers do not reach holds up both exporters.
    fn writes_arrive(&self) -> Option<Condition> {
        let exporters = || [self.here(), self.there()].map(|region| (region, self.exporter(region)));
        self.request.trial_writes.then(|| Condition::WritesArrive {
            from: self.here(),
            exporters: exporters().into(),
        })
    }

    fn no_webapps(&self) -> Vec<Condition> {
        match self.request.webapps {
            true => vec![
                Condition::NoWebapps { region: self.here() },
                Condition::NoWebapps { region: self.there() },
            ],
            false => Vec::new(),
        }
    }

    fn register(&self) -> Step {
        let here = self.here();
        let Repository { name, settings } = &self.request.repository;
        Step {
            id: StepId::Fb3a,
            title: format!("Register the repository {name} in region {}", self.name(here)),
            class: Class::Orderly,
            before: vec![Self::well(here), self.unmoved(), self.room()],
            effect: Effect::Search {
                region: here,
                task: SearchTask::Register {
                    repository: name.clone(),
                    settings: settings.clone(),
                    anew: false,
                },
            },
            after: vec![
                Condition::Registered {
                    region: here,
                    repository: self.request.repository.clone(),
                },
                self.room(),
            ],
            deadline_ms: REPOSITORY_DEADLINE_MS,
            prediction: predicted("acknowledged, and verified from every node", 50, 5_000),
            manual: vec![format!(
                "curl -X PUT '{}/_snapshot/{name}' -H 'Content-Type: application/json' -d '{settings}'",
                self.request.search(here)
            )],
        }
    }

    fn snapshot(&self) -> Step {
        let here = self.here();
        let mut before = vec![Self::well(here), self.unmoved()];
        before.extend(self.no_webapps());
        before.extend([
            Condition::Registered {
                region: here,
                repository: self.request.repository.clone(),
            },
            self.room(),
        ]);
        let mut after = vec![self.whole(here), self.unmoved()];
        if self.request.webapps {
            after.extend([self.here(), self.there()].map(|region| Condition::StillNoWebapps { region }));
        }
        after.push(self.room());
        let (search, repository) = (self.request.search(here), self.repository());
        Step {
            id: StepId::Fb3b,
            title: format!("Take a snapshot of the search of region {}", self.name(here)),
            class: Class::Orderly,
            before,
            effect: Effect::Search {
                region: here,
                task: SearchTask::Snapshot {
                    repository: repository.clone(),
                },
            },
            after,
            deadline_ms: COPY_DEADLINE_MS,
            prediction: predicted(
                "SUCCESS, no shard failed; the data decides how long",
                1_000,
                600_000,
            ),
            manual: vec![
                format!("curl -X PUT '{search}/_snapshot/{repository}/NAME'   # a name that was never used"),
                format!(
                    "curl '{search}/_snapshot/{repository}/NAME'   # SUCCESS, shards.failed 0; PARTIAL is a failure"
                ),
            ],
        }
    }

    fn register_there(&self) -> Step {
        let there = self.there();
        let name = self.repository();
        let settings = readonly(&self.request.repository.settings);
        Step {
            id: StepId::Fb3c,
            title: format!(
                "Register the repository {name} in region {}, and see the snapshot from there",
                self.name(there)
            ),
            class: Class::Orderly,
            before: vec![
                self.whole(self.here()),
                Self::well(there),
                self.unmoved(),
                self.room(),
            ],
            effect: Effect::Search {
                region: there,
                task: SearchTask::Register {
                    repository: name.clone(),
                    settings: settings.clone(),
                    anew: true,
                },
            },
            after: vec![
                Condition::Registered {
                    region: there,
                    repository: Repository {
                        name: name.clone(),
                        settings: settings.clone(),
                    },
                },
                self.whole(there),
                self.room(),
            ],
            deadline_ms: REPOSITORY_DEADLINE_MS,
            prediction: predicted(
                "acknowledged; the snapshot is listed with the same uuid",
                50,
                5_000,
            ),
            manual: vec![
                format!(
                    "curl -X DELETE '{}/_snapshot/{name}'   # 404 is fine",
                    self.request.search(there)
                ),
                format!(
                    "curl -X PUT '{}/_snapshot/{name}' -H 'Content-Type: application/json' -d '{settings}'",
                    self.request.search(there)
                ),
                format!(
                    "curl '{}/_snapshot/{name}/NAME'   # the same uuid",
                    self.request.search(there)
                ),
            ],
        }
    }

    fn clear_the_way(&self) -> Step {
        let there = self.there();
        let mut before = vec![
            Self::well(there),
            self.unmoved(),
            self.whole(self.here()),
            self.whole(there),
            Condition::NothingRealInTheWay { region: there },
            self.room(),
        ];
        before.extend(self.no_webapps());
        Step {
            id: StepId::Fb3d,
            title: format!(
                "Delete indices without documents that stand in the way in region {}",
                self.name(there)
            ),
            class: Class::Orderly,
            before,
            effect: Effect::Search {
                region: there,
                task: SearchTask::ClearTheWay,
            },
            after: vec![Condition::WayClear { region: there }, self.room()],
            deadline_ms: REPOSITORY_DEADLINE_MS,
            prediction: predicted("nothing to do, as a rule", 0, 5_000),
            manual: vec![
                format!(
                    "curl '{}/_cat/indices?h=index,docs.count'   # none of the snapshot's may be there",
                    self.request.search(there)
                ),
                format!(
                    "curl -X DELETE '{}/INDEX'   # one by one, only those with 0 documents",
                    self.request.search(there)
                ),
            ],
        }
    }

    fn restore(&self) -> Step {
        let there = self.there();
        let mut before = vec![
            Self::well(there),
            self.unmoved(),
            self.whole(self.here()),
            self.whole(there),
            Condition::WayClear { region: there },
            self.room(),
        ];
        before.extend(self.no_webapps());
        let (search, repository) = (self.request.search(there), self.repository());
        Step {
            id: StepId::Fb3e,
            title: format!("Restore the snapshot in region {}", self.name(there)),
            class: Class::Orderly,
            before,
            effect: Effect::Search {
                region: there,
                task: SearchTask::Restore {
                    repository: repository.clone(),
                },
            },
            after: vec![
                Condition::Restored { region: there },
                Self::well(there),
                self.unmoved(),
                self.room(),
            ],
            deadline_ms: COPY_DEADLINE_MS,
            prediction: predicted(
                "every index with its documents; the data decides how long",
                1_000,
                600_000,
            ),
            manual: vec![
                format!(
                    "curl -X POST '{search}/_snapshot/{repository}/NAME/_restore' -H 'Content-Type: application/json' -d '{{\"indices\": \"INDEX,INDEX\", \"include_global_state\": false}}'"
                ),
                format!(
                    "curl '{search}/_recovery'   # every shard DONE; `_status` tells of the snapshot instead"
                ),
                format!(
                    "curl '{search}/_cat/indices?h=index,docs.count'   # as in region {}",
                    self.name(self.here())
                ),
            ],
        }
    }

    /// The surviving region's come up while the returning one's are started: exporting is paused, and one wait for both is
    /// shorter than two.
    fn webapps_up(&self, id: StepId, region: RegionId) -> Step {
        let up = match id {
            StepId::Fb4a => vec![Condition::WebappsStarted { region }],
            _ => vec![
                Condition::WebappsUp { region },
                Condition::WebappsUp {
                    region: region.other(),
                },
            ],
        };
        // The last chance to take it again: once webapps run in the returning region its search is not the snapshot's any
        // more.
        let before = vec![self.unmoved(), self.room()];
        Step {
            id,
            title: format!("Bring Operate and Tasklist of region {} up", self.name(region)),
            class: Class::Orderly,
            before,
            effect: Effect::Platform {
                region,
                effect: PlatformEffect::WebappsUp,
            },
            after: up.into_iter().chain([self.room()]).collect(),
            deadline_ms: PODS_DEADLINE_MS,
            prediction: match id {
                StepId::Fb4a => predicted("pods start at once", 0, 60_000),
                _ => predicted(
                    "pods of both regions ready; they show nothing new before FB6",
                    1_000,
                    180_000,
                ),
            },
            manual: self.request.commands(region, PlatformEffect::WebappsUp),
        }
    }

    fn enable(&self) -> Step {
        let (here, there) = (self.here(), self.there());
        let (own, theirs) = (self.exporter(here), self.exporter(there));
        let manual = &self.request.management;
        Step {
            id: StepId::Fb5,
            title: format!("Enable the exporter {theirs} at the position of {own}"),
            class: Class::Orderly,
            before: vec![
                Condition::NothingPending,
                Condition::Up {
                    brokers: self.installation.brokers_of(here),
                },
                self.is(here, ExporterStatus::Enabled),
                self.is(there, ExporterStatus::Disabled),
                Self::well(here),
                Self::well(there),
                self.unmoved(),
                self.room(),
            ],
            effect: ZeebeEffect::EnableExporter {
                exporter: theirs.clone(),
                initialize_from: own.clone(),
            }
            .into(),
            after: vec![
                Condition::ChangeEnded,
                self.is(there, ExporterStatus::Enabled),
                self.is(here, ExporterStatus::Enabled),
                // Who resumes before every partition has its exporter on has exported to one search only: that is seen here,
                // where there is still a way back.
                self.unmoved(),
                self.room(),
            ],
            deadline_ms: ENABLE_DEADLINE_MS,
            prediction: predicted("COMPLETED within two seconds", 300, 2_500),
            manual: vec![
                format!(
                    "curl -X POST '{manual}/actuator/exporters/{theirs}/enable' -H 'Content-Type: application/json' -d '{{\"initializeFrom\": \"{own}\"}}'"
                ),
                format!("curl '{manual}/actuator/exporters'   # both ENABLED"),
                format!(
                    "curl '{manual}/actuator/cluster' | jq '{{pendingChange, lastChange}}'   # ours, COMPLETED, nothing pending"
                ),
            ],
        }
    }

    fn resume(&self) -> Step {
        let (here, there) = (self.here(), self.there());
        let manual = &self.request.management;
        Step {
            id: StepId::Fb6,
            title: "Resume exporting".to_owned(),
            class: Class::Safety,
            before: vec![
                Condition::NothingPending,
                self.is(here, ExporterStatus::Enabled),
                self.is(there, ExporterStatus::Enabled),
            ],
            effect: ZeebeEffect::ResumeExporting.into(),
            after: vec![Condition::ExportingOn {
                brokers: self.installation.brokers_of(here),
            }],
            deadline_ms: RESUME_DEADLINE_MS,
            prediction: predicted("EXPORTING by every broker's own account", 0, 3_000),
            manual: vec![
                format!(
                    "curl -X POST '{manual}/actuator/exporting/resume'   # read `status` in the body, not the HTTP status"
                ),
                "curl 'http://EACH-BROKER:9600/actuator/partitions'   # exporterPhase EXPORTING everywhere"
                    .to_owned(),
            ],
        }
    }

    fn add(&self) -> Step {
        let all = self.installation.brokers();
        let returning = self.installation.brokers_of(self.there());
        let replication_factor = self.installation.replication_factor();
        let is_reinforced = self.picture.is_reinforced(self.here());
        // Where survivors were reinforced the number of replicas is right before their places are.
        let placed = is_reinforced.then(|| Condition::Placed {
            members: all.clone(),
            replication_factor,
        });
        let ids: Vec<String> = all.iter().map(|broker| format!("\"{broker}\"")).collect();
        let manual = &self.request.management;
        Step {
            id: StepId::Fb7,
            title: format!(
                "Add {} of the returning region {}",
                counted("broker", &returning),
                self.name(self.there())
            ),
            class: Class::Orderly,
            before: vec![
                Condition::NothingPending,
                self.joined(),
                Condition::Up { brokers: all.clone() },
                Condition::ExportingOn {
                    brokers: self.installation.brokers_of(self.here()),
                },
                Condition::Led { by: all.clone() },
            ],
            effect: ZeebeEffect::AddBrokers {
                all: all.clone(),
                replication_factor,
            }
            .into(),
            after: vec![
                Condition::ChangeEnded,
                Condition::Members {
                    exactly: all.clone(),
                    replication_factor,
                },
                Condition::Led { by: all },
                Condition::Complete { replication_factor },
                Condition::Ready { brokers: returning },
            ]
            .into_iter()
            .chain(placed)
            .collect(),
            deadline_ms: ADD_DEADLINE_MS,
            prediction: match is_reinforced {
                false => predicted(
                    "COMPLETED after about a second per replica; listed some seconds later",
                    9_500,
                    30_000,
                ),
                true => predicted(
                    "COMPLETED after about a second per replica that joins or leaves; listed some seconds later",
                    20_000,
                    90_000,
                ),
            },
            manual: vec![
                format!(
                    "curl -X POST '{manual}/actuator/cluster/brokers?replicationFactor={replication_factor}' -H 'Content-Type: application/json' -d '[{}]'   # never with force",
                    ids.join(", ")
                ),
                format!(
                    "curl '{manual}/actuator/cluster' | jq '{{pendingChange, lastChange}}'   # ours, COMPLETED, nothing pending"
                ),
                format!(
                    "curl 'http://localhost:8080/v2/topology'   # one leader and {} followers per partition",
                    replication_factor - 1
                ),
            ],
        }
    }
}

impl Ground<'_> {
    /// Users are sent to the returning region only when it serves as the other one does.
    fn traffic_back(&self) -> Option<Step> {
        let all = self.installation.brokers();
        let before = vec![
            Condition::Members {
                exactly: all.clone(),
                replication_factor: self.installation.replication_factor(),
            },
            Condition::Led { by: all },
            Condition::Complete {
                replication_factor: self.installation.replication_factor(),
            },
            Condition::Ready {
                brokers: self.installation.brokers_of(self.there()),
            },
        ];
        let traffic = self.request.traffic.as_ref()?;
        Some(traffic.back(self.installation, before))
    }
}

/// The same settings, for a cluster that only reads.
fn readonly(settings: &serde_json::Value) -> serde_json::Value {
    let mut settings = settings.clone();
    if let Some(inner) = settings
        .get_mut("settings")
        .and_then(serde_json::Value::as_object_mut)
    {
        inner.insert("readonly".to_owned(), true.into());
    }
    settings
}

fn predicted(what: &str, from_ms: u64, until_ms: u64) -> Prediction {
    Prediction {
        what: what.to_owned(),
        from_ms,
        until_ms,
    }
}
