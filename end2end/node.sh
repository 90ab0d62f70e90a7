#!/usr/bin/env bash
# Runs the official Node clients against the router with the stand-in behind it. Arguments are specs (`node.sh chat` runs
# chat.spec.mjs). The Python environment is the one that run.sh makes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ -d end2end/node_modules/openai ] || die "the clients' packages are missing. Mend with: make setup"
specs=()
for name in "$@"; do specs+=("end2end/node/$name.spec.mjs"); done
[ $# -gt 0 ] || specs=(end2end/node/*.spec.mjs)
results=$ROOT/target/end2end/node.xml
mkdir -p "$(dirname "$results")"
rm -f "$results"

code=0
PYTHONDONTWRITEBYTECODE=1 "$CLIENTS_PYTHON" end2end/clients/with_standin.py \
  node --test --test-concurrency=2 --test-timeout=60000 \
  --test-reporter=dot --test-reporter-destination=stdout \
  --test-reporter=junit --test-reporter-destination="$results" "${specs[@]}" || code=$?
[ ! -e "$results" ] || count_tests "$results" || code=1
exit $code
