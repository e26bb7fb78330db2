//! Gradient clipping: keeps one steep step from throwing a recurrent network off (Pascanu, Mikolov & Bengio,
//! ICML 2013).

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::trainable_ranges;
use crate::parameters::RUN;
use crate::{Error, Parameters, Result};

/// How gradients are bounded before an optimizer step.
///
/// ```
/// use sumun_nn::{Parameters, train::{Clip, Clipped}};
/// let mut parameters = Parameters::new();
/// let id = parameters.add("w", &[2], vec![0.0; 2])?;
/// parameters.gradient_mut(id).copy_from_slice(&[3.0, 4.0]);
/// let Clipped { norm, gradient_scale, .. } = Clip::GlobalNorm { max: 1.0 }.apply(&mut parameters)?;
/// assert_eq!(norm, 5.0);
/// assert!((gradient_scale - 0.2).abs() < 1e-6);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Clip {
    /// Not at all; the norm is measured all the same.
    #[default]
    None,
    /// All gradients together are scaled down to a Euclidean norm of `max` (PyTorch's `clip_grad_norm_`).
    GlobalNorm {
        /// The largest norm, above 0.
        max: f64,
    },
    /// Every single number is cut to −max … max (PyTorch's `clip_grad_value_`).
    Value {
        /// The largest magnitude, above 0.
        max: f32,
    },
}

/// What clipping found and what is left to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clipped {
    /// The global norm before clipping. It is not finite if a gradient is not.
    pub norm: f64,
    /// What [`Optimizer::step`](super::Optimizer::step) has to multiply every gradient by.
    pub gradient_scale: f32,
    /// Whether any gradient was, or is to be, made smaller.
    pub clipped: bool,
}

impl Clip {
    /// Measures the global norm of the trainable parameters' gradients and clips. By norm, the gradients stay as
    /// they are and the optimizer applies the scale in its own sweep. A bound that is not above 0 is an error.
    pub fn apply(self, parameters: &mut Parameters) -> Result<Clipped> {
        let norm = global_norm(parameters);
        let (gradient_scale, clipped) = match self {
            Self::None => (1.0, false),
            Self::GlobalNorm { max } => {
                positive(max)?;
                (norm_scale(norm, max), norm > max)
            }
            // A step of such gradients is refused, and where they begin is looked for: they stay as they are.
            Self::Value { max } if !norm.is_finite() => {
                positive(f64::from(max))?;
                (1.0, true)
            }
            Self::Value { max } => {
                positive(f64::from(max))?;
                let mut clipped = false;
                for range in trainable_ranges(parameters) {
                    for d in &mut parameters.gradients_mut()[range] {
                        clipped |= d.abs() > max;
                        // A NaN stays one, so that it is noticed.
                        *d = d.clamp(-max, max);
                    }
                }
                (1.0, clipped)
            }
        };
        Ok(Clipped { norm, gradient_scale, clipped })
    }
}

/// The Euclidean norm of all trainable parameters' gradients, in `f64` and in a fixed order of summation that
/// does not depend on threads. Gradients that were not touched since they were set to zero are not looked at.
pub fn global_norm(parameters: &Parameters) -> f64 {
    // Not of a machine's caches: the sum is rounded by chunks.
    const CHUNK: usize = 1 << 14;
    let mut sum = 0.0;
    for range in trainable_ranges(parameters) {
        let part = |start: usize| sum_of_squares(parameters, start..range.end.min(start + CHUNK));
        if range.len() <= CHUNK {
            sum += part(range.start);
        } else {
            let starts: Vec<usize> = range.clone().step_by(CHUNK).collect();
            let parts: Vec<f64> = starts.into_par_iter().map(part).collect();
            sum += parts.iter().sum::<f64>();
        }
    }
    sum.sqrt()
}

/// The Euclidean norm of the gradients of each layer's trainable parameters, in the order of the layers: whatever comes before
/// the last point of a parameter's name is its layer.
pub fn layer_norms(parameters: &Parameters) -> Vec<(&str, f64)> {
    let mut norms: Vec<(&str, f64)> = Vec::new();
    for entry in parameters.entries().iter().filter(|entry| entry.is_optimized()) {
        let layer = entry.name.rsplit_once('.').map_or(&entry.name[..], |(layer, _)| layer);
        let squares = sum_of_squares(parameters, entry.range.clone());
        match norms.last_mut() {
            Some((last, sum)) if *last == layer => *sum += squares,
            _ => norms.push((layer, squares)),
        }
    }
    norms.iter_mut().for_each(|(_, sum)| *sum = sum.sqrt());
    norms
}

/// PyTorch's factor: max / (norm + 10⁻⁶), at most 1. A norm that is NaN gives NaN.
fn norm_scale(norm: f64, max: f64) -> f32 {
    let scale = max / (norm + 1e-6);
    if scale > 1.0 { 1.0 } else { scale as f32 }
}

/// Eight running sums, which fill vector registers and are added at the end in order. Squares of 0 would change none.
fn sum_of_squares(parameters: &Parameters, range: Range<usize>) -> f64 {
    let (gradients, touched) = (parameters.gradients(), parameters.touched());
    let mut sums = [0.0_f64; 8];
    // Pieces are counted from the beginning of the range, so that every number is added to the same sum however many
    // are passed over.
    for start in range.clone().step_by(RUN) {
        let piece = start..range.end.min(start + RUN);
        if !touched[piece.start / RUN..piece.end.div_ceil(RUN)].contains(&true) {
            continue;
        }
        let (chunks, rest) = gradients[piece].as_chunks::<8>();
        for chunk in chunks {
            sums.iter_mut().zip(chunk).for_each(|(sum, &v)| *sum += f64::from(v) * f64::from(v));
        }
        sums.iter_mut().zip(rest).for_each(|(sum, &v)| *sum += f64::from(v) * f64::from(v));
    }
    sums.iter().sum()
}

