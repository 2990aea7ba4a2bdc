#!/usr/bin/env bash
# `run.sh prepare` installs what package-lock.json pins; `run.sh serve MODE` starts the server at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
pins=$(sha256sum package-lock.json)
place=$FOREIGN_CACHE/better-auth-${pins:0:12}
if [ "$1" = prepare ]; then
  if [ ! -e "$place/complete" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    cp package.json package-lock.json "$place"
    (cd "$place" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)
    touch "$place/complete"
  fi
  cp server.mjs "$place"
  exit
fi
cd "$place"
exec node server.mjs
