# shellcheck shell=bash disable=SC2154
# c8dr as a person runs it on the rig: its configuration, and what it must say and how it must end. Sourced, never run.

# c8dr_config WAYS: writes the configuration to $SCRATCH/c8dr.yaml. WAYS is how c8dr gets there: `commands` by addresses, with
# commands for the platform; `helm` by addresses, with its own helm driver; `contexts` through the two API servers alone, as
# discovered.
c8dr_config() {
    local ways=$1 region
    printf '%s' "$S3_ACCESS_KEY" >"$SCRATCH/access.key"
    printf '%s' "$S3_SECRET_KEY" >"$SCRATCH/secret.key"
    printf '%s' "$DNS_KEY" >"$SCRATCH/dns.key"
    chmod 600 "$SCRATCH/access.key" "$SCRATCH/secret.key" "$SCRATCH/dns.key"
    if [[ $ways == contexts ]]; then
        c8dr_discovered
    else
        cat <<YAML
name: conformance
clusterSize: $ZEEBE_BROKERS
partitionCount: $ZEEBE_BROKERS
replicationFactor: 4
regions:
YAML
        for region in "${REGIONS[@]}"; do
            "c8dr_region_$ways" "$region"
        done
    fi >"$SCRATCH/c8dr.yaml"
    cat >>"$SCRATCH/c8dr.yaml" <<YAML
snapshots:
  repository: camunda_backup
  type: s3
  settings: {bucket: $S3_BUCKET, client: camunda, base_path: backups}
bucket:
  url: s3://$S3_BUCKET/c8dr
  endpoint: $S3_ENDPOINT
  region: $S3_REGION
  accessKey: {file: $SCRATCH/access.key}
  secretKey: {file: $SCRATCH/secret.key}
pause: {reserveBytes: 1000000000}
traffic:
  driver: rfc2136
  server: $DNS_SERVER
  zone: $DNS_ZONE
  names: [$DNS_NAME]
  targets: {london: [$(address_of london)], paris: [$(address_of paris)]}
  normal: both
  ttlSeconds: 5
  key: {name: $DNS_KEY_NAME, algorithm: hmac-sha256, secret: {file: $SCRATCH/dns.key}}
YAML
}

# What `init --discover` finds, and in it what it leaves to a person: the chart and the values files, at the line that it
# keeps for them.
c8dr_discovered() {
    local file=$SCRATCH/discovered.yaml
    rm -f "$file"
    c8dr_init --discover --kubeconfig "$SCRATCH/kubeconfig" --context london --context paris \
        --namespace "london=$(namespace_of london)" --namespace "paris=$(namespace_of paris)" --write "$file"
    local kept='# platform: { driver: helm, chart: [^,]*, version: \([^,]*\), values: \[camunda-values.yml, \([a-z]*\)/.*'
    local meant="platform: { driver: helm, chart: \"$here/chart\", version: \\1, values: [\"$SCRATCH/camunda-values.yml\", \"$SCRATCH/\\2/camunda-values.yml\"] }"
    sed "s|$kept|$meant|" "$file"
}

c8dr_region_commands() {
    local region=$1 namespace kubectl helm
    namespace=$(namespace_of "$region")
    # JSON lists are YAML lists, whatever is in them.
    kubectl="\"$(tool kubectl)\", \"--kubeconfig\", \"$(kube_config "$region")\", \"-n\", \"$namespace\""
    helm="\"$(tool helm)\", \"--kubeconfig\", \"$(kube_config "$region")\", \"-n\", \"$namespace\", \"upgrade\", \"--install\", \"$RELEASE\", \"$here/chart\", \"-f\", \"$SCRATCH/camunda-values.yml\", \"-f\", \"$SCRATCH/$region/camunda-values.yml\""
    c8dr_addresses "$region"
    cat <<YAML
    platform:
      driver: command
      pods: [$kubectl, get, pods, -o, json]
      volumes: [$kubectl, get, pvc, -o, json]
      install: [[$helm, --set, operate.enabled=false, --set, tasklist.enabled=false]]
      webappsDown:
        - [$kubectl, scale, deployment, $RELEASE-operate, --replicas=0]
        - [$kubectl, scale, deployment, $RELEASE-tasklist, --replicas=0]
      webappsUp: [[$helm]]
YAML
}

c8dr_region_helm() {
    c8dr_addresses "$1"
    c8dr_helm "$1"
}

# Only the gateways, through kubectl's port-forward: what a person has at hand at first.
declare -A FORWARDED_REST=() FORWARDED_MANAGEMENT=()
c8dr_region_forwarded() {
    local region=$1
    cat <<YAML
  - name: $region
    exporter: elasticsearchregion$(id_of "$region")
    gateways:
      - {rest: "http://127.0.0.1:${FORWARDED_REST[$region]}", management: "http://127.0.0.1:${FORWARDED_MANAGEMENT[$region]}"}
YAML
}

