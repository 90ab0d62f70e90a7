//! The configuration of a server under test, as text: the file is part of what is tested.

use std::path::{Path, PathBuf};

use domain::Dialect;

pub const MASTER_KEY: &str = "sk-master-for-tests-0123456789";
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// What a test adds to the sections that every server here needs, in YAML.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Further keys of `server`, one line.
    pub server: &'static str,
    /// Further keys of `auth`, one line.
    pub auth: &'static str,
    /// Lines of `backends`, as [`backend`] writes them.
    pub backends: Vec<String>,
    /// Whole sections.
    pub rest: &'static str,
}

impl Setup {
    pub fn backends(backends: impl IntoIterator<Item = String>) -> Self {
        Self {
            backends: backends.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Writes the file into `folder`, where the database will be too.
    pub fn write(&self, folder: &Path) {
        let Self { server, auth, .. } = self;
        let mut text = format!(
            "server: {{ host: 127.0.0.1, port: 0, {server} }}\n\
             database: {{ url: \"sqlite://{}/router.db\" }}\n\
             auth: {{ master_key: {MASTER_KEY:?}, admin_password: {ADMIN_PASSWORD:?}, {auth} }}\n",
            folder.display()
        );
        if !self.backends.is_empty() {
            text.push_str("backends:\n");
            self.backends.iter().for_each(|line| text.push_str(line));
        }
        text.push_str(self.rest);
        std::fs::write(Self::file(folder), text).expect("written");
    }

    /// Where it is written.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("llm-router.yaml")
    }
}

/// A line of `backends`: `NAME` serves `up-NAME`, also called `asked`, with the key
/// `sk-upstream-NAME`. Prices are such that every kind of token costs something else.
fn line(kind: &str, name: &str, url: &str, more: &str) -> String {
    let models = if more.contains("models:") {
        String::new()
    } else {
        format!(
            "models: [{{ model: up-{name}, aliases: [asked], price: {{ input: 2.50, cache_read: 1.25, \
             cache_write_5m: 3.00, cache_write_1h: 5.00, output: 10.00 }} }}]"
        )
    };
    let retries = if more.contains("max_retries") {
        ""
    } else {
        "max_retries: 0, "
    };
    format!(
        "  - {{ name: {name}, kind: {kind}, base_url: {url:?}, api_keys: [sk-upstream-{name}], \
         {retries}{more}{models} }}\n"
    )
}

/// A backend of either dialect; `more` are further keys, each with a comma behind it.
pub fn backend(dialect: Dialect, name: &str, url: &str, more: &str) -> String {
    let kind = match dialect {
        Dialect::OpenaiChat => "openai_compatible",
        _ => "anthropic",
    };
    line(kind, name, url, more)
}
