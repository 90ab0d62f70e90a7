//! Addresses in a configuration: base URLs that paths are appended to, and web origins. Credentials
//! do not belong into them, because addresses are logged and shown.

use std::fmt;

use url::Url;

use super::from_text::FromText;

/// An `http` or `https` address without query, fragment or credentials, and without a slash at its
/// end, so that `{base}/chat/completions` is right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address that is built in; checked by a test.
    pub(super) fn built_in(url: &'static str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromText for BaseUrl {
    const EXPECTED: &'static str = "a URL such as https://api.example.com/v1";

    fn from_text(text: &str) -> Result<Self, String> {
        let url = parse(text, Self::EXPECTED)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{url} must end with its path: no `?` and no `#`"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

/// What a browser sends as `Origin`: scheme, host and port; or `*` for every site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every site.
    Any,
    /// One site, as a browser spells it.
    Site(String),
}

impl FromText for Origin {
    const EXPECTED: &'static str = "an origin such as https://app.example.com, or *";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let url = parse(text, Self::EXPECTED)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("expected {}, without a path", Self::EXPECTED));
        }
        Ok(Self::Site(url.origin().ascii_serialization()))
    }
}

/// A web address without credentials, which no message repeats.
fn parse(text: &str, expected: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        let found = if text.contains('@') {
            String::new()
        } else {
            format!(", found {text:?}")
        };
        format!("expected {expected}{found} ({error})")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into a URL; use api_keys or headers".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("expected {expected}, found {text:?}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_lose_their_last_slash() {
        for (text, expected) in [
            ("https://a.example/v1/", "https://a.example/v1"),
            ("http://127.0.0.1:9100", "http://127.0.0.1:9100"),
        ] {
            assert_eq!(
                BaseUrl::from_text(text).map(|url| url.0).as_deref(),
                Ok(expected)
            );
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_and_credentials_are_not_repeated() {
        for text in [
            "",
            "api.example.com",
            "ftp://a.example",
            "http://a.example?x=1",
            "http://a.example/#x",
            "http://",
        ] {
            assert!(BaseUrl::from_text(text).is_err(), "{text}");
        }
        for text in ["https://user:hunter2@a.example", "https://user:hunter2@:x"] {
            let error = BaseUrl::from_text(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn origins_are_spelt_as_browsers_do() {
        assert_eq!(
            Origin::from_text("HTTPS://App.Example.com:443/"),
            Ok(Origin::Site("https://app.example.com".to_owned()))
        );
        assert_eq!(Origin::from_text("*"), Ok(Origin::Any));
        assert!(Origin::from_text("https://app.example.com/path").is_err());
    }
}
