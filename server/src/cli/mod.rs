//! The command line: `serve`, `check`, `init`, `config`, `route`, `scripts`, `ledger`, `audit` and `demo-data`. It only says what was asked for; settings beyond
//! that are the configuration's.

pub mod audit;
pub mod check;
pub mod config;
pub mod demo_data;
pub mod init;
pub mod ledger;
mod remote;
pub mod route;
pub mod scripts;

use std::{net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::config::Overrides;

/// One gateway between your programs and every LLM provider: keys, budgets, exact bills, dashboards.
#[derive(Debug, Parser)]
#[command(name = "llm-router", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway and its dashboards
    Serve(ServeArguments),
    /// Say whether the configuration is right, and if not, what is wrong where
    Check(CheckArguments),
    /// Write a commented configuration to start from
    Init(InitArguments),
    /// Compare configurations, or take one over from another router
    Config {
        #[command(subcommand)]
        command: config::ConfigCommand,
    },
    /// Say where requests would go
    Route {
        #[command(subcommand)]
        command: route::RouteCommand,
    },
    /// Help with writing scripts
    Scripts {
        #[command(subcommand)]
        command: scripts::ScriptsCommand,
    },
    /// Fill an empty database with demo users and requests, for pictures and benchmarks
    DemoData(demo_data::DemoDataArguments),
    /// Check the books, or hand them out
    Ledger {
        #[command(subcommand)]
        command: ledger::LedgerCommand,
    },
    /// Check the log of what administrators did
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
}

#[derive(Debug, Default, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Address to listen on, before the environment and the file
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<IpAddr>,
    /// Port to listen on, before the environment and the file; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

#[derive(Debug, Default, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Ask each backend for its list of models too, which costs nothing
    #[arg(long)]
    pub online: bool,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// Where to write
    #[arg(long, value_name = "FILE", default_value = "llm-router.yaml")]
    pub config: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Default, Args)]
pub struct ConfigArgument {
    /// Configuration file (YAML, JSON or TOML). Otherwise the one that LLM_ROUTER_CONFIG names, or
    /// llm-router.yaml, .yml, .json or .toml in the working directory, or a forerunner's
    /// llm_router_config.json there, in config/ or at home, or else built-in defaults
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl ConfigArgument {
    /// What this argument decides before the environment.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.file.clone(),
            ..Overrides::default()
        }
    }
}

/// Carries out what waits for the network.
fn blocking<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(work)
}

impl ServeArguments {
    /// What these arguments decide before the environment and the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.file.clone(),
            host: self.host,
            port: self.port,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_what_goes_before_the_file() {
        let line = "llm-router serve --config x.yaml --host ::1 --port 0".split(' ');
        let Command::Serve(serve) = Cli::try_parse_from(line).expect("valid").command else {
            panic!("not serve");
        };
        let overrides = serve.overrides();
        assert_eq!(overrides.config, Some(PathBuf::from("x.yaml")));
        assert_eq!(
            overrides.host.map(|host| host.to_string()).as_deref(),
            Some("::1")
        );
        assert_eq!(overrides.port, Some(0));
    }
}
