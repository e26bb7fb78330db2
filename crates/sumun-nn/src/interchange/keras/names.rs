//! Names of layers here, and layers as messages name them.

use std::collections::HashSet;

use sumun_formats::keras::Layer;

use crate::Error;
use crate::error::quoted;

/// A name that nothing has: the stem, or with a number behind it.
pub(super) fn fresh(taken: &mut HashSet<String>, stem: &str) -> String {
    let mut name = stem.to_owned();
    let mut count = 1;
    while !taken.insert(name.clone()) {
        count += 1;
        name = format!("{stem}_{count}");
    }
    name
}

/// What a layer of Keras is called in messages, and why it cannot be read.
pub(super) fn refused(layer: &Layer, why: impl std::fmt::Display) -> Error {
    Error::Model(format!("the layer {} ({}): {why}", quoted(&layer.name), layer.class))
}

/// A name without spaces.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}
