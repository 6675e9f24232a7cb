//! `/actuator/exporting`: a broadcast behind a check of the gateway's own view, answered HTTP 200 whatever comes of it.

use c8dr_engine::clock::Moment;

use crate::api::wire::Wrapped;
use crate::api::{Answer, Asked, JSON, Reply};
use crate::chance::Stream;
use crate::cluster::plan::java_list;
use crate::cluster::raft::ExporterPhase;
use crate::cluster::text;
use crate::ids::BrokerId;
use crate::world::{Power, World};

impl World {
    pub(crate) fn exporting_endpoint(&mut self, asked: &Asked<'_>, verb: &str) -> Answer {
        let Ok(soft) = asked.call.flag("soft") else {
            return self.spring(400, &asked.call.path);
        };
        let phase = match (verb, soft) {
            ("pause", false) => ExporterPhase::Paused,
            ("pause", true) => ExporterPhase::SoftPaused,
            ("resume", _) => ExporterPhase::Exporting,
            _ => {
                return Answer::Soon(Reply::json(200, JSON, &Wrapped::failed(None)));
            }
        };
        let mut span = self.config.timings.pause_answer;
        if phase == ExporterPhase::Exporting && self.chance.happens(Stream::Answer, 0.4) {
            // A bulk in flight holds the answer back (recorded: 20 ms or 1.5 s).
            span = self.config.timings.resume_answer_slow;
        }
        let at = self.now + self.chance.span(Stream::Answer, span);
        if let Err(text) = self.complete_topology(asked.broker) {
            return Answer::Soon(Reply::json(200, JSON, &Wrapped::failed(Some(text))));
        }
        let outcome = self.broadcast_phase(asked.broker, phase);
        let (at, outcome) = self.held_up(asked, at, outcome);
        let body = match outcome {
            Ok(()) => Wrapped::done(),
            // A broadcast, not a transaction: whoever was reached has done it (edge-cases E3).
            Err(text) => Wrapped::failed(Some(text)),
        };
        Answer::At(at, Reply::json(200, JSON, &body))
    }

    /// A broker answers when its exporters do not sit in a call any more (recorded: 1.56 s with a slow search); the gateway
    /// does not wait for ever. The phase is set by then (not recorded: that one follows from how phases are stored).
    fn held_up(
        &self,
        asked: &Asked<'_>,
        at: Moment,
        outcome: Result<(), String>,
    ) -> (Moment, Result<(), String>) {
        let gives_up = asked.at + self.config.timings.create_timeout;
        let heard = |id: &BrokerId| *id == asked.broker || self.hear(asked.broker, *id);
        let sitting = self
            .listed_by(asked.broker)
            .into_iter()
            .filter(heard)
            .filter_map(|id| {
                let until = self.exporters_sit_until(id, self.now)?;
                Some((until, id))
            });
        match sitting.max() {
            Some((until, id)) if until > gives_up => {
                let host = self.broker(id).map(|b| b.host.clone()).unwrap_or_default();
                let timed_out = format!("Request to {host}:26501 timed out");
                (gives_up, outcome.and(Err(timed_out)))
            }
            Some((until, _)) => (at.max(until), outcome),
            None => (at, outcome),
        }
    }

    fn complete_topology(&self, gateway: BrokerId) -> Result<(), String> {
        let (Some(broker), Some(c)) = (self.broker(gateway), self.configuration(gateway)) else {
            return Err("Found 0 partitions but expected 1".to_owned());
        };
        let view = &broker.view;
        let factor = c.replication_factor();
        let described = || {
            let leaders: Vec<String> = view
                .partition_order
                .iter()
                .filter_map(|p| view.leader(*p).map(|b| format!("{p}={b}")))
                .collect();
            format!(
                "current topology: BrokerClusterStateImpl{{partitionLeaders={{{}}}, brokers={}, partitions={}, clusterSize={}, partitionsCount={}, replicationFactor={factor}}}",
                leaders.join(", "),
                java_list(&view.listed),
                java_list(&view.partition_order),
                c.members.len(),
                self.config.partitions
            )
        };
        for partition in &view.partition_order {
            if view.leader(*partition).is_none() {
                return Err(format!(
                    "Leader -2 of partition {partition} is not known, {}",
                    described()
                ));
            }
        }
        for partition in &view.partition_order {
            let found = view.holders(*partition);
            if found != factor {
                return Err(format!(
                    "Expected {factor} members of partition {partition} but found {found}, {}",
                    described()
                ));
            }
        }
        Ok(())
    }

    fn broadcast_phase(&mut self, gateway: BrokerId, phase: ExporterPhase) -> Result<(), String> {
        let mut outcome = Ok(());
        for id in self.listed_by(gateway) {
            if gateway == id || self.hear(gateway, id) {
                self.set_phase(id, phase);
                continue;
            }
            let host = self.broker(id).map(|b| b.host.clone()).unwrap_or_default();
            let closed = self
                .broker_mut(gateway)
                .is_some_and(|b| b.broken_connections.remove(&id));
            let frozen = self.broker(id).is_some_and(|b| b.power == Power::Frozen);
            outcome = Err(if closed {
                text::connection_closed(self.trace(), &host, 26501)
            } else if frozen || !self.linked(gateway.region(), id.region()) {
                format!("Request to {host}:26501 timed out")
            } else {
                text::connection_refused(&host, 26501)
            });
        }
        outcome
    }
}
