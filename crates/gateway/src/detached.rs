//! Requests that go on although nobody waits for them: their upstream is heard to its end, so that it
//! tells what it bills. They are known, so that the end of the process can wait for them and settle
//! what is left.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinSet;

/// What is running.
#[derive(Debug, Default)]
pub struct Detached(Mutex<JoinSet<()>>);

impl Detached {
    /// Runs `work` to its end. Outside of a runtime, as when the process is ending, it is dropped.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let mut running = self.lock();
            // Those that have ended make room.
            while running.try_join_next().is_some() {}
            running.spawn_on(work, &runtime);
        }
    }

    /// Waits for all of them. Those that are left when this is dropped are cut, which settles them.
    pub async fn ended(&self) {
        loop {
            // Taken out, since a lock is not held while waiting. What ends may leave another behind.
            let mut running = std::mem::take(&mut *self.lock());
            if running.is_empty() {
                return;
            }
            while running.join_next().await.is_some() {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
