//! Some of the features of every row.

mod spec;

use std::ops::Range;
use std::sync::Arc;

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use spec::SliceLayer;

/// The features `start .. start + count` of every row (PyTorch's `narrow(-1, start, count)`, ONNX' `Slice` and `Split`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    start: usize,
    count: usize,
}

/// What [`Slice::backward`](Layer::backward) needs: the layout and F of its input.
#[derive(Debug)]
pub struct SliceCache {
    layout: Arc<Layout>,
    features: usize,
}

impl Slice {
    /// From the feature `start`, so many, at least 1.
    pub fn new(start: usize, count: usize) -> Result<Self> {
        match count {
            0 => Err(Error::Invalid("a slice of 0 features; take at least 1".into())),
            count => Ok(Self { start, count }),
        }
    }

    /// The features that it takes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.count)
    }

    /// Refuses rows that do not have them.
    fn check(&self, features: usize) -> Result<()> {
        let Range { start, end } = self.range();
        match end <= features {
            true => Ok(()),
            false => Err(Error::Invalid(format!(
                "features {start} to {end} of {features}; a slice ends at {features} at the latest"
            ))),
        }
    }
}

impl Layer for Slice {
    type Cache = SliceCache;

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.check(x.features)?;
        let rows = x.data.chunks_exact(x.features);
        let data = rows.flat_map(|row| &row[self.range()]).copied().collect();
        Rows::new(data, self.count, x.layout.clone())
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, SliceCache)> {
        let cache = SliceCache { layout: x.layout.clone(), features: x.features };
        Ok((self.forward(parameters, x)?, cache))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: SliceCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let SliceCache { layout, features } = cache;
        d_out.expect_shape("the gradient of a slice's output", layout.rows(), self.count)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d_x = vec![0.0; layout.rows() * features];
        for (to, from) in d_x.chunks_exact_mut(features).zip(d_out.data.chunks_exact(self.count)) {
            to[self.range()].copy_from_slice(from);
        }
        Rows::new(d_x, features, layout).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;

    #[test]
    fn rows_keep_the_features_asked_for() {
        let x = Rows::one_step((0..8).map(|v| v as f32).collect(), 4, 2).unwrap();
        let y = Slice::new(1, 2).unwrap().forward(&Parameters::new(), x.clone()).unwrap();
        assert_eq!((y.features, y.data.as_slice()), (2, &[1.0, 2.0, 5.0, 6.0][..]));
        for (start, count, message) in [
            (3, 2, "features 3 to 5 of 4; a slice ends at 4 at the latest"),
            (
                usize::MAX,
                2,
                "features 18446744073709551615 to 18446744073709551615 of 4; a slice ends at 4 at the latest",
            ),
            (1, 0, "a slice of 0 features; take at least 1"),
        ] {
            let found =
                Slice::new(start, count).and_then(|slice| slice.forward(&Parameters::new(), x.clone()));
            assert_eq!(found.unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        check_gradients(&Slice::new(1, 3).unwrap(), Parameters::new(), 5, layout, noise);
    }
}
