# shellcheck shell=bash disable=SC2154
# The whole rig: two regions with Kubernetes, helm and the chart, a search in each, an object store and a name server beside
# both, and the brokers behind kwok's port-forward. Sourced, never run.

# shellcheck source=s3.sh
source "$here/lib/s3.sh"
# shellcheck source=search.sh
source "$here/lib/search.sh"
# shellcheck source=kube.sh
source "$here/lib/kube.sh"
# shellcheck source=dns.sh
source "$here/lib/dns.sh"

readonly REGIONS=(london paris)
readonly RELEASE=camunda
readonly CHART_VERSION=11.12.3

# shellcheck source=zeebe.sh
source "$here/lib/zeebe.sh"

namespace_of() { printf 'camunda-%s' "$1"; }
# id_of REGION: 0 or 1.
id_of() { [[ $1 == "${REGIONS[0]}" ]] && printf 0 || printf 1; }
# address_of REGION: where its load balancer would be, in the eyes of users.
address_of() { printf '10.%d.0.10' "$(id_of "$1")"; }
other_than() { [[ $1 == "${REGIONS[0]}" ]] && printf '%s' "${REGIONS[1]}" || printf '%s' "${REGIONS[0]}"; }
helm() {
    local region=$1
    shift
    "$(tool helm)" --kubeconfig "$(kube_config "$region")" --namespace "$(namespace_of "$region")" "$@"
}

# rig_up LAUNCHER C8DR: everything, healthy.
rig_up() {
    local launcher=$1 c8dr=$2 region
    tools_in_path helm kubectl
    zeebe_settle
    s3_up
    # Where users are sent: to both regions.
    dns_up "$(address_of london)" "$(address_of paris)"
    for region in "${REGIONS[@]}"; do
        search_up opensearch "search-$region"
    done
    for region in "${REGIONS[@]}"; do
        rig_values "$region"
        kube_region_up "$region"
    done
    search_ready search-london search-paris
    for region in "${REGIONS[@]}"; do
        webapp_indices "search-$region"
    done
    zeebe_up "$launcher" "$c8dr" "${SEARCH_URL[search-london]#http://}" "${SEARCH_URL[search-paris]#http://}"
    for region in "${REGIONS[@]}"; do
        helm "$region" upgrade --install "$RELEASE" "$here/chart" --version "$CHART_VERSION" \
            --values "$SCRATCH/camunda-values.yml" --values "$SCRATCH/$region/camunda-values.yml" >/dev/null
        wait_for 180 "all pods of $region" pods_are_there "$region"
        follow_pods "$region"
    done
    with helm "$HELM_VERSION"
    with chart "$CHART_VERSION"
    kube_join "$SCRATCH/kubeconfig" "${REGIONS[@]}"
}

# kube_region_up REGION: its cluster and its namespace, with nothing in it.
kube_region_up() {
    local region=$1
    kwok_rules "$region" >"$SCRATCH/kwok-$region.yaml"
    kube_up "$region" "$SCRATCH/kwok-$region.yaml"
    kube "$region" create namespace "$(namespace_of "$region")" >/dev/null
    # Credentials of the object store, under the names that the chart gives the search.
    kube "$region" --namespace "$(namespace_of "$region")" create secret generic elasticsearch-env-secret \
        "--from-literal=S3_ACCESS_KEY=$S3_ACCESS_KEY" "--from-literal=S3_SECRET_KEY=$S3_SECRET_KEY" >/dev/null
}

# Brokers, gateway, search and the two webapps: all that the release has.
pods_are_there() {
    local wanted=$((ZEEBE_BROKERS / 2 + 4)) ready
    ready=$(pods_of "$1" | jq '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length')
    ((ready >= wanted))
}

# pods_of REGION, claims_of REGION: straight from the API server, as this is asked often.
api_of() {
    curl -sf -m 2 --cacert "$(kube_folder "$1")/ca.crt" --header "Authorization: Bearer admin-of-$1" \
        "https://127.0.0.1:${KUBE_PORT[$1]}/api/v1/namespaces/$(namespace_of "$1")/$2"
}
pods_of() { api_of "$1" pods; }
claims_of() { api_of "$1" persistentvolumeclaims; }

