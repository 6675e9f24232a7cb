//! `/actuator/**` of a gateway or a broker. `spec: api.md §2–§5`

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::exporting::BrokerMetrics;
use c8dr_domain::ids::BrokerId;
use c8dr_domain::observation::Sight;
use c8dr_domain::planted::{self, Bug};
use c8dr_domain::ready::survey::Flush;
use c8dr_domain::topology::{ClusterConfiguration, Exporters, OwnPartitions};
use http::Method;

use super::endpoints::Limits;
use super::said::Sayings;
use super::verdict::{Expected, answer};
use super::wire;
use crate::base_url::segment;
use crate::call::{Call, Caller, Door, Reply};
use crate::http::Fault;
use crate::reading::{sight, understood};

/// One management endpoint.
pub(super) struct Management<'a> {
    pub(super) caller: &'a Caller,
    pub(super) door: &'a Door,
    pub(super) limits: &'a Limits,
    pub(super) sayings: &'a Sayings,
}

impl Management<'_> {
    pub(super) async fn configuration(&self) -> Sight<ClusterConfiguration> {
        let reply = self.get("/actuator/cluster", self.limits.read).await;
        sight(reply, |body| {
            self.sayings.configurations.read(body, wire::configuration)
        })
    }

    pub(super) async fn exporters(&self) -> Sight<Exporters> {
        let reply = self.get("/actuator/exporters", self.limits.read).await;
        sight(reply, |body| self.sayings.exporters.read(body, wire::exporters))
    }

    pub(super) async fn partitions(&self) -> Sight<OwnPartitions> {
        let reply = self.get("/actuator/partitions", self.limits.partitions).await;
        let read = |body: &[u8]| self.sayings.partitions.read(body, wire::own_partitions);
        match sight(reply, read) {
            Sight::Seen(partitions) if partitions.is_empty() => Sight::Empty,
            seen => seen,
        }
    }

    pub(super) async fn ready(&self) -> Sight<bool> {
        match self.get("/actuator/health/readiness", self.limits.read).await {
            // Spring says "no" by 503; only with its body is it the broker that says so, not a proxy.
            Ok(reply) if reply.status == 503 => match understood(&reply, wire::ready) {
                Sight::Seen(_) => Sight::Seen(false),
                other => other,
            },
            reply => sight(reply, wire::ready),
        }
    }

    pub(super) async fn metrics(&self) -> Sight<BrokerMetrics> {
        let call = Call {
            // The page is half a megabyte, is read several times a second during a drain, and tells a report nothing.
            kept_bytes_max: 1024,
            ..Call::get("/actuator/prometheus", self.limits.metrics)
        };
        sight(self.caller.call(self.door, call).await, wire::broker_metrics)
    }

    /// A broker that does not show its configuration answers 404: then it is not said.
    pub(super) async fn flush(&self) -> Sight<Flush> {
        let call = Call {
            // Hundreds of settings, which tell a report nothing.
            kept_bytes_max: 1024,
            ..Call::get("/actuator/configprops/zeebe.broker", self.limits.read)
        };
        match self.caller.call(self.door, call).await {
            Ok(reply) if reply.status == 404 => Sight::Seen(Flush::Unsaid),
            reply => sight(reply, wire::flush),
        }
    }

    /// Sends `effect`, once.
    pub(super) async fn perform(&self, effect: &ZeebeEffect, mode: Mode) -> Answer {
        match effect {
            ZeebeEffect::ForceRemove { keep, .. } => {
                let path = format!("/actuator/cluster/brokers?force=true{}", dry("&", mode));
                self.change(Method::POST, &path, Some(ids(keep)), Expected::Planned)
                    .await
            }
            ZeebeEffect::DisableExporter { exporter } => {
                let path = format!(
                    "/actuator/exporters/{}/disable{}",
                    segment(exporter.as_str()),
                    dry("?", mode)
                );
                self.change(Method::POST, &path, None, Expected::Planned).await
            }
            ZeebeEffect::CancelChange { change } => {
                // A dry run is answered 501, without effect. `spec: api.md §2.5`
                let path = format!("/actuator/cluster/changes/{change}{}", dry("?", mode));
                self.change(Method::DELETE, &path, None, Expected::Configuration)
                    .await
            }
            ZeebeEffect::PauseExporting => {
                self.exporting("/actuator/exporting/pause", mode, Expected::Wrapped)
                    .await
            }
            ZeebeEffect::ResumeExporting => {
                self.exporting("/actuator/exporting/resume", mode, Expected::Wrapped)
                    .await
            }
            // Here the door is the broker's own, and its answer shows its partitions in their new phase.
            ZeebeEffect::ResumeExportingOn { .. } => {
                self.exporting("/actuator/partitions/resumeExporting", mode, Expected::Exporting)
                    .await
            }
            ZeebeEffect::EnableExporter {
                exporter,
                initialize_from,
            } => {
                let path = format!(
                    "/actuator/exporters/{}/enable{}",
                    segment(exporter.as_str()),
                    dry("?", mode)
                );
                let body = match planted::is(Bug::EnableWithoutInitializeFrom) {
                    true => "{}".to_owned(),
                    false => serde_json::json!({ "initializeFrom": initialize_from.as_str() }).to_string(),
                };
                self.change(Method::POST, &path, Some(body), Expected::Planned)
                    .await
            }
            ZeebeEffect::Replicate {
                members,
                replication_factor,
            } => {
                let path = format!(
                    "/actuator/cluster/brokers?replicationFactor={replication_factor}{}",
                    dry("&", mode)
                );
                self.change(Method::POST, &path, Some(ids(members)), Expected::Planned)
                    .await
            }
            ZeebeEffect::AddBrokers {
                all,
                replication_factor,
            } => {
                let path = format!(
                    "/actuator/cluster/brokers?replicationFactor={replication_factor}{}{}",
                    if planted::is(Bug::ForceOnAdd) {
                        "&force=true"
                    } else {
                        ""
                    },
                    dry("&", mode)
                );
                self.change(Method::POST, &path, Some(ids(all)), Expected::Planned)
                    .await
            }
        }
    }

    /// Pauses and resumes know no rehearsal: nothing is sent then.
    async fn exporting(&self, path: &str, mode: Mode, expected: Expected) -> Answer {
        match mode {
            Mode::Real => self.change(Method::POST, path, None, expected).await,
            Mode::Rehearsal => Answer::Refused {
                status: 501,
                message: "not sent: a pause or a resume cannot be rehearsed".to_owned(),
            },
        }
    }

    /// Asks leaders to move to where the priorities want them. Best effort, and always answered 200.
    pub(super) async fn rebalance(&self) -> Answer {
        self.change(Method::POST, "/actuator/rebalance", None, Expected::Nothing)
            .await
    }

    async fn change(&self, method: Method, path: &str, json: Option<String>, expected: Expected) -> Answer {
        let call = Call::new(method, path, self.limits.change).with(json);
        answer(self.caller.call(self.door, call).await, expected)
    }

    async fn get(&self, path: &str, limit: Duration) -> Result<Reply, Fault> {
        self.caller.call(self.door, Call::get(path, limit)).await
    }
}

fn dry(separator: &str, mode: Mode) -> String {
    match mode {
        Mode::Real => String::new(),
        Mode::Rehearsal => format!("{separator}dryRun=true"),
    }
}

/// The broker ids as the body of a request: strings, as in Camunda's guide, which every version takes.
fn ids(brokers: &BTreeSet<BrokerId>) -> String {
    let quoted: Vec<String> = brokers.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_as_in_the_guide() {
        assert_eq!(ids(&BTreeSet::from([BrokerId(2), BrokerId(0)])), r#"["0","2"]"#);
    }
}
