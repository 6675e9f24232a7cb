# shellcheck shell=bash
# A name server on loopback: BIND, with one zone and one key that may change its A records. Sourced, never run.

DNS_ZONE=dr.test
DNS_KEY_NAME=failover

# dns_up: starts it; its place is then in DNS_SERVER (HOST:PORT), the key in DNS_KEY (hmac-sha256, base64).
dns_up() {
    local folder=$SCRATCH/dns port named
    named=$(command -v named || printf /usr/sbin/named)
    [[ -x $named ]] || die 'BIND is missing; run conformance/install debian first'
    port=$(free_port)
    DNS_SERVER=127.0.0.1:$port
    DNS_KEY=$(openssl rand -base64 32)
    mkdir -p "$folder"
    cat >"$folder/named.conf" <<CONF
key "$DNS_KEY_NAME" { algorithm hmac-sha256; secret "$DNS_KEY"; };
options {
  directory "$folder";
  listen-on port $port { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "$folder/named.pid";
  session-keyfile "$folder/session.key";
  managed-keys-directory "$folder";
  recursion no;
  dnssec-validation no;
  allow-transfer { none; };
  notify no;
};
controls { };
zone "$DNS_ZONE" {
  type primary;
  file "$folder/zone";
  update-policy { grant $DNS_KEY_NAME zonesub A; };
};
CONF
    cat >"$folder/zone" <<ZONE
\$TTL 5
@       IN SOA ns.$DNS_ZONE. admin.$DNS_ZONE. 1 60 60 600 5
@       IN NS  ns.$DNS_ZONE.
ns      IN A   127.0.0.1
gateway IN A   10.0.0.10
ZONE
    start bind "$named" -4 -g -c "$folder/named.conf"
    up 20 bind dns_answers
    with BIND "$("$named" -v | sed 's/^BIND \([0-9.]*\).*/\1/')"
}

dns_answers() { dig +short +tries=1 +time=1 -p "${DNS_SERVER##*:}" @127.0.0.1 "gateway.$DNS_ZONE" A | grep -q .; }
