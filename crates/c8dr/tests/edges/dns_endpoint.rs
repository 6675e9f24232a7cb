//! Everything that can be wrong with `traffic: { driver: external-dns }` and with `driver: route53`, told before it is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::stage::{Ran, Stage};

const CONFIGURATION: &str = r"
name: camunda
clusterSize: 4
partitionCount: 4
replicationFactor: 4
regions:
  - name: london
    exporter: elasticsearchregion0
    gateways: [{ management: 'http://127.0.0.1:1' }]
    kubernetes: { kubeconfig: kubeconfig, context: london, namespace: camunda-london, release: camunda }
  - name: paris
    exporter: elasticsearchregion1
    gateways: [{ management: 'http://127.0.0.1:2' }]
    kubernetes: { kubeconfig: kubeconfig, context: paris, namespace: camunda-paris, release: camunda }
traffic:
  driver: external-dns
  dnsEndpoint: { name: camunda }
  server: 127.0.0.1:15353
  zone: dr.test
  names: [gateway.dr.test]
  targets: { london: [10.0.0.10], paris: [10.1.0.10] }
";

const KEY: &str = "hunter22hunter22";

#[track_caller]
fn run(text: &str, arguments: &[&str]) -> Ran {
    let stage = Stage::new();
    std::fs::write(stage.path().join("c8dr.yaml"), text).unwrap();
    let ran: Ran = stage
        .command(arguments)
        .env("DNS_KEY_ID", "AKIDEXAMPLE")
        .env("DNS_KEY", KEY)
        .output()
        .unwrap()
        .into();
    assert!(
        !ran.err.contains("hunter22") && !ran.out.contains("hunter22"),
        "{}\n{}",
        ran.out,
        ran.err
    );
    ran
}

#[track_caller]
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn what_is_right_is_taken() {
    run(CONFIGURATION, &["config", "check"]).exits(0);
    for endpoint in [
        "{ name: camunda.names, namespace: dns }",
        "{ name: camunda, namespace: dns, context: hub }",
        "{ name: camunda, namespace: dns, kubeconfig: hub.yaml }",
    ] {
        let text = changed(CONFIGURATION, "{ name: camunda }", endpoint);
        run(&text, &["config", "check"]).exits(0);
    }
    // Every value is shown, and those that nobody has given.
    let shown = run(CONFIGURATION, &["config", "show"]).exits(0);
    for line in ["traffic.driver", "traffic.dnsEndpoint.name", "traffic.zone"] {
        assert!(shown.out.contains(line), "{line}: {}", shown.out);
    }
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    for (from, to, says) in [
        (
            "  dnsEndpoint: { name: camunda }\n",
            "",
            "`dnsEndpoint` is missing",
        ),
        (
            "{ name: camunda }",
            "{ name: Camunda }",
            "no name that Kubernetes would take",
        ),
        (
            "{ name: camunda }",
            "{ name: '' }",
            "no name that Kubernetes would take",
        ),
        (
            "{ name: camunda }",
            "{ name: camunda, namespace: '*' }",
            "no name that Kubernetes would take",
        ),
        (
            "{ name: camunda }",
            "{ name: camunda, context: hub }",
            "`namespace` is missing",
        ),
        (
            "{ name: camunda }",
            "{ name: camunda, namespace: dns, context: ' ' }",
            "`context` is empty",
        ),
        (
            "    kubernetes: { kubeconfig: kubeconfig, context: paris, namespace: camunda-paris, release: camunda }\n",
            "",
            "region paris has no `kubernetes`",
        ),
        (
            "  zone: dr.test\n",
            "  zone: dr.test\n  intervalSeconds: 0\n",
            "`intervalSeconds` is 0",
        ),
        ("  server: 127.0.0.1:15353\n", "", "`server` is missing"),
        (
            "names: [gateway.dr.test]",
            "names: [gateway]",
            "no name in the zone dr.test",
        ),
        (
            "london: [10.0.0.10], paris: [10.1.0.10]",
            "london: [lb0.example.org], paris: [lb1.example.org]",
            "where they are when both regions serve",
        ),
    ] {
        let text = changed(CONFIGURATION, from, to);
        run(&text, &["config", "check"]).exits(2).says(says);
    }
}

fn route53() -> String {
    let text = changed(CONFIGURATION, "external-dns", "route53");
    let zone = "route53: { hostedZone: Z0812, accessKey: { env: DNS_KEY_ID }, secretKey: { env: DNS_KEY } }";
    let text = changed(&text, "dnsEndpoint: { name: camunda }", zone);
    changed(&text, "  server: 127.0.0.1:15353\n", "")
}

#[cfg(not(feature = "route53"))]
#[test]
fn route_53_is_not_in_every_build() {
    run(&route53(), &["config", "check"])
        .exits(2)
        .says("this c8dr was built without Route 53")
        .says("--features route53");
}

#[cfg(feature = "route53")]
#[test]
fn a_hosted_zone_is_checked_before_it_is_needed() {
    run(&route53(), &["config", "check"]).exits(0);
    let shown = run(&route53(), &["config", "show"]).exits(0);
    assert!(shown.out.contains("traffic.route53.hostedZone"), "{}", shown.out);
    for (from, to, says) in [
        (
            "hostedZone: Z0812",
            "hostedZone: /hostedzone/Z0812",
            "no id of a hosted zone",
        ),
        (
            "hostedZone: Z0812",
            "hostedZone: Z0812, url: 'http://route53.example.org'",
            "no place of Route 53",
        ),
        (
            "secretKey: { env: DNS_KEY }",
            "secretKey: aHVudGVyMjI=",
            "secrets do not belong there",
        ),
        (
            "{ env: DNS_KEY_ID }",
            "{ env: DNS_NO_SUCH_KEY }",
            "DNS_NO_SUCH_KEY",
        ),
        ("zone: dr.test", "zone: 'dr test'", "no name of a zone"),
    ] {
        run(&changed(&route53(), from, to), &["config", "check"])
            .exits(2)
            .says(says);
    }
}
