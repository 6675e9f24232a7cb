//! `/actuator/cluster` and `/actuator/exporters`: routed to the coordinator, planned there, refused as recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use c8dr_engine::clock::Moment;
use http::Method;
use serde::Deserialize;

use crate::api::wire::{self, ExporterStatus, PlannedBody};
use crate::api::{Answer, Asked, JSON, Reply};
use crate::cluster::configuration::{Configuration, Deed, Operation};
use crate::cluster::plan;
use crate::cluster::text::{self, KnownMember};
use crate::ids::BrokerId;
use crate::world::{Broker, Power, World};

#[derive(Deserialize, Default)]
#[serde(default)]
struct PatchBody {
    brokers: PatchBrokers,
    partitions: PatchPartitions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PatchBrokers {
    add: Vec<Id>,
    remove: Vec<Id>,
    count: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PatchPartitions {
    count: Option<u32>,
    replication_factor: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct EnableBody {
    initialize_from: Option<String>,
}

/// Ids are taken as numbers and as strings (recorded).
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u32),
    Text(String),
}

fn ids(list: &[Id]) -> Option<BTreeSet<BrokerId>> {
    let id = |i: &Id| match i {
        Id::Number(n) => Some(BrokerId(*n)),
        Id::Text(t) => t.parse().ok().map(BrokerId),
    };
    list.iter().map(id).collect()
}

/// Where a request is to go and under which name.
#[derive(Clone, Copy)]
struct Errand {
    to: Option<BrokerId>,
    subject: &'static str,
}

impl World {
    pub(crate) fn cluster_endpoint(&mut self, asked: &Asked<'_>, rest: &[&str]) -> Answer {
        let call = asked.call;
        match (call.method.as_str(), rest) {
            ("GET", []) => match self.ask_coordinator(asked) {
                Ok(c) => Answer::Soon(Reply::written(self.cluster_body(&c))),
                Err(answer) => answer,
            },
            ("PATCH", []) => self.patch_cluster(asked),
            ("POST", ["brokers"]) => self.post_brokers(asked),
            ("POST" | "DELETE", ["brokers", id]) => self.one_broker(asked, id),
            ("POST", ["partitions"]) => Answer::Soon(Reply::text(501, "Scaling partitions is not supported")),
            ("DELETE", ["changes", id]) => self.cancel(asked, id),
            _ => self.spring(405, &call.path),
        }
    }

    /// Carries a question to a broker as a gateway does; by default to the lowest member (spec: api.md §2.1).
    fn at_coordinator(
        &mut self,
        asked: &Asked<'_>,
        errand: Errand,
    ) -> Result<(BrokerId, Arc<Configuration>), Answer> {
        let own = self.configuration(asked.broker).cloned();
        let to = errand.to.or_else(|| own.as_ref().and_then(|c| c.coordinator()));
        let Some(to) = to else {
            return Err(Answer::Soon(Reply::message(
                500,
                "Cluster configuration is not initialized",
            )));
        };
        self.reach(asked.broker, to, errand.subject, asked.at)?;
        match self.configuration(to).cloned() {
            Some(configuration) => Ok((to, configuration)),
            None => Err(Answer::Soon(Reply::message(
                500,
                "Cluster configuration is not initialized",
            ))),
        }
    }

    /// Asks the coordinator for its configuration, as a gateway does.
    pub(crate) fn ask_coordinator(&mut self, asked: &Asked<'_>) -> Result<Arc<Configuration>, Answer> {
        let errand = Errand {
            to: None,
            subject: "topology-query",
        };
        self.at_coordinator(asked, errand)
            .map(|(_, configuration)| configuration)
    }

