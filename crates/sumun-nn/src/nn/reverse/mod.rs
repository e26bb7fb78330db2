//! The steps of every sequence in reverse order.

mod spec;

use super::stack::in_callers_order;
use super::{InputGradient, Layer};
use crate::layer::Stepping;
use crate::noise::Noise;
use crate::{Parameters, Result, Rows};

pub use spec::ReverseLayer;

/// Each sequence's own last step comes first (ONNX' `ReverseSequence`, TensorFlow's `reverse_sequence`, PyTorch's `flip(1)` but
/// for padding, which stays at the end).
///
/// A recurrent layer between two of these reads backwards and returns its rows at the steps that they belong to, as an ONNX
/// node of direction `reverse` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reverse;

impl Reverse {
    fn turn(x: Rows) -> Result<Rows> {
        let (features, layout) = (x.features, x.layout.clone());
        in_callers_order(x.into_data(), features, 1, &layout)
    }
}

impl Layer for Reverse {
    type Cache = ();

    fn stepping(&self) -> Option<Stepping> {
        Some(Stepping::Never(
            "begins at the last step, which has not come yet; run it on whole sequences".into(),
        ))
    }

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        Self::turn(x)
    }

    fn forward_train(&self, _parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, ())> {
        Ok((Self::turn(x)?, ()))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        (): (),
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        match wanted {
            // The map is its own inverse.
            InputGradient::Needed => Self::turn(d_out).map(Some),
            InputGradient::Skip => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;
    use crate::{Fill, Layout};

    #[test]
    fn padding_stays_at_the_end() {
        let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
        let x: Vec<f32> = (0..18).map(|v| v as f32).collect();
        let turn = |x: &[f32]| {
            let x = Rows::pack(x, 2, layout.clone()).unwrap();
            Reverse.forward(&Parameters::new(), x).unwrap().unpack()
        };
        let turned = turn(&x);
        assert_eq!(turned[..6], [2.0, 3.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(turned[6..12], [0.0; 6]);
        assert_eq!(turned[12..], [16.0, 17.0, 14.0, 15.0, 12.0, 13.0]);
        assert_eq!(turn(&turned)[12..], x[12..]);
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        const MASK: [bool; 8] = [true, false, true, true, false, false, true, false];
        for layout in
            [Layout::ragged(&[4, 0, 2, 4], 5).unwrap(), Layout::masked(&MASK, 2, 4, Fill::Zero).unwrap()]
        {
            check_gradients(&Reverse, Parameters::new(), 3, layout, Noise { seed: 1, step: 0, layer: 0 });
        }
    }
}
