//! What a convolution over time is made of, and how long its output is.

use serde::{Deserialize, Serialize};

use crate::layer::{StepWindow, Stepping};
use crate::{Error, Result};

/// What precedes the first and follows the last step of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: only windows within the sequence are computed.
    #[default]
    Valid,
    /// Zeros on both sides, so that there are ⌈L / stride⌉ steps; where their number is odd, one more at the end (Keras'
    /// and PyTorch's `same`, ONNX' `SAME_UPPER`).
    Same,
    /// Zeros before the first step only: no step sees a later one (Keras' `causal`).
    Causal,
}

/// What a [`Conv1d`](super::Conv1d) is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conv1dConfig {
    /// I: features of an input row (PyTorch's `in_channels`).
    pub input: usize,
    /// O: features of an output row (PyTorch's `out_channels`, Keras' `filters`).
    pub output: usize,
    /// K: steps of a window (PyTorch's and Keras' `kernel_size`).
    pub kernel: usize,
    /// Steps between the beginnings of two windows.
    pub stride: usize,
    /// Steps between two steps of a window.
    pub dilation: usize,
    /// Into how many groups the features fall, each computed from its own features only.
    pub groups: usize,
    /// What precedes and follows a sequence.
    pub padding: Padding,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv1dConfig {
    /// PyTorch's `Conv1d(input, output, kernel)`.
    pub fn new(input: usize, output: usize, kernel: usize) -> Self {
        let padding = Padding::Valid;
        Self { input, output, kernel, stride: 1, dilation: 1, groups: 1, padding, bias: true }
    }

    /// Errors: a size of 0, groups that do not divide the features, windows or weights beyond what can be counted.
    pub fn check(&self) -> Result<()> {
        let Self { input, output, kernel, stride, dilation, groups, .. } = *self;
        let sizes = [
            ("input", input),
            ("output", output),
            ("kernel", kernel),
            ("stride", stride),
            ("dilation", dilation),
            ("groups", groups),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
            return Err(Error::Invalid(format!("a convolution whose {name} is 0; it must be at least 1")));
        }
        if input % groups != 0 || output % groups != 0 {
            return Err(Error::Invalid(format!(
                "a convolution from {input} to {output} features in {groups} groups; groups must divide both"
            )));
        }
        let reach = (kernel - 1).checked_mul(dilation).filter(|&reach| reach <= u32::MAX as usize);
        let weights = (input / groups).checked_mul(kernel).and_then(|window| window.checked_mul(output));
        if reach.is_none() || weights.is_none_or(|weights| weights > isize::MAX as usize / 8) {
            return Err(Error::Invalid(format!(
                "a convolution of {kernel} steps {dilation} apart from {input} to {output} features is too large; make \
                 it smaller"
            )));
        }
        Ok(())
    }

    /// The shape of the weight, `[O, I / groups, K]` as PyTorch has it.
    pub fn weight_shape(&self) -> [usize; 3] {
        [self.output, self.input / self.groups.max(1), self.kernel]
    }

    /// From the first step of a window to its last.
    fn reach(&self) -> usize {
        self.kernel.saturating_sub(1).saturating_mul(self.dilation)
    }

    /// Steps of the output of a sequence of `length` steps; of sizes that [`check`](Self::check) refuses, some number.
    pub fn output_length(&self, length: usize) -> usize {
        let stride = self.stride.max(1);
        match self.padding {
            Padding::Valid => {
                let starts = length.checked_sub(self.reach().saturating_add(1));
                starts.map_or(0, |starts| starts / stride + 1)
            }
            Padding::Same | Padding::Causal => length.div_ceil(stride),
        }
    }

    /// Zeros before the first step of a sequence of `length` steps.
    pub(super) fn before(&self, length: usize) -> usize {
        match self.padding {
            Padding::Valid => 0,
            Padding::Causal => self.reach(),
            Padding::Same => {
                let last = self.output_length(length).saturating_sub(1) * self.stride;
                (last + self.reach() + 1).saturating_sub(length) / 2
            }
        }
    }

    /// How it goes on from step to step.
    pub(super) fn stepping(&self) -> Stepping {
        let (before, stride) = (self.reach(), self.stride.max(1));
        match self.padding {
            Padding::Same if before > 0 => Stepping::Never(
                "has padding on both sides, so that its windows read steps which have not come yet; use causal padding, or \
                 none"
                    .into(),
            ),
            _ if before == 0 && stride == 1 => Stepping::Forward,
            padding => {
                Stepping::Window(StepWindow { before, zeros_before: padding == Padding::Causal, stride })
            }
        }
    }

    /// The same convolution of sequences that are one window long.
    pub(super) fn one_window(self) -> Self {
        Self { padding: Padding::Valid, stride: 1, ..self }
    }

    /// Whether every step has an output of its own, whatever the length.
    pub(super) fn keeps_steps(&self) -> bool {
        self.stride == 1 && (self.padding != Padding::Valid || self.kernel == 1)
    }
}
