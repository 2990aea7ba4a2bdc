#!/usr/bin/env bash
# `run.sh prepare` installs what package-lock.json pins; `run.sh serve MODE` starts a server at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
pins=$(sha256sum package-lock.json)
place=$FOREIGN_CACHE/npm-${pins:0:12}
if [ "$1" = prepare ]; then
  if [ ! -e "$place/complete" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    cp package.json package-lock.json "$place"
    (cd "$place" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)
    touch "$place/complete"
  fi
  cp ./*.mjs "$place"
  exit
fi
cd "$place"
modules=node_modules
# What would be called outside meets a port of this machine that nobody listens on.
export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1,localhost
case $2 in
  fastmcp-sessions) exec node fastmcp.mjs sessions ;;
  fastmcp-stateless) exec node fastmcp.mjs stateless ;;
  sdk-oauth) exec node sdk-oauth.mjs ;;
  supergateway)
    exec node $modules/supergateway/dist/index.js --stdio 'node stdio.mjs' --outputTransport streamableHttp \
      --port "$PORT"
    ;;
  supergateway-sessions)
    exec node $modules/supergateway/dist/index.js --stdio 'node stdio.mjs' --outputTransport streamableHttp \
      --port "$PORT" --stateful
    ;;
  notion)
    export NOTION_TOKEN=ntn_none
    exec node $modules/@notionhq/notion-mcp-server/bin/cli.mjs --transport http --port "$PORT" --unsafe-disable-auth
    ;;
  mongodb)
    exec node $modules/mongodb-mcp-server/dist/esm/index.js --transport http --httpPort "$PORT" --telemetry disabled
    ;;
  playwright)
    exec node $modules/@playwright/mcp/cli.js --host 127.0.0.1 --port "$PORT" --allowed-hosts "127.0.0.1:$PORT" \
      --headless --isolated --no-sandbox --executable-path "$CHROMIUM"
    ;;
esac
