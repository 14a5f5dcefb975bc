//! The recipes of `slapos.recipe.template`: files made from templates.
//!
//! * [`plain`] substitutes the references of profiles.
//! * [`jinja2`] renders a template language.
//!
//! Both take their text from a [`source`] and write it to an [`output`].

pub(crate) mod jinja2;
mod output;
pub(crate) mod plain;
mod source;
