#!/usr/bin/env bash
# `run.sh prepare` fetches what requirements.txt pins; `run.sh serve MODE` starts a server at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo 'Python is missing: install Python 3.10 or newer with its venv module.'
  exit 78
fi
pins=$(sha256sum requirements.txt)
place=$FOREIGN_CACHE/fastmcp-python-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/complete" ] || exit 0
    rm -rf "$place"
    python3 -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt
    touch "$place/complete"
    ;;
  serve)
    exec "$place/bin/python" -B server.py "$2"
    ;;
esac
