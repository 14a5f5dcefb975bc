//! Looking up the addresses of hosts, once for all connections that are made at
//! the same time.
//!
//! Downloads go side by side, and each new connection looks its host up. Many
//! lookups at once are more than some resolvers take: they drop what they
//! cannot handle, and the system tries again after five seconds.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long addresses are used: builds take hours, and hosts move.
const FRESH: Duration = Duration::from_secs(60);

/// The hosts that were looked up, and those that are being.
#[derive(Debug, Default)]
pub(super) struct SharedLookups {
    by_host: Mutex<HashMap<String, Arc<Lookup>>>,
}

impl Resolve for SharedLookups {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str();
        let mut by_host = locked(&self.by_host);
        let known = by_host.get(host).filter(|lookup| lookup.is_usable());
        let lookup = match known {
            Some(lookup) => Arc::clone(lookup),
            None => {
                let lookup = Lookup::begin(host);
                by_host.insert(host.to_owned(), Arc::clone(&lookup));
                lookup
            }
        };
        Box::pin(Answer(lookup))
    }
}

/// One question to the system.
#[derive(Debug)]
struct Lookup {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It is not answered; these wait.
    Asked(Vec<Waker>),
    Found {
        addresses: Vec<SocketAddr>,
        until: Instant,
    },
    Failed {
        kind: io::ErrorKind,
        text: String,
    },
}

impl Lookup {
    /// Asks, on a thread of its own: the system's call blocks.
    fn begin(host: &str) -> Arc<Self> {
        let lookup = Arc::new(Lookup {
            state: Mutex::new(State::Asked(Vec::new())),
        });
        let (asked, host) = (Arc::clone(&lookup), host.to_owned());
        let thread = std::thread::Builder::new()
            .name("lookup".to_owned())
            .spawn(move || asked.answer((host.as_str(), 0).to_socket_addrs().map(Vec::from_iter)));
        if let Err(error) = thread {
            lookup.answer(Err(error));
        }
        lookup
    }

    fn answer(&self, result: io::Result<Vec<SocketAddr>>) {
        let answer = match result {
            Ok(addresses) => State::Found {
                addresses,
                until: Instant::now() + FRESH,
            },
            Err(error) => State::Failed {
                kind: error.kind(),
                text: error.to_string(),
            },
        };
        let before = std::mem::replace(&mut *locked(&self.state), answer);
        if let State::Asked(waiting) = before {
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Tells whether who asks now may take its answer. A failure is that of those
    /// who waited for it; the next one tries again.
    fn is_usable(&self) -> bool {
        match &*locked(&self.state) {
            State::Asked(_) => true,
            State::Found { until, .. } => Instant::now() < *until,
            State::Failed { .. } => false,
        }
    }
}

/// Waits for the answer of a lookup.
struct Answer(Arc<Lookup>);

impl Future for Answer {
    type Output = Result<Addrs, Box<dyn std::error::Error + Send + Sync>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *locked(&self.0.state) {
            State::Asked(waiting) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
            State::Found { addresses, .. } => {
                Poll::Ready(Ok(Box::new(addresses.clone().into_iter())))
            }
            State::Failed { kind, text } => {
                Poll::Ready(Err(io::Error::new(*kind, text.clone()).into()))
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for an answer without a runtime.
    fn wait(mut answer: Resolving) -> Result<Vec<SocketAddr>, String> {
        let mut context = Context::from_waker(Waker::noop());
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Poll::Ready(result) = answer.as_mut().poll(&mut context) {
                return result
                    .map(Iterator::collect)
                    .map_err(|error| error.to_string());
            }
            assert!(Instant::now() < end, "no answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn name(host: &str) -> Name {
        host.parse().expect("a name")
    }

    #[test]
    fn all_who_ask_at_the_same_time_get_one_answer() {
        let lookups = SharedLookups::default();
        let answers: Vec<_> = (0..8).map(|_| lookups.resolve(name("localhost"))).collect();
        let first = Arc::clone(&locked(&lookups.by_host)["localhost"]);
        for answer in answers {
            let addresses = wait(answer).expect("this machine is known");
            assert!(addresses.iter().all(|address| address.ip().is_loopback()));
            assert!(!addresses.is_empty());
        }
        drop(wait(lookups.resolve(name("localhost"))));
        assert!(Arc::ptr_eq(&first, &locked(&lookups.by_host)["localhost"]));
    }

    #[test]
    fn after_a_failure_the_next_one_asks_again() {
        let lookups = SharedLookups::default();
        let host = "host.invalid";
        let text = wait(lookups.resolve(name(host))).expect_err("there is no such host");
        assert!(
            text.contains("failed to lookup address information"),
            "{text}"
        );
        let first = Arc::clone(&locked(&lookups.by_host)[host]);
        assert!(wait(lookups.resolve(name(host))).is_err());
        assert!(!Arc::ptr_eq(&first, &locked(&lookups.by_host)[host]));
    }
}
