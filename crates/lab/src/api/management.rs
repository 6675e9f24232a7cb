//! The management port: which path is what, and the per-broker endpoints (spec: api.md §5).

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;

use crate::api::wire::{ByNumber, ClockBody, Empty, PartitionBody};
use crate::api::{ACTUATOR, Answer, Asked, Reply};
use crate::cluster::raft::{ExporterPhase, Role};
use crate::ids::BrokerId;
use crate::world::{Stage, World};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    components: BTreeMap<&'static str, Component>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<[&'static str; 3]>,
}

#[derive(Serialize)]
struct Component {
    status: &'static str,
}

impl World {
    pub(crate) fn management(&mut self, asked: &Asked<'_>) -> Answer {
        let path = asked.call.path.trim_end_matches('/');
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let method = &asked.call.method;
        let [first, rest @ ..] = segments.as_slice() else {
            return self.spring(404, &asked.call.path);
        };
        if *first != "actuator" {
            return self.spring(404, &asked.call.path);
        }
        match rest {
            ["cluster", rest @ ..] => self.cluster_endpoint(asked, rest),
            ["exporters", rest @ ..] => self.exporters_endpoint(asked, rest),
            ["exporting", verb] if *method == Method::POST => self.exporting_endpoint(asked, verb),
            ["partitions", rest @ ..] => self.partitions_endpoint(asked, rest),
            ["health", rest @ ..] if *method == Method::GET => self.health_endpoint(asked, rest),
            ["rebalance"] if *method == Method::POST => {
                self.rebalance();
                Answer::Soon(Reply::empty(200))
            }
            ["prometheus"] if *method == Method::GET => self.prometheus(asked.broker),
            ["configprops", prefix] if *method == Method::GET => Self::configprops(prefix),
            ["rebalance" | "prometheus"] | ["health", ..] => self.spring(405, &asked.call.path),
            _ => self.spring(404, &asked.call.path),
        }
    }

    /// Of all that a broker is configured with, whether it flushes. Not recorded: the form is Spring's, the names are those of
    /// the documented settings.
    fn configprops(prefix: &str) -> Answer {
        let raft = serde_json::json!({"enablePriorityElection": true, "flush": {"enabled": true, "delayTime": "PT0S"}});
        let bean =
            serde_json::json!({"prefix": prefix, "properties": {"cluster": {"raft": raft}}, "inputs": {}});
        let name = format!("{prefix}-io.camunda.zeebe.broker.system.configuration.BrokerCfg");
        let body = serde_json::json!({"contexts": {"Zeebe": {"beans": {name: bean}}}});
        Answer::Soon(Reply::json(200, ACTUATOR, &body))
    }

    fn health_endpoint(&self, asked: &Asked<'_>, rest: &[&str]) -> Answer {
        let broker = self.broker(asked.broker);
        let ready = broker.is_some_and(|b| b.ready);
        let started = broker.is_some_and(|b| b.stage == Stage::Running);
        let readiness = if ready { "UP" } else { "OUT_OF_SERVICE" };
        let startup = if started { "UP" } else { "DOWN" };
        let working = if ready { "UP" } else { "DOWN" };
        let one = |name, status| BTreeMap::from([(name, Component { status })]);
        let health = match rest {
            [] => Health {
                status: working,
                components: [
                    ("brokerReady", readiness),
                    ("brokerStartup", startup),
                    ("brokerStatus", working),
                ]
                .into_iter()
                .map(|(name, status)| (name, Component { status }))
                .collect(),
                groups: Some(["readiness", "startup", "status"]),
            },
            ["readiness"] => Health {
                status: readiness,
                components: one("brokerReady", readiness),
                groups: None,
            },
            ["startup"] => Health {
                status: startup,
                components: one("brokerStartup", startup),
                groups: None,
            },
            ["status"] => Health {
                status: working,
                components: one("brokerStatus", working),
                groups: None,
            },
            _ => return self.spring(404, &asked.call.path),
        };
        let status = if health.status == "UP" { 200 } else { 503 };
        Answer::Soon(Reply::json(status, ACTUATOR, &health))
    }

    fn partitions_endpoint(&mut self, asked: &Asked<'_>, rest: &[&str]) -> Answer {
        match (asked.call.method.clone(), rest) {
            (Method::OPTIONS, []) => Answer::Soon(Reply::empty(200)),
            (Method::GET, []) => self.read_partitions(asked),
            (Method::POST, [verb]) => self.partitions_verb(asked, verb),
            (_, [] | [_]) => self.spring(405, &asked.call.path),
            _ => self.spring(404, &asked.call.path),
        }
    }

    /// Hangs while leaders step down or exporters sit in a call, and gives up with an empty object (baseline §4, edge-cases
    /// E1, E6).
    fn read_partitions(&mut self, asked: &Asked<'_>) -> Answer {
        match self.partitions_wait(asked) {
            Answer::Again(at, ticket) => Answer::Again(at, ticket),
            Answer::Soon(true) | Answer::At(_, true) => Answer::Soon(Reply::json(200, ACTUATOR, &Empty {})),
            Answer::Soon(false) | Answer::At(_, false) => Answer::Soon(self.partitions_told(asked.broker)),
        }
    }

