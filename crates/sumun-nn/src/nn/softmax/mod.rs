//! Softmax over the features of every row (PyTorch's `Softmax(-1)`, Keras' and ONNX' `Softmax`).

mod spec;

use sumun_kernels::{Path, softmax};

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Parameters, Result, Rows, RowsParts};

pub use spec::SoftmaxLayer;

/// y = eˣ / Σ eˣ over the features of every row.
///
/// Not in front of a cross-entropy: [`CrossEntropy`](crate::loss::CrossEntropy) takes the logits themselves, which is
/// faster and overflows for none.
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    path: Path,
}

impl Default for Softmax {
    fn default() -> Self {
        Self { path: Path::best() }
    }
}

impl Softmax {
    /// On the fastest path of this processor.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same layer on another path of the kernels.
    pub fn on_path(self, path: Path) -> Self {
        Self { path }
    }
}

/// What [`Softmax::backward`](Layer::backward) needs: its output.
#[derive(Debug)]
pub struct SoftmaxCache {
    y: Rows,
}

impl Layer for Softmax {
    type Cache = SoftmaxCache;

    crate::layer::computes_on_its_path!();

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        let (features, layout) = (x.features, x.layout.clone());
        let mut y = x.into_data();
        for row in y.chunks_exact_mut(features.max(1)) {
            softmax::softmax(self.path, row, 1.0)?;
        }
        Rows::new(y, features, layout)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, SoftmaxCache)> {
        let y = self.forward(parameters, x)?;
        Ok((y.clone(), SoftmaxCache { y }))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: SoftmaxCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let RowsParts { data: y, features, layout } = cache.y.into_parts();
        d_out.expect_shape("the gradient of a softmax's output", layout.rows(), features)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d = d_out.into_data();
        // dx = y (dy − Σ y dy).
        for (d, y) in d.chunks_exact_mut(features.max(1)).zip(y.chunks_exact(features.max(1))) {
            let mean: f32 = d.iter().zip(y).map(|(d, y)| d * y).sum();
            d.iter_mut().zip(y).for_each(|(d, y)| *d = y * (*d - mean));
        }
        Rows::new(d, features, layout).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;

    #[test]
    fn gradients_agree_with_central_differences() {
        let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let layer = Softmax::new().on_path(path);
            let noise = Noise { seed: 0, step: 0, layer: 0 };
            check_gradients(&layer, Parameters::new(), 5, layout.clone(), noise);
        }
    }

    #[test]
    fn shares_of_large_logits_are_finite() {
        let x = Rows::one_step(vec![1000.0, 1000.0, -1000.0], 3, 1).unwrap();
        let y = Softmax::new().forward(&Parameters::new(), x).unwrap();
        assert_eq!(*y.data, [0.5, 0.5, 0.0]);
    }
}
