//! What the reader finds in a graph beside values: recurrent layers, sequences of arrays, and shares of steps.

use super::value::Value;

/// A recurrent layer that came from a node.
#[derive(Debug)]
pub(super) struct Recurrence {
    /// The node as messages name it.
    pub(super) described: String,
    pub(super) layer: String,
    pub(super) directions: usize,
    pub(super) hidden: usize,
    /// Whether it returns its final hidden state alone.
    pub(super) is_once: bool,
    pub(super) has_lengths: bool,
    /// The states before the first step, h and c, one for each direction; none of a node that begins with zeros.
    pub(super) starts: [Vec<Start>; 2],
}

/// Where a state before the first step comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Start {
    /// The same numbers for every sequence.
    Constant(Vec<f32>),
    /// An input of the graph, its place on the stack.
    Input { input: usize, index: usize },
}

/// A sequence of arrays.
#[derive(Debug, Clone)]
pub(super) enum Sequence {
    /// An array that is cut along an axis.
    Cut { value: Value, axis: i64, pieces: Pieces },
    /// Arrays that a node has put into a sequence.
    Made(Vec<Value>),
}

/// Where an array is cut.
#[derive(Debug, Clone)]
pub(super) enum Pieces {
    /// At every place of the axis, which the pieces do not have.
    Places,
    /// Into pieces of one length, the last of which may be shorter.
    Equal(i64),
    /// Into pieces of these lengths.
    Lengths(Vec<i64>),
}

/// Shares of steps that sum to 1.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    /// The layer that gives the steps that the scores are of.
    pub(super) from: String,
    /// The layer that gives the scores, and where there is a tanh below it, the product below that.
    pub(super) score: String,
    pub(super) product: Option<String>,
    /// The layers beside these: the tanh, and a number that is added to all scores.
    pub(super) others: Vec<String>,
    /// Whether steps past the ends of sequences have no share.
    pub(super) is_masked: bool,
}
