//! The orchestration REST port: topology, deployments, process instances (spec: api.md §6).

use std::time::Duration;

use serde::Serialize;

use crate::api::wire::{Empty, Problem};
use crate::api::{Answer, Asked, JSON, PROBLEM, Reply};
use crate::world::{Outcome, World};

/// The key of the process that clients instantiate: partition 1's second key (recorded).
const PROCESS_KEY: i64 = (1 << 51) + 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    process_definition_key: i64,
    process_definition_id: &'static str,
    process_definition_version: u32,
    process_instance_key: i64,
    tenant_id: &'static str,
    variables: Empty,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deployed {
    deployment_key: i64,
    deployments: Vec<Deployment>,
    tenant_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    process_definition: Definition,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    process_definition_id: &'static str,
    process_definition_version: u32,
    process_definition_key: i64,
    resource_name: &'static str,
    tenant_id: &'static str,
}

impl World {
    pub(crate) fn rest(&mut self, asked: &Asked<'_>) -> Answer {
        let call = asked.call;
        match (call.method.as_str(), call.path.trim_end_matches('/')) {
            ("GET", "/v2/topology") => Answer::Soon(Reply::written(self.topology_body(asked.broker))),
            ("POST", "/v2/deployments") => self.deploy(asked),
            ("POST", "/v2/process-instances") => self.create_instance(asked),
            (_, "/v2/topology" | "/v2/deployments" | "/v2/process-instances") => self.spring(405, &call.path),
            _ => self.spring(404, &call.path),
        }
    }

    fn problem(status: u16, title: &str, detail: &str, instance: &str) -> Answer {
        let problem = Problem {
            r#type: "about:blank",
            title,
            status,
            detail,
            instance,
        };
        Answer::Soon(Reply::json(status, PROBLEM, &problem))
    }

    fn deploy(&mut self, asked: &Asked<'_>) -> Answer {
        let led = self
            .broker(asked.broker)
            .and_then(|b| b.view.leader(crate::ids::PartitionId(1)));
        if led.is_none() {
            let detail = "Expected to handle REST API request, but there was a connection error with one of the brokers";
            return Self::problem(503, "UNAVAILABLE", detail, &asked.call.path);
        }
        let definition = Definition {
            process_definition_id: "work",
            process_definition_version: 1,
            process_definition_key: PROCESS_KEY,
            resource_name: "work.bpmn",
            tenant_id: "<default>",
        };
        let body = Deployed {
            deployment_key: PROCESS_KEY - 1,
            deployments: vec![Deployment {
                process_definition: definition,
            }],
            tenant_id: "<default>",
        };
        Answer::Soon(Reply::json(200, JSON, &body))
    }

    fn create_instance(&mut self, asked: &Asked<'_>) -> Answer {
        let Some(ticket) = asked.ticket else {
            let body: Option<serde_json::Value> = serde_json::from_slice(&asked.call.body).ok();
            let Some(body) = body.filter(serde_json::Value::is_object) else {
                let detail = "Request property [body] cannot be parsed";
                return Self::problem(400, "Bad Request", detail, &asked.call.path);
            };
            if body.get("processDefinitionId").is_none() && body.get("processDefinitionKey").is_none() {
                let detail = "At least one of [processDefinitionId, processDefinitionKey] is required";
                return Self::problem(400, "INVALID_ARGUMENT", detail, &asked.call.path);
            }
            let ticket = self.create_for_asker(asked.broker);
            return self.look_at_create(ticket, &asked.call.path);
        };
        self.look_at_create(ticket, &asked.call.path)
    }

    fn look_at_create(&mut self, ticket: u64, path: &str) -> Answer {
        let Some(flight) = self.flights.get(&ticket) else {
            return Self::problem(500, "INTERNAL", "The request is not known any more", path);
        };
        let Some(outcome) = flight.outcome.clone() else {
            return Answer::Again(self.now + Duration::from_millis(10), Some(ticket));
        };
        self.flights.remove(&ticket);
        match outcome {
            Outcome::Created(key) => {
                let body = Created {
                    process_definition_key: PROCESS_KEY,
                    process_definition_id: "work",
                    process_definition_version: 1,
                    process_instance_key: key,
                    tenant_id: "<default>",
                    variables: Empty {},
                };
                Answer::Soon(Reply::json(200, JSON, &body))
            }
            Outcome::Failed(status, detail) => {
                let title = match status {
                    429 => "RESOURCE_EXHAUSTED",
                    503 => "UNAVAILABLE",
                    504 => "DEADLINE_EXCEEDED",
                    502 => "ABORTED",
                    _ => "INTERNAL",
                };
                Self::problem(status, title, &detail, path)
            }
        }
    }
}
