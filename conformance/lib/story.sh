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

# discovered: from the two contexts alone a configuration is written with which the installation is seen to be healthy.
discovered() {
    local file=$SCRATCH/discovered.yaml code
    c8dr_init --discover --kubeconfig "$SCRATCH/kubeconfig" --context london --context paris \
        --namespace "london=$(namespace_of london)" --namespace "paris=$(namespace_of paris)" --write "$file"
    code=$(C8DR_HOME=$SCRATCH/home "$C8DR" --config "$file" status --output json | jq --raw-output .diagnosis.code)
    [[ $code == healthy ]] || die "with what was discovered the installation is $code"
    proven 'two contexts are enough for a configuration, and it works'
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
    [[ $ways != contexts ]] || discovered
    for region in paris london; do
        lost_and_back "$region"
    done
}