fn positive(bound: f64) -> Result<()> {
    if bound > 0.0 {
        return Ok(());
    }
    Err(Error::Invalid(format!("gradients cannot be clipped to {bound}; the bound must be above 0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients 3, −4 | 100 (frozen) | 12.
    fn parameters() -> Parameters {
        let mut parameters = Parameters::new();
        parameters.add("a", &[2], vec![0.0; 2]).unwrap();
        let frozen = parameters.add("frozen", &[1], vec![0.0]).unwrap();
        parameters.add("b", &[1], vec![0.0]).unwrap();
        parameters.set_trainable(frozen, false);
        parameters.gradients_mut().copy_from_slice(&[3.0, -4.0, 100.0, 12.0]);
        parameters
    }

    #[test]
    fn every_way_of_clipping() {
        let cut = [3.0, -3.5, 100.0, 3.5];
        let whole = [3.0, -4.0, 100.0, 12.0];
        let cases = [
            (Clip::None, 1.0, whole),
            (Clip::GlobalNorm { max: 6.5 }, 0.5 - 0.5e-6 / 13.0, whole),
            (Clip::GlobalNorm { max: 20.0 }, 1.0, whole),
            (Clip::Value { max: 3.5 }, 1.0, cut),
        ];
        for (clip, scale, gradients) in cases {
            let mut parameters = parameters();
            let clipped = clip.apply(&mut parameters).unwrap();
            assert_eq!(clipped.norm, 13.0, "{clip:?}");
            assert!((f64::from(clipped.gradient_scale) - scale).abs() < 1e-7, "{clip:?}: {clipped:?}");
            assert_eq!(parameters.gradients(), gradients, "{clip:?}");
        }
    }

    #[test]
    fn layers_have_norms_of_their_own() {
        let mut parameters = Parameters::new();
        for (name, size) in [("a.weight", 2), ("a.bias", 1), ("b.weight", 1), ("c", 2)] {
            parameters.add(name, &[size], vec![0.0; size]).unwrap();
        }
        parameters.gradients_mut().copy_from_slice(&[3.0, 4.0, 12.0, -2.0, 0.0, 5.0]);
        assert_eq!(layer_norms(&parameters), [("a", 13.0), ("b", 2.0), ("c", 5.0)]);
        let whole = layer_norms(&parameters).iter().map(|(_, norm)| norm * norm).sum::<f64>().sqrt();
        assert!((whole - global_norm(&parameters)).abs() < 1e-12);
    }

    #[test]
    fn gradients_that_are_not_finite_show_in_the_norm_and_are_not_hidden() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut parameters = parameters();
            parameters.gradients_mut()[1] = bad;
            let clipped = Clip::GlobalNorm { max: 1.0 }.apply(&mut parameters).unwrap();
            assert!(!clipped.norm.is_finite());
            assert!((clipped.gradient_scale * bad).is_nan());
            Clip::Value { max: 1.0 }.apply(&mut parameters).unwrap();
            assert!(parameters.gradients().iter().any(|d| !d.is_finite()), "it can still be found");
        }
    }

    #[test]
    fn threads_do_not_change_the_norm() {
        let mut parameters = Parameters::new();
        parameters.add("a", &[100_003], vec![0.0; 100_003]).unwrap();
        for (k, d) in parameters.gradients_mut().iter_mut().enumerate() {
            *d = ((k * 7919) % 1009) as f32 / 100.0;
        }
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| global_norm(&parameters)).to_bits()
        };
        assert_eq!(with(1), with(3));
        let plain: f64 = parameters.gradients().iter().map(|&d| f64::from(d).powi(2)).sum::<f64>().sqrt();
        assert!((f64::from_bits(with(1)) - plain).abs() < 1e-9 * plain);
    }

    /// Rows of an embedding, of which a batch touches some, begin at no multiple of a power of two.
    #[test]
    fn what_was_not_touched_is_passed_over_to_the_same_bits() {
        const FEATURES: usize = 50;
        for rows in [1, 7, 1000] {
            let mut some = Parameters::new();
            some.add("before", &[3], vec![0.0; 3]).unwrap();
            let table = some.add("table", &[rows, FEATURES], vec![0.0; rows * FEATURES]).unwrap();
            for row in [0, rows / 3, rows - 1] {
                let d: Vec<f32> = (0..FEATURES).map(|k| ((k * 7919 + row) % 1009) as f32 / 300.0).collect();
                some.add_rows_to_gradient(table, FEATURES, &[row as u32], None, &d).unwrap();
            }
            let mut whole = some.clone();
            whole.gradients_mut();
            assert_eq!(global_norm(&some).to_bits(), global_norm(&whole).to_bits(), "{rows} rows");
            let plain: f64 = some.gradients().iter().map(|&d| f64::from(d).powi(2)).sum::<f64>().sqrt();
            assert!((global_norm(&some) - plain).abs() < 1e-9 * plain && plain > 1.0, "{rows} rows");
        }
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused() {
        for clip in
            [Clip::GlobalNorm { max: 0.0 }, Clip::Value { max: -1.0 }, Clip::GlobalNorm { max: f64::NAN }]
        {
            assert!(clip.apply(&mut parameters()).is_err(), "{clip:?}");
        }
    }
}
