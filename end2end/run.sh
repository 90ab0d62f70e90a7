#!/usr/bin/env bash
# Tests the running binary from outside: the official clients for Python and for Node, coding programs, schemathesis,
# and a browser.
# Arguments go to the first of these (`run.sh -k budget`), and then the others are left out.
# What only Rust can see (storage, kill at any moment) is tested by `cargo nextest`, not here.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

results=$ROOT/target/end2end
mkdir -p "$results"

clients() {
  local code=0
  rm -f "$results/clients.xml"
  (cd end2end/clients && PYTHONDONTWRITEBYTECODE=1 "$CLIENTS_PYTHON" -m pytest --junitxml="$results/clients.xml" "$@") || code=$?
  # No result file: pytest itself could not start, and its exit status says so.
  [ ! -e "$results/clients.xml" ] || count_tests "$results/clients.xml" || code=1
  return $code
}

step "end-to-end: Python packages" clients_venv
code=0
step "end-to-end: official clients for Python" clients "$@" || code=$?
if [ $# = 0 ]; then
  step "end-to-end: official clients for Node" end2end/node.sh || code=$?
  step "end-to-end: coding programs" end2end/agents.sh || code=$?
  step "end-to-end: the OpenAPI document" end2end/schema.sh || code=$?
  step "end-to-end: browser" end2end/browser.sh || code=$?
fi
exit $code
