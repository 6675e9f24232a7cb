# shellcheck shell=bash
# The whole story, for whatever plays the brokers: each region is lost once and comes back. Sourced, never run.

# lost_and_back REGION
lost_and_back() {
    local lost=$1 start
    must 0 ready
    say "$lost is lost"
    rig_lose "$lost"
    until_diagnosed 60 region-lost
    start=$(now_ms)
    must 0 failover --lost "$lost" --yes
    say "failed over in $(($(now_ms) - start)) ms"
    must 3 ready
    says "$lost"
    rig_rebuild "$lost"
    start=$(now_ms)
    must 0 failback --returning "$lost" --yes
    say "failed back in $(($(now_ms) - start)) ms"
    overhead "$(other_than "$lost")" "$lost"
    until_diagnosed 60 healthy
    must 0 run verify
    must 0 ready
    promises_kept
    proven "loss of $lost, failover and failback"
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
    start=$(now_ms)
    must 0 ready
    figure 'c8dr ready' $(($(now_ms) - start)) 5000
}

# tell LAUNCHER: all of it, with these brokers.
tell() {
    local region
    rig_up "$1" "$C8DR"
    zeebe_works yes
    local ways=${C8DR_CONFORMANCE_WAYS:-helm}
    c8dr_config "$ways"
    until_diagnosed 60 healthy
    speed "$ways"
    for region in paris london; do
        lost_and_back "$region"
    done
}
