//! Stage 8: the ledger row, and one event for the log.

use domain::{LedgerRow, Outcome};
use storage::ledger::{Commit, Ledger};

/// The status that is recorded where the client did not wait for one (nginx's).
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Hands a row to the ledger and tells the log. Failures are worth a line by default; answers are in
/// the ledger, and cost the caller no line unless somebody debugs.
pub fn record(ledger: &Ledger, row: LedgerRow, backend: &str) -> Commit {
    macro_rules! event {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                request_id = %row.request_id,
                backend,
                request_model = row.request_model,
                upstream_model = row.upstream_model,
                outcome = row.outcome.as_str(),
                status = row.status,
                input_tokens = row.usage.total_input(),
                output_tokens = row.usage.output,
                attempts = row.attempts,
                duration_ms = row.duration_ms,
                error = row.error,
                $message
            )
        };
    }
    match row.outcome {
        Outcome::Completed | Outcome::ClientDisconnected => event!(debug, "request ended"),
        _ => event!(warn, "request failed"),
    }
    ledger.settle(row)
}
