//! What every runbook defines first: the addresses as variables, and the checks as functions of bash, curl and jq.

use c8dr_domain::ids::RegionId;

use super::Places;

/// The functions that ask Zeebe. `change` keeps the id of what it began in `CHANGE`; `completed` waits for that very one.
const ZEEBE: &str = r#"zeebe() { curl -sSf --max-time 15 "${ZEEBE_LOGIN[@]}" "$@"; }
silent() { local one; for one in "${THERE[@]}"; do ! curl -s --max-time 3 -o /dev/null "$one/actuator/partitions" || return 1; done; }
up() { local one; for one in "${HERE[@]}"; do zeebe -o /dev/null "$one/actuator/partitions" || return 1; done; }
led() { zeebe "$1/actuator/partitions" | jq -r 'to_entries[] | select(.value.role == "LEADER") | .key'; }
leaders() { local one; for one in "$@"; do led "$one"; done | sort -n; }
all_led() { [ "$(leaders "$@" | paste -sd' ' -)" = "$(seq -s' ' "$PARTITIONS")" ]; }
idle() { zeebe "$MANAGEMENT/actuator/cluster" | jq -e '.pendingChange == null' > /dev/null; }
change() { CHANGE=$(zeebe -X POST -H 'Content-Type: application/json' "$@" | jq -r .changeId); echo "change ${CHANGE:-: no answer}"; }
completed() { zeebe "$MANAGEMENT/actuator/cluster" | jq -e --arg id "$CHANGE" '.pendingChange == null and (.lastChange.id | tostring) == $id and .lastChange.status == "COMPLETED"' > /dev/null; }
exporter() { zeebe "$MANAGEMENT/actuator/exporters" | jq -e --arg id "$1" --arg status "$2" 'any(.[]; .exporterId == $id and .status == $status)' > /dev/null; }
"#;

/// The functions that a failback needs besides. `positions` fails while something is in the exporter's hands.
const REBUILD: &str = r#"search() { curl -sSf --max-time 60 "${SEARCH_LOGIN[@]}" -H 'Content-Type: application/json' "$@"; }
well() { search "$1/_cluster/health" | jq -e '.status != "red" and .timed_out == false' > /dev/null; }
counts() { search "$1/_cat/indices?format=json&h=index,docs.count" | jq -c '[.[] | select(.index | startswith(".") | not) | {index, count: .["docs.count"]}] | sort_by(.index)'; }
uuid() { search "$1/_snapshot/$REPOSITORY/$SNAPSHOT" | jq -er '.snapshots[0].uuid'; }
webapps() { jq '[.items[] | select(.metadata.labels["app.kubernetes.io/component"] == ("operate", "tasklist"))]'; }
none() { webapps | jq -e 'length == 0' > /dev/null; }
ready() { webapps | jq -e 'length > 0 and all(.[]; any(.status.conditions[]?; .type == "Ready" and .status == "True"))' > /dev/null; }
phase() { local one; for one in "${HERE[@]}"; do zeebe "$one/actuator/partitions" | jq -e --arg phase "$1" 'all(.[]; .exporterPhase == null or .exporterPhase == $phase)' > /dev/null || return 1; done; }
positions() (
  set -o pipefail
  for one in "${HERE[@]}"; do
    page=$(zeebe "$one/actuator/prometheus") || exit 1
    for partition in $(led "$one"); do
      awk -v of="{exporter=\"$EXPORTER_HERE\",partition=\"$partition\"" -v partition="$partition" '
        index($0, "zeebe_exporter_last_exported_position" of) { sent = $NF }
        index($0, "zeebe_exporter_last_updated_exported_position" of) { kept = $NF }
        END { if (sent == "" || sent + 0 != kept + 0) exit 1; printf "%s=%d\n", partition, kept }' <<< "$page" || exit 1
    done
  done | sort -n | paste -sd' ' -
)
unmoved() { [ -n "$V" ] && [ "$(positions)" = "$V" ]; }
"#;

/// A command of these words, as a shell takes it.
fn line(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    let word = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => quoted(word),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A word in single quotes, as a shell takes it whatever is in it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The options of curl that log in: in a file of the person's, so that no secret is on the page or in a list of processes.
fn login(wanted: bool, file: &str) -> String {
    match wanted {
        true => format!(
            "(--config {file})   # a file of yours with one line: user = \"NAME:PASSWORD\", or header = \"Authorization: Bearer TOKEN\""
        ),
        false => "()".to_owned(),
    }
}

/// The setup: `there` is the region that is lost or returns, the other one serves.
pub(super) fn setup(places: &Places, there: RegionId) -> String {
    let here = there.other();
    let (own, theirs) = (
        places.installation.region(here),
        places.installation.region(there),
    );
    let gateways = places.gateways.get(&here).map_or(&[][..], Vec::as_slice);
    let management = gateways
        .first()
        .map_or("http://localhost:9600", |(management, _)| management);
    let rest = gateways.iter().find_map(|(_, rest)| rest.as_deref());
    let brokers = |region| {
        let addresses = places.brokers.get(&region).map_or(&[][..], Vec::as_slice);
        line(addresses)
    };
    format!(
        "MANAGEMENT={}   # a gateway of region {}, which serves\nREST={}\nHERE=({})   # the brokers of region {}\n\
         THERE=({})   # the brokers of region {}\nEXPORTER_HERE={}\nEXPORTER_THERE={}\nPARTITIONS={}\nCHANGE=\nZEEBE_LOGIN={}\n{ZEEBE}",
        quoted(management),
        own.name,
        quoted(rest.unwrap_or("http://localhost:8080")),
        brokers(here),
        own.name,
        brokers(there),
        theirs.name,
        quoted(&own.exporter.to_string()),
        quoted(&theirs.exporter.to_string()),
        places.installation.partitions_count(),
        login(places.zeebe_login, "zeebe.curl"),
    )
}

/// What a failback defines besides: searches, pods, and the position vector V.
pub(super) fn rebuild(places: &Places, there: RegionId, repository: &str) -> String {
    let search = |region| {
        let address = places.searches.get(&region).map(String::as_str);
        quoted(address.unwrap_or("http://localhost:9200"))
    };
    let pods = |region| {
        places
            .pods
            .get(&region)
            .map_or_else(|| "false".to_owned(), |words| line(words))
    };
    format!(
        "SEARCH_HERE={}\nSEARCH_THERE={}\nREPOSITORY={}\nSNAPSHOT=c8dr-by-hand-$(date -u +%Y%m%d%H%M%S)   # a name that was never used\n\
         V=\nSEARCH_LOGIN={}\npods_here() {{ {}; }}\npods_there() {{ {}; }}\n{REBUILD}",
        search(there.other()),
        search(there),
        quoted(repository),
        login(places.search_login, "search.curl"),
        pods(there.other()),
        pods(there),
    )
}
