# shellcheck shell=bash disable=SC2154
# The Zeebe of both regions, by one launch contract: broker I listens on 127.0.N.(10+I), on the standard ports, beside its own
# gateway; even ids are the first region's. Two launchers meet it: c8dr's lab, in a process of its own, and real brokers
# from the folder in C8DR_ZEEBE_HOME. Sourced, never run.
#
# What follows the pods decides which broker runs: a pod that comes starts its broker, one that goes ends it, and a new
# volume is an empty disk. So what is scaled, installed and deleted in Kubernetes is really scaled, installed and deleted.

readonly ZEEBE_BROKERS=${C8DR_CONFORMANCE_BROKERS:-4}
readonly ZEEBE_HEAP=384m
ZEEBE_NETWORK=

# zeebe_address BROKER
zeebe_address() { printf '127.0.%d.%d' "$ZEEBE_NETWORK" "$((10 + $1))"; }
# zeebe_brokers REGION_ID: the ids of a region's brokers.
zeebe_brokers() { seq "$1" 2 "$((ZEEBE_BROKERS - 1))"; }

# zeebe_settle: finds a network in which the standard ports are free.
zeebe_settle() {
    local network broker port free
    for network in $(seq 0 250); do
        ZEEBE_NETWORK=$network free=yes
        for broker in 0 1 $((ZEEBE_BROKERS - 1)); do
            for port in 8080 9600 26500; do
                if (exec 3<>"/dev/tcp/$(zeebe_address "$broker")/$port") 2>/dev/null; then free=no; fi
            done
        done
        if [[ $free == yes ]]; then return; fi
    done
    die 'the standard ports of Zeebe are taken on all of 127.0.0.* to 127.0.250.*'
}

# zeebe_up LAUNCHER C8DR SEARCH0 SEARCH1: all brokers, healthy, exporting to these searches (HOST:PORT).
zeebe_up() {
    ZEEBE_LAUNCHER=$1 ZEEBE_C8DR=$2 ZEEBE_SEARCHES=("$3" "$4")
    "zeebe_up_$ZEEBE_LAUNCHER"
}

zeebe_up_lab() {
    start lab env "C8DR_HOME=$SCRATCH/lab" "$ZEEBE_C8DR" lab up --foreground --network "$ZEEBE_NETWORK" \
        --regions "${REGIONS[@]}" --searches "${ZEEBE_SEARCHES[@]}" \
        --brokers "$ZEEBE_BROKERS" --partitions "$ZEEBE_BROKERS"
    up 30 lab zeebe_control /status
    with "Zeebe (c8dr's lab)" 8.6.0
}

# zeebe_control PATH [JSON]: the lab's own control port.
zeebe_control() {
    local control
    control=$(cat "$SCRATCH/lab/lab/control") || return 1
    curl -sf -m 10 ${2:+--data "$2"} "http://$control$1"
}

zeebe_up_real() {
    local broker
    have java || die 'real brokers need a Java of 21 or later'
    for broker in $(seq 0 $((ZEEBE_BROKERS - 1))); do
        zeebe_start_real "$broker"
    done
    for broker in $(seq 0 $((ZEEBE_BROKERS - 1))); do
        up 240 "zeebe-$broker" curl -sf -m 2 "http://$(zeebe_address "$broker"):9600/actuator/health/readiness"
    done
    with 'Zeebe (real brokers)' "$(curl -sf "http://$(zeebe_address 0):8080/v2/topology" | jq --raw-output .gatewayVersion)"
}

