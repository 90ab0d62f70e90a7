//! Identifiers as types of their own, so that a user's id can never be passed where a key's id is
//! meant. Accounts use integers, which the scripts of LLM Router's forerunners expect; requests use
//! UUID version 7, whose leading 48 bits are the time (RFC 9562, section 5.7).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

pub(crate) use integer_id;

integer_id! {
    /// A user, who owns virtual keys.
    UserId
}
integer_id! {
    /// A virtual key: what a client sends.
    KeyId
}
integer_id! {
    /// A backend: one upstream endpoint with its credentials.
    BackendId
}
integer_id! {
    /// A deployment: a backend, an upstream model and its price.
    DeploymentId
}

integer_id! {
    /// A team, whose members share keys and a budget.
    TeamId
}
integer_id! {
    /// A token of the admin API.
    TokenId
}
integer_id! {
    /// A row of a deployment's price history.
    PriceId
}

/// A request, as the client is told in `x-request-id`: the 128 bits of a UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u128);

impl RequestId {
    /// The time at which the id was made, in milliseconds since the epoch. Lets a lookup by id use
    /// the index on time instead of an index of its own.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        i64::try_from(self.0 >> 80).unwrap_or(i64::MAX)
    }

    /// Reads the 32 hexadecimal digits that [`fmt::Display`] writes; hyphens are ignored, and so is
    /// the `req_` in front.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text
            .trim()
            .trim_start_matches("req_")
            .chars()
            .filter(|c| *c != '-')
            .collect();
        (digits.len() == 32)
            .then(|| u128::from_str_radix(&digits, 16).ok())?
            .map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:032x}", self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a request id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_reads_what_it_writes_and_knows_its_time() {
        // The example of RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC.
        let id = RequestId::parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
        let id = id.expect("a valid id");
        assert_eq!(id.unix_millis(), 1_645_557_742_000);
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        assert_eq!(RequestId::parse("req_123"), None);
    }
}
