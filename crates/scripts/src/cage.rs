//! One QuickJS runtime with one script in it. It serves one request and is thrown away.

use std::{sync::Arc, time::Instant};

use rquickjs::{
    Context, Ctx, Error, Function, Module, Object, Runtime, Value, object::Property,
    promise::PromiseState,
};

use crate::{
    ScriptError,
    limits::{Guard, Limits, Tripped},
    native::{self, Console, Line, Shared},
    program::{Hook, Hooks, Source},
    session::{EventIn, EventOut},
};

/// Where the glue keeps its functions; the script cannot replace it.
const GLUE: &str = "__router";

const GLUE_SOURCE: &str = include_str!("prelude/glue.js");

/// When QuickJS looks for cycles: a request's objects are mostly thrown away as a whole.
const GC_THRESHOLD: usize = 4 * 1024 * 1024;

/// A script, ready to be called.
pub(crate) struct Cage {
    context: Context,
    runtime: Runtime,
    guard: Arc<Guard>,
    console: Arc<Console>,
}

/// Why a step inside the cage failed.
enum Failed {
    Js(Error),
    Script(ScriptError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Js(error)
    }
}

impl Cage {
    /// Reads a script and runs what stands outside of its hooks.
    ///
    /// # Errors
    /// It cannot be read, or throws at once.
    pub fn new(source: &Source, limits: &Limits) -> Result<Self, ScriptError> {
        let failed = |error: Error| ScriptError::Engine(error.to_string());
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_gc_threshold(GC_THRESHOLD);
        runtime.set_max_stack_size(limits.stack);
        runtime.set_memory_limit(limits.memory);
        let guard = Arc::new(Guard::new());
        let looking = Arc::clone(&guard);
        runtime.set_interrupt_handler(Some(Box::new(move || looking.look())));
        let context = Context::full(&runtime).map_err(failed)?;
        let console = Arc::<Console>::default();
        let cage = Self {
            context,
            runtime,
            guard,
            console: Arc::clone(&console),
        };
        let shared = Shared {
            console,
            store: Arc::clone(&source.store),
            secrets: source.secrets.clone(),
        };
        cage.run(limits, |ctx| cage.furnish(ctx, source, &shared))?;
        Ok(cage)
    }

    fn furnish(&self, ctx: &Ctx<'_>, source: &Source, shared: &Shared) -> Result<(), Failed> {
        let glue: Function<'_> = ctx.eval(GLUE_SOURCE)?;
        let bind: Function<'_> = glue.call((native::object(ctx, shared)?,))?;
        let name = format!("{}.js", source.name);
        let module = Module::declare(ctx.clone(), name, source.code.as_str())?;
        let (module, evaluated) = module.eval()?;
        self.settled(ctx, evaluated.into_value())?;
        let calls: Value<'_> = bind.call((module.namespace()?,))?;
        // Neither writable nor configurable.
        ctx.globals().prop(GLUE, Property::from(calls))?;
        Ok(())
    }

    /// The hooks that the script has.
    pub fn hooks(&self, limits: &Limits) -> Result<Hooks, ScriptError> {
        let json = self.run(limits, |ctx| {
            let hooks: Function<'_> = glue(ctx)?.get("hooks")?;
            Ok(hooks.call::<_, String>(())?)
        })?;
        let hooks: Vec<Hook> =
            serde_json::from_str(&json).map_err(|e| ScriptError::Engine(e.to_string()))?;
        Ok(hooks.into_iter().collect())
    }

    /// Calls a hook. `None`: it wants nothing changed.
    pub fn call(
        &self,
        hook: Hook,
        input: &str,
        limits: &Limits,
    ) -> Result<Option<String>, ScriptError> {
        self.run(limits, |ctx| {
            let glue = glue(ctx)?;
            let call: Function<'_> = glue.get("call")?;
            let finish: Function<'_> = glue.get("finish")?;
            let result: Value<'_> = call.call((hook.name(), input))?;
            let result = self.settled(ctx, result)?;
            output(finish.call((hook.name(), result))?, limits)
        })
    }

    /// Calls `onChunk` for one event after the other. `base` is the context that they have in common; it
    /// is set once.
    pub fn chunks(
        &self,
        base: Option<&str>,
        events: Vec<EventIn>,
        limits: &Limits,
    ) -> Result<Vec<EventOut>, ScriptError> {
        if let Some(base) = base {
            self.run(limits, |ctx| {
                let set: Function<'_> = glue(ctx)?.get("base")?;
                Ok(set.call::<_, ()>((base,))?)
            })?;
        }
        let mut out = Vec::with_capacity(events.len());
        for event in events {
            let replaced = self.run(limits, |ctx| {
                let glue = glue(ctx)?;
                let call: Function<'_> = glue.get("chunk")?;
                let finish: Function<'_> = glue.get("finishChunk")?;
                let result: Value<'_> = call.call((event.name.as_deref(), event.data.as_str()))?;
                let result = self.settled(ctx, result)?;
                output(finish.call((result,))?, limits)
            })?;
            out.push(match replaced {
                None => EventOut::Same(event),
                Some(json) => {
                    let events: Vec<(Option<String>, String)> = serde_json::from_str(&json)
                        .map_err(|e| ScriptError::Engine(e.to_string()))?;
                    EventOut::Replaced(
                        events
                            .into_iter()
                            .map(|(name, data)| EventIn { name, data })
                            .collect(),
                    )
                }
            });
        }
        Ok(out)
    }

