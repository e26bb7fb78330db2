//! Where in a model a training went off, as an error says it. How it is found: `train/origin.rs`.

use std::fmt;

/// A part of a model's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The parameter's name: `lstm.weight_hh_l0`.
    pub parameter: String,
    /// Which block of its rows, where these have names: the gate `f` of a recurrent layer.
    pub gate: Option<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gate {
            Some(gate) => write!(f, "gate {gate} of {}", self.parameter),
            None => f.write_str(&self.parameter),
        }
    }
}

/// Where a training went off.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Of the gradients that are not finite, that of the layer which is nearest to the outputs: those of the layers before it
    /// come through it.
    Gradient(Place),
    /// A weight that is not finite.
    Weight(Place),
    /// All weights are finite; the one farthest from 0, and where it is.
    Largest {
        /// Its distance from 0.
        weight: f32,
        /// Where it is.
        place: Place,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient(place) => write!(f, "beginning with the gradient of {place}"),
            Self::Weight(place) => write!(f, "the first weight that is not finite is in {place}"),
            Self::Largest { weight, place } => {
                write!(f, "the weight farthest from 0 is {weight:.3e}, in {place}")
            }
        }
    }
}
