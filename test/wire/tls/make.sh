#!/bin/sh
# Made these certificates, good for 100 years: a CA, a server for localhost, and two callers that
# carry a name each. The keys guard nothing.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key.pem"; }
signed() {
  key "$1"
  openssl req -new -key "$1.key.pem" -subj "/CN=$1" -out "$1.csr"
  printf 'subjectAltName=%s\n' "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key.pem -CAcreateserial -days 36500 \
    -extfile "$1.ext" -out "$1.pem"
}
key ca
openssl req -x509 -new -key ca.key.pem -subj /CN=weir-test-ca -days 36500 -out ca.pem
signed server DNS:localhost,IP:127.0.0.1
signed envoy DNS:envoy.test,URI:spiffe://weir.test/envoy
signed stranger URI:spiffe://weir.test/stranger
rm -f ./*.csr ./*.ext ./*.srl ca.key.pem
