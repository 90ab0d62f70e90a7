#!/usr/bin/env bash
# Builds the site that the server embeds into target/site: pkg/llm-router.{js,css}, pkg/llm-router_bg.wasm and the
# files of public/. It does by hand what `cargo leptos build --release` does, without the half hour it takes to
# compile cargo-leptos. Every part is skipped when nothing it is made of has changed.
set -euo pipefail
source "$(dirname "$0")/env.sh"

NAME=llm-router
SITE=$ROOT/target/site
STAMPS=$ROOT/target/site-stamps
mkdir -p "$SITE/pkg" "$STAMPS"

# unchanged <part> <output> <fingerprint>: the part's output is there and made of the same things as last time.
unchanged() { [ -e "$2" ] && [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$3" ]; }
made() { printf '%s\n' "$2" >"$STAMPS/$1"; }

# All but the package folder is a copy of public/; -p keeps the times, so that cargo sees no change where there is none.
copy_public() {
  find "$SITE" -mindepth 1 -maxdepth 1 ! -name pkg -exec rm -rf {} +
  [ ! -d public ] || cp -Rp public/. "$SITE/"
}

bind_and_shrink() {
  local compiled=$TARGET_DIR/$WASM/wasm-release/frontend.wasm bound now
  now=$(fingerprint "$compiled" crates/sitebuild/src style/package-lock.json scripts/site.sh)
  unchanged wasm "$SITE/pkg/${NAME}_bg.wasm" "$now" && return 0
  bound=$(mktemp -d)
  # Built as part of the workspace it needs no second copy of the crates it shares with the tests.
  cargo run --quiet -p sitebuild -- "$compiled" "$bound" $NAME
  # The features are those that rustc's default target already uses.
  style/node_modules/.bin/wasm-opt -Oz \
    --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
    --enable-reference-types --enable-multivalue \
    "$bound/${NAME}_bg.wasm" -o "$bound/small.wasm"
  mv "$bound/small.wasm" "$bound/${NAME}_bg.wasm"
  # Scripts of dependencies (`snippets`) are imported by relative paths and belong beside the module.
  rm -rf "$SITE/pkg/snippets"
  cp -R "$bound/." "$SITE/pkg/"
  rm -rf "$bound"
  made wasm "$now"
}

style_sheet() {
  local now
  now=$(fingerprint style/*.css style/package-lock.json app/src)
  unchanged css "$SITE/pkg/$NAME.css" "$now" && return 0
  style/node_modules/.bin/tailwindcss --input style/main.css --output "$SITE/pkg/$NAME.css" --minify
  made css "$now"
}

# Compressed once, here, and as small as can be: at run time that would cost every visitor a second.
compress() {
  local now file
  now=$(fingerprint "$SITE/pkg/${NAME}_bg.wasm" "$SITE/pkg/$NAME.js" "$SITE/pkg/$NAME.css" scripts/site.sh)
  unchanged compressed "$SITE/pkg/$NAME.css.br" "$now" && return 0
  for file in "${NAME}_bg.wasm" "$NAME.js" "$NAME.css"; do
    gzip -9cn "$SITE/pkg/$file" >"$SITE/pkg/$file.gz"
    node -e 'process.stdout.write(require("zlib").brotliCompressSync(require("fs").readFileSync(process.argv[1])))' \
      "$SITE/pkg/$file" >"$SITE/pkg/$file.br"
  done
  made compressed "$now"
}

sizes() {
  local file
  for file in "${NAME}_bg.wasm" "$NAME.js" "$NAME.css"; do
    printf '    %-20s %8d bytes, %7d gzip, %7d brotli\n' "$file" \
      "$(wc -c <"$SITE/pkg/$file")" "$(wc -c <"$SITE/pkg/$file.gz")" "$(wc -c <"$SITE/pkg/$file.br")"
  done
}

# What a browser has to fetch before a page is alive; the README promises less than 500 kB. A size is the same on every
# machine, so this is no timed test.
FIRST_LOAD_LIMIT=500000
first_load() {
  local file sum=0
  for file in "${NAME}_bg.wasm" "$NAME.js"; do sum=$((sum + $(wc -c <"$SITE/pkg/$file.br"))); done
  echo "    a browser fetches $sum bytes of $FIRST_LOAD_LIMIT (brotli) before a page is alive"
  [ "$sum" -lt $FIRST_LOAD_LIMIT ] || die "the browser's half is too large: $sum bytes, the limit is $FIRST_LOAD_LIMIT"
}

step "site: compile for the browser" with_wasm cargo build -p frontend --target $WASM --profile wasm-release
step "site: bind and shrink" bind_and_shrink
step "site: style sheet" style_sheet
step "site: compress" compress
copy_public
sizes
step "site: first load" first_load
