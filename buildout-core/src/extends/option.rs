//! Merged options: a value and the history that led to it.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::origin::{Origin, Source};
use super::tree::TreeHistory;

/// How many entries of one option's history are listed; older ones are
/// counted. zc.buildout lists all, which in nested diamonds is exponential.
pub const HISTORY_LIMIT: usize = 1000;

/// A section after the merge: its options in dictionary order.
pub type MergedSection = IndexMap<Arc<str>, MergedOption, FxBuildHasher>;

/// The sections after the merge, in dictionary order; shared, because most are
/// never changed again.
pub type MergedSections = IndexMap<Arc<str>, Arc<MergedSection>, FxBuildHasher>;

/// What one entry of a history did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The first value.
    Set,
    /// A later plain value.
    Override,
    /// Lines appended by `+=`.
    Add,
    /// Lines removed by `-=`.
    Remove,
    /// A directory made absolute.
    Directory,
}

impl Operation {
    /// Returns the word `annotate` shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Set => "SET",
            Operation::Override => "OVERRIDE",
            Operation::Add => "ADD",
            Operation::Remove => "REMOVE",
            Operation::Directory => "DIRECTORY",
        }
    }

    /// Tells whether the value was changed rather than replaced.
    pub fn is_edit(self) -> bool {
        matches!(self, Operation::Add | Operation::Remove)
    }
}

/// One entry of an option's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// What happened.
    pub operation: Operation,
    /// The value that was set, added or removed.
    pub value: Arc<str>,
    /// Who did it.
    pub origin: Origin,
}

/// The history of an option, oldest first, listed only when asked for.
///
/// Copies share their entries: the pairwise merge makes one for each file that
/// an option goes through.
#[derive(Clone, Debug)]
pub struct History {
    /// The entries that the merge of an `extends` tree left, if any.
    tree: Option<TreeHistory>,
    /// The entries after those, newest first.
    newest: Option<Arc<Link>>,
}

#[derive(Debug)]
struct Link {
    item: HistoryItem,
    previous: Option<Arc<Link>>,
    /// How many entries there are up to this one.
    length: u64,
}

impl Drop for Link {
    /// Lets go of long histories one by one: dropping them link by link would
    /// nest as deep as they are long.
    fn drop(&mut self) {
        let mut next = self.previous.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.previous.take();
        }
    }
}

/// The entries of a history that are listed, and how many are not.
#[derive(Clone, Debug, Default)]
pub struct HistoryListing {
    /// How many of the oldest entries are left out.
    pub omitted: u64,
    /// The newest entries, oldest first; never empty.
    pub items: Vec<HistoryItem>,
}

impl History {
    /// A history of given entries, oldest first.
    pub(super) fn of_items(items: Vec<HistoryItem>) -> Self {
        let mut history = History {
            tree: None,
            newest: None,
        };
        for item in items {
            history.push(item);
        }
        history
    }

    /// The history of an option of an `extends` tree.
    pub(super) fn of_tree(tree: TreeHistory) -> Self {
        History {
            tree: Some(tree),
            newest: None,
        }
    }

    fn push(&mut self, item: HistoryItem) {
        let previous = self.newest.take();
        let length = previous.as_ref().map_or(0, |link| link.length) + 1;
        self.newest = Some(Arc::new(Link {
            item,
            previous,
            length,
        }));
    }

    /// Lists what makes up the current value: the entries from the last one on
    /// that is no edit, oldest first.
    pub fn current(&self) -> Vec<HistoryItem> {
        let mut newest_first = Vec::new();
        let mut link = self.newest.as_deref();
        while let Some(Link { item, previous, .. }) = link {
            newest_first.push(item.clone());
            link = previous.as_deref().filter(|_| item.operation.is_edit());
        }
        let open = newest_first
            .last()
            .is_none_or(|item| item.operation.is_edit());
        if open && let Some(tree) = &self.tree {
            newest_first.extend(tree.list_current());
        }
        newest_first.truncate(HISTORY_LIMIT);
        newest_first.reverse();
        newest_first
    }