    /// How long whoever asks a broker for its partitions is kept waiting, and then whether for nothing.
    pub(crate) fn partitions_wait(&self, asked: &Asked<'_>) -> Answer<bool> {
        let broker = asked.broker;
        let gives_up = asked.at + self.config.timings.partitions_hang_limit;
        let hang = self
            .partitions_hang(broker)
            .filter(|(from, until)| *from <= self.now && self.now < *until);
        // A broker that its configuration calls a member, but that has no data, does not answer either (E9).
        let member = self
            .configuration(broker)
            .is_some_and(|c| c.members.contains_key(&broker));
        let without_data = member && self.broker(broker).is_some_and(|b| b.replicas.is_empty());
        let placed = self.configuration(broker).and_then(|c| c.members.get(&broker));
        let without_data = without_data && placed.is_some_and(|m| !m.partitions.is_empty());
        if let Some((_, until)) = hang
            && self.now < gives_up
        {
            return Answer::Again(until.min(gives_up), None);
        }
        if without_data && self.now < gives_up {
            return Answer::Again(gives_up, None);
        }
        let sits = self.exporters_looked_at_again(broker, asked.at);
        if let Some(again) = sits
            && self.now < gives_up
        {
            return Answer::Again(again.min(gives_up), None);
        }
        Answer::Soon(hang.is_some() || without_data || sits.is_some())
    }

    /// What a broker tells of its partitions. From one time to the next mostly its clock alone is another: that is written
    /// over what was said before.
    fn partitions_told(&mut self, id: BrokerId) -> Reply {
        let Some(touched) = self.broker(id).map(|own| own.touched) else {
            return Reply::empty(404);
        };
        let instant = self.wall.milli(self.now);
        if let Some((then, body, clocks)) = self.kept.partitions.get_mut(&id)
            && *then == touched
        {
            for at in clocks {
                body[*at..*at + instant.len()].copy_from_slice(instant.as_bytes());
            }
            return Reply {
                status: 200,
                content_type: Some(ACTUATOR),
                body: body.clone(),
            };
        }
        let reply = self.partitions_body(id);
        let is_clock = |(_, text): &(usize, &[u8])| *text == instant.as_bytes();
        let windows = reply.body.windows(instant.len()).enumerate();
        let clocks = windows.filter(is_clock).map(|(at, _)| at).collect();
        let kept = (touched, reply.body.clone(), clocks);
        self.kept.partitions.insert(id, kept);
        reply
    }

    fn partitions_body(&self, id: BrokerId) -> Reply {
        let Some(broker) = self.broker(id) else {
            return Reply::empty(404);
        };
        let instant = self.wall.milli(self.now);
        let mut bodies = Vec::new();
        for (partition, replica) in broker.replicas.iter().filter(|(_, r)| r.role != Role::Absent) {
            let leads = replica.role == Role::Leader;
            let snapshot = replica.snapshot.as_ref();
            bodies.push((
                partition.0,
                PartitionBody {
                    role: if leads { "LEADER" } else { "FOLLOWER" },
                    processed_position: replica.committed_position(),
                    snapshot_id: snapshot
                        .map(|s| format!("{}-{}-{}-{}-{id}", s.index, s.term, s.processed, s.exported)),
                    processed_position_in_snapshot: snapshot.map(|s| s.processed),
                    stream_processor_phase: match (replica.processing_paused, leads) {
                        (true, _) => "PAUSED",
                        (false, true) => "PROCESSING",
                        (false, false) => "REPLAY",
                    },
                    exporter_phase: replica.phase.name(),
                    exported_position: self.exported_position(id, *partition),
                    clock: ClockBody {
                        instant: instant.clone(),
                        modification_type: "None",
                        modification: Empty {},
                    },
                },
            ));
        }
        Reply::json(200, ACTUATOR, &ByNumber(bodies))
    }

    /// Per-broker verbs: they need no leader, no other broker and no gateway view (edge-cases E3).
    fn partitions_verb(&mut self, asked: &Asked<'_>, verb: &str) -> Answer {
        let id = asked.broker;
        match verb {
            "pauseExporting" => self.set_phase(id, ExporterPhase::Paused),
            "softPauseExporting" => self.set_phase(id, ExporterPhase::SoftPaused),
            "resumeExporting" => self.set_phase(id, ExporterPhase::Exporting),
            "pauseProcessing" | "resumeProcessing" => {
                let paused = verb == "pauseProcessing";
                for replica in self
                    .broker_mut(id)
                    .into_iter()
                    .flat_map(|b| b.replicas.values_mut())
                {
                    replica.processing_paused = paused;
                }
            }
            "takeSnapshot" => {
                for partition in self.partition_ids() {
                    let led = self.replica_mut(id, partition).filter(|r| r.role == Role::Leader);
                    if let Some(replica) = led {
                        replica.take_snapshot(0);
                        self.share_snapshot(id, partition);
                    }
                }
            }
            "prepareUpgrade" => {}
            _ => return Answer::Soon(Reply::empty(204)),
        }
        Answer::Soon(self.partitions_body(id))
    }
}
