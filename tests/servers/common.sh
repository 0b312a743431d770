# What the scripts of this folder share: where things are, and how a server is started, awaited and stopped.
# shellcheck shell=bash

installed="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build/servers"
# One folder for each set of running servers, with a folder for each server: address, pid, log.
state="${LONGSHORE_TEST_SERVERS:-$installed/run/default}"
servers=(s3 s3-auth gcs gcs-backend azure registry registry-auth ssh ecs ecs-backend cloud kubernetes)
# The Docker Engine is one for all sets; its folder says in `owner` for which one it was started.
engine=$installed/run/docker

# A start that takes longer is broken; on two idle cores the slowest takes two seconds.
patience_s=60
# The engine grants its containers 10 s to end, and then itself some more.
engine_end_s=40

fail() {
    echo "$*" >&2
    exit 1
}

[[ $state == /* ]] || fail "LONGSHORE_TEST_SERVERS must be an absolute path: $state"

# install_packages PACKAGE…: of Debian, without what they only recommend.
install_packages() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "the test servers need the packages $*: install them, or run this as root on Debian"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" >/dev/null
}

# processes STATE [NAME]: the ids of all processes of the servers in this state folder, or of one of them.
# Each carries its folder in its environment, and so do its children: no id that was written down and then reused by
# something else is ever believed.
processes() {
    local mark="LONGSHORE_TEST_SERVER=$1/${2:-}"
    # A whole variable where a name is given, and otherwise its beginning.
    grep -lsazF ${2:+-x} -- "$mark" /proc/[0-9]*/environ | cut -d/ -f3
}

# launch NAME[/PART] [VARIABLE=VALUE…] PROGRAM [ARGUMENT…]: starts a server with an environment of its own, in its folder.
launch() {
    local folder="$state/$1" server="$state/${1%%/*}"
    shift
    mkdir -p "$folder/tmp"
    (
        cd "$folder"
        # A session of its own: what a person types into the terminal of the tests does not reach it.
        setsid env -i PATH="$PATH" HOME="$folder" TMPDIR="$folder/tmp" LONGSHORE_TEST_SERVER="$server" "$@" \
            </dev/null >log 2>&1 &
        echo $! >pid
    )
}

# answers PORT: whether something that speaks HTTP, or SSH, is there.
answers() {
    local line
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    read -r -t 5 line <&3
    exec 3>&-
    [[ $line == HTTP/* || $line == SSH-* ]]
} 2>/dev/null

# await NAME PORT: waits until the server answers, and only then says where it is.
await() {
    local folder="$state/$1" deadline=$((SECONDS + patience_s))
    until (answers "$2"); do
        if ! any_runs "$(cat "$folder/pid")" || [ $SECONDS -ge $deadline ]; then
            tail -n 20 "$folder/log" >&2
            fail "the test server $1 did not start on port $2; its log is $folder/log"
        fi
        sleep 0.05
    done
    say_address "$1" "http://127.0.0.1:$2"
}

# say_address NAME ADDRESS: tells tests where the server is, and by that, that it is there.
say_address() {
    echo "$2" >"$state/$1/address.new"
    mv "$state/$1/address.new" "$state/$1/address"
}

# stop STATE [NAME]: ends all servers of a state folder, or one of them, and removes what they kept. Without any, nothing.
stop() {
    local signal ids name
    mapfile -t ids < <(processes "$@")
    for signal in TERM KILL; do
        [ ${#ids[@]} = 0 ] || kill -s $signal "${ids[@]}" 2>/dev/null || true
        for _ in {1..100}; do
            # Whoever is ending has lost its mark already, but not yet its port.
            ! any_runs "${ids[@]}" || { sleep 0.05 && continue; }
            mapfile -t ids < <(processes "$@")
            [ ${#ids[@]} -gt 0 ] || break 2
        done
    done
    [ ${#ids[@]} = 0 ] || fail "could not stop the test servers in $1"
    # The folder may have been chosen by a person, so nothing else in it is touched.
    [ $# -gt 1 ] || set -- "$1" "${servers[@]}"
    for name in "${@:2}"; do
        [ "$name" != kubernetes ] || [ ! -d "$1/$name" ] || kubernetes_clean "$1/$name"
        [ "$name" != ecs-backend ] || [ ! -d "$1/$name" ] || ecs_clean "$1/$name"
        rm -rf "${1:?}/$name"
    done
    rmdir "$1" 2>/dev/null || true
}

# any_runs [ID…]: whether one of these processes has not ended. One that nobody has waited for has ended as well.
any_runs() {
    local id
    for id in "$@"; do
        ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$id/status" || return 0
    done
    return 1
}

# engine_answers: whether Docker's client reaches an engine.
engine_answers() {
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# stop_engine: ends the Docker Engine that docker.sh has started, if there is one.
stop_engine() {
    local id deadline=$((SECONDS + engine_end_s))
    for id in $(processes "${engine%/*}" "${engine##*/}"); do
        # Only the engine itself is told at first: it ends its containers, and then its own helpers.
        [ "$(cat "/proc/$id/comm" 2>/dev/null)" = dockerd ] || continue
        kill "$id" || true
        while any_runs "$id" && [ $SECONDS -lt $deadline ]; do
            sleep 0.05
        done
    done
    stop "${engine%/*}" "${engine##*/}"
}
