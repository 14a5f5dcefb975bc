//! A master that answers from memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::SlapError;
use crate::exchange::{Answer, Exchange};
use crate::master::Master;

/// A master that answers at once with what it was prepared for, and remembers
/// what it was asked. For tests and measurements.
#[derive(Debug, Default)]
pub struct ReplayMaster {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<Exchange>>,
}

impl ReplayMaster {
    /// Makes a master that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prepares an answer with status 200 to a call: to all of this path, or,
    /// if `target` has a query, to those with exactly these fields.
    #[must_use]
    pub fn with(self, target: &str, body: impl Into<String>) -> Self {
        self.answer(target, Answer::ok(format!("replay:{target}"), body));
        self
    }

    /// Prepares any answer; it takes the place of one that was there.
    pub fn answer(&self, target: &str, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(target.to_owned(), answer);
    }

    /// Returns what was asked so far.
    pub fn asked(&self) -> Vec<Exchange> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

impl Master for ReplayMaster {
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(exchange.clone());
        drop(asked);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers
            .get(&exchange.target())
            .or_else(|| answers.get(&exchange.path));
        answer.cloned().ok_or_else(|| SlapError::Unprepared {
            target: exchange.target(),
        })
    }
}
