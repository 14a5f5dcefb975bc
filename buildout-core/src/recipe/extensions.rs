//! Values that an embedder gives to recipes it knows, past the engine.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// At most one value of each type, for recipes that need more of the outer
/// world than the engine knows, such as the master of an instance. The engine
/// does not look at them.
#[derive(Default)]
pub struct Extensions(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extensions {
    /// Gives a value; it takes the place of another one of its type.
    pub fn set<T: Any + Send + Sync>(&self, value: T) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// Returns the value of a type, if one was given.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }

    /// Returns the value of a type, which is made if none was given: what the
    /// recipes of a run share.
    pub fn get_or_default<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::<T>::default());
        // It is found by its type.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(formatter, "Extensions({})", values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_type() {
        let extensions = Extensions::default();
        assert_eq!(extensions.get::<String>(), None);
        extensions.set(String::from("first"));
        extensions.set(7_u8);
        extensions.set(String::from("second"));
        assert_eq!(
            extensions.get::<String>().as_deref().map(String::as_str),
            Some("second")
        );
        assert_eq!(extensions.get::<u8>().as_deref(), Some(&7));
        let shared = extensions.get_or_default::<Mutex<u32>>();
        *shared.lock().unwrap() = 5;
        assert_eq!(
            *extensions.get_or_default::<Mutex<u32>>().lock().unwrap(),
            5
        );
    }
}
