#!/usr/bin/env bash
# Tests the running binary from outside: the official SDKs first, then a browser. Arguments go to pytest
# (`run.sh -k budget`), and then the browser is left out.
# What only Rust can see (storage, kill at any moment) is tested by `cargo nextest`, not here.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

results=$ROOT/target/end2end
venv=$CACHE/venv
mkdir -p "$results"

clients() {
  local code=0
  rm -f "$results/clients.xml"
  (cd end2end/clients && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m pytest --junitxml="$results/clients.xml" "$@") || code=$?
  # No result file: pytest itself could not start, and its exit status says so.
  [ ! -e "$results/clients.xml" ] || count_tests "$results/clients.xml" || code=1
  return $code
}

step "end-to-end: Python packages" python_venv "$venv" end2end/clients/requirements.txt
code=0
step "end-to-end: official clients" clients "$@" || code=$?
if [ $# = 0 ] && [ -e end2end/browser.sh ]; then
  step "end-to-end: browser" end2end/browser.sh || code=$?
fi
exit $code
