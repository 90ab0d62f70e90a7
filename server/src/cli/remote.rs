//! Asks the router that is running by the same configuration, as its administrator.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, bail};
use gateway::egress;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{config::Config, secret_file::InstallationSecret};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts JSON to a path of the admin's API and returns the answer.
///
/// # Errors
/// No router answers, or it refuses.
pub async fn post(config: &Config, path: &str, body: &Value) -> anyhow::Result<Value> {
    let url = format!("{}{path}", address(config));
    let key = master_key(config)?;
    let response = egress::json_client()?
        .post(&url)
        .timeout(TIMEOUT)
        .bearer_auth(key.expose_secret())
        .json(body)
        .send()
        .await
        .with_context(|| format!("no router answers at {url}; is it running?"))?;
    let status = response.status();
    let answer: Value = response
        .json()
        .await
        .with_context(|| format!("{url} answered {status} with something else than JSON"))?;
    if !status.is_success() {
        let problems = answer["problems"].as_array();
        let lines = problems.map(|lines| {
            let lines = lines.iter().filter_map(Value::as_str);
            lines.map(|line| format!("\n{line}")).collect::<String>()
        });
        let error = answer["error"].as_str().unwrap_or("refused");
        bail!("{error} ({status}){}", lines.unwrap_or_default());
    }
    Ok(answer)
}

/// Where the router listens, as seen from the same machine.
fn address(config: &Config) -> String {
    let mut address = config.server.listen();
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        });
    }
    format!("http://{address}")
}

fn master_key(config: &Config) -> anyhow::Result<SecretString> {
    if let Some(key) = &config.auth.master_key {
        return Ok(key.clone());
    }
    let database = config.database.url.path();
    if !database.with_extension("secret").is_file() {
        bail!("set MASTER_KEY, or run this where the router has its files");
    }
    Ok(InstallationSecret::beside(database)?.default_master_key())
}
