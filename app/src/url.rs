//! What a page's URL says: the search, the page of a list, and the panel that is open beside it.
//! All state that matters lives here, so that a URL opened elsewhere shows the same, and Back works.

/// What is open beside a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    #[default]
    Closed,
    /// The form for a new one.
    New,
    /// The one with this id.
    Item(i64),
}

/// The state of a page with a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListUrl {
    pub search: String,
    /// Which of the rows, by a word that the page knows; empty is its default.
    pub show: String,
    /// In which order, likewise.
    pub sort: String,
    /// Only what belongs to the team of this id.
    pub team: Option<i64>,
    /// Counted from 1.
    pub page: u32,
    pub panel: Panel,
}

impl ListUrl {
    /// Reads the query; what makes no sense counts as not said.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let panel = match get("open") {
            Some(id) => id.parse().map_or(Panel::Closed, Panel::Item),
            None if get("new").is_some() => Panel::New,
            None => Panel::Closed,
        };
        Self {
            search: get("q").unwrap_or_default().trim().to_owned(),
            show: get("show").unwrap_or_default(),
            sort: get("sort").unwrap_or_default(),
            team: get("team").and_then(|id| id.parse().ok()),
            page: get("page").and_then(|p| p.parse().ok()).unwrap_or(1).max(1),
            panel,
        }
    }

    /// The URL of this state, as short as it can be.
    #[must_use]
    pub fn href(&self, path: &str) -> String {
        let mut query = Vec::new();
        for (name, value) in [
            ("q", &self.search),
            ("show", &self.show),
            ("sort", &self.sort),
        ] {
            if !value.is_empty() {
                query.push(format!("{name}={}", encode(value)));
            }
        }
        if let Some(team) = self.team {
            query.push(format!("team={team}"));
        }
        if self.page > 1 {
            query.push(format!("page={}", self.page));
        }
        match self.panel {
            Panel::Closed => {}
            Panel::New => query.push("new=1".to_owned()),
            Panel::Item(id) => query.push(format!("open={id}")),
        }
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", query.join("&"))
        }
    }

    #[must_use]
    pub fn with_panel(&self, panel: Panel) -> Self {
        Self {
            panel,
            ..self.clone()
        }
    }

    #[must_use]
    pub fn with_page(&self, page: u32) -> Self {
        Self {
            page,
            panel: Panel::Closed,
            ..self.clone()
        }
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Where to go after signing in: a path on this server, or `None`. Anything that a browser could
/// take for another host is refused.
#[must_use]
pub fn local_path(next: &str) -> Option<&str> {
    let plain = next
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'"');
    (next.starts_with('/') && !next.starts_with("//") && plain).then_some(next)
}

/// The sign-in page, which leads back to where one was.
#[must_use]
pub fn login(here: &str) -> String {
    format!("/login?next={}", encode(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> ListUrl {
        ListUrl::read(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_url_reads_what_it_writes() {
        let state = ListUrl {
            search: "a&b".to_owned(),
            show: "unused".to_owned(),
            sort: String::new(),
            team: Some(4),
            page: 3,
            panel: Panel::Item(7),
        };
        let written = "/u?q=a%26b&show=unused&team=4&page=3&open=7";
        assert_eq!(state.href("/u"), written);
        let query = [
            ("q", "a&b"),
            ("show", "unused"),
            ("team", "4"),
            ("page", "3"),
            ("open", "7"),
        ];
        assert_eq!(read(&query), state);
        assert_eq!(read(&[]).href("/u"), "/u");
        assert_eq!(read(&[("new", "1")]).href("/u"), "/u?new=1");
    }

    #[test]
    fn nonsense_counts_as_not_said() {
        let state = read(&[("page", "-2"), ("open", "x"), ("new", "1")]);
        assert_eq!((state.page, state.panel), (1, Panel::Closed));
        assert_eq!(read(&[("page", "0")]).page, 1);
    }

    #[test]
    fn only_paths_of_this_server_are_followed() {
        assert_eq!(local_path("/admin-ui?q=1"), Some("/admin-ui?q=1"));
        for hostile in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x",
            "",
        ] {
            assert_eq!(local_path(hostile), None, "{hostile:?}");
        }
    }
}
