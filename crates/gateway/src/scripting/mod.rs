//! The operator's scripts on the way of a request. Which of them take part is decided once, from the
//! snapshot; where none does, nothing here is reached. Requests pass them in the order global, per user,
//! per key, per backend, per user and backend; answers in the opposite one. Those that go by the backend
//! see a request anew for each call, as the others have left it.
//!
//! A script sees the client's dialect on both sides, and never a credential. What it leaves as it was goes
//! on byte for byte. The cage itself is in the crate `scripts`.

mod chain;
mod recorder;
mod running;
mod set;
mod wire;

pub use chain::{Chain, Scripting};
pub(crate) use recorder::Recorder;
pub use running::{Part, Running};
pub use set::{ScriptHost, ScriptSet, ScriptStatus};

use crate::GatewayError;

/// An error as the scripts that take part want it told.
pub(crate) async fn told(running: Option<&Running>, error: GatewayError) -> GatewayError {
    match running {
        Some(running) => running.on_error(error).await,
        None => error,
    }
}
