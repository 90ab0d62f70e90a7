# Sourced by the other scripts: where things are, and which compiler builds for the browser.
# It installs nothing (setup.sh does) and asks the tools themselves each time, so that no record can go stale.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/llm-router
TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
# Where test suites write how many tests passed and failed, see counts.sh.
export TEST_COUNTS=${TEST_COUNTS:-$ROOT/target/test-counts}

WASM=wasm32-unknown-unknown
# What is compiled for the host: all but the browser's half, which would ask Leptos to render and to hydrate at once.
HOST=(--workspace --exclude frontend)
# Debian's Rust for browsers, used where rustup cannot fetch the standard library for wasm.
DEBIAN_RUSTC=/usr/bin/rustc
# Node's oldest version that the official clients and coding programs of the tests run on (Tailwind and Playwright take
# older ones), and the one fetched where Debian's is older.
NODE_MAJOR=22 NODE_PACKAGE_VERSION=22.23.3
NODE_HOME=$CACHE/node

have() { command -v "$1" >/dev/null; }
[ ! -x "$NODE_HOME/bin/node" ] || PATH=$NODE_HOME/bin:$PATH
# A rustup that was installed in this very terminal is not on its path yet.
have cargo || PATH=$HOME/.cargo/bin:$PATH
die() { echo "error: $*" >&2; exit 1; }

# With a toolchain at hand rustup fetches nothing by itself: it would look for what rust-toolchain.toml names at every call
# and fail where no server answers. setup.sh fetches, once.
if RUSTUP_AUTO_INSTALL=0 rustc -V >/dev/null 2>&1; then export RUSTUP_AUTO_INSTALL=0; fi

# Whether a compiler has the standard library for wasm. A library that another version of Debian's compiler
# left behind does not count; setup.sh notes the version beside the files it puts there.
has_wasm_std() {
  local lib
  lib=$("$1" --print target-libdir --target $WASM 2>/dev/null) || return 1
  compgen -G "$lib/libstd-*.rlib" >/dev/null || return 1
  [ ! -e "$lib/built-by" ] || [ "$("$1" -V)" = "$(cat "$lib/built-by")" ]
}

# Runs a command (cargo …) with the compiler that can build for the browser.
with_wasm() {
  if has_wasm_std rustc; then
    "$@"
  elif have rustup; then
    RUSTUP_TOOLCHAIN=system "$@"
  else
    # Debian's cargo and a compiler of another kind first on the path: name the compiler.
    RUSTC=$DEBIAN_RUSTC "$@"
  fi
}

# What changes when any of the given files or folders changes.
fingerprint() { find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1; }

# step <name> <command…>: says what starts, and at its end how long it took. The command runs in a shell of its own that
# stops at the first error; `if` and `||` around the call of a function would switch that off.
step() {
  local - name=$1 begin=$SECONDS code
  shift
  printf '==> %s\n' "$name"
  set +e
  (set -e; "$@")
  code=$?
  if [ $code = 0 ]; then
    printf '==> %s: %d s\n' "$name" $((SECONDS - begin))
  else
    printf '==> %s: FAILED after %d s\n' "$name" $((SECONDS - begin))
  fi
  return $code
}
