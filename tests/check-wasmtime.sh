#!/usr/bin/env bash
# Says when the registry has a newer patch of wasmtime's LTS release than the lock file: they carry security fixes.
# No failure: a release by others must not break a build of ours that has not changed.
set -euo pipefail
cd "$(dirname "$0")/.."

locked=$(sed -n '/^name = "wasmtime"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
newest=$(cargo info --quiet "wasmtime@${locked%%.*}" 2>/dev/null | sed -n 's/^version: \([0-9.]*\).*/\1/p')
if [ -z "$newest" ]; then
    echo "could not ask the registry for the newest patch of wasmtime ${locked%%.*}"
elif [ "$newest" != "$locked" ]; then
    echo "wasmtime $newest is there, and the lock file has $locked: cargo update -p wasmtime -p wasmtime-wasi"
else
    echo "wasmtime $locked is the newest patch of its release"
fi