# forward_gateways: opens a port-forward to the gateway of each region.
forward_gateways() {
    local region
    for region in "${REGIONS[@]}"; do
        FORWARDED_REST[$region]=$(free_port)
        FORWARDED_MANAGEMENT[$region]=$(free_port)
        start "forward-$region" kubectl --kubeconfig "$(kube_config "$region")" --namespace "$(namespace_of "$region")" \
            port-forward "svc/$RELEASE-zeebe-gateway" "${FORWARDED_REST[$region]}:8080" "${FORWARDED_MANAGEMENT[$region]}:9600"
        up 20 "forward-$region" curl -sf -m 5 "http://127.0.0.1:${FORWARDED_REST[$region]}/v2/topology"
    done
}

# c8dr_addresses REGION: the addresses that the brokers, their gateways and the search really have.
c8dr_addresses() {
    local region=$1 broker gateway
    gateway=$(id_of "$region")
    cat <<YAML
  - name: $region
    exporter: elasticsearchregion$gateway
    gateways:
      - {rest: "http://$(zeebe_address "$gateway"):8080", management: "http://$(zeebe_address "$gateway"):9600"}
    brokers:
YAML
    for broker in $(zeebe_brokers "$gateway"); do
        printf '      %d: http://%s:9600\n' "$broker" "$(zeebe_address "$broker")"
    done
    printf '    search: {url: "%s"}\n' "${SEARCH_URL[search-$region]}"
}

# c8dr_helm REGION: its place in Kubernetes, and the platform's driver that is c8dr's own.
c8dr_helm() {
    local region=$1
    cat <<YAML
    kubernetes: {context: $region, kubeconfig: "$SCRATCH/kubeconfig", namespace: $(namespace_of "$region"), release: $RELEASE}
    platform:
      driver: helm
      chart: "$here/chart"
      version: $CHART_VERSION
      values: ["$SCRATCH/camunda-values.yml", "$SCRATCH/$region/camunda-values.yml"]
YAML
}

# c8dr ARGUMENT…: as a person would, with a home of its own.
c8dr() { env "C8DR_HOME=$SCRATCH/home" USER=conformance "$C8DR" --config "$SCRATCH/c8dr.yaml" "$@" </dev/null; }

# must CODE ARGUMENT…: runs c8dr, which must end with this exit code. What it said is in SAID.
must() {
    local code=$1 got=0
    shift
    # No step takes that long here; a run that hangs must not hang the suite.
    SAID=$(timeout 900 env "C8DR_HOME=$SCRATCH/home" USER=conformance "$C8DR" --config "$SCRATCH/c8dr.yaml" "$@" </dev/null 2>&1) || got=$?
    {
        printf '\n$ c8dr %s   # exit %d\n' "$*" "$got"
        printf '%s\n' "$SAID"
    } >>"$SCRATCH/logs/c8dr.log"
    if ((got != code)); then
        printf '%s\n' "$SAID" | tail -n 60 >&2
        die "c8dr $* ended with $got instead of $code"
    fi
}

# c8dr_init ARGUMENT…: `c8dr init`, which reads no configuration.
c8dr_init() {
    env "C8DR_HOME=$SCRATCH/home" "$C8DR" init "$@" </dev/null >>"$SCRATCH/logs/c8dr.log" 2>&1 ||
        { tail -n 40 "$SCRATCH/logs/c8dr.log" >&2; die 'c8dr init failed'; }
}

# says WORDS: the last command said so, however it was wrapped.
says() {
    local flat
    flat=$(printf '%s' "$SAID" | tr '│\n' '  ' | tr -s ' ')
    [[ $flat == *"$1"* ]] || {
        printf '%s\n' "$SAID" | tail -n 60 >&2
        die "c8dr did not say: $1"
    }
}

# until_diagnosed SECONDS CODE: until a status shows this state.
until_diagnosed() { wait_for "$1" "the state $2" is_diagnosed "$2"; }
is_diagnosed() { [[ $(c8dr status --output json 2>/dev/null | jq --raw-output .diagnosis.code) == "$1" ]]; }

# until_ready: `ready` ends with 0, within a minute: a busy machine may be too slow for one of its limits once.
# How long the one took that did is in READY_MS.
until_ready() { wait_for 60 'readiness' is_ready; }
is_ready() {
    local start
    start=$(now_ms)
    c8dr ready >>"$SCRATCH/logs/c8dr.log" 2>&1 || return
    READY_MS=$(($(now_ms) - start))
}

# promises_kept: every process instance that a client was promised is in both searches, once the exporters are through.
promises_kept() {
    local region
    zeebe_works no
    for region in "${REGIONS[@]}"; do
        wait_for 90 "all promises in the search of $region" has_all_promises "$region"
    done
    proven "$(zeebe_promises | wc -l) process instances that clients were promised are in both searches"
    zeebe_works yes
}

