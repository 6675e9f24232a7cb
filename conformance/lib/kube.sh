# shellcheck shell=bash
# A Kubernetes cluster for each region, on loopback: etcd, API server, controllers, scheduler, and kwok in place of the
# nodes. Pods become ready without running anything; kwok's port-forward leads to whatever plays them. Sourced, never run.

readonly KUBE_NODES=5   # The chart keeps brokers apart, so a region needs as many nodes as it has brokers.
readonly KUBE_VOLUMES=12

# Where each region's API server listens, so that one that is built anew answers where the lost one did.
declare -A KUBE_PORT=() KUBE_ETCD=()

# kube_folder REGION, kube_config REGION: its files, and the administrator's way in.
kube_folder() { printf '%s/kube/%s' "$SCRATCH" "$1"; }
kube_config() { printf '%s/kubeconfig' "$(kube_folder "$1")"; }
kube() {
    local region=$1
    shift
    "$(tool kubectl)" --kubeconfig "$(kube_config "$region")" "$@"
}

# kube_up REGION [RULES]: starts it; the context in its kubeconfig is called as the region. RULES is kwok's configuration.
# With `kube_down` before it and its folder removed it is a new cluster in the same place.
kube_up() {
    local region=$1 rules=${2:-} folder etcd peer kubelet controllers scheduler
    folder=$(kube_folder "$region")
    mkdir -p "$folder"
    [[ -n ${KUBE_PORT[$region]:-} ]] || KUBE_PORT[$region]=$(free_port)
    etcd=$(free_port) peer=$(free_port) kubelet=$(free_port) controllers=$(free_port) scheduler=$(free_port)
    kube_certificates "$region" "$folder"
    printf '%s,admin,admin,system:masters\n' "admin-of-$region" >"$folder/tokens.csv"
    kube_write_config "$region" admin "admin-of-$region" >"$(kube_config "$region")"
    local controller_manager kube_scheduler kwok
    controller_manager=$(tool kube-controller-manager)
    kube_scheduler=$(tool kube-scheduler) kwok=$(tool kwok)
    have etcd || die 'etcd is missing; run conformance/install debian first'
    start "etcd-$region" etcd --name "$region" --data-dir "$folder/etcd" --unsafe-no-fsync \
        --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
        --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
        --initial-cluster "$region=http://127.0.0.1:$peer"
    KUBE_ETCD[$region]=$etcd
    kube_api_up "$region"
    start "controllers-$region" "$controller_manager" --kubeconfig "$(kube_config "$region")" \
        --bind-address 127.0.0.1 --secure-port "$controllers" --cert-dir "$folder/controllers" --leader-elect=false \
        --service-account-private-key-file "$folder/accounts.key" --root-ca-file "$folder/ca.crt" \
        --node-monitor-grace-period 1h # On a busy machine kwok is late with its nodes' signs of life.
    start "scheduler-$region" "$kube_scheduler" --kubeconfig "$(kube_config "$region")" \
        --bind-address 127.0.0.1 --secure-port "$scheduler" --cert-dir "$folder/scheduler" --leader-elect=false
    [[ -n $rules ]] || rules=$(kube_plain_rules "$folder")
    start "kwok-$region" "$kwok" --kubeconfig "$(kube_config "$region")" --config "$rules" --manage-all-nodes --node-lease-duration-seconds 40 \
        --node-ip 127.0.0.1 --node-port "$kubelet" --server-address "127.0.0.1:$kubelet" \
        --tls-cert-file "$folder/server.crt" --tls-private-key-file "$folder/server.key"
    kube_furnish "$region" "$folder"
    with Kubernetes "$KUBERNETES_VERSION"
    with kwok "$KWOK_VERSION"
}