    /// Lists the history.
    pub fn list(&self) -> HistoryListing {
        let links = std::iter::successors(self.newest.as_deref(), |link| link.previous.as_deref());
        let recent: Vec<&HistoryItem> = links.take(HISTORY_LIMIT).map(|link| &link.item).collect();
        let length = self.newest.as_ref().map_or(0, |link| link.length);
        let dropped = length - recent.len() as u64;
        let mut listing = self
            .tree
            .as_ref()
            .map(TreeHistory::list)
            .unwrap_or_default();
        let room = HISTORY_LIMIT - recent.len();
        let surplus = listing
            .items
            .len()
            .saturating_sub(if dropped > 0 { 0 } else { room });
        listing.items.drain(..surplus);
        listing.omitted += surplus as u64 + dropped;
        listing.items.extend(recent.into_iter().rev().cloned());
        listing
    }
}

/// Appends lines to a value.
pub(super) fn append_lines(value: &mut String, added: &str) {
    value.push('\n');
    value.push_str(added);
}

/// Returns `value` without the lines that equal one of `removed`.
pub(super) fn without_lines(value: &str, removed: &str) -> String {
    let dropped: HashSet<&str> = removed.split('\n').collect();
    let lines = value.split('\n').filter(|line| !dropped.contains(line));
    lines.collect::<Vec<&str>>().join("\n")
}

/// An option after the merge, upstream's `SectionKey`.
#[derive(Clone, Debug)]
pub struct MergedOption {
    /// The value, before macros and substitution.
    pub value: Arc<str>,
    /// How it came to be.
    pub history: History,
}

impl MergedOption {
    /// An option set once.
    pub fn set(value: impl Into<Arc<str>>, origin: Origin) -> Self {
        let value = value.into();
        let item = HistoryItem {
            operation: Operation::Set,
            value: Arc::clone(&value),
            origin,
        };
        MergedOption {
            value,
            history: History::of_items(vec![item]),
        }
    }

    /// The empty value that an operator without a base starts from.
    pub fn implicit() -> Self {
        Self::set("", Origin::symbolic(Source::Implicit))
    }

    /// Returns the newest entry of the history.
    pub fn last(&self) -> Option<HistoryItem> {
        match (&self.history.newest, &self.history.tree) {
            (Some(link), _) => Some(link.item.clone()),
            (None, Some(tree)) => Some(tree.last(&self.value)),
            (None, None) => None,
        }
    }

    /// Returns where the current value comes from.
    pub fn origin(&self) -> Option<Origin> {
        self.last().map(|item| item.origin)
    }

    /// Upstream's `overrideValue`: a plain value adds an entry, a computed one
    /// brings its history along.
    pub fn override_with(&mut self, other: &MergedOption) {
        self.value = Arc::clone(&other.value);
        match other.last() {
            Some(last) if !last.operation.is_edit() => self.history.push(HistoryItem {
                operation: Operation::Override,
                value: Arc::clone(&other.value),
                origin: last.origin,
            }),
            _ => self.history = other.history.clone(),
        }
    }

    /// Upstream's `addToValue`: appends lines.
    pub fn add(&mut self, added: &MergedOption) {
        let mut value = String::from(&*self.value);
        append_lines(&mut value, &added.value);
        self.value = Arc::from(value);
        self.record_edit(Operation::Add, added);
    }

    /// Upstream's `removeFromValue`: drops every line that equals one of the
    /// removed lines.
    pub fn remove(&mut self, removed: &MergedOption) {
        self.value = Arc::from(without_lines(&self.value, &removed.value));
        self.record_edit(Operation::Remove, removed);
    }

    fn record_edit(&mut self, operation: Operation, by: &MergedOption) {
        if let Some(origin) = by.origin() {
            self.history.push(HistoryItem {
                operation,
                value: Arc::clone(&by.value),
                origin,
            });
        }
    }

    /// Upstream's `setDirectory`: the same value, made absolute.
    pub fn set_directory(&mut self, directory: impl Into<Arc<str>>) {
        let origin = self.origin();
        self.value = directory.into();
        if let Some(origin) = origin {
            self.history.push(HistoryItem {
                operation: Operation::Directory,
                value: Arc::clone(&self.value),
                origin,
            });
        }
    }
}
