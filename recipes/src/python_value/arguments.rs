//! The arguments of a call.

use std::rc::Rc;

use super::{Exception, Object, Raised};

/// What a function is called with.
#[derive(Clone, Default)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Object>,
    pub(crate) keywords: Vec<(Rc<str>, Object)>,
}

impl Arguments {
    pub(crate) fn positional(positional: Vec<Object>) -> Self {
        Arguments {
            positional,
            keywords: Vec::new(),
        }
    }

    /// Assigns the arguments to parameters, of which the first `required` have
    /// no default. Parameters whose name starts with `/` are positional only.
    pub(crate) fn bind<const N: usize>(
        self,
        function: &str,
        parameters: [&str; N],
        required: usize,
    ) -> Raised<[Option<Object>; N]> {
        let given = self.positional.len();
        if given > N {
            return Err(Exception::type_error(format!(
                "{function}() takes at most {N} arguments ({given} given)"
            )));
        }
        let mut bound: [Option<Object>; N] = std::array::from_fn(|_| None);
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.keywords {
            let Some(index) = parameters.iter().position(|known| **known == *name) else {
                return Err(Exception::type_error(format!(
                    "{function}() got an unexpected keyword argument '{name}'"
                )));
            };
            if bound[index].is_some() {
                return Err(Exception::type_error(format!(
                    "{function}() got multiple values for argument '{name}'"
                )));
            }
            bound[index] = Some(value);
        }
        if let Some(index) = bound[..required].iter().position(Option::is_none) {
            let name = parameters[index].trim_start_matches('/');
            return Err(Exception::type_error(format!(
                "{function}() missing required argument '{name}' (pos {})",
                index + 1
            )));
        }
        Ok(bound)
    }

    /// Takes exactly `N` arguments without names.
    pub(crate) fn exactly<const N: usize>(self, function: &str) -> Raised<[Object; N]> {
        self.without_keywords(function)?
            .try_into()
            .map_err(|given: Vec<Object>| {
                Exception::type_error(format!(
                    "{function}() takes exactly {N} arguments ({} given)",
                    given.len()
                ))
            })
    }

    /// Takes arguments without names.
    pub(crate) fn without_keywords(self, function: &str) -> Raised<Vec<Object>> {
        match self.keywords.is_empty() {
            true => Ok(self.positional),
            false => Err(Exception::type_error(format!(
                "{function}() takes no keyword arguments"
            ))),
        }
    }
}
