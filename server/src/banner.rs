//! What an operator sees at start: where the server is, and, the first time only, the password and
//! the keys that were made.

use std::{fmt::Write as _, net::SocketAddr};

use control::Bootstrap;
use secrecy::{ExposeSecret as _, SecretString};

/// What there is to say.
#[derive(Debug)]
pub struct Banner<'a> {
    pub address: SocketAddr,
    pub public_url: Option<&'a str>,
    pub bootstrap: &'a Bootstrap,
    /// The master key, where it was generated and this is the first start.
    pub master_key: Option<&'a SecretString>,
    /// A model to try, if there is one.
    pub model: Option<&'a str>,
}

impl Banner<'_> {
    /// The text, with a line feed at the end.
    #[must_use]
    pub fn render(&self) -> String {
        let url = self.url();
        let mut text = format!(
            "\nLLM Router {} is listening on {url}\n  dashboards  {url}/admin-ui  {url}/user-ui\n",
            env!("CARGO_PKG_VERSION")
        );
        // Writing to a string cannot fail.
        if let Some(admin) = &self.bootstrap.admin_created {
            let _ = match &admin.generated_password {
                Some(password) => writeln!(
                    text,
                    "  sign in as  {}  with the password  {}   (shown only now)",
                    admin.name,
                    password.reveal()
                ),
                None => writeln!(
                    text,
                    "  sign in as  {}  with the password that you have set",
                    admin.name
                ),
            };
        }
        if let Some(key) = self.master_key {
            let _ = writeln!(
                text,
                "  master key  {}   (shown only now; set MASTER_KEY to choose your own)",
                key.expose_secret()
            );
        }
        if let Some(key) = &self.bootstrap.first_key {
            let model = self.model.unwrap_or("MODEL");
            let _ = write!(
                text,
                "\nTry it (this key is shown only now):\n\n  curl {url}/v1/chat/completions \\\n    -H 'Authorization: Bearer {}' \\\n    -H 'Content-Type: application/json' \\\n    -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n",
                key.secret.reveal()
            );
        }
        text
    }

    fn url(&self) -> String {
        match self.public_url {
            Some(url) => url.to_owned(),
            None if self.address.ip().is_unspecified() => {
                format!("http://localhost:{}", self.address.port())
            }
            None => format!("http://{}", self.address),
        }
    }
}
