#!/usr/bin/env bash
# Runs the shared acceptance suite, where it lies beside this repository, against the binary: official Python and Node
# clients over a stub of all providers. Arguments go to pytest (`acceptance.sh -k thinking`).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=$here/../../shared/tools/acceptance
if [ ! -d "$suite" ]; then
  echo "acceptance: no ../shared/tools/acceptance beside this repository; nothing to run"
  exit 0
fi
source "$here/lib.sh"

# The suite's own exceptions (README, "Tests"): where an SDK's helper or an API cannot show what the test looks at, and
# what this configuration leaves off.
ALLOWED_SKIPS=("the SDK's accumulator" "the Responses API has no stop sequences" "the gateway has CORS off")

export ACCEPTANCE_HOME=$CACHE/acceptance
work=$(mktemp -d)
pids=()
stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  rm -rf "$work"
}
trap stop EXIT
# Writes beside its own files, which may be read-only.
cp -R "$suite" "$work/suite"
chmod -R u+w "$work/suite"

# Its run.sh installs on every call; here only when the requirements have changed.
step "acceptance: Python packages" python_venv "$ACCEPTANCE_HOME/python" "$work/suite/requirements.txt"
node_sdks() {
  local wanted=$work/suite/node/package.json
  cmp -s "$wanted" "$NODE_SDKS/installed.json" && return 0
  rm -rf "$NODE_SDKS" && mkdir -p "$NODE_SDKS" && cp "$wanted" "$NODE_SDKS/"
  (cd "$NODE_SDKS" && npm install --silent --no-audit --no-fund) || die "the Node SDKs could not be installed"
  cp "$wanted" "$NODE_SDKS/installed.json"
}
export SKIP_INSTALL=1 NODE_SDKS=$ACCEPTANCE_HOME/node STUB_PORT MASTER_KEY=sk-master-acceptance
step "acceptance: Node packages" node_sdks
STUB_PORT=$(free_port)
port=$(free_port)

"$work/suite/run.sh" stub >"$work/stub.log" 2>&1 &
pids+=($!)
wait_for "http://127.0.0.1:$STUB_PORT/__stub/scenarios" $! 30 || { cat "$work/stub.log"; die "the stub upstream did not start"; }

python3 "$work/suite/reference/our_config.py" "http://127.0.0.1:$STUB_PORT" "$port" "$work" >"$work/llm-router.yaml"
AWS_ACCESS_KEY_ID=AKIASTUB AWS_SECRET_ACCESS_KEY=stub-secret-key \
  "$LLM_ROUTER_BIN" serve --config "$work/llm-router.yaml" >"$work/router.log" 2>&1 &
pids+=($!)
url=http://127.0.0.1:$port
wait_for "$url/health" $! 30 || { cat "$work/router.log"; die "the router did not start"; }

admin() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $MASTER_KEY" -H 'content-type: application/json' "$@"; }
# new_key <user's name> <daily budget>: prints the key of a new user.
new_key() { admin "$url/admin/users" -d "{\"name\": \"$1\", \"daily_budget\": $2}" | jq -er .api_key; }
change_key() { admin -X PATCH "$url/admin/keys/$1" -d "$2" >/dev/null; }

export GATEWAY_URL=$url GATEWAY_KEY GATEWAY_KEY_BROKE GATEWAY_KEY_DISABLED GATEWAY_KEY_LIMITED GATEWAY_KEY_RATE
GATEWAY_KEY=$(new_key tester 0)
GATEWAY_KEY_BROKE=$(new_key broke 0.000000001)
GATEWAY_KEY_DISABLED=$(new_key disabled 0)
change_key "$GATEWAY_KEY_DISABLED" '{"active": false}'
GATEWAY_KEY_LIMITED=$(new_key limited 0)
change_key "$GATEWAY_KEY_LIMITED" '{"allowed_models": ["stub-openai"]}'
GATEWAY_KEY_RATE=$(new_key rate 0)
change_key "$GATEWAY_KEY_RATE" '{"requests_per_minute": 2}'

results=$ROOT/target/end2end/acceptance.xml
mkdir -p "$(dirname "$results")"
rm -f "$results"
code=0
step "acceptance: real clients" "$work/suite/run.sh" -q --junitxml="$results" \
  -m "not selfcheck" "$@" || code=$?
[ ! -e "$results" ] || count_tests "$results" "${ALLOWED_SKIPS[@]}" || code=1
if [ $code != 0 ]; then
  echo "end of the router's log:"
  tail -n 40 "$work/router.log"
fi
exit $code
