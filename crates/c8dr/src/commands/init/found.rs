//! The configuration that is written of what two clusters show.

use std::fmt::Write;
use std::path::Path;

use super::discover::{Discovered, Place};
use super::yaml::word;

/// The whole file.
pub(super) fn of(discovered: &Discovered) -> String {
    let mut text = format!(
        "\
# yaml-language-server: $schema=c8dr.schema.json
# Written by `c8dr init --discover` from what both clusters showed. `c8dr config schema > c8dr.schema.json` makes editors
# explain and check it; `c8dr config check` reads it as every command does.
name: {release}
clusterSize: {size}
partitionCount: {partitions}
replicationFactor: {factor}
# In the order of their ids: the first has the brokers with even ids. The names are typed to confirm a failover; call the
# regions what people call them.
regions:
",
        release = word(&discovered.release),
        size = discovered.cluster_size,
        partitions = discovered.partition_count,
        factor = discovered.replication_factor,
    );
    for place in &discovered.regions {
        region(&mut text, discovered, place);
    }
    text.push_str(
        "\
# Where the snapshot of a failback goes. Its keys are in the keystores of both regions' searches.
# snapshots:
#   repository: camunda_backup
#   type: s3
#   settings: { bucket: MY-BUCKET, client: camunda, base_path: backups }
# Which way was failed over, for every machine to see, and the runs, so that another machine can go on. Best outside both
# regions.
# bucket:
#   url: s3://MY-BUCKET/c8dr
#   accessKey: { env: AWS_ACCESS_KEY_ID }
#   secretKey: { env: AWS_SECRET_ACCESS_KEY }
# Who we are, where a kind of endpoint asks for it. Secrets are named, never written here.
# auth:
#   rest: { basic: { username: demo, password: { env: CAMUNDA_PASSWORD } } }
",
    );
    if !discovered.missing.is_empty() {
        text.push_str("# Not found, and left to you:\n");
        for missing in &discovered.missing {
            let _ = writeln!(text, "# - {}", missing.replace('\n', " "));
        }
    }
    text
}

/// Writing to a string cannot fail, so nothing is made of it here and below.
fn region(text: &mut String, discovered: &Discovered, place: &Place) {
    let found = &place.found;
    let id = place.id.0;
    let _ = writeln!(text, "  - name: {}", word(&place.name));
    match &place.exporter {
        Some(exporter) => {
            let _ = writeln!(text, "    exporter: {}", word(exporter));
        }
        None => text.push_str("    # exporter: which one writes to this region's search was not clear; `c8dr status` lists what there is\n"),
    }
    let kubeconfig = match &discovered.kubeconfig {
        Some(file) => format!(", kubeconfig: {}", word(&file.display().to_string())),
        None => String::new(),
    };
    let _ = writeln!(
        text,
        "    kubernetes: {{ context: {}{kubeconfig}, namespace: {}, release: {} }}",
        word(&place.context),
        word(&place.namespace),
        word(&discovered.release)
    );
    if let Some((service, ports)) = &found.gateway {
        let address = |port: u16| format!("forward://svc/{service}:{port}");
        let parts: Vec<String> = [("rest", 8080), ("management", 9600), ("grpc", 26500)]
            .into_iter()
            .filter(|(_, port)| ports.contains(port))
            .map(|(kind, port)| format!("{kind}: {}", quoted(&address(port))))
            .collect();
        text.push_str("    # A port-forward of c8dr's own for each call. Where a gateway is exposed to here, its URL is quicker.\n");
        let _ = writeln!(text, "    gateways: [{{ {} }}]", parts.join(", "));
    }
    if let Some((set, _)) = &found.brokers {
        text.push_str("    brokers: # each broker's own management port: leaders are proven there\n");
        for ordinal in 0..discovered.cluster_size / 2 {
            let broker = ordinal * 2 + id;
            let _ = writeln!(
                text,
                "      {broker}: {}",
                quoted(&format!("forward://pod/{set}-{ordinal}:9600"))
            );
        }
    }
    if let Some(search) = &found.search {
        let scheme = if search.is_tls { "forward+https" } else { "forward" };
        let url = quoted(&format!("{scheme}://svc/{}:{}", search.service, search.port));
        match &search.secret {
            None => {
                let _ = writeln!(text, "    search: {{ url: {url} }}");
            }
            Some(secret) => {
                let variable = format!("SEARCH_PASSWORD_{id}");
                let _ = writeln!(
                    text,
                    "    # Its password is in the secret `{secret}`, key `elastic`.
    search: {{ url: {url}, auth: {{ basic: {{ username: elastic, password: {{ env: {variable} }} }} }} }}"
                );
            }
        }
    }
    if let Some(version) = found
        .chart
        .as_deref()
        .and_then(|chart| chart.strip_prefix("camunda-platform-"))
    {
        let _ = writeln!(
            text,
            "    # For a failback; the values files are yours, and `c8dr values` writes them.
    # platform: {{ driver: helm, chart: camunda/camunda-platform, version: {version}, values: [camunda-values.yml, {}/camunda-values.yml] }}",
            word(&place.name)
        );
    }
    let _ = writeln!(
        text,
        "    # Seen: {} pods, {} of them ready; {} volume claims{}.",
        found.pods.0,
        found.pods.1,
        found.claims.len(),
        match found.webapps.is_empty() {
            true => String::new(),
            false => format!("; {}", found.webapps.join(", ")),
        }
    );
}

/// What is said of it.
pub(super) fn human(file: &Path, regions: &[String], left_out: &[String], is_whole: bool) -> String {
    let file = file.display();
    let mut text = format!("{file} is written.\n");
    for region in regions {
        let _ = writeln!(text, "  {region}");
    }
    for left_out in left_out {
        let _ = writeln!(text, "Left to you: {left_out}");
    }
    if !is_whole {
        let _ = writeln!(text, "It is not whole yet: fill in what is left to you first.");
    }
    let _ = write!(
        text,
        "Read it; then look:\n  c8dr config check --config {file}\n  c8dr status --config {file}"
    );
    text
}

/// A colon begins nothing in it, and yet quotes are safer within braces.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