    fn reach(&mut self, from: BrokerId, to: BrokerId, subject: &str, since: Moment) -> Result<(), Answer> {
        if from == to {
            return Ok(());
        }
        if !self.still_listed(from, to) {
            let text = text::unknown_member(subject, to, &self.known_members(from));
            return Err(Answer::Soon(Reply::message(502, text)));
        }
        if self.hear(from, to) {
            return Ok(());
        }
        let host = self.broker(to).map(|b| b.host.clone()).unwrap_or_default();
        let dead = self
            .broker(to)
            .is_none_or(|b| b.power == Power::Down || !b.answers() && b.power == Power::Up);
        if dead && self.linked(from.region(), to.region()) {
            return Err(Answer::Soon(self.dead_connection(from, to, &host)));
        }
        let gives_up = since + self.config.timings.coordinator_timeout;
        if self.now < gives_up {
            return Err(Answer::Again(gives_up, None));
        }
        Err(Answer::Soon(Reply::message(
            504,
            format!("Request to member '{to}' timed out"),
        )))
    }

    /// The first call on a connection that died says so; the next ones cannot connect (edge-cases E8).
    fn dead_connection(&mut self, from: BrokerId, to: BrokerId, host: &str) -> Reply {
        let breaks = |b: &Broker| b.broken_connections.contains(&to);
        // Only asked about, so that a broker that has nothing to forget stays as it is.
        if self.broker(from).is_some_and(breaks) {
            if let Some(own) = self.broker_mut(from) {
                own.broken_connections.remove(&to);
            }
            let channel = u64::from(to.0) * 7_919 + self.trace();
            return Reply::message(500, text::connection_closed(channel, host, 26502));
        }
        Reply::message(502, text::connection_refused(host, 26502))
    }

    fn known_members(&self, gateway: BrokerId) -> Vec<KnownMember> {
        let Some(view) = self.broker(gateway).map(|b| &b.view) else {
            return Vec::new();
        };
        let size = u32::try_from(self.configuration(gateway).map_or(0, |c| c.members.len())).unwrap_or(0);
        let mut known = Vec::new();
        for id in self.listed_by(gateway) {
            let roles = view
                .heard
                .get(&id)
                .map(|h| h.roles.iter().map(|(p, term)| (*p, term.is_some())).collect());
            known.push(KnownMember {
                id,
                host: self.broker(id).map(|b| b.host.clone()).unwrap_or_default(),
                cluster_size: size,
                partitions: self.config.partitions,
                replication_factor: self.config.replication_factor,
                roles: roles.unwrap_or_default(),
            });
        }
        known
    }

    fn post_brokers(&mut self, asked: &Asked<'_>) -> Answer {
        let call = asked.call;
        let factor = call
            .query
            .get("replicationFactor")
            .map(|v| v.parse::<i64>())
            .transpose();
        let (Ok(force), Ok(dry), Ok(factor)) = (call.flag("force"), call.flag("dryRun"), factor) else {
            return self.spring(400, &call.path);
        };
        let list: Option<Vec<Id>> = serde_json::from_slice(&call.body).ok();
        let Some(brokers) = list.as_deref().and_then(ids) else {
            return self.spring(400, &call.path);
        };
        if force {
            self.force(asked, &brokers, dry)
        } else {
            self.scale(asked, &brokers, factor, dry)
        }
    }

    fn force(&mut self, asked: &Asked<'_>, retain: &BTreeSet<BrokerId>, dry: bool) -> Answer {
        // A forced change goes to the lowest broker that stays (spec: api.md §2.1).
        let errand = Errand {
            to: retain.first().copied(),
            subject: "topology-force-scale-down",
        };
        match self.at_coordinator(asked, errand) {
            Ok((at, c)) => self.planned(at, &c, plan::force(&c, self.order, retain), dry),
            Err(answer) => answer,
        }
    }

    fn scale(
        &mut self,
        asked: &Asked<'_>,
        brokers: &BTreeSet<BrokerId>,
        factor: Option<i64>,
        dry: bool,
    ) -> Answer {
        match self.at_coordinator(
            asked,
            Errand {
                to: None,
                subject: "topology-member-scale",
            },
        ) {
            Ok((at, c)) => self.planned(at, &c, plan::scale(&c, self.order, brokers, factor), dry),
            Err(answer) => answer,
        }
    }

