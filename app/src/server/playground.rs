//! The data plane, as far as pages need it: which models a user may ask for, and asking one. The server
//! provides it as a context; this crate knows nothing of how it is done. What was asked without
//! JavaScript waits here for its page, since a form ends in a redirect.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{UserId, routing::OfferedModel};
use leptos::prelude::use_context;

use crate::{
    error::{AppError, Cause},
    pages::me::playground::{Answered, Question},
};

/// Answers that wait; the oldest goes first.
const CAPACITY: usize = 200;
/// The longest answer that waits, in bytes.
const LONGEST: usize = 200_000;

/// What a model answered, as it came.
#[derive(Clone, Debug, Default)]
pub struct Played {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The models, for a user who is signed in.
pub trait Models: Send + Sync {
    /// What the user may ask for, by name.
    fn offers(&self, user: UserId) -> Vec<OfferedModel>;

    /// Asks in Chat Completions, without streaming. It counts as any call of the user.
    fn ask(&self, user: UserId, body: String) -> Pin<Box<dyn Future<Output = Played> + Send>>;

    /// Where answers wait.
    fn answers(&self) -> &Answers;
}

/// The models.
///
/// # Errors
/// The server forgot to provide them.
pub fn models() -> Result<Arc<dyn Models>, AppError> {
    use_context::<Arc<dyn Models>>().ok_or_else(|| {
        tracing::error!("no models in the context");
        super::refuse_with(Cause::Internal)
    })
}

struct Waiting {
    user: UserId,
    token: u64,
    question: Question,
    answers: Vec<Answered>,
}

/// Answers on their way to their page.
#[derive(Default)]
pub struct Answers(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    waiting: VecDeque<Waiting>,
}

impl Answers {
    /// Keeps what a user was answered; the result names it, for this user only.
    pub fn keep(&self, user: UserId, question: Question, mut answers: Vec<Answered>) -> u64 {
        for answer in &mut answers {
            let mut end = LONGEST.min(answer.text.len());
            while !answer.text.is_char_boundary(end) {
                end -= 1;
            }
            answer.text.truncate(end);
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let token = state.last;
        if state.waiting.len() >= CAPACITY {
            state.waiting.pop_front();
        }
        state.waiting.push_back(Waiting {
            user,
            token,
            question,
            answers,
        });
        token
    }

    /// What [`Answers::keep`] kept for this user, as long as there is room for it.
    #[must_use]
    pub fn find(&self, user: UserId, token: u64) -> Option<(Question, Vec<Answered>)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = state.waiting.iter();
        let found = waiting.find(|one| one.token == token && one.user == user)?;
        Some((found.question.clone(), found.answers.clone()))
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_by_whom_it_is_for_and_the_oldest_goes_first() {
        let answers = Answers::default();
        let (ada, bob) = (UserId(1), UserId(2));
        let first = answers.keep(ada, Question::default(), Vec::new());
        assert!(answers.find(ada, first).is_some());
        assert!(answers.find(bob, first).is_none());
        for _ in 0..CAPACITY {
            answers.keep(bob, Question::default(), Vec::new());
        }
        assert!(answers.find(ada, first).is_none());
    }
}
