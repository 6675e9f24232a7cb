# shellcheck shell=bash
# What every part begins with: its scratch folder, its clean-up, and the words in which it tells `run` what it found.
# Sourced, never run. A part can be run by itself as well; then it makes its own scratch folder.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly here
repository=$(cd "$here/.." && pwd)
readonly repository
# shellcheck source=prelude.sh
source "$here/lib/prelude.sh"
if [[ -z ${SCRATCH:-} ]]; then
    SCRATCH=$(mktemp -d -t c8dr-conformance.XXXXXX)
    say "What this part leaves is in $SCRATCH"
fi
export SCRATCH
# Servers that may not run as root go through it.
chmod 755 "$SCRATCH"
# shellcheck source=process.sh
source "$here/lib/process.sh"
leave() {
    local jobs
    mapfile -t jobs < <(jobs -p)
    # What starts and ends servers goes first.
    ((!${#jobs[@]})) || kill "${jobs[@]}" 2>/dev/null || true
    end_all
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# with NAME VERSION: a real server that this part is proven with.
with() { printf 'with: %s %s\n' "$1" "$2"; }

# figure NAME MILLISECONDS MAX_MILLISECONDS: what was measured; too much is a failure.
figure() {
    printf 'figure: %s %d ms (at most %d ms)\n' "$1" "$2" "$3"
    (($2 <= $3)) || die "$1 took $2 ms; at most $3 ms are allowed"
}

# measured NAME MILLISECONDS MAX_MILLISECONDS: as figure, but what is too much is only said: other load of this machine is in it.
measured() {
    local verdict=''
    (($2 <= $3)) || verdict=': TOO MUCH'
    printf 'figure: %s %d ms (at most %d ms)%s\n' "$1" "$2" "$3" "$verdict"
}

# proven WORDS: one thing that held.
proven() { printf 'proven: %s\n' "$*"; }

# rust_test CRATE TEST [FEATURE]: a test that knows by its environment where the real server is. It must not have been skipped.
# C8DR_CONFORMANCE_TESTS names a folder of tests that were built before.
rust_test() {
    local crate=$1 test=$2 log=$SCRATCH/logs/$2.log
    local scope=(--package "$crate" ${3:+--features "$3"})
    # Where everything is built anyway, the same build must serve.
    [[ -z ${C8DR_CONFORMANCE_WORKSPACE:-} ]] || scope=(--workspace)
    local command=(cargo test --quiet --locked "${scope[@]}" --test "$test")
    [[ -z ${C8DR_CONFORMANCE_TESTS:-} ]] || command=("$C8DR_CONFORMANCE_TESTS/$test")
    mkdir -p "$SCRATCH/logs"
    if ! (cd "$repository" && "${command[@]}") >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "the test $test of $crate failed"
    fi
    if grep -q '^skipped:' "$log"; then
        die "the test $test was skipped: $(grep '^skipped:' "$log")"
    fi
    grep -v '^$' "$log" | sed 's/^/  /'
}

# c8dr_binary: the path of the binary under test.
c8dr_binary() {
    local scope=(--package c8dr)
    [[ -z ${C8DR_CONFORMANCE_WORKSPACE:-} ]] || scope=(--workspace)
    if [[ -n ${C8DR_BINARY:-} ]]; then
        printf '%s' "$C8DR_BINARY"
    else
        (cd "$repository" && cargo build --quiet --locked "${scope[@]}" --bin c8dr >&2)
        printf '%s/debug/c8dr' "${CARGO_TARGET_DIR:-$repository/target}"
    fi
}

# tools_in_path NAME…: lets tests find those of the cache by their names.
tools_in_path() {
    local name path
    mkdir -p "$SCRATCH/bin"
    for name; do
        path=$(tool "$name")
        ln -sf "$path" "$SCRATCH/bin/$name"
    done
    PATH=$SCRATCH/bin:$PATH
}
