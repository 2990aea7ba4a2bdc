#!/usr/bin/env bash
# `run.sh prepare` builds the server with what Cargo.lock pins; `run.sh serve MODE` starts it at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! command -v cargo >/dev/null; then
  echo 'Rust is missing: install a current Rust with cargo.'
  exit 78
fi
pins=$(cat Cargo.toml Cargo.lock src/*.rs | sha256sum)
place=$FOREIGN_CACHE/rust-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/server" ] || exit 0
    mkdir -p "$place"
    cargo build --quiet --locked --target-dir "$place/target"
    mv "$place/target/debug/server" "$place/server"
    rm -rf "$place/target"
    ;;
  serve)
    exec "$place/server" "$2"
    ;;
esac
