//! The recipes of `slapos.recipe.template` and `collective.recipe.template`:
//! files made from templates.
//!
//! * [`plain`] and [`collective`] substitute the references of profiles.
//! * [`jinja2`] renders a template language.
//!
//! They take their text from a [`source`] and write it to an [`output`].

pub(crate) mod collective;
pub(crate) mod jinja2;
mod output;
pub(crate) mod plain;
mod source;
