//! The threads on which scripts run. They are few, and what waits for them is bounded; no program may
//! occupy more than half of them, so that one that runs into its limits again and again leaves the
//! others their pace.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    ScriptError,
    cage::Cage,
    limits::{Guard, Limits},
    program::{Program, Source},
    session::Session,
};

/// Stack of a thread: what scripts may use, and what QuickJS itself needs below that.
const THREAD_STACK: usize = 4 * 1024 * 1024;

/// How long a call may wait for a thread.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// After its limit, a call that does not even look at its guard has so much longer.
const GRACE: Duration = Duration::from_secs(1);

/// Threads that may be started in place of some that hang.
const MAX_REPLACED: usize = 8;

/// How the engine is built.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    pub threads: usize,
    /// Calls that may wait.
    pub queue: usize,
    /// Of hooks that are called once in a request, and of reading a script.
    pub request: Limits,
    /// Of `onChunk`.
    pub chunk: Limits,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Self {
            threads: (2 * cores).clamp(4, 16),
            queue: 4_096,
            request: Limits::REQUEST,
            chunk: Limits::CHUNK,
        }
    }
}

/// The engine. Cheap to clone; its threads end with its last clone. They are started by the first call.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    settings: EngineSettings,
    shared: Arc<Shared>,
    started: Mutex<usize>,
}

/// What the threads see.
struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    /// Threads that one program may occupy.
    most: usize,
    /// Threads that hang and have been replaced.
    replaced: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Job {
    program: Option<Arc<Program>>,
    /// Freeing and preparing come after everything that somebody waits for.
    idle: bool,
    /// Says whether the thread is needed no longer, since another has taken its place.
    run: Box<dyn FnOnce() -> bool + Send>,
}

/// Lets a caller that has gone away end its call.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Watched>);

#[derive(Default)]
struct Watched {
    guard: Mutex<Option<Arc<Guard>>>,
    started: OnceLock<Instant>,
    abandoned: AtomicBool,
    /// It was given up for lost, and another thread has been started.
    replaced: AtomicBool,
}

impl Watch {
    pub fn watch(&self, guard: &Arc<Guard>) {
        let mut watched = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.abandoned.load(Ordering::Acquire) {
            guard.abandon();
        }
        *watched = Some(Arc::clone(guard));
    }
}

/// Abandons a call when dropped before it has ended.
struct Abandon(Option<Watch>);

impl Drop for Abandon {
    fn drop(&mut self) {
        let Some(Watch(watched)) = self.0.take() else {
            return;
        };
        watched.abandoned.store(true, Ordering::Release);
        let guard = watched.guard.lock();
        if let Some(guard) = &*guard.unwrap_or_else(PoisonError::into_inner) {
            guard.abandon();
        }
    }
}

