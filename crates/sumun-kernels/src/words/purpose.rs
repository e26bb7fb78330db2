//! What weights are prepared for.

use std::fmt;

/// Whether backward computes the gradient of its input: the first layer on raw numbers skips a fifth of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputGradient {
    /// Compute it.
    Needed,
    /// Leave it out.
    Skip,
}

/// What prepared weights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Forward passes and steps.
    Inference,
    /// Backward passes, with or without the gradient of the input.
    Backward(InputGradient),
    /// Both.
    Training(InputGradient),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inference => "forward passes",
            Self::Backward(InputGradient::Skip) => "backward passes without the gradient of the input",
            Self::Backward(InputGradient::Needed) => "backward passes",
            Self::Training(InputGradient::Skip) => "both passes without the gradient of the input",
            Self::Training(InputGradient::Needed) => "both passes",
        })
    }
}

impl Purpose {
    pub(crate) fn is_forward(self) -> bool {
        !matches!(self, Self::Backward(_))
    }

    pub(crate) fn backward(self) -> Option<InputGradient> {
        match self {
            Self::Inference => None,
            Self::Backward(wanted) | Self::Training(wanted) => Some(wanted),
        }
    }

    /// Whether weights that are for this purpose can be used for another one too.
    pub fn serves(self, other: Self) -> bool {
        let backward = match other.backward() {
            None => true,
            Some(InputGradient::Skip) => self.backward().is_some(),
            Some(InputGradient::Needed) => self.backward() == Some(InputGradient::Needed),
        };
        backward && (self.is_forward() || !other.is_forward())
    }
}
