#!/usr/bin/env bash
# `run.sh prepare` builds the OpenTelemetry Collector of the modules that go.sum names; `run.sh serve store` and
# `run.sh serve front` start it at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! command -v go >/dev/null; then
  echo 'Go is missing: install Go 1.25 or newer.'
  exit 78
fi
pins=$(cat go.mod go.sum main.go | sha256sum)
place=$FOREIGN_CACHE/collector-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/collector" ] || exit 0
    mkdir -p "$place"
    go build -mod=readonly -o "$place/collector.new" .
    mv "$place/collector.new" "$place/collector"
    ;;
  serve)
    exec "$place/collector" --config "file:$2.yaml"
    ;;
esac