impl Engine {
    #[must_use]
    pub fn new(settings: EngineSettings) -> Self {
        let threads = settings.threads.max(1);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            most: (threads / 2).max(1),
            replaced: AtomicUsize::new(0),
        });
        Self(Arc::new(Inner {
            settings: EngineSettings {
                threads,
                ..settings
            },
            shared,
            started: Mutex::new(0),
        }))
    }

    #[must_use]
    pub fn settings(&self) -> &EngineSettings {
        &self.0.settings
    }

    /// Reads a script and runs what stands outside of its hooks.
    ///
    /// # Errors
    /// It cannot be read, throws at once, or runs into a limit.
    pub async fn compile(&self, source: Source) -> Result<Arc<Program>, ScriptError> {
        let limits = self.0.settings.request;
        let compiled = self.submit(None, limits.wall, move |watch| {
            let cage = Cage::new(&source, &limits)?;
            watch.watch(cage.guard());
            let hooks = cage.hooks(&limits)?;
            // Lines that it wrote while it was read belong to no request.
            drop(cage.take_console());
            Ok(Arc::new(Program::new(source, hooks, cage)))
        });
        compiled.await?
    }

    /// Begins a script's part in a request.
    #[must_use]
    pub fn open(&self, program: &Arc<Program>) -> Session {
        Session::new(self.clone(), Arc::clone(program))
    }

    /// Runs a job of a program, and afterwards, when nobody waits, makes it ready for the next request.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        program: &Arc<Program>,
        wall: Duration,
        job: impl FnOnce(&Watch) -> T + Send + 'static,
    ) -> Result<T, ScriptError> {
        let done = self.submit(Some(Arc::clone(program)), wall, job).await;
        self.prepare(program);
        done
    }

    async fn submit<T: Send + 'static>(
        &self,
        program: Option<Arc<Program>>,
        wall: Duration,
        job: impl FnOnce(&Watch) -> T + Send + 'static,
    ) -> Result<T, ScriptError> {
        self.start();
        let (answer, answered) = oneshot::channel();
        let watch = Watch::default();
        let (mut abandon, watched) = (Abandon(Some(watch.clone())), Arc::clone(&watch.0));
        let run = Box::new(move || {
            let _ = watch.0.started.set(Instant::now());
            if !watch.0.abandoned.load(Ordering::Acquire) {
                // Whoever asked may have gone away.
                let _ = answer.send(job(&watch));
            }
            watch.0.replaced.load(Ordering::Acquire)
        });
        let job = Job {
            program,
            idle: false,
            run,
        };
        if !self.0.shared.push(job, self.0.settings.queue) {
            return Err(ScriptError::Busy);
        }
        let (asked, most) = (Instant::now(), wall + GRACE);
        // A call begins a little after it was asked for: then only the rest is waited for once more.
        let mut patience = most;
        tokio::pin!(answered);
        loop {
            match tokio::time::timeout(patience, &mut answered).await {
                Ok(Ok(done)) => {
                    abandon.0 = None;
                    return Ok(done);
                }
                Ok(Err(_)) => return Err(ScriptError::Engine("a thread has failed".to_owned())),
                Err(_) => {}
            }
            match watched.started.get() {
                Some(started) if started.elapsed() >= most => {
                    self.replace(&watched);
                    let millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
                    return Err(ScriptError::OutOfTime(millis));
                }
                None if asked.elapsed() >= MAX_WAIT => return Err(ScriptError::Busy),
                Some(started) => patience = most.saturating_sub(started.elapsed()),
                None => {}
            }
        }
    }

    /// A cage for the next request, made when there is time.
    fn prepare(&self, program: &Arc<Program>) {
        if !program.wants_spare() {
            return;
        }
        let limits = self.0.settings.request;
        let (asked, program) = (Arc::clone(program), Arc::clone(program));
        let run = Box::new(move || {
            let spare = Cage::new(&program.source, &limits).ok();
            if let Some(spare) = &spare {
                drop(spare.take_console());
            }
            program.spare_made(spare);
            false
        });
        let job = Job {
            program: None,
            idle: true,
            run,
        };
        if !self.0.shared.push(job, self.0.settings.queue) {
            asked.spare_made(None);
        }
    }

    pub(crate) fn throw_away(&self, cage: Cage, program: &Arc<Program>) {
        let job = Job {
            program: None,
            idle: true,
            run: Box::new(move || {
                drop(cage);
                false
            }),
        };
        // Where there is no room the cage is freed here and now.
        self.0.shared.push(job, usize::MAX);
        self.prepare(program);
    }

    /// Starts the threads, once.
    fn start(&self) {
        let mut started = self.lock_started();
        while *started < self.0.settings.threads {
            *started += 1;
            spawn(&self.0.shared);
        }
    }

    /// Starts a thread in place of one that hangs, a few times.
    fn replace(&self, hanging: &Watched) {
        let replaced = &self.0.shared.replaced;
        let before = replaced.fetch_add(1, Ordering::AcqRel);
        if before >= MAX_REPLACED {
            replaced.fetch_sub(1, Ordering::AcqRel);
            tracing::error!("too many scripts hang; the router has to be started again");
        } else {
            hanging.replaced.store(true, Ordering::Release);
            tracing::error!(
                replaced = before + 1,
                most = MAX_REPLACED,
                "a script hangs and does not heed its limits; another thread takes the place of its own"
            );
            spawn(&self.0.shared);
        }
    }

    fn lock_started(&self) -> std::sync::MutexGuard<'_, usize> {
        self.0
            .started
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.more.notify_all();
    }
}

fn spawn(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new()
        .name("script".to_owned())
        .stack_size(THREAD_STACK);
    let spawned = thread.spawn(move || shared.work());
    if let Err(error) = spawned {
        tracing::error!(error = %error, "failed to start a thread for scripts");
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job, most: usize) -> bool {
        let mut queue = self.lock();
        if queue.closed || queue.jobs.len() >= most {
            return false;
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.more.notify_one();
        true
    }

    /// The next job: the first whose program has a thread left, then what can wait.
    fn next(&self, queue: &mut Queue) -> Option<Job> {
        let may_run = |job: &Job| {
            let program = job.program.as_ref();
            program.is_none_or(|p| p.running.load(Ordering::Acquire) < self.most)
        };
        let wanted = queue.jobs.iter().position(|job| !job.idle && may_run(job));
        let at = wanted.or_else(|| queue.jobs.iter().position(|job| job.idle))?;
        let job = queue.jobs.remove(at)?;
        if let Some(program) = &job.program {
            program.running.fetch_add(1, Ordering::AcqRel);
        }
        Some(job)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = self.next(&mut queue) {
                drop(queue);
                let Job { program, run, .. } = job;
                // A panic costs its caller the answer and nobody else anything.
                let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                let is_replaced = ran.unwrap_or_else(|_| {
                    tracing::error!("a call of a script panicked");
                    false
                });
                queue = self.lock();
                if let Some(program) = program {
                    program.running.fetch_sub(1, Ordering::AcqRel);
                    // One of this program's may have been waiting for that.
                    self.more.notify_one();
                }
                if is_replaced {
                    self.replaced.fetch_sub(1, Ordering::AcqRel);
                    return;
                }
                continue;
            }
            if queue.closed {
                return;
            }
            queue = self
                .more
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
