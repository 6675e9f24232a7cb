# shellcheck shell=bash
# A name server on loopback: BIND, with one zone and one key that may change its A records. Sourced, never run.

readonly DNS_ZONE=dr.test
readonly DNS_NAME=gateway.$DNS_ZONE
readonly DNS_KEY_NAME=failover

# dns_up ADDRESS…: starts it, with a name of these addresses; its place is then in DNS_SERVER (HOST:PORT), the key in DNS_KEY
# (hmac-sha256, base64).
dns_up() {
    local folder=$SCRATCH/bind named port address user=()
    named=$(PATH=$PATH:/usr/sbin command -v named) || die 'named is missing; run conformance/install debian first'
    port=$(free_port)
    DNS_SERVER=127.0.0.1:$port
    DNS_KEY=$(openssl rand -base64 32)
    mkdir -p "$folder/zones"
    cat >"$folder/named.conf" <<CONF
key "$DNS_KEY_NAME" { algorithm hmac-sha256; secret "$DNS_KEY"; };
options {
  directory "$folder/zones";
  listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; };
  pid-file "$folder/named.pid"; session-keyfile "$folder/session.key"; managed-keys-directory "$folder/zones";
  recursion no; dnssec-validation no; allow-transfer { none; }; notify no;
};
controls { };
zone "$DNS_ZONE" {
  type primary; file "$folder/zones/$DNS_ZONE.zone"; update-policy { grant $DNS_KEY_NAME zonesub A; };
};
CONF
    {
        cat <<ZONE
\$TTL 5
@ IN SOA ns.$DNS_ZONE. admin.$DNS_ZONE. 1 60 60 600 5
@ IN NS ns.$DNS_ZONE.
ns IN A 127.0.0.1
ZONE
        for address; do
            printf '%s. 5 IN A %s\n' "$DNS_NAME" "$address"
        done
    } >"$folder/zones/$DNS_ZONE.zone"
    if [[ $(id -u) == 0 ]]; then
        chown -R bind "$folder"
        user=(-u bind)
    fi
    with BIND "$("$named" -v | sed 's/^BIND \([0-9.]*\).*/\1/')"
    start named "$named" -4 -f "${user[@]}" -c "$folder/named.conf" -L "$folder/named.log"
    up 20 named dns_answers
}

# names: the addresses of the name, sorted, in one line.
names() {
    dig +short +tries=1 +time=1 -p "${DNS_SERVER##*:}" "@${DNS_SERVER%:*}" "$DNS_NAME" A 2>/dev/null | sort | paste -sd' '
}
# Whether it serves the zone, which may have no name of users yet.
dns_answers() { [[ -n $(dig +short +tries=1 +time=1 -p "${DNS_SERVER##*:}" "@${DNS_SERVER%:*}" "$DNS_ZONE" SOA 2>/dev/null) ]]; }

# names_set ADDRESS…: as somebody else would, who has the key too.
names_set() {
    local address
    {
        printf 'server %s %s\nzone %s\nupdate delete %s. A\n' "${DNS_SERVER%:*}" "${DNS_SERVER##*:}" "$DNS_ZONE" "$DNS_NAME"
        for address; do
            printf 'update add %s. 5 A %s\n' "$DNS_NAME" "$address"
        done
        printf 'send\n'
    } | nsupdate -y "hmac-sha256:$DNS_KEY_NAME:$DNS_KEY"
}
