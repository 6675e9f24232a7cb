//! Values of the wrong type, and values that no dual-region installation can have.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::bench::{Bench, GOOD};

pub(super) fn its_shape(bench: &mut Bench) {
    for (fault, good, bad, says) in [
        (
            "A word where a number belongs",
            "clusterSize: 4",
            "clusterSize: four",
            "`clusterSize` must be a whole number",
        ),
        (
            "A fraction where a whole number belongs",
            "partitionCount: 4",
            "partitionCount: 4.5",
            "must be a whole number",
        ),
        (
            "A negative number",
            "partitionCount: 4",
            "partitionCount: -4",
            "must be a whole number, not below 0",
        ),
        (
            "A list where a text belongs",
            "name: camunda",
            "name: [camunda]",
            "must be one text",
        ),
        (
            "A mapping where a list belongs",
            "    gateways:\n      - management",
            "    gateways:\n        management",
            "must be a list",
        ),
        (
            "A text where a list belongs",
            "pods: [kubectl, get, pods, -o, json]",
            "pods: kubectl get pods -o json",
            "must be a list",
        ),
        (
            "A list where a list of lists belongs",
            "install: [[helm, upgrade]]",
            "install: [helm, upgrade]",
            "must be a list",
        ),
        (
            "An odd cluster size",
            "clusterSize: 4",
            "clusterSize: 5",
            "must be even",
        ),
        (
            "A cluster size that is too small",
            "clusterSize: 4",
            "clusterSize: 2",
            "at least 4",
        ),
        (
            "A cluster size by a slip of the finger",
            "clusterSize: 4",
            "clusterSize: 4000000000",
            "c8dr goes up to",
        ),
        (
            "Another replication factor",
            "replicationFactor: 4",
            "replicationFactor: 3",
            "4 replicas",
        ),
        (
            "No partitions",
            "partitionCount: 4",
            "partitionCount: 0",
            "at least 1 partition",
        ),
        (
            "Two regions of one name",
            "name: paris",
            "name: london",
            "both regions are called `london`",
        ),
        (
            "Two regions that differ in capitals",
            "name: paris",
            "name: London",
            "differ in capitals only",
        ),
        ("A region without a name", "name: paris", "name: \"\"", "is empty"),
        (
            "A region with a blank at its name's end",
            "name: paris",
            "name: \"paris \"",
            "blanks at its ends",
        ),
        (
            "Both regions have one exporter",
            "exporter: elasticsearchregion1",
            "exporter: ElasticsearchRegion0",
            "both regions name the exporter",
        ),
        (
            "A broker in the wrong region",
            "      2: http",
            "      3: http",
            "by its number it belongs to paris",
        ),
        (
            "A broker that there is not",
            "      2: http",
            "      6: http",
            "there is no broker 6",
        ),
        (
            "A broker's id that is no number",
            "      2: http",
            "      zeebe-1: http",
            "no broker id",
        ),
        (
            "A gateway without addresses",
            "      - management: http://paris.example:9600",
            "      - name: paris-gateway",
            "has no address",
        ),
    ] {
        bench.spoiled(fault, good, bad, says);
    }
    let paris = GOOD.find("  - name: paris").unwrap();
    let end = GOOD.find("snapshots:").unwrap();
    let one = format!("{}{}", &GOOD[..paris], &GOOD[end..]);
    bench.wrong("One region only", one, "1 regions are described");
    let third = "  - { name: rome, exporter: e2 }\n";
    bench.wrong(
        "Three regions",
        format!("{}{third}{}", &GOOD[..end], &GOOD[end..]),
        "3 regions are described",
    );
    for (fault, end, says) in [
        (
            "Seconds below zero",
            "pause: { floorSeconds: -5 }\n",
            "`pause.floorSeconds` must be a whole number",
        ),
        (
            "No seconds",
            "pause: { floorSeconds: 0 }\n",
            "until the disks are full",
        ),
        (
            "A clock that stands still",
            "clock: { speed: 0 }\n",
            "0 times as fast",
        ),
        ("A clock without a number", "clock: { speed: .nan }\n", ""),
        (
            "A word where yes or no belongs",
            "webapps: none\n",
            "must be `true` or `false`",
        ),
    ] {
        bench.with(fault, end, says);
    }
}

pub(super) fn its_addresses(bench: &mut Bench) {
    let good = "http://paris.example:9600";
    for (fault, bad, says) in [
        (
            "An address without `http://`",
            "paris.example:9600",
            "Did you mean `http://paris.example:9600`?",
        ),
        (
            "A number without `http://`",
            "10.0.0.1:9600",
            "Did you mean `http://10.0.0.1:9600`?",
        ),
        (
            "An address of another kind",
            "ftp://paris.example",
            "must begin with http:// or https://",
        ),
        (
            "An address with a password in it",
            "http://demo:hunter2@paris.example:9600",
            "under `auth`",
        ),
        (
            "An address with a query",
            "http://paris.example:9600?token=1",
            "query",
        ),
        ("An address with port 0", "http://paris.example:0", "port 0"),
        (
            "An address with a port that there is not",
            "http://paris.example:96000",
            "invalid port number",
        ),
        ("An address without a host", "http://:9600", ""),
        (
            "An address that belongs to the other region",
            "http://london.example:9600",
            "both regions have the address",
        ),
    ] {
        bench.spoiled(fault, good, bad, says);
    }
    bench.spoiled("An address that is empty", good, "\"\"", "");
    bench.spoiled(
        "Two brokers have one address",
        "http://zeebe-1.paris",
        "http://zeebe-0.paris",
        "brokers 1 and 3 have the same address",
    );
    bench.spoiled(
        "Both regions have one search",
        "http://search.paris",
        "http://search.london",
        "the same search",
    );
    bench.spoiled(
        "Two gateways have one name",
        "      - management: http://paris.example:9600",
        "      - { name: a, management: \"http://paris.example:9600\" }\n      - { name: a, management: \"http://paris2.example:9600\" }",
        "two gateways are called `a`",
    );
}
