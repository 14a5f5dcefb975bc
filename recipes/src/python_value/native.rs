//! Objects of types that need no place of their own in [`Object`].

use std::any::Any;
use std::rc::Rc;

use super::{Arguments, Exception, Iterate, Object, Raised};

/// What an object of another type can do; by default nothing.
pub(crate) trait Native: Any {
    /// Returns the name of its type.
    fn type_name(&self) -> &str;

    /// Returns the name of its type with the module, as errors show it.
    fn qualified_type_name(&self) -> String {
        self.type_name().to_owned()
    }

    fn repr(&self) -> Raised<String>;

    /// Returns `str(object)`.
    fn to_str(&self) -> Raised<String> {
        self.repr()
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn length(&self) -> Raised<Option<usize>> {
        Ok(None)
    }

    fn attribute(self: Rc<Self>, _name: &str) -> Raised<Option<Object>> {
        Ok(None)
    }

    fn item(&self, _key: &Object) -> Raised<Object> {
        Err(Exception::type_error(format!(
            "'{}' object is not subscriptable",
            self.type_name()
        )))
    }

    /// Whether `object[key]` can work at all.
    fn is_subscriptable(&self) -> bool {
        false
    }

    fn call(self: Rc<Self>, _arguments: Arguments) -> Raised<Object> {
        Err(Exception::type_error(format!(
            "'{}' object is not callable",
            self.type_name()
        )))
    }

    fn is_callable(&self) -> bool {
        false
    }

    /// Returns an iterator over it.
    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        Ok(None)
    }

    /// Returns `object == other` if its type defines that.
    fn equals(&self, _other: &Object) -> Raised<Option<bool>> {
        Ok(None)
    }

    /// Returns `item in object` if its type defines that.
    fn contains(&self, _item: &Object) -> Raised<Option<bool>> {
        Ok(None)
    }

    fn as_any(&self) -> &dyn Any;
}
