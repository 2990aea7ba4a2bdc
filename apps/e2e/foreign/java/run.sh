#!/usr/bin/env bash
# `run.sh prepare` compiles the server with what pom.xml pins; `run.sh serve MODE` starts it at $PORT.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
  echo 'Java is missing: install a JDK of 17 or newer and Maven.'
  exit 78
fi
pins=$(cat pom.xml Server.java | sha256sum)
place=$FOREIGN_CACHE/java-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/complete" ] || exit 0
    rm -rf "$place"
    mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory="$place/libraries"
    javac --release 17 -d "$place/classes" -cp "$place/libraries/*" Server.java
    touch "$place/complete"
    ;;
  serve)
    exec java -XX:TieredStopAtLevel=1 -Xmx256m -cp "$place/classes:$place/libraries/*" Server "$2"
    ;;
esac
