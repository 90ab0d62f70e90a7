//! Calls of a backend that may run at once, and those that wait for a place among them. Who waits
//! stands in a line of their caller's; the lines are served in turn, so that one caller with many
//! requests does not keep the others waiting.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::KeyId;
use tokio::sync::oneshot;

/// Who waits; `None`: whoever has no key.
pub type Line = Option<KeyId>;

/// Places for calls.
#[derive(Debug)]
pub struct Room {
    places: usize,
    state: Mutex<State>,
}

/// Whoever goes away is found when it would be their turn, or when there is no more room to wait.
#[derive(Debug, Default)]
struct State {
    taken: usize,
    waiting: usize,
    /// Never empty ones, the one that is served next in front.
    lines: VecDeque<(Line, VecDeque<oneshot::Sender<Place>>)>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Place(Option<Arc<Room>>);

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// As many wait as may.
    TooMany,
    /// None was free in time.
    TooLong,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(room) = self.0.take() {
            room.left();
        }
    }
}

impl Room {
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self {
            places,
            state: Mutex::default(),
        }
    }

    /// A place, if one is free and nobody waits for it.
    #[must_use]
    pub fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.lock();
        if state.taken >= self.places || state.waiting > 0 {
            return None;
        }
        state.taken += 1;
        Some(Place(Some(Arc::clone(self))))
    }

    /// A place, as soon as one is free, unless `most` wait already.
    ///
    /// # Errors
    /// See [`NoPlace`].
    pub async fn enter(
        self: &Arc<Self>,
        line: Line,
        most: usize,
        wait: Duration,
    ) -> Result<Place, NoPlace> {
        let receiver = {
            let mut state = self.lock();
            if state.taken < self.places && state.waiting == 0 {
                state.taken += 1;
                return Ok(Place(Some(Arc::clone(self))));
            }
            if state.waiting >= most {
                state.forget_gone();
            }
            if state.waiting >= most {
                return Err(NoPlace::TooMany);
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting += 1;
            match state.lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, waiting)) => waiting.push_back(sender),
                None => state.lines.push_back((line, VecDeque::from([sender]))),
            }
            receiver
        };
        match tokio::time::timeout(wait, receiver).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(NoPlace::TooLong),
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// A place has become free: it goes to the next who still waits.
    fn left(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let Some((line, mut waiting)) = state.lines.pop_front() else {
                    state.taken -= 1;
                    return;
                };
                let next = waiting.pop_front();
                if !waiting.is_empty() {
                    state.lines.push_back((line, waiting));
                }
                state.waiting = state.waiting.saturating_sub(1);
                next
            };
            let Some(next) = next else { continue };
            match next.send(Place(Some(Arc::clone(&self)))) {
                Ok(()) => return,
                // They have gone away; nobody has had the place.
                Err(mut place) => drop(place.0.take()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_gone(&mut self) {
        for (_, waiting) in &mut self.lines {
            waiting.retain(|sender| !sender.is_closed());
        }
        self.lines.retain(|(_, waiting)| !waiting.is_empty());
        self.waiting = self.lines.iter().map(|(_, waiting)| waiting.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn line(number: i64) -> Line {
        Some(KeyId(number))
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_served_in_turn_however_long_one_is() {
        let room = Arc::new(Room::new(1));
        let held = room.try_enter().expect("a place");
        let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut waiting = tokio::task::JoinSet::new();
        for (number, of) in [1, 1, 1, 1, 2, 3, 2].into_iter().enumerate() {
            let (enters, served) = (Arc::clone(&room), served.clone());
            waiting.spawn(async move {
                let place = enters.enter(line(of), 100, LONG).await.expect("a place");
                served.send(of).expect("a listener");
                drop(place);
            });
            // Each stands in its line before the next comes.
            while room.waiting() <= number {
                tokio::task::yield_now().await;
            }
        }
        assert!(room.try_enter().is_none(), "nobody passes those who wait");
        drop(held);
        while waiting.join_next().await.is_some() {}
        drop(served);
        let mut told = Vec::new();
        while let Some(of) = order.recv().await {
            told.push(of);
        }
        assert_eq!(told, [1, 2, 3, 1, 2, 1, 1]);
        let state = room.lock();
        assert_eq!((state.taken, state.waiting), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_so_many_to_wait_and_for_so_long() {
        let room = Arc::new(Room::new(1));
        let held = room.try_enter().expect("a place");
        let too_long = room.enter(line(1), 1, Duration::from_secs(1)).await;
        assert_eq!(too_long.expect_err("nothing is free"), NoPlace::TooLong);
        // Who has gone away takes no room.
        let waits = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.enter(line(1), 1, LONG).await.is_ok() }
        });
        tokio::task::yield_now().await;
        let refused = room.enter(line(2), 1, LONG).await;
        assert_eq!(refused.expect_err("one waits"), NoPlace::TooMany);
        drop(held);
        assert!(waits.await.expect("no panic"));
    }

    proptest! {
        /// Whatever comes, waits, gives up and leaves: never more are in than may, and at the end the
        /// room is empty.
        #[test]
        fn places_are_neither_lost_nor_doubled(
            places in 1_usize..4,
            steps in prop::collection::vec((0_i64..3, 0_u64..4, 0_u64..4), 1..40),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let room = Arc::new(Room::new(places));
                let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
                let mut tasks = tokio::task::JoinSet::new();
                for (of, patience, stays) in steps {
                    let (room, inside) = (Arc::clone(&room), Arc::clone(&inside));
                    tasks.spawn(async move {
                        use std::sync::atomic::Ordering::SeqCst;
                        let wait = Duration::from_millis(patience);
                        let Ok(_place) = room.enter(line(of), 8, wait).await else {
                            return;
                        };
                        assert!(inside.fetch_add(1, SeqCst) < places);
                        tokio::time::sleep(Duration::from_millis(stays)).await;
                        inside.fetch_sub(1, SeqCst);
                    });
                    tokio::task::yield_now().await;
                }
                while let Some(ended) = tasks.join_next().await {
                    ended.expect("no panic");
                }
                let mut state = room.lock();
                state.forget_gone();
                assert_eq!((state.taken, state.waiting), (0, 0));
            });
        }
    }
}
