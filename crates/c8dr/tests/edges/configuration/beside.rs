//! What lies beside the configuration: secrets, certificates, the bucket, commands.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::bench::{Bench, GOOD};

const BUCKET_URL: &str = "url: s3://my-backup/c8dr";
const BUCKET_KEYS: &str = "  accessKey: { file: key.txt }\n  secretKey: { file: key.txt }\n";

pub(super) fn its_secrets(bench: &mut Bench) {
    let folder = bench.stage.path().to_owned();
    std::fs::write(folder.join("empty.txt"), "\n").unwrap();
    std::fs::write(folder.join("two.txt"), "hunter2\nhunter2\n").unwrap();
    let login =
        |password: &str| format!("auth:\n  rest:\n    basic: {{ username: demo, password: {password} }}\n");
    for (fault, end, says) in [
        (
            "A password in the file",
            login("hunter2"),
            "stands in the file itself",
        ),
        (
            "A password of digits in the file",
            login("4711"),
            "stands in the file itself",
        ),
        (
            "A token in the file",
            "auth:\n  management:\n    bearer: hunter2\n".to_owned(),
            "`bearer",
        ),
        (
            "A token in a block",
            "auth:\n  rest:\n    bearer:\n      token: |\n        hunter2\n".to_owned(),
            "stands in the file itself",
        ),
        (
            "A variable with its `$`",
            login("{ env: $PASSWORD }"),
            "without `$`",
        ),
        (
            "A variable that is not set",
            login("{ env: CAMUNDA_PASSWORD }"),
            "the environment variable CAMUNDA_PASSWORD is not set",
        ),
        (
            "A secret with two places",
            login("{ env: PASSWORD, file: password.txt }"),
            "either `env` or `file`",
        ),
        ("A secret without a place", login("{}"), "either `env` or `file`"),
        (
            "A secret's file that is not there",
            login("{ file: missing.txt }"),
            "missing.txt does not exist",
        ),
        (
            "A secret's file that is empty",
            login("{ file: empty.txt }"),
            "empty.txt is empty",
        ),
        (
            "A secret's file of two lines",
            login("{ file: two.txt }"),
            "more than one line",
        ),
        (
            "A secret's file that is a folder",
            login("{ file: . }"),
            "is a folder",
        ),
        (
            "A way to log in that there is not",
            "auth: { rest: { oidc: { token: { env: T } } } }\n".to_owned(),
            "no such way to log in",
        ),
    ] {
        bench.with(fault, &end, says);
    }
    bench.spoiled(
        "A key of the bucket in the file",
        "accessKey: { file: key.txt }",
        "accessKey: hunter2",
        "stands in the file itself",
    );
    bench.spoiled(
        "A key of the repository in the file",
        "client: camunda",
        "access_key: hunter2",
        "keystores",
    );
    // Readable for everybody is worth a word, and no more.
    std::fs::write(folder.join("open.txt"), "hunter2").unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        bench.lock("open.txt", mode);
        let ran = bench.right(format!("{GOOD}{}", login("{ file: open.txt }")));
        assert_eq!(
            ran.err.contains("can be read by everybody"),
            warned,
            "{}",
            ran.err
        );
    }
}

pub(super) fn its_tls(bench: &mut Bench) {
    let folder = bench.stage.path().to_owned();
    let pair = || rcgen::generate_simple_self_signed(["c8dr.example".to_owned()]).unwrap();
    let (one, other) = (pair(), pair());
    std::fs::write(folder.join("client.pem"), one.cert.pem()).unwrap();
    std::fs::write(folder.join("client.key"), one.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("other.key"), other.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("words.pem"), "no certificate here\n").unwrap();
    let client = |certificate: &str, key: &str| {
        format!(
            "tls: {{ caFile: client.pem, client: {{ certificateFile: {certificate}, keyFile: {key} }} }}\n"
        )
    };
    for (fault, end, says) in [
        (
            "The CA file is not there",
            "tls: { caFile: ca.pem }\n".to_owned(),
            "ca.pem cannot be read",
        ),
        (
            "The CA file has no certificate in it",
            "tls: { caFile: words.pem }\n".to_owned(),
            "has no certificate in it",
        ),
        (
            "The CA file is a key",
            "tls: { caFile: client.key }\n".to_owned(),
            "has no certificate in it",
        ),
        (
            "The client's key is not there",
            client("client.pem", "missing.key"),
            "missing.key",
        ),
        (
            "The client's key has no key in it",
            client("client.pem", "words.pem"),
            "PRIVATE KEY",
        ),
        (
            "The client's key belongs to another certificate",
            client("client.pem", "other.key"),
            "belong together",
        ),
    ] {
        bench.with(fault, &end, says);
    }
    bench.right(format!("{GOOD}{}", client("client.pem", "client.key")));
}

pub(super) fn what_a_failback_needs(bench: &mut Bench) {
    for (fault, good, bad, says) in [
        (
            "The bucket's address is a web page",
            BUCKET_URL,
            "url: https://s3.example/b",
            "must begin with s3://",
        ),
        (
            "The bucket's address has a key in it",
            BUCKET_URL,
            "url: s3://AKIA:hunter2@b/c8dr",
            "fields of their own",
        ),
        (
            "The bucket's address names no bucket",
            BUCKET_URL,
            "url: s3://",
            "",
        ),
        (
            "The bucket is in memory",
            BUCKET_URL,
            "url: \"memory:\"",
            "guards nobody",
        ),
        ("The bucket has no keys", BUCKET_KEYS, "", "needs an access key"),
        (
            "The bucket has half a key",
            "  secretKey: { file: key.txt }\n",
            "",
            "belong together",
        ),
        (
            "A command without words",
            "install: [[helm, upgrade]]",
            "install: [[helm, upgrade], []]",
            "install[1]` has a command without words",
        ),
        (
            "A command that is empty",
            "pods: [kubectl, get, pods, -o, json]",
            "pods: []",
            "has a command without words",
        ),
        (
            "The repository has no name",
            "repository: camunda_backup",
            "repository: \"\"",
            "`repository` is empty",
        ),
    ] {
        bench.spoiled(fault, good, bad, says);
    }
}