    pub fn take_console(&self) -> Vec<Line> {
        self.console.take()
    }

    /// Bytes that the script's heap has.
    pub fn memory(&self) -> u64 {
        u64::try_from(self.runtime.memory_usage().malloc_size).unwrap_or(0)
    }

    /// Ends what runs in it.
    pub fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Runs the queue of promises until `value` is no pending promise any more.
    fn settled<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>) -> Result<Value<'js>, Failed> {
        let Some(promise) = value.as_promise().cloned() else {
            return Ok(value);
        };
        while promise.state() == PromiseState::Pending {
            if self.guard.is_over() {
                return Err(Failed::Js(Error::Exception));
            }
            if !ctx.execute_pending_job() {
                return Err(Failed::Script(ScriptError::NeverSettled));
            }
        }
        match promise.result() {
            Some(result) => Ok(result?),
            None => Err(Failed::Script(ScriptError::NeverSettled)),
        }
    }

    /// Runs something within the limits.
    fn run<T>(
        &self,
        limits: &Limits,
        step: impl FnOnce(&Ctx<'_>) -> Result<T, Failed>,
    ) -> Result<T, ScriptError> {
        self.guard.begin(limits);
        let began = Instant::now();
        self.context.with(|ctx| {
            let failed = match step(&ctx) {
                // Whatever it gave back in too long a time came too late.
                Ok(_) if began.elapsed() > limits.wall * 2 => return Err(out_of_time(limits)),
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            Err(match self.guard.tripped() {
                Some(Tripped::Time) => out_of_time(limits),
                Some(Tripped::Steps) => ScriptError::OutOfSteps,
                None => self.told(&ctx, failed, limits),
            })
        })
    }

    /// What went wrong, in words.
    fn told(&self, ctx: &Ctx<'_>, failed: Failed, limits: &Limits) -> ScriptError {
        let error = match failed {
            Failed::Script(error) => return error,
            Failed::Js(error) => error,
        };
        if !error.is_exception() {
            return match error {
                Error::Allocation => ScriptError::OutOfMemory(limits.memory),
                error => ScriptError::Thrown {
                    message: error.to_string(),
                    stack: String::new(),
                },
            };
        }
        let thrown = ctx.catch();
        // An exception that stands for a lack of memory has no prototype of its own to tell it by.
        let plain = |thrown: &Value<'_>| {
            let message: Option<String> = thrown.as_object()?.get("message").ok()?;
            message
        };
        if thrown.is_null() || plain(&thrown).as_deref() == Some("out of memory") {
            return ScriptError::OutOfMemory(limits.memory);
        }
        let described = glue(ctx).and_then(|glue| {
            let describe: Function<'_> = glue.get("describe")?;
            describe.call::<_, String>((thrown.clone(),))
        });
        let described = described.ok().and_then(|json| {
            let value: serde_json::Value = serde_json::from_str(&json).ok()?;
            let text = |value: &serde_json::Value| value.as_str().map(shortened);
            if let Some(refusal) = value.get("refusal") {
                let status = refusal.get("status")?.as_u64()?;
                return Some(ScriptError::Refused {
                    status: u16::try_from(status)
                        .ok()
                        .filter(|s| (400..600).contains(s))?,
                    message: text(refusal.get("message")?)?,
                });
            }
            Some(ScriptError::Thrown {
                message: text(value.get("message")?)?,
                stack: text(value.get("stack")?)?,
            })
        });
        // Before the glue is bound, as with a syntax error, QuickJS's own words have to do.
        let plain = |thrown: &Value<'_>| {
            let exception = thrown.as_exception()?;
            let name: Option<String> = exception.as_object().get("name").ok();
            let (name, message) = (name.unwrap_or_default(), exception.message());
            Some(ScriptError::Thrown {
                message: shortened(&format!("{name}: {}", message.unwrap_or_default())),
                stack: shortened(&exception.stack().unwrap_or_default()),
            })
        };
        drop(ctx.catch());
        described
            .or_else(|| plain(&thrown))
            .unwrap_or_else(|| ScriptError::Thrown {
                message: "threw what cannot be shown".to_owned(),
                stack: String::new(),
            })
    }
}

/// An error's text may be as long as the script likes.
fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(2_000)]
        .trim_end()
        .to_owned()
}

fn out_of_time(limits: &Limits) -> ScriptError {
    ScriptError::OutOfTime(u64::try_from(limits.wall.as_millis()).unwrap_or(u64::MAX))
}

fn glue<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>, Error> {
    ctx.globals().get(GLUE)
}

fn output(value: Value<'_>, limits: &Limits) -> Result<Option<String>, Failed> {
    if value.is_undefined() {
        return Ok(None);
    }
    let Some(text) = value.as_string() else {
        let message = "what was returned cannot be written as JSON".to_owned();
        let stack = String::new();
        return Err(Failed::Script(ScriptError::Thrown { message, stack }));
    };
    let text = text.to_string()?;
    if text.len() > limits.output {
        return Err(Failed::Script(ScriptError::TooLarge(limits.output)));
    }
    Ok(Some(text))
}
