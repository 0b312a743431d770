#!/usr/bin/env bash
# Stops the test servers whose state is in $LONGSHORE_TEST_SERVERS or the usual place: all, or the named ones.
# With --abandoned: those of test runs that were killed before they could stop them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
source "$here/kubernetes.sh"
source "$here/ecs.sh"

if [ "${1:-}" = --abandoned ]; then
    # A test run keeps its servers in a folder that has its process id for a name.
    for folder in "$installed"/run/[0-9]*; do
        [ ! -d "$folder" ] || [ -d "/proc/${folder##*/}" ] || stop "$folder"
    done
    owner=$(cat "$engine/owner" 2>/dev/null || true)
    [[ ! ${owner##*/} =~ ^[0-9]+$ ]] || [ -d "/proc/${owner##*/}" ] || stop_engine
elif [ $# = 0 ]; then
    stop "$state"
else
    for name in "$@"; do
        stop "$state" "$name"
        [ "$name" != gcs ] || stop "$state" gcs-backend
        [ "$name" != ecs ] || stop "$state" ecs-backend
    done
fi
