//! What is written beside a model.

/// What a graph has beside a model's inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnnxOptions {
    /// An input `lengths` `[N]`, 32-bit integers: each sequence ends there, and outputs past it are zeros.
    pub lengths: bool,
    /// The states of recurrent layers: inputs `h_0` and `c_0`, outputs `h_n` and `c_n`, each `[L·D, N, H]`, with `.` and the
    /// layer's name behind where there are several layers.
    pub states: bool,
    /// The scores that a conditional random field reads as the output of its layer, for a program that finds the tags itself.
    /// Without this, such a layer is an error: a graph does not choose tags together.
    pub scores: bool,
}
