#!/usr/bin/env bash
# Installs what these test servers need below the user's cache, unless these versions are there.
# tests/servers/install.sh [s3|s3-auth|gcs|azure|registry|registry-auth|ssh|ecs|cloud|kubernetes]…
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
source "$here/debian.sh"

azurite=3.37.0
registry=2.8.2
docker_client=7.1.0

# is_installed FILE VERSION: whether the file says so.
is_installed() {
    [ "$(cat "$installed/$1" 2>/dev/null)" = "$2" ]
}

# All servers of object storage together, and that of SSH.
object_storage() {
    local versions missing=()
    versions=$(cat "$here/requirements.txt" && echo "azurite==$azurite")
    ! is_installed versions "$versions" || return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    node --version >/dev/null 2>&1 || missing+=(nodejs)
    npm --version >/dev/null 2>&1 || missing+=(npm)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

    rm -rf "$installed/python" "$installed/npm" "$installed/versions"
    python3 -m venv "$installed/python"
    "$installed/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$installed/npm" "azurite@$azurite"
    echo "$versions" >"$installed/versions"
}

registry() {
    ! is_installed registry/version "$registry" || return 0
    rm -rf "$installed/registry"
    debian_begin "$installed/registry/debian"
    debian_unpack "$installed/registry/debian" "$installed/registry" docker-registry
    rm -rf "$installed/registry/debian"
    echo "$registry" >"$installed/registry/version"
}

# What the vendors publish of their APIs; nothing of it is executed, so what it depends on is not needed.
cloud() {
    local versions
    versions=$(cat "$here/cloud_double/requirements.txt")
    ! is_installed cloud/versions "$versions" || return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    rm -rf "$installed/cloud"
    python3 -m venv "$installed/cloud/python"
    "$installed/cloud/python/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        --requirement "$here/cloud_double/requirements.txt"
    echo "$versions" >"$installed/cloud/versions"
}

# What ministack starts containers with. It stands apart, as only ECS needs it.
docker_client() {
    ! is_installed docker-client/version "$docker_client" || return 0
    rm -rf "$installed/docker-client"
    "$installed/python/bin/pip" install --quiet --disable-pip-version-check --target "$installed/docker-client" \
        "docker==$docker_client"
    echo "$docker_client" >"$installed/docker-client/version"
}

mkdir -p "$installed"
exec 9>"$installed/lock"
flock 9
# What chooses the ports.
python3 --version >/dev/null 2>&1 || install_packages python3-minimal
for name in "$@"; do
    case $name in
        registry | registry-auth) registry ;;
        cloud) cloud ;;
        ecs)
            object_storage
            docker_client
            ;;
        kubernetes) "$here/kubernetes_build.sh" 9>&- ;;
        *) object_storage ;;
    esac
done
