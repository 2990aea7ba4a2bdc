#!/usr/bin/env bash
# `run.sh serve MODE` starts a server of the root's package-lock.json at $PORT; there is nothing to prepare.
set -euo pipefail
[ "$1" = serve ] || exit 0
cd "${BASH_SOURCE[0]%/*}/../../../.."
# What would be called outside meets a port of this machine that nobody listens on.
export VIS_REQUEST_SERVER=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9
case $2 in
  everything) exec node node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp ;;
  budget) exec node node_modules/@modelcontextprotocol/server-budget-allocator/dist/index.js ;;
  chart)
    exec node node_modules/@antv/mcp-server-chart/build/index.js --transport streamable --host 127.0.0.1 --port "$PORT"
    ;;
  brave)
    exec node node_modules/@brave/brave-search-mcp-server/dist/index.js --transport http --host 127.0.0.1 \
      --port "$PORT" --brave-api-key none
    ;;
esac
