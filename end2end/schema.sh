#!/usr/bin/env bash
# Asks the running binary what its OpenAPI document says that one can ask, by schemathesis. Arguments go to pytest
# (`schema.sh -k teams`).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SCHEMA_PYTHON=$CACHE/schema/bin/python
python_venv "$CACHE/schema" end2end/schema/requirements.txt
results=$ROOT/target/end2end/schema.xml
mkdir -p "$(dirname "$results")"
rm -f "$results"

code=0
(cd end2end/schema && PYTHONDONTWRITEBYTECODE=1 "$SCHEMA_PYTHON" -m pytest --junitxml="$results" "$@") || code=$?
[ ! -e "$results" ] || count_tests "$results" || code=1
exit $code