# zeebe_start_real BROKER: a broker of the distribution in C8DR_ZEEBE_HOME, on the disk that it has.
zeebe_start_real() {
    local broker=$1 host java contacts='' other region variables
    java=$(java_of 21 99) || die 'real brokers need a JDK of 21 or later; name one in C8DR_CONFORMANCE_JAVA_HOME'
    host=$(zeebe_address "$broker")
    for other in $(seq 0 $((ZEEBE_BROKERS - 1))); do
        contacts+=${contacts:+,}$(zeebe_address "$other"):26502
    done
    # Left out, any of these addresses would be that of all networks.
    variables=(
        "ZEEBE_BROKER_CLUSTER_NODEID=$broker" "ZEEBE_BROKER_CLUSTER_CLUSTERSIZE=$ZEEBE_BROKERS"
        "ZEEBE_BROKER_CLUSTER_PARTITIONSCOUNT=$ZEEBE_BROKERS" ZEEBE_BROKER_CLUSTER_REPLICATIONFACTOR=4
        ZEEBE_BROKER_CLUSTER_CLUSTERNAME=conformance "ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS=$contacts"
        "ZEEBE_BROKER_NETWORK_HOST=$host" "ZEEBE_BROKER_NETWORK_ADVERTISEDHOST=$host"
        ZEEBE_BROKER_GATEWAY_ENABLE=true "ZEEBE_BROKER_GATEWAY_NETWORK_HOST=$host" ZEEBE_BROKER_GATEWAY_NETWORK_PORT=26500
        "SERVER_ADDRESS=$host" SERVER_PORT=8080 "MANAGEMENT_SERVER_ADDRESS=$host" MANAGEMENT_SERVER_PORT=9600
        "ZEEBE_BROKER_DATA_DIRECTORY=$SCRATCH/zeebe/$broker" ZEEBE_BROKER_DATA_LOGSEGMENTSIZE=16MB
        ZEEBE_BROKER_DATA_DISK_FREESPACE_PROCESSING=1GB ZEEBE_BROKER_DATA_DISK_FREESPACE_REPLICATION=512MB
        ZEEBE_BROKER_THREADS_CPUTHREADCOUNT=2 ZEEBE_BROKER_THREADS_IOTHREADCOUNT=2
        ZEEBE_BROKER_EXPERIMENTAL_ROCKSDB_MEMORYLIMIT=32MB
    )
    for region in 0 1; do
        variables+=(
            "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${region}_CLASSNAME=io.camunda.zeebe.exporter.ElasticsearchExporter"
            "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${region}_ARGS_URL=http://${ZEEBE_SEARCHES[$region]}"
            "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${region}_ARGS_BULK_SIZE=100"
            "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION${region}_ARGS_BULK_DELAY=1"
        )
    done
    mkdir -p "$SCRATCH/zeebe/$broker"
    start "zeebe-$broker" env "${variables[@]}" "$java/bin/java" "-Xmx$ZEEBE_HEAP" -XX:+UseSerialGC \
        -XX:TieredStopAtLevel=1 -XX:MaxDirectMemorySize=512m -cp "$C8DR_ZEEBE_HOME/lib/*" \
        io.camunda.application.StandaloneBroker
}

# zeebe_broker_starts BROKER old|empty, zeebe_broker_ends BROKER: what its pod has done.
zeebe_broker_starts() {
    if [[ $ZEEBE_LAUNCHER == lab ]]; then
        zeebe_control /heal "{\"broker\": $1, \"data\": \"$2\"}" >/dev/null
    else
        [[ $2 == old ]] || rm -rf "${SCRATCH:?}/zeebe/$1"
        lives "zeebe-$1" || zeebe_start_real "$1"
    fi
}
zeebe_broker_ends() {
    if [[ $ZEEBE_LAUNCHER == lab ]]; then
        zeebe_control /break "{\"broker\": $1}" >/dev/null
    else
        destroy "zeebe-$1"
    fi
}

# zeebe_lose REGION_ID: its brokers are gone, without a word.
zeebe_lose() {
    local broker
    for broker in $(zeebe_brokers "$1"); do
        zeebe_broker_ends "$broker"
    done
}

# zeebe_works yes|no: lets clients create process instances, or lets them rest. The lab has clients of its own.
zeebe_works() {
    if [[ $ZEEBE_LAUNCHER == lab ]]; then
        zeebe_control /load "{\"creates_per_second\": $([[ $1 == yes ]] && echo 4 || echo 0)}" >/dev/null
    elif [[ $1 == yes ]]; then
        curl -sf -m 30 --form "resources=@$here/lib/work.bpmn" "http://$(zeebe_address 0):8080/v2/deployments" >/dev/null ||
            curl -sf -m 30 --form "resources=@$here/lib/work.bpmn" "http://$(zeebe_address 1):8080/v2/deployments" >/dev/null
        zeebe_client >>"$SCRATCH/logs/client.log" 2>&1 &
        ZEEBE_CLIENT=$!
    else
        kill "$ZEEBE_CLIENT" 2>/dev/null || true
        wait "$ZEEBE_CLIENT" 2>/dev/null || true
    fi
}

# A client of real brokers: asks one gateway after the other, and remembers only what was acknowledged.
zeebe_client() {
    local broker key
    while :; do
        for broker in $(seq 0 $((ZEEBE_BROKERS - 1))); do
            key=$(curl -sf -m 20 -H 'content-type: application/json' -d '{"processDefinitionId": "work"}' \
                "http://$(zeebe_address "$broker"):8080/v2/process-instances" | jq --raw-output .processInstanceKey) || continue
            [[ -z $key || $key == null ]] || printf '%s\n' "$key" >>"$SCRATCH/promises"
            sleep 0.2
        done
    done
}

# zeebe_promises: what clients were promised, one a line, sorted as text: their requests' numbers, or the instances' keys.
zeebe_promises() {
    if [[ $ZEEBE_LAUNCHER == lab ]]; then
        zeebe_control /promises | jq '.[]'
    else
        cat "$SCRATCH/promises"
    fi | LC_ALL=C sort -u
}

# zeebe_promise_field: where a record has it.
zeebe_promise_field() { [[ $ZEEBE_LAUNCHER == lab ]] && printf operationReference || printf value.processInstanceKey; }
