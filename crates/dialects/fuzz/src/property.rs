//! Checks that several targets make; each panics with what does not hold.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Whether `text` is JSON in the eyes of a reader that is not ours.
#[must_use]
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok() && std::str::from_utf8(text).is_ok()
}

/// The members of a text that has to be a JSON object and to have none twice, as all that we write.
#[must_use]
pub fn object(text: &[u8]) -> Members<'_> {
    let described = || String::from_utf8_lossy(text);
    assert!(is_json(text), "no JSON: {}", described());
    let members = Members::read(text).expect("an object");
    let mut names: Vec<&str> = members.0.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert!(
        names.is_sorted_by(|a, b| a < b),
        "twice the same: {}",
        described()
    );
    members
}

/// The members of an object in their order, twice-named ones included, read by serde.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    /// `None` where `text` is no object.
    #[must_use]
    pub fn read(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// All but those of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<&(String, &'a str)> {
        let kept = |(key, _): &&(String, &str)| !names.contains(&key.as_str());
        self.0.iter().filter(kept).collect()
    }

    /// The value of a member; of one that stands twice the last, which is what most readers take.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().rfind(|(key, _)| key == name)?;
        Some(value)
    }

    /// The same, where it is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.last(name)?).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de str)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((key, value.get()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder).map(Self)
    }
}
