//! What changes with every request: spend, rates, cooldowns. In memory, which is exact on one
//! machine; the ledger is where they are read from at start.

pub mod cooldown;
pub mod rates;
pub mod spend;
pub mod window;
