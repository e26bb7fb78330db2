//! What a layer of a Keras model returns: what flows, or what is only part of something that other layers make.

use super::flow::Flow;
use super::laid::Laid;

/// What a layer returned.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Flow(Flow),
    /// What an operator returned, whose axes may be other than those here.
    Laid(Laid),
    /// A last state of a recurrent layer.
    State(State),
    /// Which steps are there, or what that is made of.
    Mask(Masked),
    /// Whether each number of rows is above this one.
    Above(Laid, f64),
    /// The first part of an attention that is written as products.
    Products(Products),
    /// Shares of steps, which are part of an attention.
    Shares(Shares),
}

/// What says which steps are there, as Keras 3 writes it beside a layer that heeds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Masked {
    /// The ids of an input that are not 0.
    Ids(String),
    /// The features of these rows that are not this number.
    Features(String, f32),
    /// The rows of which any feature is not this number.
    Rows(String, f32),
}

/// A last state.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The recurrent layer.
    pub(super) layer: String,
    /// Which of its states, h and c of one direction before those of the other.
    pub(super) part: usize,
    /// Of how many.
    pub(super) of: usize,
    /// What is h itself, where that is a row of the layer's output.
    pub(super) hidden: Option<Hidden>,
}

/// Where the last hidden state of a layer is to be had.
#[derive(Debug, Clone)]
pub(super) enum Hidden {
    /// The layer's output.
    Output(Flow),
    /// The last step of it.
    LastStep(Flow),
}

/// The products of the steps of one sequence with those of another, and what a softmax makes shares of.
#[derive(Debug, Clone)]
pub(super) struct Products {
    pub(super) query: Flow,
    pub(super) memory: Flow,
    /// Whether they are shares.
    pub(super) are_shares: bool,
    /// What they were multiplied by before that.
    pub(super) scale: f64,
}

/// Shares of steps that sum to 1, or these steps times their shares.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    /// The steps.
    pub(super) steps: Flow,
    /// The layer that gives the scores, and the one with a tanh below it; the same where the scores are a tanh.
    pub(super) score: String,
    pub(super) hidden: Option<String>,
    pub(super) is_weighted: bool,
}
