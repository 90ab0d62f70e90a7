//! Sets LLM Router up for a run as an operator would: a configuration file, a
//! database of its own in a temporary directory, limits, and a user with budgets
//! whose virtual key the load carries. Authentication, limits, budgets and the
//! ledger are therefore on; nothing here switches any part of the product off
//! to make it faster.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use http::HeaderValue;
use serde::Deserialize;
use serde_json::json;

use crate::load::{self, Target};
use crate::payload;
use crate::process::{self, Program};

const MASTER_KEY: &str = "sk-bench-master";
const DATABASE: &str = "llm-router.db";
/// A ledger row is larger than this in any storage format.
const LEAST_ROW: u64 = 20;

/// Writes the configuration file and says how to start the router with it.
pub fn program(
    binary: &Path,
    directory: &Path,
    upstream: SocketAddr,
    core: Option<usize>,
) -> anyhow::Result<Program> {
    let address = process::free_address()?;
    let path = directory.join("llm-router.yaml");
    let data = data_directory(directory);
    std::fs::create_dir_all(&data)?;
    let database = format!("sqlite://{}", data.join(DATABASE).display());
    std::fs::write(&path, configuration(address, upstream, &database))
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(Program {
        name: "llm-router",
        command: vec![
            binary.into(),
            "serve".into(),
            "--config".into(),
            path.into(),
        ],
        environment: vec![
            ("MASTER_KEY", OsString::from(MASTER_KEY)),
            ("HOME", directory.as_os_str().to_owned()),
        ],
        directory: directory.to_owned(),
        address,
        core,
    })
}

/// The limits are out of reach, but they are counted.
fn configuration(address: SocketAddr, upstream: SocketAddr, database: &str) -> String {
    format!(
        r#"server: {{ host: {host}, port: {port} }}
database: {{ url: "{database}" }}
auth: {{ master_key: "{MASTER_KEY}" }}
demo: {{ enabled: false }}
limits: {{ requests_per_minute: 100000000 }}
backends:
  - name: bench
    kind: openai_compatible
    base_url: http://{upstream}/v1
    api_keys: ["bench"]
    models:
      - {{ model: {model}, price: {{ input: 2.50, output: 10.00 }} }}
"#,
        host = address.ip(),
        port = address.port(),
        model = payload::MODEL,
    )
}

/// Where a router started in `directory` keeps its database.
pub fn data_directory(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// The part of the answer to `POST /admin/users` that the load needs.
#[derive(Deserialize)]
struct NewUser {
    api_key: String,
}

/// Creates a user with a daily and a monthly budget, and returns how to call
/// the router as that user.
pub async fn create_user(address: SocketAddr) -> anyhow::Result<Target> {
    let admin = Target {
        address,
        authorization: bearer(MASTER_KEY)?,
    };
    let user = json!({ "name": "bench", "monthly_budget": 1_000_000, "daily_budget": 1_000_000 });
    let (status, body) = load::post_json(&admin, "/admin/users", user.to_string()).await?;
    ensure!(
        status.is_success(),
        "failed to create a user: status {status}: {body}"
    );
    let user: NewUser = serde_json::from_str(&body).context("failed to read the new user's key")?;
    Ok(Target {
        address,
        authorization: bearer(&user.api_key)?,
    })
}

/// The `Authorization` header for a key.
pub fn bearer(key: &str) -> anyhow::Result<HeaderValue> {
    HeaderValue::from_str(&format!("Bearer {key}")).context("a key that fits no header")
}

/// Fails if the database did not grow as a ledger of `requests` rows must have:
/// a router that records nothing has no place in the history.
pub fn ensure_recorded(grown_by: u64, requests: u64) -> anyhow::Result<()> {
    ensure!(
        grown_by >= requests * LEAST_ROW,
        "the database grew by {grown_by} bytes over {requests} requests: the ledger is not on"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_did_not_grow_is_refused() {
        assert!(ensure_recorded(4_096, 100_000).is_err());
        assert!(ensure_recorded(20_000_000, 100_000).is_ok());
    }

    #[test]
    fn the_configuration_names_both_addresses_and_the_priced_model() {
        let text = configuration(
            SocketAddr::from(([127, 0, 0, 1], 4100)),
            SocketAddr::from(([127, 0, 0, 1], 4200)),
            "sqlite:///tmp/x.db",
        );
        assert!(text.contains("server: { host: 127.0.0.1, port: 4100 }"));
        assert!(text.contains("base_url: http://127.0.0.1:4200/v1"));
        assert!(text.contains("{ model: bench-model, price: { input: 2.50, output: 10.00 } }"));
    }
}
