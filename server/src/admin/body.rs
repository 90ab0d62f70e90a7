//! Bodies of requests that are read digit by digit: an amount of money is never a floating-point number
//! on its way.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// One JSON object, read as two types, each of which takes the members that it knows. What
/// `#[serde(flatten)]` would do, but that it reads numbers before they are asked for.
#[derive(Debug, Default)]
pub struct Both<A, B>(pub A, pub B);

impl<'de, A: DeserializeOwned, B: DeserializeOwned> Deserialize<'de> for Both<A, B> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let error = serde::de::Error::custom::<serde_json::Error>;
        let first = serde_json::from_str(raw.get()).map_err(error)?;
        let second = serde_json::from_str(raw.get()).map_err(error)?;
        Ok(Self(first, second))
    }
}

/// A member that is there: also with null.
pub(super) fn there<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Name {
        name: String,
    }

    #[derive(Deserialize)]
    struct Amount {
        amount: Box<RawValue>,
    }

    #[test]
    fn numbers_keep_their_digits() {
        let json = r#"{"name":"x","amount":0.10000000000000000555}"#;
        let Both(name, amount): Both<Name, Amount> = serde_json::from_str(json).expect("both");
        assert_eq!(name.name, "x");
        assert_eq!(amount.amount.get(), "0.10000000000000000555");
    }
}
