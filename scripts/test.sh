#!/usr/bin/env bash
# Everything that has to hold before a change is merged. A failing step does not stop the ones after it; without the
# tools or the site nothing else could run, so those two do. The last line is the sum of all tests.
set -euo pipefail
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/counts.sh"
mkdir -p target
: >"$TEST_COUNTS"

documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet "${HOST[@]}" --no-deps; }

# `Summary [ 1.2s] 40 tests run: 38 passed (1 slow), 1 failed, 1 timed out, 3 skipped`
rust_tests() {
  local log=target/nextest.log code=0 summary run passed
  cargo nextest run "${HOST[@]}" --no-fail-fast 2>&1 | tee $log || code=$?
  summary=$(grep -E '^ *Summary \[' $log | tail -1 || true)
  run=$(sed -nE 's/.* ([0-9]+)(\/[0-9]+)? tests? run:.*/\1/p' <<<"$summary")
  passed=$(sed -nE 's/.* ([0-9]+) passed.*/\1/p' <<<"$summary")
  [ -z "$run" ] || count "${passed:-0}" $((run - ${passed:-0}))
  return $code
}

# `test result: ok. 3 passed; 0 failed; …`, once per crate. nextest does not run the examples in documentation.
doc_tests() {
  local log=target/doctest.log code=0
  cargo test --quiet --doc "${HOST[@]}" --no-fail-fast 2>&1 | tee $log || code=$?
  sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed;.*/\1 \2/p' $log >>"$TEST_COUNTS"
  return $code
}

prepare() { step "set-up" scripts/setup.sh test && scripts/site.sh; }
if ! prepare; then
  count 0 1
  total
  exit 1
fi

suite "format and lints" scripts/lint.sh
suite "documentation" documentation
suite "Rust tests" rust_tests
suite "documentation's examples" doc_tests
suite "fuzzing" scripts/fuzz.sh
suite "end to end" scripts/end2end.sh run.sh
total
