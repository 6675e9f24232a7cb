//! What is asked of the lab: its control port, and the ports that speak the real APIs. A drill must not end by a typing slip.

use axum::body::Body;
use c8dr_engine::clock::Clock;
use c8dr_lab::{Lab, WorldConfig};
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use super::driver::{Verdict, fuzz};
use super::mutate;

/// Port, method, path, body: as they stand in a line each.
const REQUESTS: &[&str] = &[
    "control\nPOST\n/break\n{\"region\":\"region0\",\"freeze\":true}",
    "control\nPOST\n/heal\n{\"broker\":1,\"data\":\"old\"}",
    "control\nPOST\n/heal\n{\"region\":\"region1\",\"data\":\"bare\"}",
    "control\nPOST\n/spoil\n{\"delay_ms\":100}",
    "control\nPOST\n/spoil\n{\"status\":503}",
    "control\nPOST\n/ctl\n{\"scale\":{\"region\":\"region0\",\"deployment\":\"camunda-operate\",\"replicas\":2}}",
    "control\nPOST\n/ctl\n{\"upgrade\":{\"region\":\"region0\",\"webapps\":false,\"install\":true}}",
    "control\nPOST\n/ctl\n{\"search\":{\"region\":\"region1\",\"red\":true,\"fault\":\"partial-snapshot\"}}",
    "control\nGET\n/ctl/pods?region=region0\n",
    "management\nPOST\n/actuator/cluster/brokers?dryRun=true&force=true\n[0,2]",
    "management\nPATCH\n/actuator/cluster?dryRun=true\n{\"brokers\":{\"add\":[1],\"remove\":[3]},\"partitions\":{\"replicationFactor\":4}}",
    "management\nPOST\n/actuator/exporters/elasticsearchregion0/enable\n{\"initializeFrom\":\"elasticsearchregion1\"}",
    "management\nDELETE\n/actuator/cluster/changes/2\n",
    "management\nPOST\n/actuator/exporting/pause?soft=false\n",
    "rest\nGET\n/v2/topology\n",
    "search\nPUT\n/_snapshot/r\n{\"type\":\"s3\",\"settings\":{\"bucket\":\"b\"}}",
    "search\nPUT\n/_snapshot/r/s?wait_for_completion=false\n{\"indices\":[\"zeebe-record*\"],\"metadata\":{\"run\":\"r\"}}",
    "search\nPOST\n/_snapshot/r/s/_restore\n{\"indices\":[\"x\"]}",
    "search\nPOST\n/zeebe-record*/_search\n{\"size\":5000,\"query\":{\"bool\":{\"filter\":[{\"term\":{\"partitionId\":2}},{\"range\":{\"position\":{\"lte\":4}}}]}},\"sort\":[{\"position\":{\"order\":\"asc\"}}]}",
    "search\nDELETE\n/zeebe-record_x\n",
    "search\nGET\n/_cluster/health/operate-*?level=indices\n",
    "bucket\nPUT\n/c8dr/direction/000001.json\n{}",
    "bucket\nGET\n/c8dr?list-type=2&prefix=direction%2F\n",
];

async fn ask<S>(port: S, request: Request<Body>) -> Verdict
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: std::fmt::Debug,
{
    // Nobody there is an answer as well.
    let Ok(response) = port.oneshot(request).await else {
        return Ok(());
    };
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    match body.len() > 1 << 20 {
        true => Err(format!("{status} with {} bytes", body.len())),
        false => Ok(()),
    }
}

#[test]
fn fuzz_lab_requests() {
    let seeds: Vec<Vec<u8>> = REQUESTS
        .iter()
        .map(|request| request.as_bytes().to_vec())
        .collect();
    fuzz(
        "lab",
        600,
        &seeds,
        |chance| {
            let request = *chance.pick(REQUESTS);
            let (head, body) = request.rsplit_once('\n').unwrap();
            match (serde_json::from_str(body), chance.below(3)) {
                (Ok(document), 1..) => {
                    let mut input = format!("{head}\n").into_bytes();
                    // Everything behind the third line is the body.
                    input.extend(mutate::json(chance, &document));
                    input
                }
                _ => mutate::bytes(chance, request.as_bytes()),
            }
        },
        |input| {
            let mut parts = input.splitn(4, |byte| *byte == b'\n');
            let mut line = || {
                std::str::from_utf8(parts.next().unwrap_or_default())
                    .unwrap_or_default()
                    .to_owned()
            };
            let (port, method, path) = (line(), line(), line());
            let body = parts.next().unwrap_or_default().to_vec();
            let Ok(request) = Request::builder()
                .method(method.as_str())
                .uri(path)
                .body(Body::from(body))
            else {
                return Ok(());
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let clock = Clock::new("2026-01-01T12:00:00Z".parse().unwrap(), 1.0);
                let lab = Lab::new(WorldConfig::default(), clock.clone()).unwrap();
                let (broker, region) = (lab.broker(0).unwrap(), lab.status());
                let region = lab.region(&region.regions[0].name).unwrap();
                match port.as_str() {
                    "control" => ask(lab.control_router(), request).await,
                    "management" => ask(lab.management(broker), request).await,
                    "rest" => ask(lab.rest(broker), request).await,
                    "search" => ask(lab.search(region), request).await,
                    _ => ask(lab.bucket(), request).await,
                }?;
                // What was taken is carried out without an end of the lab.
                clock.sleep(std::time::Duration::from_secs(2)).await;
                lab.status();
                lab.stop();
                Ok(())
            })
        },
    );
}
