//! The lab's own control port, for `c8dr lab status|break|heal|down` in another process.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, Region};
use crate::lab::Lab;
use crate::world::{AnswerFault, Data};

/// What to break or to heal: exactly one of these.
#[derive(Deserialize, Default, Debug)]
#[serde(default, deny_unknown_fields)]
struct Target {
    region: Option<String>,
    broker: Option<u32>,
    search: Option<String>,
    link: bool,
    /// Break: stop the process where it is instead of killing it. Heal: let it go on.
    freeze: bool,
    /// Heal: `empty` (the default), `old`, or for a region `bare`.
    data: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Spoil {
    LostAfterEffect,
    LostBeforeEffect,
    TimeoutAfterEffect,
    Reset,
    Twice,
    DelayMs(u64),
    Status(u16),
}

/// How many process instances the lab's clients create.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Load {
    creates_per_second: f64,
}

#[derive(Serialize)]
struct Complaint {
    error: String,
}

struct Refusal(String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(Complaint { error: self.0 })).into_response()
    }
}

impl Lab {
    /// `GET /status /audit /audit/searches /audit/final /timeline /promises`, `POST /load /break /heal /spoil /snapshot /restore /down`, and
    /// `POST /ctl`, `GET /ctl/pods?region=… /ctl/volumes?region=… /ctl/releases /ctl/names` as helm and kubectl would be used: JSON in and out.
    pub fn control_router(&self) -> Router {
        Router::new()
            .route("/status", get(async |State(lab): State<Lab>| Json(lab.status())))
            .route("/audit", get(async |State(lab): State<Lab>| Json(lab.audit())))
            .route(
                "/timeline",
                get(async |State(lab): State<Lab>| Json(lab.timeline())),
            )
            .route(
                "/audit/searches",
                get(async |State(lab): State<Lab>| Json(lab.audit_searches(&BTreeMap::new()))),
            )
            .route(
                "/audit/final",
                get(async |State(lab): State<Lab>| Json(lab.final_audit())),
            )
            .route(
                "/promises",
                get(async |State(lab): State<Lab>| Json(lab.with(|w| w.promises()))),
            )
            .route("/load", post(load_it))
            .route("/break", post(break_it))
            .route("/heal", post(heal_it))
            .route("/spoil", post(spoil_it))
            .route("/snapshot", post(snapshot_it))
            .route("/restore", post(restore_it))
            .route("/down", post(down))
            .merge(crate::ctl::router())
            .with_state(self.clone())
    }
}

fn body<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|e| Refusal(format!("the request is not understood: {e}")))
}

/// What a request aims at, once it is known to be there.
enum Aim {
    Region(Region),
    Broker(BrokerId),
    Search(Region),
    Link,
}

impl Target {
    fn aim(&self, lab: &Lab) -> Result<Aim, Refusal> {
        let region = |name: &str| lab.region(name).map_err(|e| Refusal(e.to_string()));
        match (&self.region, self.broker, &self.search, self.link) {
            (Some(name), None, None, false) => Ok(Aim::Region(region(name)?)),
            (None, Some(id), None, false) => {
                let broker = lab.broker(id).map_err(|e| Refusal(e.to_string()))?;
                Ok(Aim::Broker(broker))
            }
            (None, None, Some(name), false) => Ok(Aim::Search(region(name)?)),
            (None, None, None, true) => Ok(Aim::Link),
            _ => Err(Refusal(
                "name exactly one of \"region\", \"broker\", \"search\" or \"link\"".to_owned(),
            )),
        }
    }

    fn way(&self) -> Result<Way, Refusal> {
        match self.data.as_deref() {
            None | Some("empty") => Ok(Way::With(Data::Empty)),
            Some("old") => Ok(Way::With(Data::Old)),
            Some("bare") => Ok(Way::Bare),
            Some(other) => Err(Refusal(format!(
                "there is no data {other:?}: say \"empty\", \"old\", or for a region \"bare\""
            ))),
        }
    }
}

/// How something comes back.
enum Way {
    /// Its processes start, on these disks.
    With(Data),
    /// Only the platform is there again.
    Bare,
}

