#!/usr/bin/env bash
# Runs a script of end2end/ against the built server: `end2end.sh run.sh` (clients and browser) or
# `end2end.sh acceptance.sh`. The script finds the binary in LLM_ROUTER_BIN and the browser in CHROMIUM, and appends
# `<passed> <failed>` to the file in TEST_COUNTS.
set -euo pipefail
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/counts.sh"

script=end2end/$1
[ -e "$script" ] || { echo "there is no $script" && exit 0; }
# With the tests' features, so that it is the build that the Rust tests have just used.
step "build: server, debug" cargo build --quiet "${HOST[@]}" --bins --tests
export LLM_ROUTER_BIN=$TARGET_DIR/debug/llm-router
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
bash "$script"
