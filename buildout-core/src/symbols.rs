//! Interned names of sections and options.
//!
//! The include graph of a large release mentions the same few thousand names
//! many thousand times; comparing and hashing them as small integers keeps the
//! merge linear in what was written, not in what the names spell.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

/// An interned section or option name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

/// The table that [`Symbol`]s index.
#[derive(Debug, Default)]
pub struct Symbols {
    names: IndexSet<Arc<str>, FxBuildHasher>,
}

impl Symbols {
    /// Returns the symbol of `name`, adding it on first sight.
    pub fn intern(&mut self, name: &str) -> Symbol {
        let index = match self.names.get_index_of(name) {
            Some(index) => index,
            None => self.names.insert_full(Arc::from(name)).0,
        };
        Symbol(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Returns the symbol of `name` if some profile mentioned it.
    pub fn get(&self, name: &str) -> Option<Symbol> {
        let index = self.names.get_index_of(name)?;
        u32::try_from(index).ok().map(Symbol)
    }

    /// Returns the text of `symbol`.
    ///
    /// # Panics
    ///
    /// If `symbol` belongs to another table.
    pub fn name(&self, symbol: Symbol) -> &Arc<str> {
        &self.names[symbol.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_share_a_symbol() {
        let mut symbols = Symbols::default();
        let first = symbols.intern("parts");
        let other = symbols.intern("recipe");
        assert_eq!(symbols.intern("parts"), first);
        assert_ne!(first, other);
        assert_eq!(&**symbols.name(other), "recipe");
        assert_eq!(symbols.get("absent"), None);
    }
}
