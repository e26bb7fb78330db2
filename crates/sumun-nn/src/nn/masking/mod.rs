//! Steps whose features all are one number are no steps (Keras' `Masking`).

mod spec;

use std::any::Any;
use std::sync::Arc;

use super::InputGradient;
use crate::layer::{BackwardCall, Call, InputGradients, Kept, LayerOutput, Stage, Value, only, only_wanted};
use crate::noise::Noise;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use spec::MaskingLayer;

/// Leaves out the steps of which every feature is `value`, wherever they are, for all layers above: at the end of a sequence
/// they are its padding, within it they are holes that states pass by unchanged, and a sequence of nothing else has no steps.
///
/// Lengths or a mask that the caller gives say the same and cost less, as what is no step is then never packed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masking {
    value: f32,
}

/// What [`Masking::backward`] needs: which of its input's rows are left, None where all are.
#[derive(Debug)]
pub struct MaskingCache {
    layout: Arc<Layout>,
    kept: Option<Vec<u32>>,
}

impl Masking {
    /// Of steps that are `value`. Error: a number that is not finite.
    pub fn new(value: f32) -> Result<Self> {
        match value.is_finite() {
            true => Ok(Self { value }),
            false => Err(Error::Invalid(format!("the masked value is {value}; it must be a finite number"))),
        }
    }

    /// Whether a row is a step.
    fn is_step(&self, row: &[f32]) -> bool {
        row.iter().any(|&feature| feature != self.value)
    }

    fn run(&self, x: Rows) -> Result<(Rows, MaskingCache)> {
        let (features, layout) = (x.features, x.layout.clone());
        let keep: Vec<bool> = match features {
            0 => return Err(Error::Invalid("masking of rows without features".into())),
            _ => x.data.chunks_exact(features).map(|row| self.is_step(row)).collect(),
        };
        let Some((left, kept)) = layout.keeping(&keep)? else {
            return Ok((x, MaskingCache { layout, kept: None }));
        };
        let mut data = Vec::with_capacity(kept.len() * features);
        kept.iter().for_each(|&row| data.extend_from_slice(&x.data[row as usize * features..][..features]));
        Ok((Rows::new(data, features, left)?, MaskingCache { layout, kept: Some(kept) }))
    }

    /// The rows that are steps.
    pub fn forward(&self, x: Rows) -> Result<Rows> {
        Ok(self.run(x)?.0)
    }

    /// As [`forward`](Self::forward), with what [`backward`](Self::backward) needs.
    pub fn forward_train(&self, x: Rows) -> Result<(Rows, MaskingCache)> {
        self.run(x)
    }

    /// The gradient of the input: zero where there is no step.
    pub fn backward(&self, cache: MaskingCache, d_out: Rows) -> Result<Rows> {
        let MaskingCache { layout, kept } = cache;
        let features = d_out.features;
        let rows = kept.as_ref().map_or(layout.rows(), Vec::len);
        d_out.expect_shape("the gradient of masked rows", rows, features)?;
        let Some(kept) = kept else { return Ok(d_out) };
        let mut d_x = vec![0.0; layout.rows() * features];
        for (d, row) in d_out.data.chunks_exact(features.max(1)).zip(kept) {
            d_x[row as usize * features..][..features].copy_from_slice(d);
        }
        Rows::new(d_x, features, layout)
    }
}

impl Stage for Masking {
    fn forward(&self, _call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        Ok(Masking::forward(self, only(inputs)?.rows()?)?.into())
    }

    fn forward_train(&self, _call: Call<'_>, inputs: Vec<Value>, _: Noise) -> Result<(LayerOutput, Kept)> {
        let (rows, cache) = Masking::forward_train(self, only(inputs)?.rows()?)?;
        Ok((rows.into(), Kept::new(cache)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let (Some(d_out), InputGradient::Needed) = (call.d_out, only_wanted(call.wanted)) else {
            return Ok(InputGradients { inputs: vec![None], initial: None });
        };
        let d = Masking::backward(self, kept.into::<MaskingCache>()?, d_out)?;
        Ok(InputGradients { inputs: vec![Some(d)], initial: None })
    }

    fn masked_step(&self, _parameters: &Parameters, mut row: Rows) -> Result<Rows> {
        // As Keras' layer, which goes on with zeros.
        if !self.is_step(&row.data) {
            row.data_mut().fill(0.0);
        }
        Ok(row)
    }

    fn layer(&self) -> &dyn Any {
        self
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;

    fn rows(data: &[f32], layout: Arc<Layout>) -> Rows {
        Rows::pack(data, 2, layout).unwrap()
    }

    #[test]
    fn steps_of_the_value_are_left_out_wherever_they_are() {
        // Padding behind, a hole, one feature that is not the value, and a sequence of nothing.
        let x: [f32; 24] = [
            1.0, 2.0, 7.0, 7.0, 3.0, 7.0, 7.0, 7.0, //
            7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, //
            4.0, 4.0, 5.0, 5.0, 6.0, 6.0, 7.0, 7.0,
        ];
        let masking = Masking::new(7.0).unwrap();
        let y = masking.forward(rows(&x, Layout::full(3, 4).unwrap())).unwrap();
        assert_eq!(y.layout.order(), [2, 0, 1]);
        assert_eq!(y.layout.lengths(), [3, 2, 0]);
        assert_eq!(*y.data, [4.0, 4.0, 1.0, 2.0, 5.0, 5.0, 3.0, 7.0, 6.0, 6.0]);
        let shown = y.unpack();
        assert_eq!(shown[..8], [1.0, 2.0, 0.0, 0.0, 3.0, 7.0, 0.0, 0.0]);
        assert_eq!(shown[8..16], [0.0; 8]);
        // Where a step is shown again, it is the one before the hole.
        let mask = [true, true, true, false, true, true, true, true, true, true, true, true];
        let y = masking.forward(rows(&x, Layout::masked(&mask, 3, 4, Fill::Repeat).unwrap())).unwrap();
        assert_eq!(y.unpack()[..8], [1.0, 2.0, 1.0, 2.0, 3.0, 7.0, 3.0, 7.0]);
    }

    #[test]
    fn rows_that_all_are_steps_stay_as_they_are() {
        let layout = Layout::ragged(&[1, 3], 3).unwrap();
        let x = rows(&[1.0; 12], layout.clone());
        let y = Masking::new(0.0).unwrap().forward(x).unwrap();
        assert!(Arc::ptr_eq(&y.layout, &layout));
    }

    #[test]
    fn what_is_no_step_has_no_gradient() {
        let masking = Masking::new(0.0).unwrap();
        let x = rows(&[1.0, 0.0, 0.0, 0.0, 2.0, 2.0, 3.0, 3.0], Layout::full(2, 2).unwrap());
        let (y, cache) = masking.forward_train(x).unwrap();
        let d = Rows::new((1..=6).map(|v| v as f32).collect(), 2, y.layout.clone()).unwrap();
        // The second sequence is the longer one, so its rows come first.
        let d_x = masking.backward(cache, d).unwrap();
        assert_eq!(d_x.unpack(), [3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 5.0, 6.0]);
    }

    #[test]
    fn a_value_that_is_no_number_is_an_error() {
        let error = Masking::new(f32::NAN).unwrap_err().to_string();
        assert_eq!(error, "the masked value is NaN; it must be a finite number");
    }
}
