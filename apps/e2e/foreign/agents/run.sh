#!/usr/bin/env bash
# `run.sh prepare` installs what package-lock.json pins; `run.sh agent NAME…` runs an agent against $MCP_URL.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
pins=$(cat package-lock.json ./*.mjs | sha256sum)
place=$FOREIGN_CACHE/agents-${pins:0:12}
if [ "$1" = prepare ]; then
  [ ! -e "$place/complete" ] || exit 0
  rm -rf "$place"
  mkdir -p "$place"
  cp package.json package-lock.json ./*.mjs "$place"
  (cd "$place" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)
  touch "$place/complete"
  exit
fi
shift
cd "$place"
modules=node_modules
case $1 in
  inspector-page) exec "$NODE" $modules/inspector-browser/client/bin/client.js ;;
  *) exec "$NODE" "$1.mjs" "${@:2}" ;;
esac
