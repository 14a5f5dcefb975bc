//! The hosts of a pass: one for each key, no more than so many at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::host::{Host, HostCommand, HostError, HostKey};
use crate::child::{SAFE_UMASK, clean_environment};
use crate::launch::Launch;
use crate::node::Node;

/// The hosts of a pass.
pub(super) struct HostPool<'a> {
    node: &'a Node,
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    hosts: HashMap<HostKey, Place>,
    /// What does not start is not tried again in this pass.
    failed: HashMap<HostKey, HostError>,
    /// For whom nothing is imported ahead.
    not_ahead: HashSet<HostKey>,
}

enum Place {
    /// Somebody is starting it.
    Starting,
    Ready {
        host: Arc<Host>,
        /// How many promises it runs.
        users: usize,
        idle_since: Instant,
    },
}

/// A host to run one promise with.
pub(super) struct Lease<'p> {
    host: Arc<Host>,
    /// None for a host of its own.
    place: Option<(&'p HostPool<'p>, HostKey)>,
}

impl std::ops::Deref for Lease<'_> {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some((pool, key)) = self.place.take() {
            pool.give_back(&key, &self.host);
        }
    }
}

impl<'a> HostPool<'a> {
    pub(super) fn new(node: &'a Node, limit: usize) -> Self {
        HostPool {
            node,
            limit: limit.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the host of a key, started if there is none. Waits while as many
    /// as there may be have work to do.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub(super) fn lease(&self, key: &HostKey) -> Result<Lease<'_>, HostError> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.failed.get(key) {
                return Err(error.clone());
            }
            match state.hosts.get_mut(key) {
                Some(Place::Ready { host, users, .. }) if host.is_alive() => {
                    *users += 1;
                    return Ok(self.leased(key, Arc::clone(host)));
                }
                Some(Place::Starting) => {}
                Some(Place::Ready { host, .. }) => {
                    if host.is_not_ahead() {
                        state.not_ahead.insert(key.clone());
                    }
                    state.hosts.remove(key);
                    continue;
                }
                None => {
                    if state.hosts.len() < self.limit {
                        break;
                    }
                    if let Some(idle) = longest_idle(&state) {
                        let dismissed = state.hosts.remove(&idle);
                        drop(state);
                        // Its end may take a moment.
                        drop(dismissed);
                        state = self.lock();
                        continue;
                    }
                }
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.hosts.insert(key.clone(), Place::Starting);
        let is_ahead = !state.not_ahead.contains(key);
        drop(state);
        let started = self.start(key, is_ahead);
        let mut state = self.lock();
        let result = match started {
            Ok(host) => {
                let host = Arc::new(host);
                let place = Place::Ready {
                    host: Arc::clone(&host),
                    users: 1,
                    idle_since: Instant::now(),
                };
                state.hosts.insert(key.clone(), place);
                Ok(self.leased(key, host))
            }
            Err(error) => {
                state.hosts.remove(key);
                state.failed.insert(key.clone(), error.clone());
                Err(error)
            }
        };
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Returns a host for one promise alone, which nothing is imported in ahead.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub(super) fn lease_alone(&self, key: &HostKey) -> Result<Lease<'_>, HostError> {
        let host = self.start(key, false)?;
        Ok(Lease {
            host: Arc::new(host),
            place: None,
        })
    }

    fn leased(&self, key: &HostKey, host: Arc<Host>) -> Lease<'_> {
        Lease {
            host,
            place: Some((self, key.clone())),
        }
    }

    fn give_back(&self, key: &HostKey, leased: &Arc<Host>) {
        if let Some(Place::Ready {
            host,
            users,
            idle_since,
        }) = self.lock().hosts.get_mut(key)
            && Arc::ptr_eq(host, leased)
        {
            *users -= 1;
            *idle_since = Instant::now();
        }
        self.changed.notify_all();
    }

    fn start(&self, key: &HostKey, is_ahead: bool) -> Result<Host, HostError> {
        let surroundings = &self.node.surroundings;
        let account = surroundings.accounts.by_number(key.owner.user);
        let home = account.map_or("/", |account| account.home.as_str());
        let identity = self.node.identity(key.owner);
        let identity = identity.map_err(|error| HostError::Start {
            python: key.interpreter.display().to_string(),
            reason: error.to_string(),
        })?;
        let launch = Launch {
            umask: SAFE_UMASK,
            parent: std::process::id(),
            identity,
            leads_session: false,
            words: Vec::new(),
        };
        let mut arguments = vec!["launch".to_owned()];
        arguments.extend(launch.command_words());
        let command = HostCommand {
            program: surroundings.program.clone(),
            arguments,
            directory: "/".into(),
            environment: clean_environment(&surroundings.environment, home.as_ref()),
        };
        Host::start(key, command, is_ahead, &self.node.cancellation)
    }
}

fn longest_idle(state: &State) -> Option<HostKey> {
    let idle = state.hosts.iter().filter_map(|(key, place)| match place {
        Place::Ready {
            users: 0,
            idle_since,
            ..
        } => Some((idle_since, key)),
        _ => None,
    });
    let (_, key) = idle.min_by_key(|(since, _)| **since)?;
    Some(key.clone())
}
