//! `range`.

use std::any::Any;
use std::rc::Rc;

use super::function::closure;
use super::iterator::FromFunction;
use super::subscript::{Bounds, slice_bounds};
use super::{Exception, Iterate, Native, Object, Raised, container, repr};

/// A `range` object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    start: i128,
    stop: i128,
    step: i128,
}

impl Range {
    pub(crate) fn new(start: i128, stop: i128, step: i128) -> Raised<Self> {
        if step == 0 {
            return Err(Exception::value_error("range() arg 3 must not be zero"));
        }
        // Far beyond what anybody iterates over, and nothing can overflow.
        const LIMIT: i128 = 1 << 100;
        if [start, stop, step].iter().any(|bound| bound.abs() > LIMIT) {
            return Err(Exception::overflow());
        }
        Ok(Range { start, stop, step })
    }

    pub(crate) fn count(&self) -> i128 {
        let (distance, step) = match self.step > 0 {
            true => (self.stop - self.start, self.step),
            false => (self.start - self.stop, -self.step),
        };
        if distance <= 0 {
            0
        } else {
            (distance - 1) / step + 1
        }
    }

    fn at(&self, index: i128) -> i128 {
        self.start + index * self.step
    }

    /// Returns the members from the last to the first.
    pub(crate) fn reversed(&self) -> Range {
        Range {
            start: self.at(self.count() - 1),
            stop: self.start - self.step,
            step: -self.step,
        }
    }

    /// Returns `range[start:stop:step]`.
    pub(crate) fn slice(&self, bounds: [Option<Object>; 3]) -> Raised<Object> {
        let length = usize::try_from(self.count()).map_err(|_| Exception::overflow())?;
        let Bounds { start, stop, step } = slice_bounds(bounds, length)?;
        Ok(Object::native(Range {
            start: self.at(start),
            stop: self.at(stop),
            step: self.step * step,
        }))
    }
}

impl Native for Range {
    fn type_name(&self) -> &str {
        "range"
    }

    fn repr(&self) -> Raised<String> {
        let Range { start, stop, step } = self;
        Ok(match step {
            1 => format!("range({start}, {stop})"),
            step => format!("range({start}, {stop}, {step})"),
        })
    }

    fn is_truthy(&self) -> bool {
        self.count() > 0
    }

    fn length(&self) -> Raised<Option<usize>> {
        let length = usize::try_from(self.count()).map_err(|_| Exception::overflow());
        length.map(Some)
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok(match name {
            "start" => Some(Object::Int(self.start)),
            "stop" => Some(Object::Int(self.stop)),
            "step" => Some(Object::Int(self.step)),
            "index" => Some(closure("index", move |arguments| {
                let [item] = arguments.exactly("index")?;
                match (self.contains(&item)?, item.as_int()) {
                    (Some(true), Some(item)) => Ok(Object::Int((item - self.start) / self.step)),
                    _ => Err(Exception::value_error(format!(
                        "{} is not in range",
                        repr(&item)?
                    ))),
                }
            })),
            "count" => Some(closure("count", move |arguments| {
                let [item] = arguments.exactly("count")?;
                let is_member = self.contains(&item)?.unwrap_or(false);
                Ok(Object::Int(is_member.into()))
            })),
            _ => None,
        })
    }

    fn is_subscriptable(&self) -> bool {
        true
    }

    fn item(&self, key: &Object) -> Raised<Object> {
        let Some(index) = key.as_int() else {
            return Err(Exception::type_error(format!(
                "range indices must be integers or slices, not {}",
                key.type_name()
            )));
        };
        let length = usize::try_from(self.count()).map_err(|_| Exception::overflow())?;
        match container::position(index, length) {
            Some(index) => Ok(Object::Int(self.at(index as i128))),
            None => Err(Exception::index_error("range object index out of range")),
        }
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        let mut index = 0;
        Ok(Some(Box::new(FromFunction(move || {
            if index >= self.count() {
                return Ok(None);
            }
            index += 1;
            Ok(Some(Object::Int(self.at(index - 1))))
        }))))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        let other = other.downcast::<Range>();
        Ok(other.map(|other| {
            self.count() == other.count()
                && (self.count() == 0
                    || (self.start == other.start
                        && (self.count() == 1 || self.step == other.step)))
        }))
    }

    fn contains(&self, item: &Object) -> Raised<Option<bool>> {
        let Some(integer) = item.as_int() else {
            return Ok(None);
        };
        let offset = integer - self.start;
        Ok(Some(
            offset % self.step == 0 && (0..self.count()).contains(&(offset / self.step)),
        ))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