    fn patch_cluster(&mut self, asked: &Asked<'_>) -> Answer {
        let call = asked.call;
        let (Ok(force), Ok(dry)) = (call.flag("force"), call.flag("dryRun")) else {
            return self.spring(400, &call.path);
        };
        let Ok(body) = serde_json::from_slice::<PatchBody>(&call.body) else {
            return self.spring(400, &call.path);
        };
        let (Some(add), Some(remove)) = (ids(&body.brokers.add), ids(&body.brokers.remove)) else {
            return self.spring(400, &call.path);
        };
        let refuse = |message: &str| Answer::Soon(Reply::message(400, message));
        if force {
            if body.brokers.count.is_some() {
                return refuse("Cannot force change the broker count.");
            }
            if !add.is_empty() {
                return refuse("Cannot force add brokers");
            }
            if body.partitions.count.is_some() {
                return refuse("Cannot force change the partition count.");
            }
            if body.partitions.replication_factor.is_some() {
                return refuse("Cannot force change the replication factor.");
            }
            if remove.is_empty() {
                return refuse("Must provide a set of brokers to force remove.");
            }
        } else if !add.is_disjoint(&remove) {
            return refuse("Cannot add and remove the same member in the same request");
        } else if body.brokers.count.is_some() && !(add.is_empty() && remove.is_empty()) {
            return refuse(
                "Cannot change brokers count and add/remove brokers at the same time. Specify either the new brokersCount or brokers to add and remove.",
            );
        }
        let members: BTreeSet<_> = self
            .configuration(asked.broker)
            .map(|c| c.members.keys().copied().collect())
            .unwrap_or_default();
        if force {
            let retain = members.difference(&remove).copied().collect();
            return self.force(asked, &retain, dry);
        }
        let brokers = match body.brokers.count {
            Some(count) => (0..count).map(BrokerId).collect(),
            None => members
                .union(&add)
                .copied()
                .filter(|b| !remove.contains(b))
                .collect(),
        };
        self.scale(asked, &brokers, body.partitions.replication_factor, dry)
    }

    fn one_broker(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let Ok(executor) = id.parse().map(BrokerId) else {
            return self.spring(400, &asked.call.path);
        };
        let Ok(dry) = asked.call.flag("dryRun") else {
            return self.spring(400, &asked.call.path);
        };
        let adds = asked.call.method == Method::POST;
        let subject = if adds {
            "topology-member-join"
        } else {
            "topology-member-leave"
        };
        let (at, c) = match self.at_coordinator(asked, Errand { to: None, subject }) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let operations = match (adds, c.members.contains_key(&executor)) {
            (true, false) => vec![Operation {
                executor,
                deed: Deed::BrokerAdd,
            }],
            (false, true) => vec![Operation {
                executor,
                deed: Deed::BrokerLeave,
            }],
            _ => Vec::new(),
        };
        self.planned(at, &c, Ok(operations), dry)
    }

    /// Answers with the plan, and begins it unless it was only asked for.
    fn planned(
        &mut self,
        coordinator: BrokerId,
        c: &Configuration,
        operations: Result<Vec<Operation>, String>,
        dry: bool,
    ) -> Answer {
        let operations = match operations {
            Ok(operations) => operations,
            Err(message) => return Answer::Soon(Reply::message(400, message)),
        };
        if c.pending.is_some() {
            // A pending change blocks everything, dry runs and forced removals included (README §6.5, §6.11).
            return Answer::Soon(Reply::message(409, text::conflict(c, self.order, self.wall)));
        }
        let nothing = operations.is_empty();
        let last = c.last_change.map_or(0, |l| l.id);
        let body = PlannedBody {
            change_id: if nothing { last } else { c.next_change_id() },
            current_topology: wire::members(&c.members, self.wall),
            planned_changes: operations.iter().map(|o| wire::operation(o, None)).collect(),
            expected_topology: wire::members(&c.after(&operations, self.now), self.wall),
        };
        if !dry && !nothing {
            self.start_change(coordinator, operations);
        }
        Answer::Soon(Reply::json(202, JSON, &body))
    }

