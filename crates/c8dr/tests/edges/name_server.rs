//! Everything that can be wrong with `traffic: { driver: rfc2136 }`, told before it is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::stage::{Ran, Stage};

const CONFIGURATION: &str = r"
name: camunda
clusterSize: 4
partitionCount: 4
replicationFactor: 4
regions:
  - { name: london, exporter: elasticsearchregion0, gateways: [{ management: 'http://127.0.0.1:1' }] }
  - { name: paris, exporter: elasticsearchregion1, gateways: [{ management: 'http://127.0.0.1:2' }] }
traffic:
  driver: rfc2136
  server: 127.0.0.1:15353
  zone: dr.test
  names: [gateway.dr.test]
  targets: { london: [10.0.0.10], paris: [10.1.0.10] }
  key: { name: failover, secret: { env: DNS_KEY } }
";

#[track_caller]
fn checked(from: &str, to: &str, key: &str) -> Ran {
    assert!(CONFIGURATION.contains(from), "{from}");
    let stage = Stage::new();
    let text = CONFIGURATION.replacen(from, to, 1);
    std::fs::write(stage.path().join("c8dr.yaml"), text).unwrap();
    let ran: Ran = stage
        .command(&["config", "check"])
        .env("DNS_KEY", key)
        .output()
        .unwrap()
        .into();
    assert!(!ran.err.contains("hunter22"), "{}", ran.err);
    ran
}

const KEY: &str = "c2VjcmV0IGVub3VnaA==";

#[test]
fn what_is_right_is_taken() {
    checked("driver: rfc2136", "driver: rfc2136", KEY).exits(0);
    for server in ["ns1.example.org", "fd00::53", "'[fd00::53]:5353'", "10.0.0.53"] {
        checked("server: 127.0.0.1:15353", &format!("server: {server}"), KEY).exits(0);
    }
    // A name of a load balancer for each, and one of them when both serve.
    checked(
        "targets: { london: [10.0.0.10], paris: [10.1.0.10] }",
        "targets: { london: [lb0.example.org], paris: [lb1.example.org] }\n  normal: london",
        KEY,
    )
    .exits(0);
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    for (from, to, says) in [
        ("  server: 127.0.0.1:15353\n", "", "`server` is missing"),
        ("server: 127.0.0.1:15353", "server: http://ns1:53", "is no server"),
        ("server: 127.0.0.1:15353", "server: ns1:0", "is no server"),
        ("  zone: dr.test\n", "", "`zone` is missing"),
        ("zone: dr.test", "zone: 'dr test'", "no name of a zone"),
        ("names: [gateway.dr.test]", "names: []", "`names` is missing"),
        (
            "names: [gateway.dr.test]",
            "names: [gateway]",
            "no name in the zone dr.test",
        ),
        (
            "names: [gateway.dr.test]",
            "names: [gateway.other.test]",
            "no name in the zone",
        ),
        (
            "london: [10.0.0.10]",
            "berlin: [10.0.0.10]",
            "none of the regions",
        ),
        ("london: [10.0.0.10], ", "", "not given for both regions"),
        (
            "london: [10.0.0.10]",
            "london: []",
            "needs addresses, or one name",
        ),
        (
            "london: [10.0.0.10]",
            "london: [10.0.0.300]",
            "neither an address nor a name",
        ),
        ("london: [10.0.0.10]", "london: [10.1.0.10]", "a target in common"),
        (
            "london: [10.0.0.10]",
            "london: [lb0.example.org, lb1.example.org]",
            "needs addresses, or one name",
        ),
        (
            "london: [10.0.0.10], paris: [10.1.0.10]",
            "london: [lb0.example.org], paris: [lb1.example.org]",
            "where they are when both regions serve",
        ),
        (
            "  key: { name: failover, secret: { env: DNS_KEY } }\n",
            "",
            "`key` is missing",
        ),
        (
            "name: failover,",
            "name: failover, algorithm: hmac-md5,",
            "no algorithm that is known",
        ),
        ("name: failover,", "name: 'fail over',", "no name"),
        (
            "secret: { env: DNS_KEY }",
            "secret: aHVudGVyMjI=",
            "secrets do not belong there",
        ),
    ] {
        checked(from, to, KEY).exits(2).says(says);
    }
    checked("driver: rfc2136", "driver: rfc2136", "hunter22!")
        .exits(2)
        .says("the key is not in base64");
}
