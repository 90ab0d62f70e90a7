#!/usr/bin/env bash
# Lets coding programs do a task through the router: Claude Code, Codex and Qwen Code, as npm has them, headless.
# They are large and so live in the cache, not beside this file. Arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export AGENTS=$CACHE/agents
results=$ROOT/target/end2end/agents.xml
mkdir -p "$AGENTS" "$(dirname "$results")"
rm -f "$results"

# The lock file is copied last, so that an interrupted installation is done again.
install() {
  cmp -s end2end/agents/package-lock.json "$AGENTS/node_modules/.installed-lock" && return 0
  cp end2end/agents/package.json end2end/agents/package-lock.json "$AGENTS/"
  # Not `npm ci`: it refuses a lock file that cannot name an optional package for another system, where a registry's
  # mirror does not carry it.
  (cd "$AGENTS" && npm install --no-save --silent --no-audit --no-fund --ignore-scripts) ||
    die "npm install failed in $AGENTS: is a package registry reachable?"
  cp end2end/agents/package-lock.json "$AGENTS/node_modules/.installed-lock"
}
step "end-to-end: packages of the coding programs" install

code=0
(cd end2end/agents && PYTHONDONTWRITEBYTECODE=1 "$CLIENTS_PYTHON" -m pytest --junitxml="$results" "$@") || code=$?
[ ! -e "$results" ] || count_tests "$results" || code=1
exit $code