    fn cancel(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        match asked.call.flag("dryRun") {
            Ok(false) => {}
            Ok(true) => {
                return Answer::Soon(Reply::text(
                    501,
                    "Dry run is not supported for cancelling changes",
                ));
            }
            Err(_) => return self.spring(400, &asked.call.path),
        }
        let Ok(id) = id.parse::<u64>() else {
            return Answer::Soon(Reply::message(400, "Change id must be a number"));
        };
        // Cancelling goes to the default coordinator, and fails when that is dead (edge-cases E9).
        let (at, c) = match self.at_coordinator(
            asked,
            Errand {
                to: None,
                subject: "topology-change-cancel",
            },
        ) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let refusal = match &c.pending {
            None => Some("because no change is in progress"),
            Some(p) if p.id != id => Some("because it is not the current change"),
            Some(_) => None,
        };
        if let Some(why) = refusal {
            return Answer::Soon(Reply::message(400, format!("Cannot cancel change {id} {why}")));
        }
        self.cancel_change(at);
        match self.configuration(at) {
            Some(c) => Answer::Soon(Reply::json(200, JSON, &wire::cluster(c, self.wall))),
            None => self.spring(500, &asked.call.path),
        }
    }

    pub(crate) fn exporters_endpoint(&mut self, asked: &Asked<'_>, rest: &[&str]) -> Answer {
        match (asked.call.method.as_str(), rest) {
            ("GET", []) => match self.ask_coordinator(asked) {
                Ok(c) => Answer::Soon(Reply::written(self.exporters_body(&c))),
                Err(answer) => answer,
            },
            ("POST", [id, "disable"]) => self.disable(asked, id),
            ("POST", [id, "enable"]) => self.enable(asked, id),
            (_, []) => self.spring(405, &asked.call.path),
            _ => self.spring(404, &asked.call.path),
        }
    }

    fn disable(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let Ok(dry) = asked.call.flag("dryRun") else {
            return self.spring(400, &asked.call.path);
        };
        match self.at_coordinator(
            asked,
            Errand {
                to: None,
                subject: "topology-exporter-disable",
            },
        ) {
            Ok((at, c)) => self.planned(at, &c, plan::disable(&c, self.order, id), dry),
            Err(answer) => answer,
        }
    }

    fn enable(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let Ok(dry) = asked.call.flag("dryRun") else {
            return self.spring(400, &asked.call.path);
        };
        let from = if asked.call.body.is_empty() {
            None
        } else {
            match serde_json::from_slice::<EnableBody>(&asked.call.body) {
                Ok(body) => body.initialize_from,
                Err(_) => return self.spring(400, &asked.call.path),
            }
        };
        match self.at_coordinator(
            asked,
            Errand {
                to: None,
                subject: "topology-exporter-enable",
            },
        ) {
            Ok((at, c)) => self.planned(at, &c, plan::enable(&c, self.order, id, from.as_deref()), dry),
            Err(answer) => answer,
        }
    }
}

/// One line per exporter: what all replicas agree on, or what is on its way.
pub(crate) fn exporter_states(c: &Configuration) -> Vec<ExporterStatus> {
    let placed = || c.members.values().flat_map(|m| m.partitions.values());
    let known: BTreeSet<&String> = placed().flat_map(|p| p.exporters.keys()).collect();
    let mut states = Vec::new();
    for id in known {
        let mut on = placed().filter_map(|p| p.exporters.get(id)).map(|e| e.enabled);
        let (some_on, all_on) = (on.clone().any(|e| e), on.all(|e| e));
        let pending = c.pending.as_ref().into_iter().flat_map(|p| &p.pending);
        let under_way = pending.map(|o| &o.deed).find_map(|d| match d {
            Deed::Disable { exporter, .. } if exporter == id => Some("DISABLING"),
            Deed::Enable { exporter, .. } if exporter == id => Some("ENABLING"),
            _ => None,
        });
        // All pending operations still to come change nothing here (recorded: 3-stuck); a mixture tells which way it goes.
        let status = match (some_on, all_on) {
            (_, true) => "ENABLED",
            (false, _) => "DISABLED",
            (true, false) => under_way.unwrap_or("UNKNOWN"),
        };
        states.push(ExporterStatus {
            exporter_id: id.clone(),
            status,
        });
    }
    states
}