# kube_api_up REGION: its API server alone, on what etcd has; also again, after it was destroyed.
kube_api_up() {
    local region=$1 folder apiserver
    folder=$(kube_folder "$region")
    apiserver=$(tool kube-apiserver)
    # An address on loopback cannot be advertised to pods, so nobody keeps the list of API servers.
    start "apiserver-$region" "$apiserver" --etcd-servers "http://127.0.0.1:${KUBE_ETCD[$region]}" \
        --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "${KUBE_PORT[$region]}" \
        --endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/16 --allow-privileged \
        --cert-dir "$folder" --tls-cert-file "$folder/server.crt" --tls-private-key-file "$folder/server.key" \
        --client-ca-file "$folder/ca.crt" --token-auth-file "$folder/tokens.csv" --authorization-mode RBAC \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$folder/accounts.pub" --service-account-signing-key-file "$folder/accounts.key"
    up 60 "apiserver-$region" kube "$region" get --raw /readyz
}

# kube_servers REGION: the names under which its servers were started.
kube_servers() { printf '%s\n' "kwok-$1" "scheduler-$1" "controllers-$1" "apiserver-$1" "etcd-$1"; }

# kube_lose REGION: all of it is gone at once, with all that it knew.
kube_lose() {
    local servers
    mapfile -t servers < <(kube_servers "$1")
    destroy "${servers[@]}"
    rm -rf "$(kube_folder "$1")"
}

# A certificate authority of the region's own, and one certificate for the API server and for kwok.
kube_certificates() {
    local region=$1 folder=$2
    [[ ! -f $folder/ca.crt ]] || return 0
    (
        cd "$folder" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$region" \
            -addext 'keyUsage=critical,keyCertSign,digitalSignature' -keyout ca.key -out ca.crt
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=kube-apiserver' -keyout server.key -out server.csr
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
            -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth\n')
        openssl genrsa -out accounts.key 2048
        openssl rsa -in accounts.key -pubout -out accounts.pub
    ) 2>"$folder/openssl.log"
}

# kube_write_config REGION USER TOKEN [NAMESPACE]: a kubeconfig with one context, called as the region.
kube_write_config() {
    local region=$1 user=$2 token=$3 namespace=${4:-default}
    cat <<YAML
apiVersion: v1
kind: Config
current-context: $region
clusters:
  - name: $region
    cluster: {server: "https://127.0.0.1:${KUBE_PORT[$region]}", certificate-authority: "$(kube_folder "$region")/ca.crt"}
users:
  - name: $region-$user
    user: {token: "$token"}
contexts:
  - name: $region
    context: {cluster: $region, user: $region-$user, namespace: $namespace}
YAML
}

# What pods do when nothing else was said: they have a log, and nothing listens.
kube_plain_rules() {
    printf '2026-01-01T00:00:00.000000000Z stdout F started\n' >"$1/pod.log"
    cat >"$1/kwok.yaml" <<YAML
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata: {name: all}
spec: {logs: [{logsFile: $1/pod.log}]}
YAML
    printf '%s/kwok.yaml' "$1"
}

# Nodes to place pods on, and volumes to bind: there is no provisioner here. What a released volume held would stay on it.
kube_furnish() {
    local region=$1 folder=$2 number
    local size='{cpu: "32", memory: 256Gi, pods: "110", ephemeral-storage: 500Gi}'
    {
        for number in $(seq 0 $((KUBE_NODES - 1))); do
            cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: $region-$number
  labels: {type: kwok, kubernetes.io/hostname: $region-$number, topology.kubernetes.io/region: $region}
status: {allocatable: $size, capacity: $size}
YAML
        done
        for number in $(seq "$KUBE_VOLUMES"); do
            cat <<YAML
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: $region-$number}
spec:
  capacity: {storage: 64Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: $folder/volumes/$number}
YAML
        done
    } >"$folder/furniture.yaml"
    kube "$region" apply -f "$folder/furniture.yaml" >/dev/null
}

# kube_join FILE REGION…: one kubeconfig with a context for each region.
kube_join() {
    local file=$1 region paths=''
    shift
    for region; do
        paths+=${paths:+:}$(kube_config "$region")
    done
    KUBECONFIG=$paths "$(tool kubectl)" config view --flatten >"$file"
    chmod 600 "$file"
}
