#!/usr/bin/env bash
# Drives the running binary in a real Chromium, one spec per task of a user; arguments are specs (`browser.sh keys` runs
# keys.spec.mjs). It needs the site in target/site (make site), which a debug build reads from there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || die "no browser at $CHROMIUM. Mend with: make setup (or set CHROMIUM)"
[ -d end2end/node_modules/playwright-core ] || die "the browser's packages are missing. Mend with: make setup"
[ -s target/site/pkg/llm-router_bg.wasm ] || die "the site is not built. Mend with: make site"
# Programs of which a spec looks for the traces.
clients_venv
export LANGCHAIN_PYTHON=$CACHE/langchain/bin/python
python_venv "$CACHE/langchain" end2end/browser/langchain.txt
# An OpenID provider that is not ours.
export OIDC_PROVIDER=$CACHE/oidc/bin/oidc-provider-mock
python_venv "$CACHE/oidc" end2end/browser/oidc.txt

specs=()
for name in "$@"; do specs+=("end2end/browser/$name.spec.mjs"); done
[ $# -gt 0 ] || specs=(end2end/browser/*.spec.mjs)
results=$ROOT/target/end2end/browser.xml
mkdir -p "$(dirname "$results")"
rm -rf "$results" end2end/test-results

# A file is a process with a router and a browser of its own; two of them at once keep two cores busy.
code=0
node --test --test-concurrency=2 --test-timeout=240000 \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=junit --test-reporter-destination="$results" "${specs[@]}" || code=$?
[ ! -e "$results" ] || count_tests "$results" || code=1
exit $code
