//! Pooling over time: one row a sequence from all of its steps.

mod spec;

use serde::{Deserialize, Serialize};

use super::{InputGradient, Layer};
use crate::layer::Stepping;
use crate::layout::expect_memory;
use crate::noise::Noise;
use crate::{Layout, Parameters, Result, Rows};

pub use spec::PoolLayer;

/// How a sequence's steps become one row. Only steps that are there count, never padding; a sequence without steps
/// returns zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The last step's row.
    Last,
    /// The largest of each feature (Keras' `GlobalMaxPooling1D`, but for padding). The first of equals gets the
    /// gradient; a NaN stays one.
    Max,
    /// The mean of each feature (Keras' `GlobalAveragePooling1D` with a mask).
    Mean,
}

/// What [`Pool::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct PoolCache {
    layout: std::sync::Arc<Layout>,
    features: usize,
    /// For [`Pool::Max`], the row of each output, `[N, F]`; [`NO_ROW`] where there is none.
    winners: Vec<u32>,
}

/// In the place of a row, for a sequence without steps.
const NO_ROW: u32 = u32::MAX;

impl Pool {
    /// The output `[N, F]` in the caller's order, and for [`Pool::Max`], where they are wanted, the rows that it came from.
    fn pool(self, x: &Rows, wanted: bool) -> Result<(Vec<f32>, Vec<u32>)> {
        let (features, layout) = (x.features, &x.layout);
        expect_memory(layout.sequences(), features)?;
        let mut out = vec![0.0; layout.sequences() * features];
        let mut winners = if self == Self::Max && wanted { vec![NO_ROW; out.len()] } else { Vec::new() };
        // Each sequence's first row is one of the first step's.
        let firsts = layout.steps().batch_sizes().first().copied().unwrap_or(0);
        // Rows come in the order of the steps, so each sequence is summed from its first to its last.
        layout.for_each_row(|row, n, _| {
            let to = n * features..(n + 1) * features;
            let from = &x.data[row * features..(row + 1) * features];
            match self {
                Self::Last => out[to].copy_from_slice(from),
                Self::Mean => out[to].iter_mut().zip(from).for_each(|(sum, v)| *sum += v),
                Self::Max if row < firsts => {
                    out[to.clone()].copy_from_slice(from);
                    if wanted {
                        winners[to].fill(row as u32);
                    }
                }
                Self::Max if wanted => {
                    let row = row as u32;
                    for ((best, winner), &v) in out[to.clone()].iter_mut().zip(&mut winners[to]).zip(from) {
                        let keep = keeps(*best, v);
                        *best = blend(keep, *best, v);
                        *winner = (*winner & keep) | (row & !keep);
                    }
                }
                Self::Max => {
                    let pairs = out[to].iter_mut().zip(from);
                    pairs.for_each(|(best, &v)| *best = blend(keeps(*best, v), *best, v));
                }
            }
        });
        if self == Self::Mean {
            for (&n, &length) in layout.order().iter().zip(layout.lengths()) {
                let mean = &mut out[n * features..(n + 1) * features];
                mean.iter_mut().for_each(|v| *v /= length.max(1) as f32);
            }
        }
        Ok((out, winners))
    }
}

/// All ones where `best` stays the largest, zeros where `v` takes its place, as NaN does. In bits and not in branches, of
/// which compilers make stores one by one: a pool took eight per cent of the training of a small classifier.
fn keeps(best: f32, v: f32) -> u32 {
    u32::from((v <= best) | best.is_nan()).wrapping_neg()
}

/// `best` where `keep` is ones, else `v`.
fn blend(keep: u32, best: f32, v: f32) -> f32 {
    f32::from_bits((best.to_bits() & keep) | (v.to_bits() & !keep))
}

impl Layer for Pool {
    type Cache = PoolCache;

    fn stepping(&self) -> Option<Stepping> {
        Some(match self {
            Self::Last => Stepping::Forward,
            Self::Max | Self::Mean => {
                Stepping::Never("pools over all steps of the sequence; run it on whole sequences".into())
            }
        })
    }

    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        Rows::one_step(self.pool(&x, false)?.0, x.features, x.layout.sequences())
    }

    fn forward_train(&self, _parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, PoolCache)> {
        let (out, winners) = self.pool(&x, true)?;
        let cache = PoolCache { layout: x.layout.clone(), features: x.features, winners };
        Ok((Rows::one_step(out, x.features, x.layout.sequences())?, cache))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        cache: PoolCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let PoolCache { layout, features, winners } = cache;
        d_out.expect_shape("the gradient of a pool's output", layout.sequences(), features)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d_x = vec![0.0; layout.rows() * features];
        if *self == Self::Max {
            for (k, &row) in winners.iter().enumerate().filter(|&(_, &row)| row != NO_ROW) {
                d_x[row as usize * features + k % features] = d_out.data[k];
            }
        } else {
            let mut row = 0;
            for (step, &batch) in layout.steps().batch_sizes().iter().enumerate() {
                for (&n, &length) in layout.order()[..batch].iter().zip(layout.lengths()) {
                    let to = &mut d_x[row * features..(row + 1) * features];
                    let from = &d_out.data[n * features..(n + 1) * features];
                    match self {
                        Self::Mean => to.iter_mut().zip(from).for_each(|(to, d)| *to = d / length as f32),
                        _ if step + 1 == length => to.copy_from_slice(from),
                        _ => {}
                    }
                    row += 1;
                }
            }
        }
        Rows::new(d_x, features, layout).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;
    use crate::nn::gradient_check::check_gradients;

    const MASK: [bool; 12] = [true, false, true, true, false, false, false, false, false, true, true, false];

    #[test]
    fn only_steps_that_are_there_count() {
        let x: Vec<f32> = [[3.0, -1.0], [99.0, 99.0], [-6.0, -2.0], [0.0, -3.0]].concat().repeat(3);
        let layout = Layout::masked(&MASK, 3, 4, Fill::Zero).unwrap();
        let x = Rows::pack(&x, 2, layout).unwrap();
        for (pool, expected) in [
            (Pool::Last, [0.0, -3.0, 0.0, 0.0, -6.0, -2.0]),
            (Pool::Max, [3.0, -1.0, 0.0, 0.0, 99.0, 99.0]),
            (Pool::Mean, [-1.0, -2.0, 0.0, 0.0, 46.5, 48.5]),
        ] {
            let out = pool.forward(&Parameters::new(), x.clone()).unwrap();
            assert_eq!(out.unpack(), expected, "{pool:?}");
        }
    }

    #[test]
    fn a_nan_is_never_hidden() {
        for values in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
            let x = Rows::pack(&values, 1, Layout::full(1, 2).unwrap()).unwrap();
            for pool in [Pool::Max, Pool::Mean] {
                assert!(pool.forward(&Parameters::new(), x.clone()).unwrap().data[0].is_nan());
            }
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for pool in [Pool::Last, Pool::Max, Pool::Mean] {
            for layout in [
                Layout::ragged(&[4, 0, 2, 4], 5).unwrap(),
                Layout::masked(&MASK, 3, 4, Fill::Repeat).unwrap(),
            ] {
                check_gradients(&pool, Parameters::new(), 3, layout, Noise { seed: 1, step: 0, layer: 0 });
            }
        }
    }
}