async fn break_it(State(lab): State<Lab>, bytes: axum::body::Bytes) -> Result<Response, Refusal> {
    let target: Target = body(&bytes)?;
    match target.aim(&lab)? {
        Aim::Region(region) if target.freeze => {
            let brokers = lab.with(|w| w.brokers_of(region));
            brokers.into_iter().for_each(|b| lab.freeze(b));
        }
        Aim::Region(region) => lab.lose_region(region),
        Aim::Broker(broker) if target.freeze => lab.freeze(broker),
        Aim::Broker(broker) => lab.kill_broker(broker),
        Aim::Search(region) => lab.set_search(region, false),
        Aim::Link => lab.cut_link(),
    }
    Ok(Json(lab.status()).into_response())
}

async fn heal_it(State(lab): State<Lab>, bytes: axum::body::Bytes) -> Result<Response, Refusal> {
    let target: Target = body(&bytes)?;
    let aim = target.aim(&lab)?;
    let data = match target.way()? {
        Way::With(data) => data,
        Way::Bare => {
            let Aim::Region(region) = aim else {
                return Err(Refusal("only a region can come back \"bare\"".to_owned()));
            };
            lab.rebuild_bare(region);
            return Ok(Json(lab.status()).into_response());
        }
    };
    match aim {
        Aim::Region(region) if target.freeze => {
            let brokers = lab.with(|w| w.brokers_of(region));
            brokers.into_iter().for_each(|b| lab.thaw(b));
        }
        Aim::Region(region) => lab.return_region(region, data),
        Aim::Broker(broker) if target.freeze => lab.thaw(broker),
        Aim::Broker(broker) => lab.start_broker(broker, data),
        Aim::Search(region) => lab.set_search(region, true),
        Aim::Link => lab.heal_link(),
    }
    Ok(Json(lab.status()).into_response())
}

async fn load_it(State(lab): State<Lab>, bytes: axum::body::Bytes) -> Result<Response, Refusal> {
    let load: Load = body(&bytes)?;
    lab.with(|w| w.set_load(load.creates_per_second));
    Ok(Json(lab.status()).into_response())
}

/// With `?port=search` it is an answer of a search, with `?port=bucket` of the object store, otherwise of a broker.
async fn spoil_it(
    State(lab): State<Lab>,
    RawQuery(query): RawQuery,
    bytes: axum::body::Bytes,
) -> Result<Response, Refusal> {
    let fault = match body(&bytes)? {
        Spoil::LostAfterEffect => AnswerFault::LostAfterEffect,
        Spoil::LostBeforeEffect => AnswerFault::LostBeforeEffect,
        Spoil::TimeoutAfterEffect => AnswerFault::TimeoutAfterEffect,
        Spoil::Reset => AnswerFault::Reset,
        Spoil::Twice => AnswerFault::Twice,
        Spoil::DelayMs(ms) => AnswerFault::Delay(Duration::from_millis(ms)),
        Spoil::Status(status) => AnswerFault::Status(status),
    };
    match query.as_deref() {
        None | Some("" | "port=broker") => lab.spoil_answer(fault),
        Some("port=search") => lab.with(|w| w.spoil_search_answer(fault)),
        Some("port=bucket") => lab.with(|w| w.spoil_bucket_answer(fault)),
        Some(other) => {
            return Err(Refusal(format!(
                "{other:?} is none of port=broker, port=search and port=bucket"
            )));
        }
    }
    Ok(Json(lab.status()).into_response())
}

fn searched(lab: &Lab, bytes: &[u8]) -> Result<Region, Refusal> {
    let target: Target = body(bytes)?;
    let name = target
        .region
        .or(target.search)
        .ok_or_else(|| Refusal("name the \"region\"".to_owned()))?;
    lab.region(&name).map_err(|e| Refusal(e.to_string()))
}

async fn snapshot_it(State(lab): State<Lab>, bytes: axum::body::Bytes) -> Result<Response, Refusal> {
    let region = searched(&lab, &bytes)?;
    if lab.snapshot_search(region) {
        Ok(Json(lab.status()).into_response())
    } else {
        Err(Refusal("that region's search is down".to_owned()))
    }
}

async fn restore_it(State(lab): State<Lab>, bytes: axum::body::Bytes) -> Result<Response, Refusal> {
    let region = searched(&lab, &bytes)?;
    if lab.restore_search(region) {
        Ok(Json(lab.status()).into_response())
    } else {
        Err(Refusal(
            "there is no snapshot, or that region's search is down".to_owned(),
        ))
    }
}

async fn down(State(lab): State<Lab>) -> Response {
    let answer = Json(lab.status()).into_response();
    lab.stop();
    answer
}
