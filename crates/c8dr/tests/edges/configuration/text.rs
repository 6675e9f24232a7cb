//! The file itself, its YAML and its keys.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::bench::{Bench, GOOD};

pub(super) fn the_file(bench: &mut Bench) {
    let file = bench.stage.path().join("c8dr.yaml");
    std::fs::remove_file(&file).unwrap();
    bench.typed("There is no configuration", "status", "--config");
    bench.typed(
        "The named file is not there",
        "config check --config elsewhere.yaml",
        "No such file",
    );
    bench.typed("A folder is named", "config check --config .", "it is a folder");
    bench.wrong("The file is empty", "", "is empty");
    bench.wrong(
        "There are only remarks in the file",
        "# name: camunda\n\n",
        "is empty",
    );
    bench.wrong(
        "The file is not UTF-8",
        b"name: camunda\nclusterSize: \xff\n",
        "line 2 is not UTF-8",
    );
    bench.wrong("The file is enormous", vec![b'#'; 3 << 20], "more than 1024 KiB");
    bench.wrong("The file is a list", "- name: camunda\n", "must be a mapping");
    bench.wrong("The file is one word", "camunda\n", "must be a mapping");
    // Permissions do not bind root: then this is the good file, and no fault.
    std::fs::write(&file, GOOD).unwrap();
    bench.lock("c8dr.yaml", 0o000);
    if std::fs::read(&file).is_err() {
        bench
            .stage
            .run(&["config", "check"])
            .exits(2)
            .says("Permission denied");
    }
    bench.lock("c8dr.yaml", 0o600);
    // What an editor under Windows leaves behind is no mistake.
    for good in [format!("\u{feff}{GOOD}"), GOOD.replace('\n', "\r\n")] {
        bench.right(good);
    }
}

pub(super) fn its_yaml(bench: &mut Bench) {
    bench.spoiled(
        "A tab indents a line",
        "    exporter: elasticsearchregion1",
        "\texporter: elasticsearchregion1",
        "tab",
    );
    bench.spoiled(
        "A line is not indented enough",
        "    exporter: elasticsearchregion1",
        "  exporter: elasticsearchregion1",
        "",
    );
    bench.spoiled(
        "A bracket is not closed",
        "settings: { bucket: my-backup, client: camunda }",
        "settings: { bucket: my-backup, client: camunda",
        "",
    );
    bench.spoiled(
        "A quote is not closed",
        "url: \"http://search.paris.example:9200\"",
        "url: \"http://search.paris.example:9200",
        "",
    );
    bench.spoiled("A colon is missing", "clusterSize: 4", "clusterSize 4", "");
    bench.spoiled(
        "A key is written twice",
        "clusterSize: 4",
        "clusterSize: 4\nclusterSize: 8",
        "`clusterSize` stands here for the second time",
    );
    bench.spoiled(
        "A broker is written twice",
        "      2: http",
        "      0: http",
        "`0` stands here for the second time",
    );
    bench.with(
        "There are two documents in the file",
        "---\nname: other\n",
        "two documents",
    );
    bench.spoiled(
        "An alias has no anchor",
        "partitionCount: 4",
        "partitionCount: *four",
        "without an anchor",
    );
    // The repository's settings are anybody's: there everything is read.
    let settings =
        |inside: &str| GOOD.replacen("client: camunda }", &format!("client: camunda, {inside} }}"), 1);
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]".to_owned();
    for (this, last) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let nine = vec![format!("*{last}"); 9].join(", ");
        bomb.push_str(&format!(", {this}: &{this} [{nine}]"));
    }
    bench.wrong(
        "A few lines unfold into billions",
        settings(&bomb),
        "far more than any configuration",
    );
    bench.wrong(
        "Brackets within brackets",
        settings(&format!("x: {}{}", "[".repeat(200), "]".repeat(200))),
        "far more than any configuration",
    );
    bench.wrong(
        "A line of a million brackets",
        settings(&format!("x: {}", "[".repeat(1_000_000))),
        "",
    );
    // Anchors and aliases as such are fine.
    let anchored = GOOD
        .replacen("partitionCount: 4", "partitionCount: &four 4", 1)
        .replacen("replicationFactor: 4", "replicationFactor: *four", 1);
    bench.right(anchored);
}

pub(super) fn its_keys(bench: &mut Bench) {
    for (level, good, bad, says) in [
        (
            "the top",
            "partitionCount:",
            "partitionsCount:",
            "Did you mean `partitionCount`?",
        ),
        (
            "the top, spelt as elsewhere",
            "clusterSize:",
            "cluster_size:",
            "Did you mean `clusterSize`?",
        ),
        (
            "a region",
            "exporter: elasticsearchregion0",
            "exporterId: elasticsearchregion0",
            "Did you mean `exporter`?",
        ),
        (
            "a gateway",
            "management: http://paris",
            "managment: http://paris",
            "Did you mean `management`?",
        ),
        (
            "a search",
            "search: { url: \"http://search.london",
            "search: { uri: \"http://search.london",
            "Did you mean `url`?",
        ),
        ("a platform", "      pods:", "      pod:", "Did you mean `pods`?"),
        (
            "the snapshots",
            "  repository:",
            "  repo:",
            "Known here: `repository`",
        ),
        ("the bucket", "  url: s3", "  uri: s3", "Did you mean `url`?"),
    ] {
        bench.spoiled(&format!("An unknown key: {level}"), good, bad, says);
    }
    for (level, end, says) in [
        ("`pause`", "pause: { floor: 60 }\n", "`floorSeconds`"),
        ("`tls`", "tls: { ca: ca.pem }\n", "`caFile`"),
        (
            "`tls.client`",
            "tls: { client: { certFile: a, keyFile: b } }\n",
            "`certificateFile`",
        ),
        (
            "`auth`",
            "auth: { basic: { username: demo, password: { env: P } } }\n",
            "`rest`, `management`, `grpc`",
        ),
        (
            "a login",
            "auth: { rest: { basic: { user: demo, password: { env: P } } } }\n",
            "Known here: `username`, `password`",
        ),
        (
            "a secret",
            "auth: { rest: { bearer: { token: { environment: P } } } }\n",
            "Known here: `env`, `file`",
        ),
        ("`clock`", "clock: { sped: 2 }\n", "Did you mean `speed`?"),
    ] {
        bench.with(&format!("An unknown key: {level}"), end, says);
    }
    bench.spoiled(
        "A key is missing",
        "partitionCount: 4\n",
        "",
        "`partitionCount` is missing",
    );
    bench.spoiled(
        "A key is missing in a region",
        "    exporter: elasticsearchregion1\n",
        "",
        "`exporter` is missing in `regions[1]`",
    );
    bench.spoiled("A key has no value", "name: paris", "name:", "has no value");
    bench.spoiled(
        "A platform has a driver that there is not",
        "driver: command",
        "driver: ansible",
        "`command`",
    );
}
