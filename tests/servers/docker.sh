#!/usr/bin/env bash
# Sees to a Docker Engine for the tests, one for all test servers of this machine.
# tests/servers/docker.sh up    uses the engine that answers, or else installs one and starts it
# tests/servers/docker.sh down  stops the engine that `up` has started for this $LONGSHORE_TEST_SERVERS, and no other
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
# Where dockerd and iptables are, which not every shell of root looks for.
PATH=$PATH:/usr/sbin:/sbin

up() {
    ! engine_answers || return 0
    mkdir -p "$installed"
    exec 9>"$installed/engine.lock"
    flock 9
    ! engine_answers || return 0
    [ -z "${DOCKER_HOST:-}" ] || fail "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset the variable"
    { command -v dockerd && command -v docker; } >/dev/null || install_engine
    # Where there is an init system, the package has started a service.
    ! engine_answers || return 0
    [ "$(id -u)" = 0 ] || fail "no Docker Engine answers at /var/run/docker.sock: start it, or run this as root"

    stop_engine
    # Images of the tests stay in a folder of their own: what is in /var/lib/docker is the user's, and might start again.
    state=${engine%/*} launch "${engine##*/}" dockerd --data-root "$installed/docker" 9>&-
    echo "$state" >"$engine/owner"
    await_engine
}

await_engine() {
    local deadline=$((SECONDS + patience_s))
    until engine_answers; do
        if ! any_runs "$(cat "$engine/pid")" || [ $SECONDS -ge $deadline ]; then
            tail -n 20 "$engine/log" >&2
            fail "the Docker Engine did not start; its log is $engine/log"
        fi
        sleep 0.05
    done
}

install_engine() {
    local packages=(docker.io)
    # With AppArmor in the kernel and without its parser, the engine starts no container.
    [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || packages+=(apparmor)
    install_packages "${packages[@]}"
}

case "${1:-}" in
    up) up ;;
    down) [ "$(cat "$engine/owner" 2>/dev/null)" != "$state" ] || stop_engine ;;
    *) fail "usage: tests/servers/docker.sh up|down" ;;
esac
