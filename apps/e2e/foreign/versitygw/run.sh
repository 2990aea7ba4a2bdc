#!/usr/bin/env bash
# `run.sh prepare` builds Versity's S3 gateway of the modules that go.sum names; `run.sh serve posix` starts it at $PORT
# over $FOLDER, whose folders are its buckets.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! command -v go >/dev/null; then
  echo 'Go is missing: install Go 1.25 or newer.'
  exit 78
fi
pins=$(cat go.mod go.sum | sha256sum)
place=$FOREIGN_CACHE/versitygw-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/versitygw" ] || exit 0
    mkdir -p "$place"
    go build -mod=readonly -o "$place/versitygw.new" github.com/versity/versitygw/cmd/versitygw
    mv "$place/versitygw.new" "$place/versitygw"
    ;;
  serve)
    exec "$place/versitygw" --quiet --port "127.0.0.1:$PORT" --region "$S3_REGION" "$2" --sidecar "$SIDECAR" "$FOLDER"
    ;;
esac
