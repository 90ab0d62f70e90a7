//! Stage 8: the ledger row, and one event for the log.

use domain::{LedgerRow, Outcome};
use storage::{
    StoredAnswer,
    ledger::{Commit, Ledger},
};

/// The status that is recorded where the client did not wait for one (nginx's).
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Hands a row to the ledger and tells the log. Failures are worth a line by default; answers are in
/// the ledger, and cost the caller no line unless somebody debugs.
pub fn record(
    ledger: &Ledger,
    row: LedgerRow,
    backend: &str,
    answer: Option<Box<StoredAnswer>>,
) -> Commit {
    log(&row, backend);
    ledger.settle(row, answer)
}

/// Hands over the row of a call that was given up, and tells the log.
pub fn abandon(ledger: &Ledger, row: LedgerRow, backend: &str) {
    log(&row, backend);
    ledger.abandon(row);
}

fn log(row: &LedgerRow, backend: &str) {
    macro_rules! event {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                request_id = %row.request_id,
                backend,
                request_model = row.request_model,
                upstream_model = row.upstream_model,
                outcome = row.outcome.as_str(),
                status = row.status,
                input_tokens = row.used.tokens.total_input(),
                output_tokens = row.used.tokens.output,
                attempts = row.attempts,
                duration_ms = row.duration_ms,
                error = row.error,
                $message
            )
        };
    }
    match row.outcome {
        Outcome::Completed | Outcome::ClientDisconnected => event!(debug, "request ended"),
        // The attempt's failure has been told already.
        Outcome::Abandoned => event!(debug, "call given up that may be billed"),
        _ => event!(warn, "request failed"),
    }
}
