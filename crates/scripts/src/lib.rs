//! JavaScript in a cage. A [`Program`] is a script that has been read and tried once; a [`Session`] is its
//! state during one request, in a QuickJS runtime of its own, so that nothing of one request is left for
//! the next. Calls run on threads of the [`Engine`], never on those of the async runtime, and end when a
//! limit on time, memory, stack, steps or output is reached.
//!
//! Scripts reach no file, process or network: what they have beside the language is in `prelude/` and
//! `native.rs`, and nothing there does I/O. What the contexts of the hooks look like is up to the caller;
//! here they are JSON, in and out. [`TYPES`] describes them for editors.

mod cage;
mod engine;
mod limits;
mod native;
mod program;
mod session;
mod store;

pub use engine::{Engine, EngineSettings};
pub use limits::Limits;
pub use native::{Level, Line};
pub use program::{Hook, Hooks, Program, Secrets, Source};
pub use session::{Called, EventIn, EventOut, Session};
pub use store::Store;

/// TypeScript definitions of the hooks and of what scripts can use.
pub const TYPES: &str = include_str!("types.d.ts");

/// Why a hook gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The script itself ended the request, by `refuse(status, message)`. That is no fault of it.
    #[error("{message}")]
    Refused { status: u16, message: String },
    /// It threw, or returned what cannot be used. `stack` says where, as far as it is known.
    #[error("{message}")]
    Thrown { message: String, stack: String },
    /// It ran for longer than it may.
    #[error("took longer than {0} ms")]
    OutOfTime(u64),
    /// It made more steps than it may.
    #[error("made too many steps")]
    OutOfSteps,
    /// It used more memory than it may.
    #[error("used more memory than {0} bytes")]
    OutOfMemory(usize),
    /// What it gave back is larger than it may be.
    #[error("returned more than {0} bytes")]
    TooLarge(usize),
    /// Its promise can never be settled.
    #[error("returned a promise that is never settled")]
    NeverSettled,
    /// No thread was free in time.
    #[error("no thread for scripts was free in time")]
    Busy,
    /// The engine itself failed.
    #[error("the script engine failed: {0}")]
    Engine(String),
}

impl ScriptError {
    /// Whether the script is to blame: refusals are meant, and a full house is not its doing.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Busy)
    }
}
