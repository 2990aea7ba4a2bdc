#!/usr/bin/env bash
# `run.sh prepare` builds the server with the modules that go.sum names; `run.sh serve MODE` starts it at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! command -v go >/dev/null; then
  echo 'Go is missing: install Go 1.25 or newer.'
  exit 78
fi
pins=$(cat go.mod go.sum ./*.go | sha256sum)
place=$FOREIGN_CACHE/go-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/server" ] || exit 0
    mkdir -p "$place"
    go build -mod=readonly -o "$place/server.new" .
    mv "$place/server.new" "$place/server"
    ;;
  serve)
    exec "$place/server" "$2"
    ;;
esac
