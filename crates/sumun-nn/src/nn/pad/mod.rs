//! Steps put before and after every sequence, or left out there.

mod spec;
mod steps;

use serde::{Deserialize, Serialize};

use self::steps::{Source, StepMap};
use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Parameters, Result, Rows};

pub use spec::{CropLayer, PadLayer};

/// The most steps that are put on one side of a sequence.
const MOST: usize = u32::MAX as usize / 4;

/// What the steps are that a [`Pad`] puts around a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// One number everywhere (PyTorch's and ONNX' `constant`, Keras' `ZeroPadding1D`).
    #[default]
    Constant,
    /// The first step again and again before a sequence, the last one behind it (PyTorch's `replicate`, ONNX' and NumPy's
    /// `edge`).
    Edge,
    /// The steps next to an end, mirrored about the step at the end, which is not repeated (PyTorch's, ONNX' and NumPy's
    /// `reflect`).
    Reflect,
}

/// `[N, T, F]` becomes `[N, before + T + after, F]` (PyTorch's `pad` along time, ONNX' `Pad`): each sequence gets steps at its
/// own ends, so that a padded batch gives the bits of each sequence by itself. A sequence without steps stays without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pad {
    before: usize,
    after: usize,
    mode: PadMode,
    value: f32,
}

/// What [`Pad::backward`](Layer::backward) and [`Crop::backward`](Layer::backward) need.
#[derive(Debug)]
pub struct StepsCache {
    map: StepMap,
    input: std::sync::Arc<crate::Layout>,
    features: usize,
}

impl Pad {
    /// So many steps before and after each sequence; `value` is the number of [`PadMode::Constant`]. Errors: more steps than
    /// there can be, and a value that is not finite or that the mode does not use.
    pub fn new(before: usize, after: usize, mode: PadMode, value: f32) -> Result<Self> {
        if before.max(after) > MOST {
            return Err(Error::Invalid(format!(
                "{before} steps before and {after} after a sequence; at most {MOST} each"
            )));
        }
        if !value.is_finite() {
            return Err(Error::Invalid(format!("steps of the number {value}; it must be finite")));
        }
        if mode != PadMode::Constant && value != 0.0 {
            return Err(Error::Invalid(format!(
                "steps of the number {value}, but they are those of the sequence; leave the value out, or pad with a constant"
            )));
        }
        Ok(Self { before, after, mode, value })
    }

    /// Steps before a sequence.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Steps after a sequence.
    pub fn after(&self) -> usize {
        self.after
    }

    fn map(&self, x: &Rows) -> Result<StepMap> {
        let Self { before, after, mode, .. } = *self;
        let shortest = x.layout.lengths().iter().copied().filter(|&length| length > 0).min();
        if let (PadMode::Reflect, Some(shortest)) = (mode, shortest)
            && before.max(after) >= shortest
        {
            return Err(Error::Invalid(format!(
                "a sequence of {shortest} steps has no {} to mirror at an end; give longer ones",
                before.max(after)
            )));
        }
        let around = before + after;
        StepMap::new(
            x,
            |length| if length == 0 { 0 } else { length + around },
            |step, length| {
                let (own, last) = (step as isize - before as isize, length as isize - 1);
                match mode {
                    _ if (0..=last).contains(&own) => Source::Step(own as usize),
                    PadMode::Constant => Source::Filled,
                    PadMode::Edge => Source::Step(own.clamp(0, last) as usize),
                    PadMode::Reflect => {
                        let mirrored = own.abs();
                        Source::Step((if mirrored > last { 2 * last - mirrored } else { mirrored }) as usize)
                    }
                }
            },
        )
    }
}

/// `[N, T, F]` becomes `[N, T − before − after, F]` (Keras' `Cropping1D`, a slice along time): each sequence loses steps at its
/// own ends; one that has no more than that has none left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    before: usize,
    after: usize,
}

impl Crop {
    /// Without so many steps at the beginning and at the end of each sequence.
    pub fn new(before: usize, after: usize) -> Self {
        Self { before, after }
    }

    /// Steps left out at the beginning.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Steps left out at the end.
    pub fn after(&self) -> usize {
        self.after
    }

    fn map(&self, x: &Rows) -> Result<StepMap> {
        let gone = self.before.saturating_add(self.after);
        StepMap::new(x, |length| length.saturating_sub(gone), |step, _| Source::Step(step + self.before))
    }
}

