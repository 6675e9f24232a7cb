# shellcheck shell=bash
# What all scripts of the conformance suite share: words for the person, the cache folder, pinned versions, and tools.
# Sourced, never run.

# shellcheck source=versions.sh
source "${BASH_SOURCE[0]%/*}/versions.sh"

# Everything fetched lies here, one folder for each thing and version; what is there is not fetched again.
CACHE=${C8DR_CONFORMANCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/c8dr-conformance}
readonly CACHE

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# now_ms: milliseconds, for measuring.
now_ms() { printf '%s' "$(($(date +%s%N) / 1000000))"; }

# place_of THING: the folder in which a complete THING of the pinned version lies, or would lie.
place_of() {
    case $1 in
    helm) printf '%s' "$CACHE/helm-$HELM_VERSION" ;;
    versitygw) printf '%s' "$CACHE/versitygw-$VERSITYGW_VERSION" ;;
    kwok) printf '%s' "$CACHE/kwok-$KWOK_VERSION" ;;
    kubernetes) printf '%s' "$CACHE/kubernetes-$KUBERNETES_VERSION" ;;
    elasticsearch) printf '%s' "$CACHE/elasticsearch-$ELASTICSEARCH_VERSION" ;;
    moto) printf '%s' "$CACHE/moto-$MOTO_VERSION" ;;
    opensearch) printf '%s' "$CACHE/opensearch-$OPENSEARCH_VERSION" ;;
    *) die "there is no thing named $1" ;;
    esac
}

# is_there THING: whether it was fetched whole.
is_there() { [[ -f $(place_of "$1")/complete ]]; }

# tool NAME: the whole path of a program that `install` built.
tool() {
    local thing
    case $1 in
    helm | versitygw | kwok) thing=$1 ;;
    moto_server)
        is_there moto || die "$1 is not in the cache $CACHE; run conformance/install moto first"
        printf '%s/bin/%s' "$(place_of moto)" "$1"
        return
        ;;
    kube-apiserver | kube-controller-manager | kube-scheduler | kubectl) thing=kubernetes ;;
    *) die "there is no tool named $1" ;;
    esac
    is_there "$thing" || die "$1 is not in the cache $CACHE; run conformance/install $thing first"
    printf '%s/%s' "$(place_of "$thing")" "$1"
}

# java_of LOWEST HIGHEST: a JAVA_HOME whose major version lies between them, the lowest that is there.
java_of() {
    local lowest=$1 highest=$2 home major best='' best_major=999
    for home in "${C8DR_CONFORMANCE_JAVA_HOME:-}" "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        [[ -n $home && -x $home/bin/java && -f $home/release ]] || continue
        major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
        [[ -n $major ]] || continue
        if ((major >= lowest && major <= highest && major < best_major)); then
            best=$home best_major=$major
        fi
    done
    [[ -n $best ]] || return 1
    printf '%s' "$best"
}
