#!/usr/bin/env bash
# Installs what is missing to run (`setup.sh run`) or to test (`setup.sh test`) this project on Debian 12.
# Each part looks first and does nothing when it has nothing to do, so that calling it always is cheap.
# Where it may not install (neither root nor sudo), it stops and names the command that mends it.
set -euo pipefail
source "$(dirname "$0")/env.sh"

mode=${1:-run}
case $mode in run | test) ;; *) die "usage: setup.sh run|test" ;; esac

if [ "$(id -u)" = 0 ]; then SUDO=(); else SUDO=(sudo); fi
say() { printf '  setup: %s\n' "$*"; }

apt_updated=
apt_install() {
  local mend="${SUDO[*]} apt-get install -y $*"
  have apt-get || die "missing: $*. Install it with this system's package manager, then run this again"
  [ ${#SUDO[@]} = 0 ] || have sudo || die "missing: $*. As root: apt-get install -y $*"
  say "installing $* (Debian)"
  if [ -z "$apt_updated" ]; then
    "${SUDO[@]}" apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
    apt_updated=1
  fi
  "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null || die "missing: $*. Mend with: $mend"
}

# ---- system packages: a command that shows the need, and the packages that bring it ----

packages=()
need() { if ! eval "$1" >/dev/null 2>&1; then shift; packages+=("$@"); fi; }
need 'have cc && echo "#include <stdlib.h>" | cc -E -' gcc libc6-dev
need 'have make' make
need '[ -e /etc/ssl/certs/ca-certificates.crt ]' ca-certificates
need 'have node && have npm' nodejs npm
if [ "$mode" = test ]; then
  # for libFuzzer
  need 'echo "#include <vector>" | c++ -E -x c++ -' g++
  need 'have git' git
  need 'have curl' curl
  need 'have jq' jq
  need 'python3 -c "import venv, ensurepip"' python3 python3-venv
  need 'have chromium' chromium fonts-dejavu-core
fi
[ ${#packages[@]} = 0 ] || apt_install "${packages[@]}"

node_major() { node -p 'process.versions.node.split(".")[0]'; }
if [ "$(node_major)" -lt $NODE_MAJOR ]; then
  # Debian 12's own Node is too old; npm carries newer ones as ordinary packages.
  package=node-linux-$(node -p process.arch)
  say "Node $(node -v) is older than $NODE_MAJOR: fetching $package@$NODE_PACKAGE_VERSION from npm"
  npm install --silent --no-audit --no-fund --prefix "$NODE_HOME" "$package@$NODE_PACKAGE_VERSION" ||
    die "Node $NODE_MAJOR or newer is needed and could not be fetched; install it from nodejs.org"
  ln -sfn "node_modules/$package/bin" "$NODE_HOME/bin"
  PATH=$NODE_HOME/bin:$PATH
fi

# ---- Rust ----

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
new_enough() { printf '%s\n%s\n' "$rust_wanted" "$1" | sort -VC; }
have cargo && have rustc || apt_install rustc-web cargo-web
rust_found=$(rustc -V | cut -d' ' -f2)
if ! new_enough "$rust_found"; then
  mend="rustup update stable"
  # Debian 12 brings newer ones with its security updates only, which a bare debootstrap leaves out.
  have rustup || mend="adding Debian's security updates to the apt sources and apt-get install rustc-web cargo-web, or rustup (https://rustup.rs)"
  die "Rust $rust_found is older than $rust_wanted. Mend with: $mend"
fi

if [ "$mode" = test ]; then
  cargo fmt --version >/dev/null 2>&1 || if have rustup; then rustup component add rustfmt; else apt_install rustfmt-web; fi
  cargo clippy --version >/dev/null 2>&1 || if have rustup; then rustup component add clippy; else apt_install rust-web-clippy; fi
  if ! cargo nextest --version >/dev/null 2>&1; then
    say "installing cargo-nextest from its crate (some minutes, once)"
    # Its lock file may name a crate that a registry mirror does not have yet.
    cargo install cargo-nextest --locked || cargo install cargo-nextest ||
      die "cargo-nextest is missing. Mend with: cargo install cargo-nextest --locked"
  fi
fi

# ---- the standard library for the browser ----

debian_wasm() {
  local host lib lld build
  # The compiler, and the source of the very standard library it was built with.
  dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1 || apt_install rustc-web cargo-web rust-web-src
  host=$($DEBIAN_RUSTC -vV | sed -n 's/^host: //p')

  if ! has_wasm_std $DEBIAN_RUSTC; then
    say "building Rust's standard library for wasm (about a minute, once)"
    build=$(mktemp -d)
    # Expanded now: the name is gone when the script ends.
    trap "rm -rf '$build'" EXIT
    mkdir "$build/src"
    : >"$build/src/lib.rs"
    printf '[package]\nname = "empty"\nedition = "2024"\n[workspace]\n' >"$build/Cargo.toml"
    # RUSTC_BOOTSTRAP: a stable compiler otherwise refuses -Z.
    (cd "$build" && RUSTC=$DEBIAN_RUSTC RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$build/target /usr/bin/cargo build \
      --quiet --release --target $WASM -Zbuild-std=std,panic_abort,panic_unwind)
    lib=$($DEBIAN_RUSTC --print target-libdir --target $WASM)
    rm "$build"/target/$WASM/release/deps/libempty*
    "${SUDO[@]}" mkdir -p "$lib"
    "${SUDO[@]}" rm -f "$lib"/*.rlib
    "${SUDO[@]}" cp "$build"/target/$WASM/release/deps/lib*.rlib "$lib/"
    $DEBIAN_RUSTC -V | "${SUDO[@]}" tee "$lib/built-by" >/dev/null
  fi

  # The linker: the one inside any rustup toolchain, else Debian's of the same LLVM.
  if [ ! -x "/usr/lib/rustlib/$host/bin/rust-lld" ]; then
    lld=
    ! have rustup || lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
    if [ ! -x "$lld" ]; then
      llvm=$($DEBIAN_RUSTC -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
      apt_install "lld-$llvm"
      lld=/usr/lib/llvm-$llvm/bin/lld
    fi
    "${SUDO[@]}" mkdir -p "/usr/lib/rustlib/$host/bin"
    "${SUDO[@]}" ln -sfn "$lld" "/usr/lib/rustlib/$host/bin/rust-lld"
  fi

  ! have rustup || rustup toolchain list | grep -q '^system' || rustup toolchain link system /usr
  # Lints for the browser's half need the linter of the same compiler.
  [ "$mode" != test ] || [ -x /usr/bin/clippy-driver ] || apt_install rust-web-clippy
}

if ! has_wasm_std rustc; then
  if have rustup; then
    say "adding the $WASM target"
    # Bounded: where no server answers, rustup would try for minutes.
    timeout 60 rustup target add $WASM >/dev/null 2>&1 || say "rustup cannot fetch it; using Debian's Rust for browsers"
  fi
  has_wasm_std rustc || debian_wasm
fi

# ---- npm packages, beside each package.json ----

npm_packages() {
  [ -e "$1/package.json" ] || return 0
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock" && return 0
  say "npm packages for $1/"
  (cd "$1" && npm ci --silent --no-audit --no-fund --ignore-scripts && cp package-lock.json node_modules/.installed-lock) ||
    die "npm ci failed in $1/. Mend with: cd $1 && npm ci --ignore-scripts"
}
npm_packages style
[ "$mode" != test ] || npm_packages end2end
