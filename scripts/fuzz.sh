#!/usr/bin/env bash
# Fuzzes the parsers of crates/dialects, as many at once as there are cores: with FUZZ_SECONDS set, for so long each, from the
# corpus in the repository and what earlier runs on this machine have found; otherwise with some thousand inputs that are made of
# the corpus and are the same in every run. Arguments are targets (`fuzz.sh sse json`). Each counts as one test. It does not
# minimise inputs; cargo-fuzz does, and works in crates/dialects/fuzz.
set -euo pipefail
source "$(dirname "$0")/env.sh"
source "$ROOT/scripts/counts.sh"

FUZZ=$ROOT/crates/dialects/fuzz
BUILT=$TARGET_DIR/fuzz
# Inputs of each target where no time is set.
RUNS=3000
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$BUILT"/{found,logs,crashes} "$(dirname "$TEST_COUNTS")"

# What `cargo fuzz --sanitizer none` sets: with these a stable compiler does, and nobody has to install cargo-fuzz. There is
# no unsafe code in this crate, which is what a sanitizer would watch. Only the crates are built like this, not what
# builds them, since a target is named.
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
-Cllvm-args=-simplifycfg-branch-fold-threshold=0"
in_fuzz() { cargo "$1" --quiet --manifest-path "$FUZZ/Cargo.toml" --target "$host" --target-dir "$BUILT" "${@:2}"; }

run() {
  local target=$1 found=$BUILT/found/$1 crashes=$BUILT/crashes/$1 how
  mkdir -p "$found" "$crashes"
  if [ -n "${FUZZ_SECONDS:-}" ]; then
    # What is new goes to the first folder; what crashed before comes first of all.
    how=(-max_total_time="$FUZZ_SECONDS" "$found" "$crashes")
  else
    # The same inputs in every run, so that a change is to blame for what fails and not the dice.
    found=$BUILT/fresh/$target
    rm -rf "$found" && mkdir -p "$found"
    how=(-seed=1 -runs="$RUNS" -max_total_time=60 "$found")
  fi
  # An input that takes ten seconds is a crash, too.
  "$BUILT/$host/release/$target" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$crashes/" \
    "${how[@]}" "$FUZZ/corpus/$target" >"$BUILT/logs/$target" 2>&1
}

# Prints what a run has come to and counts it.
report() {
  local target=$1 log=$BUILT/logs/$1 input
  if [ "$2" = 0 ]; then
    printf '    %-20s %s\n' "$target" "$(sed -n 's/^Done \([0-9]*\) runs.*/\1 inputs/p' "$log")"
    count 1 0
    return
  fi
  count 0 1
  printf '    %-20s FAILED\n' "$target"
  # The words of the panic without the stack, or libFuzzer's own.
  grep -q 'panicked at' "$log" || tail -5 "$log"
  sed -n '/panicked at/,/^stack backtrace/{/^stack backtrace/!p}' "$log" | cut -c1-500 | head -20
  input=$(sed -n 's/.*Test unit written to //p' "$log" | head -1)
  echo "    the input is ${input:-not known}; repeat with: $BUILT/$host/release/$target $input"
}

fuzz() {
  local target code status=0 running=()
  for target in "$@"; do
    [ -n "$(ls "$FUZZ/corpus/$target")" ] || die "$FUZZ/corpus/$target is empty: a target begins with inputs from the wire"
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    run "$target" &
    running+=($!)
  done
  for target in "$@"; do
    code=0
    wait "${running[0]}" || code=$?
    running=("${running[@]:1}")
    report "$target" $code
    [ $code = 0 ] || status=1
  done
  return $status
}

targets=("$@")
[ $# -gt 0 ] || for file in "$FUZZ"/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
how_much="${FUZZ_SECONDS:+$FUZZ_SECONDS s each}"
how_much=${how_much:-$RUNS inputs each}
step "fuzz: build" in_fuzz build --release
code=0
step "fuzz: lints" in_fuzz clippy --release -- -D warnings || code=1
step "fuzz: ${#targets[@]} parsers, $how_much" fuzz "${targets[@]}" || code=1
exit $code
