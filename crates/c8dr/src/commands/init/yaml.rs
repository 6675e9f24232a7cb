//! The configuration as it is written for a person to go on with: what is known, and remarks on what is not.

use std::fmt::Write;

use super::variables::{ACCESS_KEY, Guide, Place, SECRET_KEY};

/// The whole file.
pub(super) fn of(guide: &Guide, cluster_size: u32, partition_count: u32) -> String {
    let mut text = format!(
        "\
# yaml-language-server: $schema=c8dr.schema.json
# Written by `c8dr init --from-env`. `c8dr config schema > c8dr.schema.json` makes editors explain and check it;
# `c8dr config check` reads it as every command does, `c8dr config show` tells what it amounts to.
name: {release}
# As in the Helm values of both regions; `c8dr status` says so if the cluster is another one.
clusterSize: {cluster_size}
partitionCount: {partition_count}
replicationFactor: 4
# In the order of their ids: the first has the brokers with even ids. The names are typed to confirm a failover; call the
# regions what people call them.
regions:
",
        release = word(&guide.release),
    );
    for (place, id) in guide.regions.iter().zip(0u32..) {
        region(&mut text, guide, place, id, cluster_size);
    }
    snapshots(&mut text, guide);
    bucket(&mut text, guide);
    text.push_str(
        "\
# Who we are, where a kind of endpoint asks for it. Secrets are named, never written here.
# auth:
#   rest: { basic: { username: demo, password: { env: CAMUNDA_PASSWORD } } }
# How long the brokers' disks must last at least while exporting is paused; with less, a failback turns round.
# pause: { floorSeconds: 600 }
",
    );
    text
}

/// Writing to a string cannot fail, so nothing is made of it here and below.
fn region(text: &mut String, guide: &Guide, place: &Place, id: u32, cluster_size: u32) {
    let (context, namespace, release) = (word(&place.context), word(&place.namespace), &guide.release);
    let shell = |word: &str| typed(word);
    let forward = format!(
        "kubectl --context {} -n {} port-forward",
        shell(&place.context),
        shell(&place.namespace)
    );
    let ports = Ports::of(id);
    let brokers: Vec<u32> = (0..cluster_size).filter(|broker| broker % 2 == id).collect();
    let _ = writeln!(
        text,
        "  - name: {name}
    exporter: elasticsearchregion{id}
    # These addresses are port-forwards. One that has ended looks like an endpoint that is dead, and each ends with its
    # pod: start them all before you look. Addresses that last (an internal load balancer, a VPN) are better.
    #   {forward} services/{service} {rest}:8080 {management}:9600 {grpc}:26500",
        name = place.name,
        service = typed(&format!("{release}-zeebe-gateway")),
        rest = ports.rest,
        management = ports.management,
        grpc = ports.grpc,
    );
    for broker in &brokers {
        let pod = typed(&format!("{release}-zeebe-{}", broker / 2));
        let _ = writeln!(text, "    #   {forward} pod/{pod} {}:9600", ports.broker(*broker));
    }
    let pod = typed(&format!("{release}-elasticsearch-master-0"));
    let _ = writeln!(text, "    #   {forward} pod/{pod} {}:9200", ports.search);
    let _ = writeln!(
        text,
        "    gateways:
      - rest: http://127.0.0.1:{}
        management: http://127.0.0.1:{}
        grpc: http://127.0.0.1:{}
    brokers: # each broker's own management port: leaders are proven there",
        ports.rest, ports.management, ports.grpc
    );
    for broker in &brokers {
        let _ = writeln!(text, "      {broker}: http://127.0.0.1:{}", ports.broker(*broker));
    }
    let deployments = ["operate", "tasklist"].map(|app| word(&format!("deployments/{release}-{app}")));
    let release = word(release);
    let helm = format!(
        "[helm, upgrade, --install, {release}, camunda/camunda-platform, --version, {chart}, --kube-context, {context}, --namespace, {namespace},\n         -f, camunda-values.yml, -f, {name}/camunda-values.yml",
        chart = word(&guide.chart),
        name = place.name,
    );
    let _ = writeln!(
        text,
        "    search: {{ url: \"http://127.0.0.1:{search}\" }}
    # Lists of arguments, no shell. Start c8dr in the folder of camunda-values.yml (aws/dual-region/kubernetes in the guide).
    # With `driver: manual` c8dr shows the commands to a person and watches.
    platform:
      driver: command
      pods: [kubectl, --context, {context}, -n, {namespace}, get, pods, -o, json]
      volumes: [kubectl, --context, {context}, -n, {namespace}, get, pvc, -o, json]
      install:
        - {helm}, --set, operate.enabled=false, --set, tasklist.enabled=false]
      webappsDown:
        - [kubectl, --context, {context}, -n, {namespace}, scale, {operate}, --replicas, \"0\"]
        - [kubectl, --context, {context}, -n, {namespace}, scale, {tasklist}, --replicas, \"0\"]
      webappsUp:
        - {helm}]",
        search = ports.search,
        operate = deployments[0],
        tasklist = deployments[1],
    );
}

fn snapshots(text: &mut String, guide: &Guide) {
    let (mark, bucket) = match &guide.bucket {
        Some(bucket) => ("", word(bucket)),
        None => ("# ", "MY-BUCKET".to_owned()),
    };
    let _ = writeln!(
        text,
        "\
# Where the snapshot of a failback goes. Its keys are in the keystores of both regions' Elasticsearch.
{mark}snapshots:
{mark}  repository: camunda_backup
{mark}  type: s3
{mark}  settings: {{ bucket: {bucket}, client: camunda, base_path: backups }}"
    );
}

fn bucket(text: &mut String, guide: &Guide) {
    let bucket = guide.bucket.as_deref().unwrap_or("MY-BUCKET");
    let mark = if guide.bucket.is_some() && guide.has_keys {
        ""
    } else {
        "# "
    };
    let url = word(&format!("s3://{bucket}/c8dr"));
    let _ = writeln!(
        text,
        "\
# Which way was failed over, for every machine to see, and the runs, so that another machine can go on. Best outside both
# regions.
{mark}bucket:
{mark}  url: {url}"
    );
    match &guide.bucket_region {
        Some(region) => {
            let _ = writeln!(text, "{mark}  region: {}", word(region));
        }
        None => text.push_str("#   region: eu-west-2 # us-east-1, if not said\n"),
    }
    let _ = writeln!(
        text,
        "{mark}  accessKey: {{ env: {ACCESS_KEY} }}\n{mark}  secretKey: {{ env: {SECRET_KEY} }}"
    );
}

/// The local ends of a region's port-forwards. Each region has its own, or one would be taken for the other.
struct Ports {
    rest: u32,
    management: u32,
    grpc: u32,
    search: u32,
    brokers: u32,
}

impl Ports {
    fn of(region: u32) -> Ports {
        let base = 10_000 * (region + 1);
        Ports {
            rest: base + 8080,
            management: base + 9600,
            grpc: base + 6500,
            search: base + 9200,
            brokers: base,
        }
    }

    fn broker(&self, broker: u32) -> u32 {
        self.brokers + broker
    }
}

/// A text as YAML: bare where that is safe, else as JSON, which is YAML too.
pub(super) fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// A text as a word of a POSIX shell, in a remark of one line.
fn typed(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._/:@-".contains(c))
    {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
