//! Single flight: whoever asks while somebody else asks the same waits for the same answer.
//!
//! It is beside what a cache keeps and under the cache's lock, so that nobody asks between a look that finds nothing and the question.
//! What is kept, for how long and by which clock is the cache's to say.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};

/// The questions that somebody waits for. They are held weakly: one that nobody waits for any more ends with whoever asked it.
pub struct Flights<K, T: Clone>(HashMap<K, WeakShared<BoxFuture<'static, T>>>);

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: fmt::Debug, T: Clone> fmt::Debug for Flights<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    /// The answer that others wait for already, or that of `ask`, for which others wait from now on.
    pub fn join(&mut self, key: &K, ask: impl FnOnce() -> BoxFuture<'static, T>) -> Shared<BoxFuture<'static, T>> {
        if let Some(asked) = self.joined(key) {
            return asked;
        }
        // Whoever asked and went away left a weak end of nothing.
        self.0.retain(|_, asked| asked.upgrade().is_some());
        let asked = ask().shared();
        self.0.extend(asked.downgrade().map(|weak| (key.clone(), weak)));
        asked
    }

    /// The answer that others wait for already, if somebody does.
    pub fn joined(&self, key: &K) -> Option<Shared<BoxFuture<'static, T>>> {
        self.0.get(key).and_then(WeakShared::upgrade)
    }

    /// Says that a question has its answer: whoever asks from now on is not given it.
    pub fn landed(&mut self, key: &K) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for one after the other: a key, and what the asker would be told by itself.
    fn join(flights: &mut Flights<&'static str, u32>, key: &'static str, own: u32) -> Shared<BoxFuture<'static, u32>> {
        flights.join(&key, || futures::future::ready(own).boxed())
    }

    #[tokio::test]
    async fn who_asks_the_same_meanwhile_has_the_same_answer() {
        let mut flights = Flights::default();
        let (one, two, other) = (join(&mut flights, "a", 1), join(&mut flights, "a", 2), join(&mut flights, "b", 3));
        assert_eq!(futures::join!(one, two, other), (1, 1, 3));
    }

    #[tokio::test]
    async fn who_asks_after_the_answer_or_after_whoever_asked_went_away_asks_anew() {
        let mut flights = Flights::default();
        let landed = join(&mut flights, "a", 1);
        flights.landed(&"a");
        assert_eq!((join(&mut flights, "a", 2).await, landed.await), (2, 1));
        drop(join(&mut flights, "b", 3));
        assert_eq!(join(&mut flights, "b", 4).await, 4);
        drop(join(&mut flights, "c", 5));
        let _kept = join(&mut flights, "d", 6);
        assert_eq!(format!("{flights:?}"), r#"{"d"}"#, "nothing is left of those who went away");
    }
}
