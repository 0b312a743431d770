#!/usr/bin/env bash
# Passes every check and test of the project, from nothing but git, rustup, gcc and a network.
# What may be reused between calls is kept below the user's cache; remove it to prove that it is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export LONGSHORE_TEST_TOOLS="$cache/tools"
export PATH="$LONGSHORE_TEST_TOOLS/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

step() { printf '\n== %s\n' "$*"; }

step "tools"
# The runtime in images is static: its target, and a C compiler for that. The image with a shell is made of busybox.
rustup target add wasm32-wasip2 x86_64-unknown-linux-musl
tests/servers/tools.sh
rustup component add rustfmt clippy
# The second builder is tested with the real thing. Built once, unoptimized: it only starts cargo.
if ! cargo component --version 2>/dev/null | grep -q ' 0\.21\.'; then
    CARGO_TARGET_DIR="$cache/tools-target" cargo install cargo-component --version '^0.21' --locked --debug --root "$LONGSHORE_TEST_TOOLS"
    rm -rf "$cache/tools-target"
fi

step "style"
cargo fmt --all --check
cargo fmt --manifest-path examples/Cargo.toml --all --check
cargo fmt --manifest-path tests/guests/Cargo.toml --all --check
cargo fmt --manifest-path tests/fuzz/Cargo.toml --all --check
cargo fmt --manifest-path tests/fuzz/launchers/Cargo.toml --all --check
tests/check-sizes.sh

step "dependencies that must not exist"
tests/check-arrows.sh

step "wasmtime"
tests/check-wasmtime.sh

step "lints"
cargo clippy --workspace --all-targets -- --deny warnings
cargo clippy -p longshore-protocol --target wasm32-wasip2 -- --deny warnings
# Each kind of infrastructure by itself, and none.
for kind in "" aci cloud-run docker ecs kubernetes vertex-ai; do
    cargo clippy -p longshore --no-default-features --features "$kind" -- --deny warnings
done
RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet

step "programs under test"
# The same packages and kinds of target as below: a different choice would build wasmtime twice.
cargo build --workspace --bins --tests
cargo build -p longshore-runtime --target x86_64-unknown-linux-musl

step "flows of the examples, as plain Rust"
cargo test --manifest-path examples/Cargo.toml --workspace --quiet

step "test servers"
tests/servers/down.sh --abandoned
export LONGSHORE_TEST_SERVERS="$cache/servers/run/$$"
trap 'tests/servers/down.sh; tests/servers/docker.sh down' EXIT
tests/servers/docker.sh up
tests/servers/up.sh all

step "tests"
cargo test --workspace --no-fail-fast

step "fuzzing, shortly"
tests/fuzz.sh 4