# kwok_rules REGION: where the ports of its pods really are.
kwok_rules() {
    local region=$1 broker namespace gateway
    namespace=$(namespace_of "$region")
    gateway=$(zeebe_address "$(id_of "$region")")
    printf '2026-01-01T00:00:00.000000000Z stdout F started\n' >"$SCRATCH/pod.log"
    for broker in $(zeebe_brokers "$(id_of "$region")"); do
        cat <<YAML
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: PortForward
metadata: {name: $RELEASE-zeebe-$((broker / 2)), namespace: $namespace}
spec:
  forwards:
    - {ports: [9600], target: {address: $(zeebe_address "$broker"), port: 9600}}
    - {ports: [8080], target: {address: $(zeebe_address "$broker"), port: 8080}}
    - {ports: [26500], target: {address: $(zeebe_address "$broker"), port: 26500}}
YAML
    done
    cat <<YAML
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: PortForward
metadata: {name: $RELEASE-elasticsearch-master-0, namespace: $namespace}
spec:
  forwards:
    - {ports: [9200], target: {address: 127.0.0.1, port: ${SEARCH_PORT[search-$region]}}}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata: {name: gateway}
spec:
  selector: {matchNamespaces: [$namespace]}
  forwards:
    - {ports: [9600], target: {address: $gateway, port: 9600}}
    - {ports: [8080], target: {address: $gateway, port: 8080}}
    - {ports: [26500], target: {address: $gateway, port: 26500}}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterExec
metadata: {name: here}
spec:
  execs:
    # A pod's names mean nothing here, so its exporters' addresses are those that the searches really have.
    - local:
        envs:
          - {name: ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION0_ARGS_URL, value: "http://127.0.0.1:${SEARCH_PORT[search-london]}"}
          - {name: ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION1_ARGS_URL, value: "http://127.0.0.1:${SEARCH_PORT[search-paris]}"}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata: {name: all}
spec: {logs: [{logsFile: $SCRATCH/pod.log}]}
YAML
}

# rig_values REGION: the values of both regions as the guide has them: one common file, and one of the region's own.
rig_values() {
    local region=$1 contacts='' broker owner id
    for broker in $(seq 0 $((ZEEBE_BROKERS - 1))); do
        owner=$(namespace_of "${REGIONS[$((broker % 2))]}")
        contacts+=${contacts:+,}$RELEASE-zeebe-$((broker / 2)).$RELEASE-zeebe.$owner.svc.cluster.local:26502
    done
    {
        cat <<YAML
global:
  multiregion: {regions: 2}
  elasticsearch: {disableExporter: true}
  identity: {auth: {enabled: false}}
identity: {enabled: false}
optimize: {enabled: false}
connectors: {enabled: false}
operate:
  env: [{name: CAMUNDA_OPERATE_BACKUP_REPOSITORYNAME, value: camunda_backup}]
tasklist:
  env: [{name: CAMUNDA_TASKLIST_BACKUP_REPOSITORYNAME, value: camunda_backup}]
zeebe:
  clusterSize: $ZEEBE_BROKERS
  partitionCount: $ZEEBE_BROKERS
  replicationFactor: 4
  env:
    - {name: ZEEBE_BROKER_DATA_SNAPSHOTPERIOD, value: 5m}
    - {name: ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS, value: "$contacts"}
YAML
        for id in 0 1; do
            cat <<YAML
    - {name: ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${id}_CLASSNAME, value: io.camunda.zeebe.exporter.ElasticsearchExporter}
    - {name: ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${id}_ARGS_URL, value: "http://$RELEASE-elasticsearch-master-hl.$(namespace_of "${REGIONS[$id]}").svc.cluster.local:9200"}
YAML
        done
    } >"$SCRATCH/camunda-values.yml"
    mkdir -p "$SCRATCH/$region"
    printf 'global:\n  multiregion: {regionId: %d}\n' "$(id_of "$region")" >"$SCRATCH/$region/camunda-values.yml"
}

