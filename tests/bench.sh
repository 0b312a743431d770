#!/usr/bin/env bash
# Prints every figure that the project promises, each against a baseline measured in the same run.
# tests/bench.sh [process|warm|limits|payload|listing|storage|docker|kubernetes|first-run]
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build/target}"
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

rustup target add wasm32-wasip2 2>/dev/null
# The same packages and kinds of target in both: a different choice would build wasmtime twice.
cargo build --release --workspace --bins --benches
case "${1:-storage}" in
    storage | kubernetes)
        tests/servers/down.sh --abandoned
        export LONGSHORE_TEST_SERVERS="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build/servers/run/$$"
        trap tests/servers/down.sh EXIT
        ;;
esac
case "${1:-storage}" in
    storage) tests/servers/up.sh ;;
esac
case "${1:-docker}" in
    docker | kubernetes)
        rustup target add x86_64-unknown-linux-musl 2>/dev/null
        tests/servers/tools.sh
        cargo build --profile dist -p longshore-runtime --target x86_64-unknown-linux-musl
        tests/servers/docker.sh up
        # The static hello that a run is compared with.
        tar --create --directory /bin busybox | docker import --change 'CMD ["/busybox"]' - longshore-bench-hello:1 >/dev/null
        ;;
esac
case "${1:-kubernetes}" in
    kubernetes) tests/servers/up.sh kubernetes ;;
esac
cargo bench --workspace --bench figures -- "$@"
