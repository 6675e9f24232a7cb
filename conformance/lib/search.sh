# shellcheck shell=bash
# Elasticsearch and OpenSearch on loopback: one node each, a cluster for each region. Sourced, never run.

readonly SEARCH_HEAP=512m

# as_server COMMAND…: search servers refuse to run as root, so root runs them as nobody.
as_server() {
    if [[ $(id -u) == 0 ]]; then
        printf '%s\n' setpriv --reuid=65534 --regid=65534 --clear-groups
    fi
}

# for_server PATH…: what the server writes to is its own.
for_server() {
    [[ $(id -u) != 0 ]] || chown -R 65534:65534 "$@"
}

# search_home KIND: the server's files, where the user that it runs as can read them. The cache may lie in a private home.
search_home() {
    local home=$SCRATCH/$1-home place
    [[ -d $home ]] || {
        is_there "$1" || die "$1 is not in the cache $CACHE; run conformance/install $1 first"
        place=$(place_of "$1")
        cp -r "$place/home" "$home"
        chmod -R a+rX "$home"
    }
    printf '%s' "$home"
}

# search_up KIND NAME: starts a cluster of its own, or starts it again with what it had; its address is then in
# SEARCH_URL[NAME]. An OpenSearch knows the object store as the client `camunda` if S3_ENDPOINT is set.
declare -A SEARCH_URL=() SEARCH_PORT=()
search_up() {
    local kind=$1 name=$2 home java conf=$SCRATCH/$2/config data=$SCRATCH/$2
    local runner=() variables=()
    home=$(search_home "$kind")
    mapfile -t runner < <(as_server)
    mkdir -p "$SCRATCH/logs"
    [[ -n ${SEARCH_PORT[$name]:-} ]] || SEARCH_PORT[$name]=$(free_port)
    SEARCH_URL[$name]=http://127.0.0.1:${SEARCH_PORT[$name]}
    if [[ $kind == opensearch ]]; then
        java=$(java_of 21 99) || die 'OpenSearch needs a JDK of 21 or later; name one in C8DR_CONFORMANCE_JAVA_HOME'
        variables=("OPENSEARCH_JAVA_HOME=$java" "OPENSEARCH_PATH_CONF=$conf" "OPENSEARCH_TMPDIR=$data/tmp")
    else
        java=$(java_of 17 22) || die 'Elasticsearch needs a JDK of 17 to 22; name one in C8DR_CONFORMANCE_JAVA_HOME'
        variables=("ES_JAVA_HOME=$java" "ES_PATH_CONF=$conf" "ES_TMPDIR=$data/tmp")
    fi
    if [[ ! -d $conf ]]; then
        mkdir -p "$data"/{data,logs,tmp} "$SCRATCH/fs-repository"
        cp -r "$home/config" "$conf"
        # By default these write beside the server's own files, which are not for the server to write.
        sed -i -e '/Xlog:gc/d' -e "s#=logs/#=$data/logs/#" "$conf/jvm.options"
        mkdir -p "$conf/jvm.options.d"
        printf -- '-Xms%s\n-Xmx%s\n' "$SEARCH_HEAP" "$SEARCH_HEAP" >"$conf/jvm.options.d/heap.options"
        search_settings "$kind" "$name" >"$conf/$kind.yml"
        for_server "$data" "$SCRATCH/fs-repository"
        [[ $kind != opensearch || -z ${S3_ENDPOINT:-} ]] || search_keys "$home" "${variables[@]}"
    fi
    start "$name" "${runner[@]}" env "${variables[@]}" "HOME=$data" "$home/bin/$kind"
    if [[ $kind == opensearch ]]; then with OpenSearch "$OPENSEARCH_VERSION"; else with Elasticsearch "$ELASTICSEARCH_VERSION"; fi
}

# search_ready NAME…: waits until they answer.
search_ready() {
    local name
    for name in "$@"; do
        up 180 "$name" curl -sf -m 35 "${SEARCH_URL[$name]}/_cluster/health?wait_for_status=yellow&timeout=30s"
    done
}

search_settings() {
    local kind=$1 name=$2
    cat <<YAML
cluster.name: $name
node.name: $name-0
network.host: 127.0.0.1
http.port: ${SEARCH_PORT[$name]}
transport.port: $(free_port)
discovery.type: single-node
path.data: $SCRATCH/$name/data
path.logs: $SCRATCH/$name/logs
path.repo: ["$SCRATCH/fs-repository"]
# What else fills this machine's disk is not the subject.
cluster.routing.allocation.disk.threshold_enabled: false
YAML
    if [[ $kind == elasticsearch ]]; then
        # Left open, the first start would make certificates and refuse plain HTTP.
        printf 'xpack.security.enabled: false\n'
    elif [[ -n ${S3_ENDPOINT:-} ]]; then
        cat <<YAML
s3.client.camunda.endpoint: $S3_ENDPOINT
s3.client.camunda.protocol: http
s3.client.camunda.region: $S3_REGION
s3.client.camunda.path_style_access: true
YAML
    fi
}

# search_keys HOME VARIABLE…: the object store's keys belong into the server's keystore.
search_keys() {
    local home=$1 runner=()
    shift
    mapfile -t runner < <(as_server)
    local store=("${runner[@]}" env "$@" "$home/bin/opensearch-keystore")
    {
        "${store[@]}" create
        printf %s "$S3_ACCESS_KEY" | "${store[@]}" add --stdin s3.client.camunda.access_key
        printf %s "$S3_SECRET_KEY" | "${store[@]}" add --stdin s3.client.camunda.secret_key
    } >>"$SCRATCH/logs/keystore.log" 2>&1
}

# search_forget NAME: its disks are gone; the next start is a new cluster on the same port.
search_forget() { rm -rf "${SCRATCH:?}/$1"; }
