#!/usr/bin/env bash
# `run.sh prepare` installs what package-lock.json pins; `run.sh agent ERA` runs the agent against $MCP_URL.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
pins=$(sha256sum package-lock.json)
place=$FOREIGN_CACHE/inspector-${pins:0:12}
if [ "$1" = prepare ]; then
  if [ ! -e "$place/complete" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    cp package.json package-lock.json "$place"
    # Not `npm ci`, which refuses a lock file without an optional package that no registry may have.
    (cd "$place" && npm install --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)
    touch "$place/complete"
  fi
  cp inspector.mjs "$place"
  exit
fi
cd "$place"
exec "$NODE" inspector.mjs "$2"
