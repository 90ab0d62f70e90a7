//! What changes with every request: spend, rates, cooldowns. In memory, which is exact on one
//! machine; the ledger is where they are read from at start.

pub mod breaker;
pub mod cooldown;
pub mod latency;
pub mod rates;
pub mod recent_usage;
pub mod room;
pub mod spend;
pub mod tally;
pub mod window;