# Operate and Tasklist are not run here; some of what they would have written is.
webapp_indices() {
    local name=$1 index number
    for index in operate-list-view-8.3.0_ operate-process-8.3.0_ tasklist-task-8.5.0_; do
        for number in $(seq 50); do
            printf '{"index": {"_id": "%d"}}\n{"key": %d, "name": "%s"}\n' "$number" "$number" "$index"
        done | curl -sf -m 60 -H 'content-type: application/x-ndjson' --data-binary @- \
            "${SEARCH_URL[$name]}/$index/_bulk?refresh=true" >/dev/null
    done
}

# follow_pods REGION: from now on its brokers and its search do what its pods do. What is there now is running already.
follow_pods() {
    local region=$1
    mkdir -p "$SCRATCH/followed"
    seen_pods "$region" >"$SCRATCH/followed/$region"
    follower "$region" >>"$SCRATCH/logs/follower-$region.log" 2>&1 &
    printf '%s\n' "$!" >"$SCRATCH/followed/$region.pid"
}

unfollow_pods() {
    local pid
    pid=$(cat "$SCRATCH/followed/$1.pid")
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# seen_pods REGION: a line for each pod that runs something here: its name, its own id, and that of its volume.
seen_pods() {
    jq --raw-output --slurp '
        (.[1].items | map({key: .metadata.name, value: .metadata.uid}) | from_entries) as $claims
        | .[0].items[]
        | select(.metadata.deletionTimestamp == null and .status.phase == "Running")
        | select(.metadata.name | test("-zeebe-[0-9]+$|-elasticsearch-master-0$"))
        | "\(.metadata.name) \(.metadata.uid) \($claims["data-" + .metadata.name] // "none")"' \
        <(pods_of "$1") <(claims_of "$1") | sort
}

follower() {
    local region=$1 before=$SCRATCH/followed/$1 now=$SCRATCH/followed/$1.now name uid volume disk
    # What it starts is written down; its own end is not theirs.
    trap - EXIT
    while sleep 0.3; do
        # A platform that does not answer has not said that its pods are gone.
        pods_of "$region" >/dev/null || continue
        seen_pods "$region" >"$now" || continue
        while read -r name uid volume; do
            grep -q "^$name $uid " "$now" || pod_went "$region" "$name"
        done <"$before"
        while read -r name uid volume; do
            if ! grep -q "^$name $uid " "$before"; then
                disk=$(cat "$SCRATCH/followed/disk-$region-$name" 2>/dev/null || true)
                if [[ $disk == "$volume" ]]; then pod_came "$region" "$name" old; else pod_came "$region" "$name" empty; fi
            fi
            printf '%s' "$volume" >"$SCRATCH/followed/disk-$region-$name"
        done <"$now"
        mv "$now" "$before"
    done
}

pod_came() {
    local region=$1 name=$2 disk=$3
    printf '%s: pod %s came, with a disk that is %s\n' "$(date -u +%T)" "$name" "$disk"
    if [[ $name == *-elasticsearch-master-0 ]]; then
        [[ $disk == old ]] || search_forget "search-$region"
        search_up opensearch "search-$region"
    else
        zeebe_broker_starts "$((${name##*-} * 2 + $(id_of "$region")))" "$disk"
    fi
}

pod_went() {
    local region=$1 name=$2
    printf '%s: pod %s went\n' "$(date -u +%T)" "$name"
    if [[ $name == *-elasticsearch-master-0 ]]; then
        destroy "search-$region"
    else
        zeebe_broker_ends "$((${name##*-} * 2 + $(id_of "$region")))"
    fi
}

# rig_lose REGION: everything that is in it is gone at once.
rig_lose() {
    local region=$1
    unfollow_pods "$region"
    zeebe_lose "$(id_of "$region")"
    destroy "search-$region"
    kube_lose "$region"
}

# rig_rebuild REGION: a new, empty cluster where the lost one was.
rig_rebuild() {
    local region=$1
    kube_region_up "$region"
    : >"$SCRATCH/followed/$region"
    follower "$region" >>"$SCRATCH/logs/follower-$region.log" 2>&1 &
    printf '%s\n' "$!" >"$SCRATCH/followed/$region.pid"
    kube_join "$SCRATCH/kubeconfig" "${REGIONS[@]}"
}
