#!/usr/bin/env bash
# Hunts for bytes that break what must hold for everything that is read from outside (tests/fuzz/README.md).
# tests/fuzz.sh [seconds for each target, 20] [target…]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-20}"
shift || true
cache="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-build"
tools="${LONGSHORE_TEST_TOOLS:-$cache/tools}"
export PATH="$tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
# Everything is built with instrumentation, which no other build can use.
unset CARGO_TARGET_DIR

if ! command -v c++ >/dev/null; then
    echo "libFuzzer needs a C++ compiler; installing g++" >&2
    if ! { apt-get update -qq && apt-get install -qq -y g++; } >&2; then
        echo "install one by hand, for example g++, and call this again" >&2
        exit 1
    fi
fi
if ! cargo fuzz --version 2>/dev/null | grep -q ' 0\.13\.'; then
    CARGO_TARGET_DIR="$cache/tools-target" cargo install cargo-fuzz --version '^0.13' --locked --debug --root "$tools"
    rm -rf "$cache/tools-target"
fi

# A sanitizer would need a nightly compiler, and nothing that is fuzzed has unsafe code. Coverage, checks for overflow
# and debug assertions are had with stable.
options=(--target-dir "$cache/fuzz-target" --sanitizer none)
# What the protocol reads, and what the launchers read.
folders=(tests/fuzz tests/fuzz/launchers)
targets=()
for folder in "${folders[@]}"; do
    cargo fuzz build --fuzz-dir "$folder" "${options[@]}"
    mapfile -t -O ${#targets[@]} targets < <(cargo fuzz list --fuzz-dir "$folder")
done
[ $# -gt 0 ] || set -- "${targets[@]}"

# folder_of TARGET
folder_of() {
    local folder
    for folder in "${folders[@]}"; do
        [ ! -f "$folder/fuzz_targets/$1.rs" ] || echo "$folder"
    done
}

# hunt TARGET: hunts for its time; says what libFuzzer says.
hunt() {
    local folder corpus="$cache/fuzz-corpus/$1" crashes
    folder=$(folder_of "$1")
    crashes="$PWD/$folder/crashes/$1"
    mkdir -p "$corpus" "$crashes"
    # Defects hide in structure, not in length: short inputs are tried more often. Properties count memory themselves;
    # the limit on the process catches what they do not see.
    cargo fuzz run --fuzz-dir "$folder" "${options[@]}" "$1" "$corpus" "$folder/seeds/$1" "$crashes" -- -max_total_time="$seconds" \
        -max_len=4096 -use_value_profile=1 -timeout=5 -report_slow_units=5 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="$crashes/"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
summary=""
for target in "$@"; do
    if ! RUST_BACKTRACE=0 hunt "$target" >"$log" 2>&1; then
        cat "$log" >&2
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
        echo "the property of $target does not hold for ${input:-an input that libFuzzer did not write}" >&2
        echo "replay it, with every other one: cargo test --workspace --test fuzzed" >&2
        exit 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -1)
    # A build without instrumentation finds nothing and is content. What knows no way through the code has seen none.
    if [ "${coverage:-0}" -lt 100 ]; then
        cat "$log" >&2
        echo "the coverage of $target was not measured" >&2
        exit 1
    fi
    summary+=$(printf '%-14s %12s %9s' "$target" "$executions" "$coverage")$'\n'
done
printf '\n%-14s %12s %9s\n%s' TARGET EXECUTIONS COVERAGE "$summary"
