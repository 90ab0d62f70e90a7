#!/usr/bin/env bash
# Format and lints, each half with the compiler that builds it. All of them run even when one fails.
# Needs target/site (the server embeds it), so `make check` and `make test` build the site before.
set -euo pipefail
source "$(dirname "$0")/env.sh"

failed=0
# Names the files only; `make fmt` mends them.
step "format" cargo fmt --all -- --check --files-with-diff || failed=1
# A workspace of its own; its lints are part of fuzz.sh, which has the compiled files they need.
step "format: fuzz targets" cargo fmt --manifest-path crates/dialects/fuzz/Cargo.toml -- --check --files-with-diff || failed=1
step "lints: server" cargo clippy --quiet "${HOST[@]}" --all-targets -- -D warnings || failed=1
# The profile is the one that site.sh builds with: the macros are compiled once for both.
step "lints: browser" with_wasm cargo clippy --quiet -p frontend --target $WASM --profile wasm-release -- -D warnings ||
  failed=1
exit $failed
