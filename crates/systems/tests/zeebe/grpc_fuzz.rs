//! A gRPC message whose bytes are anything: understood, or refused in words that end and that nothing obeys.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::{BufMut, Bytes, BytesMut};
use c8dr_domain::observation::Sight;
use c8dr_domain::plain::is_obeyed;
use c8dr_domain::topology::GatewayTopology;
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use prost::Message;

use super::grpc::{PATH, lost_region};
use super::support::{cluster, gateway, serve};
use c8dr_systems::dial::memory::Network;

/// What is done to a message.
#[derive(Clone, Debug)]
enum Harm {
    Change(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Double(prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    use prop::sample::Index;
    let bytes = prop::collection::vec(any::<u8>(), 1..12);
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Change(at, byte)),
        2 => (any::<Index>(), bytes).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        2 => any::<Index>().prop_map(Harm::Remove),
        1 => any::<Index>().prop_map(Harm::Cut),
        1 => any::<Index>().prop_map(Harm::Double),
    ]
}

fn harmed(mut message: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if message.is_empty() {
            break;
        }
        match harm {
            Harm::Change(at, byte) => {
                let at = at.index(message.len());
                message[at] = *byte;
            }
            Harm::Insert(at, bytes) => {
                let at = at.index(message.len());
                message.splice(at..at, bytes.iter().copied());
            }
            Harm::Remove(at) => {
                message.remove(at.index(message.len()));
            }
            Harm::Cut(at) => message.truncate(at.index(message.len())),
            Harm::Double(at) => message.extend_from_within(at.index(message.len())..),
        }
    }
    message
}

/// What is understood of a message, asked for as any gateway is.
fn asked(message: &[u8]) -> Sight<GatewayTopology> {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    let frame: Bytes = frame.freeze();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let network = Network::new();
        let handler = move || async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let body = Full::new(frame).with_trailers(async move { Some(Ok(trailers)) });
            Response::builder()
                .header(header::CONTENT_TYPE, "application/grpc")
                .body(Body::new(body))
                .unwrap()
        };
        let router = Router::new().route(PATH, axum::routing::post(handler));
        serve(&network, "gw", 26500, router);
        cluster(&network).topology_by_grpc(&gateway()).await
    })
}

#[test]
fn fuzz_grpc_messages() {
    let config = Config {
        cases: 4_000,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let whole = lost_region().encode_to_vec();
    assert!(
        matches!(asked(&whole), Sight::Seen(_)),
        "the harness reaches nothing"
    );
    let harms = prop::collection::vec(harm(), 1..4);
    let (seen, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    runner
        .run(&harms, |harms| {
            match asked(&harmed(whole.clone(), &harms)) {
                Sight::Seen(topology) => {
                    seen.set(seen.get() + 1);
                    let text = serde_json::to_string(&topology).unwrap();
                    let again: GatewayTopology = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(again, topology);
                    prop_assert!(!text.chars().any(is_obeyed), "it lets through {text:?}");
                }
                Sight::Garbled { problem } | Sight::Declined { message: problem, .. } => {
                    refused.set(refused.get() + 1);
                    prop_assert!(!problem.chars().any(is_obeyed), "{problem:?}");
                    prop_assert!(problem.chars().count() < 2_000, "{problem:?}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    // Both ways are gone, or the harness tests nothing.
    assert!(seen.get() > 20 && refused.get() > 20, "{seen:?} {refused:?}");
}
