#!/usr/bin/env bash
# `run.sh prepare` builds Helm and kubeconform from the Go module proxy and fetches what requirements.txt pins, and the
# schemas of Kubernetes and of three kinds of custom resources; `run.sh place` says where all of it is.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}"
helm=helm.sh/helm/v3/cmd/helm@v3.22.0
kubeconform=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
crds=(
  sigs.k8s.io/gateway-api@v1.4.0/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml
  github.com/cert-manager/cert-manager@v1.19.0/deploy/crds/cert-manager.io_certificates.yaml
  github.com/prometheus-operator/prometheus-operator@v0.85.0/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
  github.com/prometheus-operator/prometheus-operator@v0.85.0/example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml
)
if ! command -v go >/dev/null; then
  echo 'Go is missing: install Go 1.25 or newer.'
  exit 78
fi
if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo 'Python is missing: install Python 3.10 or newer with its venv module.'
  exit 78
fi
pins=$(cat run.sh requirements.txt custom-schemas.py | sha256sum)
place=$FOREIGN_CACHE/helm-${pins:0:12}
case $1 in
  prepare)
    [ ! -e "$place/complete" ] || exit 0
    rm -rf "$place"
    mkdir -p "$place/schemas"
    CGO_ENABLED=0 GOBIN=$place/bin go install -ldflags='-s -w' "$helm"
    CGO_ENABLED=0 GOBIN=$place/bin go install -ldflags='-s -w' "$kubeconform"
    python3 -m venv "$place/python"
    "$place/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt
    for version in v1.28.0 v1.37.0; do
      from=$("$place/python/bin/python" -c 'import kubernetes_validate as k; print(*k.__path__)')/kubernetes-json-schema
      cp -r "$from/$version-local-strict" "$place/schemas/$version"
      # They name each other by addresses on the net; here they are files beside each other.
      sed -i 's#"/api/_definitions.json#"_definitions.json#; s#"\$id": "https://#"x-id": "https://#' "$place/schemas/$version"/*.json
    done
    for crd in "${crds[@]}"; do
      version=${crd#*@}
      module=${crd%%@*}@${version%%/*}
      folder=$(cd / && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
      "$place/python/bin/python" custom-schemas.py "$folder/${crd#"$module"/}" "$place/schemas/custom"
    done
    touch "$place/complete"
    ;;
  place)
    echo "$place"
    ;;
esac
