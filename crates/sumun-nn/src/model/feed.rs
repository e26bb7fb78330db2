//! What a model is called with: a batch for each input.

use std::borrow::Cow;

use super::batch::Batch;
use crate::layer::Value;
use crate::{Ids, Rows};

/// A batch for each of a model's inputs, by name. A model with one input takes its [`Batch`] as it is.
///
/// The rows of a layer may be given in place of what would be computed for it: a decoder steps on over what its encoder
/// returned once. Layers that nothing else needs are then not computed, and inputs that they alone read are left out.
///
/// ```
/// use ndarray::{Array2, Array3};
/// use sumun_nn::model::{Batch, Feed};
/// let (window, about) = (Array3::<f32>::zeros((2, 24, 7)), Array2::<f32>::zeros((2, 3)));
/// let feed = Feed::new().batch("window", Batch::numbers(window.view())).batch("about", Batch::row(about.view()));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Feed<'a> {
    /// None for the name of the only input.
    pub(super) batches: Vec<(Option<&'a str>, Cow<'a, Batch<'a>>)>,
    pub(super) values: Vec<(&'a str, Value)>,
}

impl<'a> Feed<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the batch of an input.
    pub fn batch(mut self, input: &'a str, batch: Batch<'a>) -> Self {
        self.batches.push((Some(input), Cow::Owned(batch)));
        self
    }

    /// With packed rows for an input or a layer, by its name.
    pub fn rows(mut self, name: &'a str, rows: Rows) -> Self {
        self.values.push((name, Value::Rows(rows)));
        self
    }

    /// With packed ids for an input, by its name.
    pub fn ids(mut self, name: &'a str, ids: Ids) -> Self {
        self.values.push((name, Value::Ids(ids)));
        self
    }
}

impl<'a> From<&'a Batch<'a>> for Feed<'a> {
    fn from(batch: &'a Batch<'a>) -> Self {
        Self { batches: vec![(None, Cow::Borrowed(batch))], values: Vec::new() }
    }
}

impl<'a> From<Batch<'a>> for Feed<'a> {
    fn from(batch: Batch<'a>) -> Self {
        Self { batches: vec![(None, Cow::Owned(batch))], values: Vec::new() }
    }
}

impl<'a> From<&Feed<'a>> for Feed<'a> {
    fn from(feed: &Feed<'a>) -> Self {
        feed.clone()
    }
}
