# ECS: an emulator whose tasks are containers of the Docker Engine, behind a front that refuses what AWS would refuse. For
# the other scripts of this folder.
# shellcheck shell=bash

# ecs PORT: starts both; the port is the front's.
ecs() {
    local backend_port
    engine_answers || fail "the test server ecs needs a Docker Engine: tests/servers/docker.sh up"
    backend_port=$(free_ports 1)
    # Its region is that of the tests. It pulls no image that the engine has. An engine that starts fifty containers on a busy
    # machine needs longer than the ten seconds that the emulator would give it before it asks again, and finds the name taken.
    launch ecs-backend GATEWAY_PORT="$backend_port" BIND_HOST=127.0.0.1 MINISTACK_DOCKER_TIMEOUT=300 SERVICES=ecs,ec2,iam,logs,secretsmanager,sts LOG_LEVEL=WARNING \
        PYTHONPATH="$installed/docker-client" ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "$python/ministack"
    echo "$backend_port" >"$state/ecs-backend/port"
    launch ecs "$python/python3" -B "$here/ecs_front.py" "$1" "$backend_port"
    await ecs-backend "$backend_port"
}

# ecs_clean FOLDER: removes the containers of an emulator that has ended, and those of nobody else.
ecs_clean() {
    local ids
    [ -e "$1/port" ] && engine_answers || return 0
    mapfile -t ids < <(docker ps --all --quiet --filter "label=ministack.instance=$(hostname):$(cat "$1/port")")
    [ ${#ids[@]} = 0 ] || docker rm --force --volumes "${ids[@]}" >/dev/null
}
