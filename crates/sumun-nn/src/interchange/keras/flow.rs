//! What flows between the layers of a Keras model.

/// What flows between layers, without N.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// An input of two axes: ids where an embedding reads it, else a row a sequence. So many of them, where it says.
    Open(Option<usize>),
    /// Features at every step, of so many steps where that is known.
    Steps { time: Option<usize>, features: usize },
    /// One row a sequence.
    Once { features: usize },
    /// One row a sequence of the features of all steps, one step after the other, which are still apart here.
    Flat { time: usize, features: usize },
}

/// A tensor of the graph.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// The input or layer here that it comes from.
    pub(super) from: String,
    pub(super) shape: Shape,
    /// What says which steps there are.
    pub(super) mask: Option<MaskOf>,
}

/// The mask of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaskOf {
    /// Which of the masks.
    pub(super) mask: usize,
    /// Whether Keras has lost it, as behind its operators, so that what reads the tensor computes with masked steps.
    pub(super) is_forgotten: bool,
}

impl MaskOf {
    /// The mask behind an operator.
    pub(super) fn forgotten(self) -> Self {
        Self { is_forgotten: true, ..self }
    }
}
