# Sourced by what runs tests: how suites add up. A suite appends a line `<passed> <failed>` to the file that
# TEST_COUNTS (env.sh) names; the last line of a run is their sum.

count() { echo "$1 $2" >>"$TEST_COUNTS"; }
passed() { awk '{ n += $1 } END { print n + 0 }' "$TEST_COUNTS"; }
failed() { awk '{ n += $2 } END { print n + 0 }' "$TEST_COUNTS"; }

# suite <name> <command…>: a step that failed without a failed test (a lint, a build that broke, a crash) is one failure,
# so that `0 failed` and success are the same thing.
suite() {
  local - before code
  before=$(failed)
  set +e # and no `||`: see `step`
  step "$@"
  code=$?
  [ $code = 0 ] || [ "$(failed)" -gt "$before" ] || count 0 1
}

# Prints the sum and answers whether everything that ran passed, and whether anything ran.
total() {
  echo "$(passed) passed, $(failed) failed"
  [ "$(failed)" = 0 ] && [ "$(passed)" -gt 0 ]
}
