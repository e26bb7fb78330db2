//! Every step as a sequence of its own, and back: layers of sequences within the steps of a sequence.

mod spec;

use std::sync::Arc;

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use spec::{CollectLayer, DistributeLayer};

/// Each step of `[N, T, S · F]` becomes a sequence of its own, of S steps of F features (the first half of Keras'
/// `TimeDistributed`). Layers behind it compute each of these sequences alone, down to one row, and a [`Collect`] makes rows of
/// the steps of the first sequences again: a convolution within frames of sound, characters within words.
///
/// Sequences are R, one for each step that is there, in the order of the packed rows. Nothing is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distribute {
    steps: usize,
}

/// What [`Distribute::backward`](Layer::backward) needs: the layout of its input and of its output.
#[derive(Debug)]
pub struct DistributeCache {
    input: Arc<Layout>,
    output: Arc<Layout>,
    features: usize,
}

impl Distribute {
    /// Into so many steps, at least 1.
    pub fn new(steps: usize) -> Result<Self> {
        match steps {
            0 => Err(Error::Invalid("a step cannot be a sequence of 0 steps; give at least 1".into())),
            steps => Ok(Self { steps }),
        }
    }

    /// S: the steps of each sequence.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// F: the features of each of these steps. Error: rows that cannot be cut into equal pieces.
    pub fn features(&self, width: usize) -> Result<usize> {
        match width.checked_rem(self.steps) {
            Some(0) if width > 0 => Ok(width / self.steps),
            _ => Err(Error::Invalid(format!(
                "{width} numbers cannot be laid out in {} steps; give a number of steps that divides them",
                self.steps
            ))),
        }
    }
}

/// A matrix `[rows, columns]` of runs of `features` numbers as `[columns, rows]`.
fn turned(data: &[f32], [rows, columns, features]: [usize; 3]) -> Vec<f32> {
    if features == 1 {
        return (0..columns).flat_map(|c| (0..rows).map(move |r| data[r * columns + c])).collect();
    }
    let mut out = Vec::with_capacity(data.len());
    for column in 0..columns {
        for row in 0..rows {
            out.extend_from_slice(&data[(row * columns + column) * features..][..features]);
        }
    }
    out
}

impl Layer for Distribute {
    type Cache = DistributeCache;

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        let features = self.features(x.features)?;
        let rows = x.layout.rows();
        let layout = Layout::full(rows, self.steps)?;
        Rows::new(turned(&x.data, [rows, self.steps, features]), features, layout)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, DistributeCache)> {
        let input = x.layout.clone();
        let out = self.forward(parameters, x)?;
        let cache = DistributeCache { input, output: out.layout.clone(), features: out.features };
        Ok((out, cache))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: DistributeCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let DistributeCache { input, output, features } = cache;
        d_out.expect_like("the gradient of steps as sequences", &output, features)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let d = turned(&d_out.data, [self.steps, input.rows(), features]);
        Rows::new(d, features * self.steps, input).map(Some)
    }
}

/// One row for each step of other sequences becomes the row of that step: the end of a [`Distribute`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collect;

impl Collect {
    /// `inner` is `[R, F]`, a row for each step of `outer`. Error: another number of rows.
    pub fn forward(self, inner: Rows, outer: &Arc<Layout>) -> Result<Rows> {
        let features = inner.features;
        inner.expect_shape("the rows to put at the steps", outer.rows(), features)?;
        Rows::new(inner.into_data(), features, outer.clone())
    }

    /// The gradient of the rows.
    pub fn backward(self, d_out: Rows) -> Result<Rows> {
        let (features, rows) = (d_out.features, d_out.layout.rows());
        Rows::one_step(d_out.into_data(), features, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;
    use crate::nn::gradient_check::check_gradients;

    #[test]
    fn each_step_is_a_sequence() {
        let layout = Layout::ragged(&[1, 0, 2], 2).unwrap();
        let x: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let x = Rows::pack(&x, 4, layout).unwrap();
        let y = Distribute::new(2).unwrap().forward(&Parameters::new(), x.clone()).unwrap();
        assert_eq!((y.layout.sequences(), y.layout.time(), y.features), (3, 2, 2));
        // The order of packed rows: the longest sequence first, step by step.
        let expected = [16.0, 17.0, 18.0, 19.0, 0.0, 1.0, 2.0, 3.0, 20.0, 21.0, 22.0, 23.0];
        assert_eq!(y.unpack(), expected);
        let row = Rows::one_step(y.unpack(), 4, 3).unwrap();
        assert_eq!(Collect.forward(row, &x.layout).unwrap().data, x.data);
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        const MASK: [bool; 8] = [true, false, true, true, true, false, true, true];
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        for layout in
            [Layout::ragged(&[3, 0, 2], 3).unwrap(), Layout::masked(&MASK, 2, 4, Fill::Zero).unwrap()]
        {
            for steps in [1, 2, 6] {
                check_gradients(
                    &Distribute::new(steps).unwrap(),
                    Parameters::new(),
                    6,
                    layout.clone(),
                    noise,
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let layout = Layout::full(2, 2).unwrap();
        let x = Rows::new(vec![0.0; 24], 6, layout.clone()).unwrap();
        let error = |steps: usize| {
            let layer = Distribute::new(steps);
            layer.and_then(|layer| layer.forward(&Parameters::new(), x.clone())).unwrap_err().to_string()
        };
        assert_eq!(error(0), "a step cannot be a sequence of 0 steps; give at least 1");
        assert_eq!(
            error(4),
            "6 numbers cannot be laid out in 4 steps; give a number of steps that divides them"
        );
        let inner = Rows::one_step(vec![0.0; 6], 2, 3).unwrap();
        assert_eq!(
            Collect.forward(inner, &layout).unwrap_err().to_string(),
            "the rows to put at the steps: expected [4, 2], found [3, 2]"
        );
    }
}
