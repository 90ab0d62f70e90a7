//! Turns the compiled `frontend` into what a browser loads: `<name>.js` and `<name>_bg.wasm`.
//! It is `wasm-bindgen --target web` as a workspace member, so that `Cargo.lock` keeps it at the version
//! of the `wasm-bindgen` crate and nobody installs a tool. It does not compile, shrink or serve anything:
//! see `scripts/site.sh` for the steps around it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(input), Some(out_dir), Some(name), None) =
        (args.next(), args.next(), args.next(), args.next())
    else {
        bail!("usage: sitebuild <input.wasm> <output folder> <name>");
    };
    let (input, out_dir) = (PathBuf::from(input), PathBuf::from(out_dir));
    let name = name.to_str().context("the name is not UTF-8")?;

    Bindgen::new()
        .input_path(&input)
        .out_name(name)
        .web(true)?
        .typescript(false)
        // Names are for debuggers and would weigh more than the code.
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&out_dir)
        .with_context(|| format!("failed to bind {}", input.display()))
}
