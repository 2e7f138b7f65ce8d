#!/bin/sh
# Made this certificate, good for 100 years: right names, and signed by nobody that a group trusts. The
# others are those of test/wire/tls. The key guards nothing.
set -eu
cd "$(dirname "$0")"
openssl ecparam -name prime256v1 -genkey -noout -out foreign.key.pem
openssl req -new -x509 -key foreign.key.pem -subj /CN=foreign -days 36500 \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out foreign.pem
