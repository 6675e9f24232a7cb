# shellcheck shell=bash
# Servers of a part: started in process groups of their own, on loopback ports that were free, waited for, frozen, ended.
# What was started stands in the scratch folder, so that it is ended even if the script that started it was killed.
# Sourced, never run. Needs SCRATCH.

# start NAME COMMAND…: runs it in the background, in a group of its own, what it says in logs/NAME.log.
start() {
    local name=$1
    shift
    mkdir -p "$SCRATCH/logs" "$SCRATCH/groups"
    # A child in the background is no leader of a group, so setsid does not fork: its process id is that of the command.
    setsid "$@" </dev/null >>"$SCRATCH/logs/$name.log" 2>&1 &
    printf '%s\n' "$!" >"$SCRATCH/groups/$name"
    # The shell is not to tell of its end.
    disown
}

# group_of NAME: the process group of what was started under this name.
group_of() { cat "$SCRATCH/groups/$1" 2>/dev/null; }

# lives NAME: whether any process of it is there, and no mere remains.
lives() {
    local group
    group=$(group_of "$1") || return 1
    # shellcheck disable=SC2009 # What is a mere remain, pgrep would count as well.
    ps -o stat= --sid "$group" 2>/dev/null | grep -qv '^Z'
}

# send SIGNAL NAME…: to all processes of each. What is gone already is left alone.
send() {
    local signal=$1 name group
    shift
    for name in "$@"; do
        group=$(group_of "$name") || continue
        kill "-$signal" -- "-$group" 2>/dev/null || true
    done
}

freeze() { send STOP "$@"; }
thaw() { send CONT "$@"; }

# destroy NAME…: at once and without a chance to tidy up, as when a region is lost.
destroy() {
    local name
    send KILL "$@"
    for name in "$@"; do
        wait_for 10 "the end of $name" is_gone "$name"
        rm -f "$SCRATCH/groups/$name"
    done
}

is_gone() { ! lives "$1"; }

# end_all: everything that was started in this scratch folder, last first, gently and then not.
end_all() {
    [[ -d $SCRATCH/groups ]] || return 0
    local names=() name deadline
    mapfile -t names < <(ls -t "$SCRATCH/groups")
    ((${#names[@]})) || return 0
    send CONT "${names[@]}"
    send TERM "${names[@]}"
    deadline=$((SECONDS + 5))
    for name in "${names[@]}"; do
        while lives "$name" && ((SECONDS < deadline)); do
            sleep 0.1
        done
    done
    send KILL "${names[@]}"
    rm -rf "$SCRATCH/groups"
}

# free_port: one that nobody listens on, below those that the system gives to clients, and given out once.
free_port() {
    local port tries
    mkdir -p "$SCRATCH/ports"
    for tries in $(seq 200); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
        # Connecting is the test that needs no tool; taking the name makes it ours.
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && mkdir "$SCRATCH/ports/$port" 2>/dev/null; then
            printf '%s' "$port"
            return
        fi
    done
    die "no free port was found in $tries tries"
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
    local seconds=$1 what=$2 end
    shift 2
    end=$(($(now_ms) + seconds * 1000))
    until "$@" >/dev/null 2>&1; do
        if (($(now_ms) > end)); then
            warn "$what did not come about within $seconds s"
            return 1
        fi
        sleep 0.1
    done
}

# up SECONDS NAME COMMAND…: as wait_for, and at once a failure when the server has ended.
up() {
    local seconds=$1 name=$2 end
    shift 2
    end=$(($(now_ms) + seconds * 1000))
    until "$@" >/dev/null 2>&1; do
        if ! lives "$name" || (($(now_ms) > end)); then
            warn "$name did not come up; the end of its log:"
            tail -n 20 "$SCRATCH/logs/$name.log" >&2
            return 1
        fi
        sleep 0.1
    done
}
