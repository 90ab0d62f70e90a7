//! The ledger: rows of requests, written in groups.
