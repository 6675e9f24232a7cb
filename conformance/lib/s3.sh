# shellcheck shell=bash
# An object store on loopback: versitygw, on a folder. Sourced, never run.

S3_ACCESS_KEY=conformance
S3_SECRET_KEY=conformance-secret
S3_REGION=eu-west-2
S3_BUCKET=camunda-elastic-backup

# s3_up: starts it, with one bucket; its address is then in S3_ENDPOINT.
s3_up() {
    local versitygw
    versitygw=$(tool versitygw)
    S3_PORT=${S3_PORT:-$(free_port)}
    S3_ENDPOINT=http://127.0.0.1:$S3_PORT
    # A bucket is a folder.
    mkdir -p "$SCRATCH/s3/$S3_BUCKET"
    start s3 env "ROOT_ACCESS_KEY=$S3_ACCESS_KEY" "ROOT_SECRET_KEY=$S3_SECRET_KEY" \
        "$versitygw" --port "127.0.0.1:$S3_PORT" --region "$S3_REGION" posix "$SCRATCH/s3"
    # Nobody is let in without a signature: 403 is life.
    up 20 s3 s3_answers
    with versitygw "$VERSITYGW_VERSION"
}

s3_answers() { [[ $(curl -s -o /dev/null -m 2 -w '%{http_code}' "$S3_ENDPOINT/$S3_BUCKET") == 403 ]]; }
