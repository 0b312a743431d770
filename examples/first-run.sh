#!/usr/bin/env bash
# From a fresh clone to the result of a real flow: builds longshore and the flow, and runs it on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build/target}"
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

rustup target add wasm32-wasip2
cargo build --profile quick -p longshore -p longshore-runtime
CARGO_TARGET_DIR="$CARGO_TARGET_DIR/examples" "$CARGO_TARGET_DIR/quick/longshore" run examples/hello -p name="${1:-World}"
