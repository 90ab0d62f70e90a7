//! `llm-router scripts types`: what an editor needs to know of the contexts of scripts.

use std::io::Write;

use anyhow::Context as _;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum ScriptsCommand {
    /// Write the TypeScript definitions of the hooks and of what scripts can use
    Types,
}

impl ScriptsCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// Nobody takes the output.
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Types => out
                .write_all(::scripts::TYPES.as_bytes())
                .context("failed to write the definitions"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_know_every_hook() {
        let mut out = Vec::new();
        ScriptsCommand::Types.run(&mut out).expect("written");
        let types = String::from_utf8(out).expect("UTF-8");
        for hook in ["onRequest", "onRoute", "onResponse", "onChunk", "onError"] {
            assert!(
                types.contains(&format!("declare function {hook}(")),
                "{hook}"
            );
        }
        for global in ["refuse(", "const kv", "const secrets"] {
            assert!(types.contains(global), "{global}");
        }
    }
}
