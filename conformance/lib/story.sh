# shellcheck shell=bash
# The whole story, for whatever plays the brokers: each region is lost once and comes back. Sourced, never run.

# lost_and_back REGION
lost_and_back() {
    local lost=$1 start
    until_ready
    say "$lost is lost"
    rig_lose "$lost"
    until_diagnosed 60 region-lost
    start=$(now_ms)
    must 0 failover --lost "$lost" --yes
    say "failed over in $(($(now_ms) - start)) ms"
    [[ $(names) == "$(address_of "$(other_than "$lost")")" ]] || die "users are sent to $(names) after the loss of $lost"
    must 3 ready
    says "$lost"
    rig_rebuild "$lost"
    witness "$(other_than "$lost")" "$lost"
    start=$(now_ms)
    must 0 failback --returning "$lost" --yes
    say "failed back in $(($(now_ms) - start)) ms"
    wrote_from_pods
    wait "$WITNESS"
    overhead "$lost"
    until_diagnosed 60 healthy
    must 0 run verify
    until_ready
    [[ $(names) == "$(address_of london) $(address_of paris)" ]] || die "users are sent to $(names) after the failback"
    promises_kept
    proven "loss of $lost, failover and failback"
}

# wrote_from_pods: before the pause brokers' pods had written into both searches, which have noted it themselves.
wrote_from_pods() {
    local region
    [[ ${C8DR_CONFORMANCE_WAYS:-contexts} != commands ]] || return 0
    for region in "${REGIONS[@]}"; do
        grep -qE "\[c8dr-trial-$RELEASE-zeebe-[0-9]+\] creating index" "$SCRATCH/search-$region/logs/"*.log ||
            die "no pod has written into the search of $region"
        ! curl -sf "${SEARCH_URL[search-$region]}/_cat/indices?h=index" | grep '^c8dr-trial' ||
            die "a trial was left in the search of $region"
    done
    proven "pods of the surviving region have written into both searches, and nothing of it is left"
}

speed() {
    local start ways=$1
    forward_gateways
    c8dr_config forwarded
    start=$(now_ms)
    must 0 status
    figure 'c8dr status through two port-forwards' $(($(now_ms) - start)) 1000
    destroy forward-london forward-paris
    c8dr_config "$ways"
    until_ready
    figure 'c8dr ready' "$READY_MS" 5000
}

# tell LAUNCHER: all of it, with these brokers.
tell() {
    local region
    rig_up "$1" "$C8DR"
    zeebe_works yes
    local ways=${C8DR_CONFORMANCE_WAYS:-contexts}
    c8dr_config "$ways"
    until_diagnosed 60 healthy
    [[ $ways != contexts ]] || proven 'two contexts are enough for a configuration, and it works'
    speed "$ways"
    for region in paris london; do
        lost_and_back "$region"
    done
}
