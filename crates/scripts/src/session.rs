//! A script's part in one request.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    ScriptError,
    cage::Cage,
    engine::Engine,
    limits::Limits,
    native::Line,
    program::{Hook, Program},
};

/// What a hook gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called<T> {
    pub output: Result<T, ScriptError>,
    pub console: Vec<Line>,
    /// Inside the cage; waiting for a thread is not counted.
    pub took: Duration,
    /// Bytes of the script's heap afterwards; only where it was asked for, since it takes time to count.
    pub memory: Option<u64>,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIn {
    pub name: Option<String>,
    pub data: String,
}

/// What has become of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOut {
    Same(EventIn),
    /// None, one or several in its place.
    Replaced(Vec<EventIn>),
}

/// The state of one script during one request. It is made when the first hook is called.
pub struct Session {
    engine: Engine,
    program: Arc<Program>,
    cage: Option<Cage>,
    /// What all calls of `onChunk` have in common was set.
    has_base: bool,
    /// Whether memory is counted after each call.
    pub counts_memory: bool,
}

impl Session {
    pub(crate) const fn new(engine: Engine, program: Arc<Program>) -> Self {
        Self {
            engine,
            program,
            cage: None,
            has_base: false,
            counts_memory: false,
        }
    }

    #[must_use]
    pub const fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Calls a hook with its context, as JSON. `None` comes back where nothing is to be changed.
    pub async fn call(&mut self, hook: Hook, input: String) -> Called<Option<String>> {
        let limits = self.engine.settings().request;
        self.work(limits, move |cage| cage.call(hook, &input, &limits))
            .await
    }

    /// Calls `onChunk` for events in a row. `base` makes the context that they have in common, when it is
    /// needed for the first time.
    pub async fn chunks(
        &mut self,
        base: impl FnOnce() -> String,
        events: Vec<EventIn>,
    ) -> Called<Vec<EventOut>> {
        let limits = self.engine.settings().chunk;
        // A cage that is gone has taken its base along.
        let base = (!self.has_base || self.cage.is_none()).then(base);
        let called = self
            .work(limits, move |cage| {
                cage.chunks(base.as_deref(), events, &limits)
            })
            .await;
        self.has_base = called.output.is_ok();
        called
    }

    async fn work<T: Send + 'static>(
        &mut self,
        limits: Limits,
        job: impl FnOnce(&Cage) -> Result<T, ScriptError> + Send + 'static,
    ) -> Called<T> {
        let cage = self.cage.take();
        let (program, counts) = (Arc::clone(&self.program), self.counts_memory);
        let made_with = self.engine.settings().request;
        let done = self
            .engine
            .run(&self.program, limits.wall, move |watch| {
                let cage = match cage.or_else(|| program.take_spare()) {
                    Some(cage) => cage,
                    None => match Cage::new(&program.source, &made_with) {
                        Ok(cage) => cage,
                        Err(error) => return (None, failed(error)),
                    },
                };
                watch.watch(cage.guard());
                let began = Instant::now();
                let output = job(&cage);
                let took = began.elapsed();
                let called = Called {
                    console: cage.take_console(),
                    took,
                    memory: counts.then(|| cage.memory()),
                    output,
                };
                // What threw may have been left in any state.
                (called.output.is_ok().then_some(cage), called)
            })
            .await;
        match done {
            Ok((cage, called)) => {
                self.cage = cage;
                called
            }
            Err(error) => failed(error),
        }
    }
}

fn failed<T>(error: ScriptError) -> Called<T> {
    Called {
        output: Err(error),
        console: Vec::new(),
        took: Duration::ZERO,
        memory: None,
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // To free a large heap takes a while, which is not for the async runtime's threads.
        if let Some(cage) = self.cage.take() {
            self.engine.throw_away(cage, &self.program);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
