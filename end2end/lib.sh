# Sourced by the end-to-end scripts: a Python with pinned packages, free ports, waiting for a server, counting tests.
# It adds to scripts/env.sh what only tests that drive the running binary need.

source "$(dirname "${BASH_SOURCE[0]}")/../scripts/env.sh"

# The binary under test. `make test` names the one that it has just built.
export LLM_ROUTER_BIN=${LLM_ROUTER_BIN:-$TARGET_DIR/debug/llm-router}
[ -x "$LLM_ROUTER_BIN" ] || die "no binary at $LLM_ROUTER_BIN. Mend with: cargo build -p server (or set LLM_ROUTER_BIN)"
# The tests run in folders of their own.
LLM_ROUTER_BIN=$(realpath "$LLM_ROUTER_BIN")

# python_venv <folder> <requirements file>: makes the folder a virtual environment with exactly these packages.
# The requirements are copied in when the installation is complete, so that an interrupted one is done again.
python_venv() {
  local venv=$1 requirements=$2
  cmp -s "$requirements" "$venv/requirements.txt" && "$venv/bin/python" -c '' 2>/dev/null && return 0
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 -m venv failed. Mend with: apt-get install -y python3-venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" ||
    die "the Python packages of $requirements could not be installed: is a package index reachable?"
  cp "$requirements" "$venv/requirements.txt"
}

# The official clients and LiteLLM's proxy, for the tests in Python and for what a browser is to find afterwards.
export CLIENTS_PYTHON=$CACHE/venv/bin/python
clients_venv() { python_venv "$CACHE/venv" end2end/clients/requirements.txt; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for <url> <process id> <seconds>: until the process answers there. Fails at once when the process ends.
wait_for() {
  local deadline=$((SECONDS + $3))
  until curl --silent --fail --output /dev/null "$1"; do
    kill -0 "$2" 2>/dev/null || return 1
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# count_tests <JUnit file> [allowed reason to skip…]: adds "passed failed" to the counts of all suites.
count_tests() {
  mkdir -p "$(dirname "$TEST_COUNTS")"
  python3 "$ROOT/end2end/count_tests.py" "$@" >>"$TEST_COUNTS"
}
