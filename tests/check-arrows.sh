#!/usr/bin/env bash
# Fails when a crate depends on something that its layer must not know (docs/design.md, "Layers").
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

# must_not CRATE DEPTH NAME…: among the crate's dependencies down to DEPTH there is none of these names.
must_not() {
    local crate=$1 depth=$2 tree name
    shift 2
    tree=$(cargo tree --quiet -p "$crate" -e normal --prefix none --depth "$depth" --format '{p}' | tail -n +2 | cut -d' ' -f1 | sort -u)
    for name in "$@"; do
        if grep -qxE "$name" <<<"$tree"; then
            echo "$crate must not depend on $(grep -xE "$name" <<<"$tree" | head -1)" >&2
            failed=1
        fi
    done
}

must_not longshore-protocol 99 tokio 'wasmtime.*' object_store 'longshore-.*'
must_not longshore-storage 99 'wasmtime.*' longshore-runtime longshore-launchers longshore-sdk longshore clap 'aws-.*'
must_not longshore-sdk 99 tokio 'wasmtime.*' object_store longshore-protocol longshore-runtime longshore-launchers
must_not longshore-runtime 99 longshore-launchers longshore-sdk longshore bollard kube 'aws-sdk-.*'
must_not longshore-launchers 99 'wasmtime.*' longshore-runtime longshore-sdk longshore clap
must_not longshore 99 'wasmtime.*' longshore-runtime longshore-sdk
# The CLI reaches infrastructures through the launchers only, and names none.
must_not longshore 1 bollard kube 'aws-.*' object_store
if grep -rnE '\bKind::[A-Z]|bollard|kube::|aws_' launchers/cli/src; then
    echo "the CLI must not name an infrastructure" >&2
    failed=1
fi

# The check itself must be able to fail.
if (failed=0; must_not longshore-runtime 99 'wasmtime' 2>/dev/null; exit $failed); then
    echo "check-arrows.sh does not see the dependency of longshore-runtime on wasmtime" >&2
    failed=1
fi

exit $failed
