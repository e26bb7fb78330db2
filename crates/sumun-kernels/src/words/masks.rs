//! The noise of a training pass.

use crate::words::dims::Dims;
use crate::words::error::{Error, length_or_empty};
use crate::words::real::Real;
use crate::words::steps::Steps;

/// The noise of one training pass, computed by the caller; backward takes that of forward. All empty by default, as in
/// inference.
#[derive(Debug, Clone, Copy)]
pub struct Masks<'a, F> {
    /// What h before a step is multiplied with in the recurrent product, for all steps of a
    /// sequence, the scale 1 / (1 − rate) included; by rank, `[N, H]` or `[N, G, H]` as
    /// [`RecurrentDropout`](crate::RecurrentDropout) says, with H the width of h. Empty for none.
    pub recurrent: &'a [F],
    /// 1 where a unit of h keeps its former value, 0 where it takes the new one, `[R, H]`, with H the width of
    /// h. Empty for the expectation.
    pub zoneout_hidden: &'a [F],
    /// As `zoneout_hidden`, for c, `[R, H]`.
    pub zoneout_cell: &'a [F],
}

impl<F> Default for Masks<'_, F> {
    fn default() -> Self {
        Self { recurrent: &[], zoneout_hidden: &[], zoneout_cell: &[] }
    }
}

impl<F> Masks<'_, F> {
    /// Whether there is no mask at all.
    pub fn is_empty(&self) -> bool {
        self.recurrent.is_empty() && self.zoneout_hidden.is_empty() && self.zoneout_cell.is_empty()
    }

    /// Which of them there are.
    pub(crate) fn given(&self) -> [bool; 3] {
        [self.recurrent, self.zoneout_hidden, self.zoneout_cell].map(|mask| !mask.is_empty())
    }

    /// Checks every length, for steps whose rows [fit](Steps::fit) the sizes, and that zoneout keeps or does not; a mask whose
    /// option is off is refused.
    pub(crate) fn check(&self, dims: Dims, steps: &Steps) -> Result<(), Error>
    where
        F: Real,
    {
        let (options, per_sequence) = (dims.options, dims.recurrent_masks() * dims.output());
        let if_on = |rate: f64, size: usize| if rate > 0.0 { steps.rows() * size } else { 0 };
        let parts = [
            ("masks.recurrent", steps.sequences() * per_sequence, self.recurrent),
            ("masks.zoneout_hidden", if_on(options.zoneout_hidden, dims.output()), self.zoneout_hidden),
            ("masks.zoneout_cell", if_on(options.zoneout_cell, dims.hidden), self.zoneout_cell),
        ];
        parts.iter().try_for_each(|&(what, size, mask)| length_or_empty(what, size, mask.len()))?;
        let [_, zoneout @ ..] = parts;
        for (what, _, mask) in zoneout {
            // Of what is between, paths would make different things.
            if let Some(at) = mask.iter().position(|keep| *keep != F::ZERO && *keep != F::ONE) {
                return Err(Error::Keep { what, at, found: mask[at].to_f64().to_string() });
            }
        }
        Ok(())
    }
}
