//! The recipes of `slapos.recipe.template`: files made from templates.
//!
//! * [`plain`] substitutes the references of profiles.

//!
//! Both take their text from a [`source`] and write it to an [`output`].

mod output;
pub(crate) mod plain;
mod source;
