#!/usr/bin/env bash
# `run.sh prepare` fetches what requirements.txt pins; `run.sh walk` tries the API at $API_URL as whoever has $API_TOKEN.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo 'Python is missing: install Python 3.10 or newer with its venv module.'
  exit 78
fi
pins=$(sha256sum requirements.txt)
place=$FOREIGN_CACHE/schemathesis-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/complete" ] || exit 0
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt
    touch "$place/complete"
    ;;
  walk)
    cd "$place" # it leaves its database of examples where it runs
    exec "$place/bin/schemathesis" run "$API_URL/v1/openapi.json" --header "Authorization: Bearer $API_TOKEN" \
      --phases "$API_PHASES" --max-examples "$API_EXAMPLES" --seed "$API_SEED" --no-shrink --no-color \
      --exclude-operation-id verify --warnings off --continue-on-failure --generation-database none \
      --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
    ;;
esac