/// Both layers move whole steps, and differ in which.
macro_rules! moves_steps {
    ($layer:ident, $value:expr) => {
        impl Layer for $layer {
            type Cache = StepsCache;

            fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
                let value: fn(&$layer) -> f32 = $value;
                self.map(&x)?.gather(&x, value(self))
            }

            fn forward_train(
                &self,
                _parameters: &Parameters,
                x: Rows,
                _noise: Noise,
            ) -> Result<(Rows, StepsCache)> {
                let value: fn(&$layer) -> f32 = $value;
                let map = self.map(&x)?;
                let y = map.gather(&x, value(self))?;
                Ok((y, StepsCache { map, input: x.layout.clone(), features: x.features }))
            }

            fn backward(
                &self,
                _parameters: &mut Parameters,
                cache: StepsCache,
                d_out: Rows,
                wanted: InputGradient,
            ) -> Result<Option<Rows>> {
                let StepsCache { map, input, features } = cache;
                d_out.expect_shape("the gradient of moved steps", map.rows(), features)?;
                match wanted {
                    InputGradient::Needed => map.scatter(&d_out, &input).map(Some),
                    InputGradient::Skip => Ok(None),
                }
            }
        }
    };
}

moves_steps!(Pad, |pad| pad.value);
moves_steps!(Crop, |_| 0.0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;
    use crate::{Fill, Layout};

    const NOISE: Noise = Noise { seed: 1, step: 0, layer: 0 };

    fn run(layer: &impl Layer, values: &[f32]) -> Vec<f32> {
        let layout = Layout::full(1, values.len()).unwrap();
        layer.forward(&Parameters::new(), Rows::pack(values, 1, layout).unwrap()).unwrap().unpack()
    }

    /// As NumPy's `pad` has them.
    #[test]
    fn steps_come_from_the_sequence_or_are_a_number() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let pad = |before, after, mode, value| run(&Pad::new(before, after, mode, value).unwrap(), &x);
        assert_eq!(pad(2, 1, PadMode::Constant, 9.0), [9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 9.0]);
        assert_eq!(pad(2, 1, PadMode::Edge, 0.0), [1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(pad(3, 3, PadMode::Reflect, 0.0), [4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(pad(0, 0, PadMode::Reflect, 0.0), x);
        assert_eq!(run(&Crop::new(1, 2), &x), [2.0]);
        assert_eq!(run(&Crop::new(4, usize::MAX), &x), [0.0; 0]);
    }

    #[test]
    fn each_sequence_is_padded_at_its_own_ends() {
        let layout = Layout::ragged(&[2, 0, 3], 4).unwrap();
        let x: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let x = Rows::pack(&x, 1, layout).unwrap();
        let y =
            Pad::new(1, 1, PadMode::Reflect, 0.0).unwrap().forward(&Parameters::new(), x.clone()).unwrap();
        assert_eq!((y.layout.sequences(), y.layout.time()), (3, 6));
        assert_eq!(
            y.unpack(),
            [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 8.0, 9.0, 10.0, 9.0, 0.0]
        );
        let y = Crop::new(1, 1).forward(&Parameters::new(), x).unwrap();
        assert_eq!(y.unpack(), [0.0, 0.0, 0.0, 0.0, 9.0, 0.0]);
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        const MASK: [bool; 8] = [true, false, true, true, true, false, true, true];
        for layout in
            [Layout::ragged(&[4, 0, 3, 4], 5).unwrap(), Layout::masked(&MASK, 2, 4, Fill::Zero).unwrap()]
        {
            for mode in [PadMode::Constant, PadMode::Edge, PadMode::Reflect] {
                let pad = Pad::new(2, 1, mode, 0.0).unwrap();
                check_gradients(&pad, Parameters::new(), 3, layout.clone(), NOISE);
            }
            check_gradients(&Crop::new(1, 1), Parameters::new(), 3, layout, NOISE);
        }
    }

    #[test]
    fn what_cannot_be_padded_is_refused() {
        let error = |pad: Result<Pad>, steps: usize| {
            let x = Rows::pack(&vec![0.5; steps], 1, Layout::full(1, steps).unwrap()).unwrap();
            pad.and_then(|pad| pad.forward(&Parameters::new(), x)).unwrap_err().to_string()
        };
        assert_eq!(
            error(Pad::new(0, 3, PadMode::Reflect, 0.0), 3),
            "a sequence of 3 steps has no 3 to mirror at an end; give longer ones"
        );
        assert_eq!(
            error(Pad::new(usize::MAX, 0, PadMode::Edge, 0.0), 3),
            "18446744073709551615 steps before and 0 after a sequence; at most 1073741823 each"
        );
        assert_eq!(
            error(Pad::new(1, 0, PadMode::Constant, f32::NAN), 3),
            "steps of the number NaN; it must be finite"
        );
        assert_eq!(
            error(Pad::new(1, 0, PadMode::Edge, 1.0), 3),
            "steps of the number 1, but they are those of the sequence; leave the value out, or pad with a constant"
        );
        // More cells than any array has.
        let huge = error(Pad::new(MOST, MOST, PadMode::Edge, 0.0), 3);
        assert!(huge.contains("cells there can be") || huge.contains("memory"), "{huge}");
    }
}