# has_all_promises REGION: none is missing. There may be more: what was created, and whose answer was lost.
has_all_promises() {
    [[ -n $(zeebe_promises) ]] || return 1
    ! LC_ALL=C comm -23 <(zeebe_promises) <(held_promises "$1") | grep -q .
}

# held_promises REGION: those that its search holds, as zeebe_promises prints them.
held_promises() {
    local url=${SEARCH_URL[search-$1]}
    curl -sf -m 10 -X POST "$url/zeebe-record*/_refresh" >/dev/null
    # By text, as keys are larger than what jq counts exactly.
    curl -sf -m 30 "$url/zeebe-record_process-instance-creation*/_search?size=0" -H 'content-type: application/json' \
        -d '{"aggs": {"promises": {"terms": {"field": "'"$(zeebe_promise_field)"'", "size": 60000}}}}' |
        grep -o '"key":[0-9]*' | cut -d: -f2 | LC_ALL=C sort -u
}

# journal: that of the newest run.
journal() { printf '%s/journal.jsonl' "$(find "$SCRATCH/home/runs" -mindepth 1 -maxdepth 1 | sort | tail -n 1)"; }

# moment STEP EVENT: when this happened in the newest run, in milliseconds since the epoch.
moment() {
    local at
    at=$(jq --raw-output --arg step "$1" --arg event "$2" 'select(.event[$event]?.step == $step) | .at' "$(journal)" | tail -n 1)
    [[ -n $at ]] || die "the newest run has no $2 of $1"
    printf '%s' "$(($(date -d "$at" +%s%N) / 1000000))"
}

# overhead RETURNING: what a snapshot and its restore took in the newest run, less what the servers worked: from when they say that
# they began until the witness saw them through.
overhead() {
    local name begun restored took theirs allowed
    name=$(cat "$SCRATCH/witness/name")
    begun=$(cat "$SCRATCH/witness/begun")
    restored=$(curl -sf "${SEARCH_URL[search-$1]}/_recovery" | jq --arg name "$name" '
        [.[].shards[] | select(.source.snapshot? == $name) | .start_time_in_millis] | min')
    theirs=$(($(cat "$SCRATCH/witness/taken") - begun + $(cat "$SCRATCH/witness/back") - restored))
    took=$(($(moment FB3b step-ended) - $(moment FB3b intended) + $(moment FB3e step-ended) - $(moment FB3e intended)))
    allowed=$((theirs / 50))
    ((allowed > 1000)) || allowed=1000
    say "snapshot and restore: c8dr $took ms, the servers $theirs ms"
    measured 'own time around snapshot and restore' "$((took - theirs))" "$allowed"
}

# witness SURVIVING RETURNING: looks, ten times a second, whether this failback's snapshot is whole and whether it is back, and
# notes when, for ten minutes at most. The servers' own accounts end earlier: a snapshot is called whole, and an index can be read, only after them.
witness() {
    local source=${SEARCH_URL[search-$1]} target=${SEARCH_URL[search-$2]} folder=$SCRATCH/witness
    rm -rf "$folder"
    mkdir -p "$folder"
    (
        trap - EXIT
        wait_for 600 'the snapshot' is_taken "$source" "$folder" "failback-$2"
        wait_for 600 'the restore' is_back "$target" "$folder"
    ) &
    WITNESS=$!
}

is_taken() {
    curl -sf -m 5 "$1/_snapshot/camunda_backup/_all" | jq --exit-status --arg of "$3" '
        .snapshots | map(select((.snapshot | contains($of)) and .state == "SUCCESS")) | last // empty' >"$2/snapshot" || return
    now_ms >"$2/taken"
    jq --raw-output .snapshot "$2/snapshot" >"$2/name"
    jq .start_time_in_millis "$2/snapshot" >"$2/begun"
}

# Every index of the snapshot is copied, and says how many documents it has.
is_back() {
    curl -sf -m 5 "$1/_cat/indices?format=json&expand_wildcards=all" >"$2/indices" || return
    curl -sf -m 5 "$1/_recovery" >"$2/recovery" || return
    jq --null-input --exit-status --slurpfile snapshot "$2/snapshot" --slurpfile found "$2/indices" \
        --slurpfile recovery "$2/recovery" '
        $snapshot[0] as $snapshot
        | ($found[0] | map(select(."docs.count" != null).index)) as $readable
        | ([$recovery[0][].shards[] | select(.source.snapshot? == $snapshot.snapshot)]) as $shards
        | ($snapshot.indices - $readable) == [] and ($shards | length) > 0 and all($shards[]; .stage == "DONE")' || return
    now_ms >"$2/back"
}
