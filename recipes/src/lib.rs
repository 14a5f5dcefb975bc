//! The built-in recipes.
