//! What is shown of an inspection.

use super::Inspection;
use super::gates::LayerInside;
use crate::{Error, Result};

/// What the page says that the inspection does not know, and what of it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// What the model is called.
    pub model: String,
    /// When the page was made, as text; it never reads the clock.
    pub created: String,
    /// The command that makes it again.
    pub command: String,
    /// The only recurrent layer to show, counted from 0 through all of them; all where nothing is said.
    pub layer: Option<usize>,
    /// The unit of each layer whose gates are drawn as lines, from 0; the one whose hidden state moves most where nothing is
    /// said.
    pub unit: Option<usize>,
}

impl About {
    /// The layers that are asked for, with their numbers. Error: one that is not there.
    pub(super) fn layers<'a>(&self, inside: &'a Inspection) -> Result<Vec<(usize, &'a LayerInside)>> {
        let all = &inside.layers;
        match self.layer {
            None => Ok(all.iter().enumerate().collect()),
            Some(layer) if layer < all.len() => Ok(vec![(layer, &all[layer])]),
            Some(layer) => Err(Error::setting(
                crate::message::key("layer"),
                layer.to_string(),
                format!("below {}, as many layers and directions as there are", all.len()),
            )),
        }
    }
}
