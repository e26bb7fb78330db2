//! How layers go on with sequences whose steps come one by one.

/// How a layer goes on with sequences whose steps come one by one ([`Streams`](crate::model::Streams)), so that it returns the
/// bits that it returns of the whole sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stepping {
    /// [`Stage::forward`](super::Stage::forward) over the next step alone, from the state after the step before: layers that
    /// compute every row by itself, and recurrent ones that read forwards.
    Forward,
    /// [`Stage::window`](super::Stage::window) over the next step and those before it.
    Window(StepWindow),
    /// It cannot: why, and what to do, as the end of a sentence that begins with the layer's name.
    Never(String),
}

/// Which steps a row of a layer's output is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepWindow {
    /// How many steps before the last one it reads.
    pub before: usize,
    /// Whether zeros stand before a sequence; else there is no row until there were so many steps.
    pub zeros_before: bool,
    /// Steps from one row to the next, at least 1.
    pub stride: usize,
}
