//! Dropout: in training, zeroes each element with probability p and scales the others by 1 / (1 − p).

mod spec;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sumun_kernels::Path;

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use spec::DropoutLayer;

/// Inverted dropout (Srivastava et al., JMLR 2014), a new mask for every element of every step, as PyTorch's
/// `Dropout`. Outside training it is the identity.
///
/// The mask is a function of the noise and of the caller's sequence, step and unit, so it does not depend on how
/// the batch is packed, nor on the parameters' path, which computes it; backward computes it again instead of keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Dropout {
    p: f32,
}

impl Dropout {
    /// Dropout with probability `p` of losing an element; anything but 0 ≤ p < 1 is an error.
    pub fn new(p: f32) -> Result<Self> {
        if (0.0..1.0).contains(&p) {
            Ok(Self { p })
        } else {
            Err(Error::Invalid(format!("dropout is {p}; it must be at least 0 and below 1")))
        }
    }

    /// The probability of losing an element.
    pub fn p(&self) -> f32 {
        self.p
    }

    /// Multiplies every element by its mask: 0 or 1 / (1 − p).
    fn mask(&self, path: Path, rows: Rows, noise: Noise) -> Result<Rows> {
        if self.p == 0.0 {
            return Ok(rows);
        }
        let (features, layout, p) = (rows.features, rows.layout.clone(), self.p);
        let scale = 1.0 / (1.0 - p);
        let mut data = rows.into_data();
        layout.for_each_row_mut(features, &mut data, |values, n, t| {
            noise.map(path, n, t, values, |v, u| if u < p { 0.0 } else { v * scale });
        });
        Rows::new(data, features, layout)
    }
}

impl TryFrom<f32> for Dropout {
    type Error = Error;

    fn try_from(p: f32) -> Result<Self> {
        Self::new(p)
    }
}

impl From<Dropout> for f32 {
    fn from(dropout: Dropout) -> f32 {
        dropout.p
    }
}

/// What [`Dropout::backward`](Layer::backward) needs: where the mask came from and the shape that it masked.
#[derive(Debug)]
pub struct DropoutCache {
    noise: Noise,
    layout: Arc<Layout>,
    features: usize,
}

impl Layer for Dropout {
    type Cache = DropoutCache;

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(x)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, noise: Noise) -> Result<(Rows, DropoutCache)> {
        let cache = DropoutCache { noise, layout: x.layout.clone(), features: x.features };
        Ok((self.mask(parameters.path(), x, noise)?, cache))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: DropoutCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        d_out.expect_like("the gradient of a dropout's output", &cache.layout, cache.features)?;
        match wanted {
            InputGradient::Needed => self.mask(parameters.path(), d_out, cache.noise).map(Some),
            InputGradient::Skip => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;

    const NOISE: Noise = Noise { seed: 5, step: 1, layer: 2 };

    #[test]
    fn gradients_agree_with_central_differences() {
        for p in [0.0, 0.3, 0.9] {
            let layout = Layout::ragged(&[2, 3, 1], 3).unwrap();
            check_gradients(&Dropout::new(p).unwrap(), Parameters::new(), 5, layout, NOISE);
        }
    }

    #[test]
    fn loses_the_right_share_and_keeps_the_mean() {
        let dropout = Dropout::new(0.25).unwrap();
        let x = Rows::new(vec![1.0; 40_000], 100, Layout::full(20, 20).unwrap()).unwrap();
        let (y, _) = dropout.forward_train(&Parameters::new(), x.clone(), NOISE).unwrap();
        assert!(y.data.iter().all(|&v| v == 0.0 || v == 4.0 / 3.0));
        let lost = y.data.iter().filter(|&&v| v == 0.0).count() as f32 / 40_000.0;
        assert!((lost - 0.25).abs() < 0.01, "{lost}");
        assert_eq!(dropout.forward(&Parameters::new(), x.clone()).unwrap().data, x.data);
    }

    #[test]
    fn the_mask_does_not_depend_on_packing() {
        let dropout = Dropout::new(0.5).unwrap();
        let values = vec![1.0; 3 * 4 * 7];
        let masked = |layout| {
            let x = Rows::pack(&values, 7, layout).unwrap();
            dropout.forward_train(&Parameters::new(), x, NOISE).unwrap().0.unpack()
        };
        let full = masked(Layout::full(3, 4).unwrap());
        let ragged = masked(Layout::ragged(&[2, 4, 3], 4).unwrap());
        for n in 0..3 {
            let alive = [2, 4, 3][n] * 7;
            assert_eq!(full[n * 28..][..alive], ragged[n * 28..][..alive]);
        }
    }

    #[test]
    fn probabilities_that_make_no_sense_are_refused() {
        for p in [-0.1, 1.0, 2.0, f32::NAN] {
            assert!(Dropout::new(p).is_err(), "{p}");
        }
        let error = Dropout::new(1.0).unwrap_err().to_string();
        assert_eq!(error, "dropout is 1; it must be at least 0 and below 1");
    }
}
