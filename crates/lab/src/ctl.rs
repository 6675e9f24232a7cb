//! The control port's verbs: what helm, kubectl, the cloud's console and whoever keeps the clients' names do to the lab
//! (`c8dr lab ctl …`).

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::ids::Region;
use crate::kube;
use crate::lab::{Lab, UnknownRegion};
use crate::search::Flavour;
use crate::search::store::StoreState;
use crate::world::{NamesTrouble, PlatformError, SearchFault, World};

/// What to do: exactly one of these.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Verb {
    Install(Chart),
    Upgrade(Upgrade),
    Uninstall(Where),
    DeleteVolumes(Where),
    Scale(Scale),
    /// `works`, `denied` or `gone`.
    Store(Store),
    Search(Search),
    LoseSnapshot(Named),
    CreateIndex(Index),
    Names(Names),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Chart {
    region: String,
    /// Operate and Tasklist; on in the chart's own values.
    #[serde(default = "on")]
    webapps: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Upgrade {
    region: String,
    /// Operate and Tasklist; on in the chart's own values.
    #[serde(default = "on")]
    webapps: bool,
    /// `--install`: where nothing is installed it is installed.
    #[serde(default)]
    install: bool,
}

const fn on() -> bool {
    true
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Where {
    region: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Scale {
    region: String,
    deployment: String,
    replicas: u32,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Store {
    state: StoreWord,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum StoreWord {
    Works,
    Denied,
    Gone,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Search {
    region: String,
    red: Option<bool>,
    fault: Option<FaultWord>,
    flavour: Option<FlavourWord>,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum FaultWord {
    PartialSnapshot,
    FailedSnapshot,
    EmptyIndices,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum FlavourWord {
    Elasticsearch,
    Opensearch,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Index {
    region: String,
    name: String,
}

/// Points the clients' name somewhere, past everybody, or makes its server well or unwell.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Names {
    /// The regions that it is to point to; none of them is nowhere.
    to: Option<Vec<String>>,
    /// A target that belongs to neither region, beside those.
    strange: Option<String>,
    /// `works`, `refused`, `ignored`, `hangs` or `unanswered`, as in a drill.
    server: Option<ServerWord>,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum ServerWord {
    Works,
    Refused,
    Ignored,
    Hangs,
    Unanswered,
}

/// What the clients' name really points to, whether or not its server would say so.
#[derive(Serialize)]
struct NamesTold {
    name: String,
    points_to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strange: Option<String>,
    serial: u64,
    ttl_s: u64,
}

#[derive(Serialize)]
struct Complaint {
    error: String,
}

/// Why a verb was not carried out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the request is not understood: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    #[error(transparent)]
    Region(#[from] UnknownRegion),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("there is no snapshot {0:?} anywhere")]
    NoSnapshot(String),
    #[error("index {0:?} is there already, or the search is down")]
    NoNewIndex(String),
    #[error("name the region: ?region=…")]
    NoRegion,
    #[error("say what of the names is to change: \"to\", \"strange\" or \"server\"")]
    NothingOfNames,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Refusal::NotUnderstood(_) | Refusal::NoRegion | Refusal::NothingOfNames => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Region(_) | Refusal::NoSnapshot(_) => StatusCode::NOT_FOUND,
            Refusal::NoNewIndex(_) => StatusCode::CONFLICT,
            Refusal::Platform(error) => match error {
                PlatformError::NameInUse | PlatformError::VolumesInUse | PlatformError::InProgress => {
                    StatusCode::CONFLICT
                }
                PlatformError::TooManyReplicas(_) => StatusCode::BAD_REQUEST,
                PlatformError::NothingToUpgrade
                | PlatformError::NothingToUninstall
                | PlatformError::NoDeployment(_) => StatusCode::NOT_FOUND,
            },
        };
        let error = self.to_string();
        (status, Json(Complaint { error })).into_response()
    }
}

/// `POST /ctl`, `GET /ctl/pods?region=…`, `GET /ctl/volumes?region=…`, `GET /ctl/releases`, `GET /ctl/names`.
pub(crate) fn router() -> Router<Lab> {
    Router::new()
        .route("/ctl", post(verb))
        .route("/ctl/pods", get(pods))
        .route("/ctl/volumes", get(volumes))
        .route("/ctl/releases", get(releases))
        .route("/ctl/names", get(async |State(lab): State<Lab>| all_names(&lab)))
}

/// Carries out one verb; the answer is all releases as they are then, or for the names where they point then.
async fn verb(State(lab): State<Lab>, body: Bytes) -> Result<Response, Refusal> {
    match serde_json::from_slice(&body)? {
        Verb::Install(chart) => {
            let region = lab.region(&chart.region)?;
            lab.with(|w| w.install(region, chart.webapps))?;
        }
        Verb::Upgrade(chart) => {
            let region = lab.region(&chart.region)?;
            lab.with(|w| {
                if chart.install {
                    w.upgrade_or_install(region, chart.webapps)
                } else {
                    w.upgrade(region, chart.webapps)
                }
            })?;
        }
        Verb::Uninstall(place) => {
            let region = lab.region(&place.region)?;
            lab.with(|w| w.uninstall(region))?;
        }
        Verb::DeleteVolumes(place) => {
            let region = lab.region(&place.region)?;
            lab.with(|w| w.delete_volumes(region))?;
        }
        Verb::Scale(scale) => {
            let region = lab.region(&scale.region)?;
            lab.with(|w| w.scale_deployment(region, &scale.deployment, scale.replicas))?;
        }
        Verb::Store(store) => lab.with(|w| {
            w.set_store(match store.state {
                StoreWord::Works => StoreState::Works,
                StoreWord::Denied => StoreState::Denied,
                StoreWord::Gone => StoreState::Gone,
            });
        }),
        Verb::Search(search) => {
            let region = lab.region(&search.region)?;
            lab.with(|w| treat_search(w, region, &search));
        }
        Verb::LoseSnapshot(snapshot) => {
            if !lab.with(|w| w.lose_snapshot(&snapshot.name)) {
                return Err(Refusal::NoSnapshot(snapshot.name));
            }
        }
        Verb::CreateIndex(index) => {
            let region = lab.region(&index.region)?;
            if !lab.with(|w| w.create_search_index(region, &index.name)) {
                return Err(Refusal::NoNewIndex(index.name));
            }
        }
        Verb::Names(names) => {
            treat_names(&lab, names)?;
            return Ok(all_names(&lab));
        }
    }
    Ok(all_releases(&lab))
}

fn treat_search(world: &mut World, region: Region, search: &Search) {
    if let Some(red) = search.red {
        world.set_search_red(region, red);
    }
    if let Some(fault) = search.fault {
        let fault = match fault {
            FaultWord::PartialSnapshot => SearchFault::PartialSnapshot,
            FaultWord::FailedSnapshot => SearchFault::FailedSnapshot,
            FaultWord::EmptyIndices => SearchFault::EmptyIndices,
        };
        world.spoil_search(region, fault);
    }
    if let Some(flavour) = search.flavour {
        world.set_search_flavour(match flavour {
            FlavourWord::Elasticsearch => Flavour::Elasticsearch,
            FlavourWord::Opensearch => Flavour::Opensearch,
        });
    }
}

fn treat_names(lab: &Lab, names: Names) -> Result<(), Refusal> {
    if names.to.is_none() && names.strange.is_none() && names.server.is_none() {
        return Err(Refusal::NothingOfNames);
    }
    let to: BTreeSet<Region> = (names.to.iter().flatten())
        .map(|name| lab.region(name))
        .collect::<Result<_, _>>()?;
    lab.with(|w| {
        if names.to.is_some() || names.strange.is_some() {
            w.set_names(to, names.strange);
        }
        if let Some(server) = names.server {
            w.trouble_names(match server {
                ServerWord::Works => NamesTrouble::None,
                ServerWord::Refused => NamesTrouble::Refuses,
                ServerWord::Ignored => NamesTrouble::Ignores,
                ServerWord::Hangs => NamesTrouble::Hangs,
                ServerWord::Unanswered => NamesTrouble::Mute,
            });
        }
    });
    Ok(())
}

fn all_names(lab: &Lab) -> Response {
    let told = lab.with(|w| {
        let record = w.names_really();
        NamesTold {
            name: record.name.clone(),
            points_to: (record.regions.iter())
                .map(|region| w.region_name(*region).to_owned())
                .collect(),
            strange: record.strange.clone(),
            serial: record.serial,
            ttl_s: record.ttl.as_secs(),
        }
    });
    Json(told).into_response()
}

async fn pods(State(lab): State<Lab>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let region = named(&lab, query.as_deref())?;
    Ok(Json(lab.with(|w| kube::pods(w, region))).into_response())
}

async fn volumes(State(lab): State<Lab>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let region = named(&lab, query.as_deref())?;
    Ok(Json(lab.with(|w| kube::volumes(w, region))).into_response())
}

fn named(lab: &Lab, query: Option<&str>) -> Result<Region, Refusal> {
    let pairs = query.into_iter().flat_map(|q| q.split('&'));
    let name = pairs.filter_map(|pair| pair.strip_prefix("region=")).next();
    Ok(lab.region(name.ok_or(Refusal::NoRegion)?)?)
}

async fn releases(State(lab): State<Lab>) -> Response {
    all_releases(&lab)
}

fn all_releases(lab: &Lab) -> Response {
    let all: Vec<_> = lab.with(|w| Region::BOTH.into_iter().map(|r| w.release(r)).collect());
    Json(all).into_response()
}
