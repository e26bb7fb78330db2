//! One row a sequence, laid out as a sequence of steps.

mod spec;

use std::sync::Arc;

use super::{InputGradient, Layer};
use crate::layer::Stepping;
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use spec::UnflattenLayer;

/// `[N, T · F]` becomes `[N, T, F]`: each row is cut into T pieces, one a step (PyTorch's `Unflatten(1, (T, F))`, Keras'
/// `Reshape((T, F))`). A dense layer before it returns all steps of a sequence at once. Nothing is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unflatten {
    steps: usize,
}

/// What [`Unflatten::backward`](Layer::backward) needs: the layout of its output and F.
#[derive(Debug)]
pub struct UnflattenCache {
    layout: Arc<Layout>,
    features: usize,
}

impl Unflatten {
    /// Into so many steps, at least 1.
    pub fn new(steps: usize) -> Result<Self> {
        match steps {
            0 => Err(Error::Invalid("a row cannot be laid out in 0 steps; give at least 1".into())),
            steps => Ok(Self { steps }),
        }
    }

    /// T: the steps of its output.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// F: the features of each step, of rows of `width` numbers. Error: rows that cannot be cut into equal pieces.
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

impl Layer for Unflatten {
    type Cache = UnflattenCache;

    fn stepping(&self) -> Option<Stepping> {
        Some(Stepping::Never("makes several steps of one row; run it on whole sequences".into()))
    }

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        let features = self.features(x.features)?;
        let sequences = x.layout.sequences();
        x.expect_shape("the rows to lay out in steps, one a sequence", sequences, x.features)?;
        Rows::pack(&x.data, features, Layout::full(sequences, self.steps)?)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, UnflattenCache)> {
        let out = self.forward(parameters, x)?;
        let cache = UnflattenCache { layout: out.layout.clone(), features: out.features };
        Ok((out, cache))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: UnflattenCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        d_out.expect_like("the gradient of rows laid out in steps", &cache.layout, cache.features)?;
        match wanted {
            InputGradient::Needed => {
                Rows::one_step(d_out.unpack(), cache.features * self.steps, cache.layout.sequences())
                    .map(Some)
            }
            InputGradient::Skip => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;

    #[test]
    fn each_piece_of_a_row_is_a_step() {
        let x = Rows::one_step((0..12).map(|v| v as f32).collect(), 6, 2).unwrap();
        for (steps, packed) in [
            (1, vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
            (3, vec![0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]),
            (6, vec![0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]),
        ] {
            let y = Unflatten::new(steps).unwrap().forward(&Parameters::new(), x.clone()).unwrap();
            assert_eq!((y.layout.sequences(), y.layout.time(), y.features), (2, steps, 6 / steps));
            assert_eq!(*y.data, packed.into_iter().map(|v| v as f32).collect::<Vec<_>>());
            assert_eq!(y.unpack(), *x.data);
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        for steps in [1, 2, 6] {
            let layout = Layout::full(3, 1).unwrap();
            check_gradients(&Unflatten::new(steps).unwrap(), Parameters::new(), 6, layout, noise);
        }
    }

    #[test]
    fn rows_that_cannot_be_laid_out_are_refused() {
        let error = |steps: usize, layout: Arc<Layout>| {
            let x = Rows::new(vec![0.0; layout.rows() * 6], 6, layout).unwrap();
            let layer = Unflatten::new(steps);
            layer.and_then(|layer| layer.forward(&Parameters::new(), x)).unwrap_err().to_string()
        };
        let once = Layout::full(2, 1).unwrap();
        assert_eq!(error(0, once.clone()), "a row cannot be laid out in 0 steps; give at least 1");
        assert_eq!(
            error(4, once),
            "6 numbers cannot be laid out in 4 steps; give a number of steps that divides them"
        );
        assert_eq!(
            error(3, Layout::full(2, 2).unwrap()),
            "the rows to lay out in steps, one a sequence: expected [2, 6], found [4, 6]"
        );
    }
}
