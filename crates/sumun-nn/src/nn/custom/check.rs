//! A step's backward against differences of its step.

use rand::Rng;
use sumun_kernels::Path;

use super::cell::{CustomCell, Step, StepAfter, StepGradients};
use crate::nn::Initializer;
use crate::{Error, Result};

/// Sequences that run at the step that is checked.
const N: usize = 3;
/// Half the distance of two points of a difference: an `f32` then holds its quotient to some 10⁻⁴.
const STEP: f32 = 1.0 / 256.0;
/// By how much a gradient may miss a quotient, relative to 1 + its magnitude.
const TOLERANCE: f64 = 2e-3;

/// The names of what a step is a function of, before its weights.
const ARGUMENTS: [&str; 3] = ["the input", "the hidden state", "the cell state"];

/// Holds the gradients of [`step_backward`](CustomCell::step_backward) against central differences of
/// [`step`](CustomCell::step) (PyTorch's `gradcheck`), at random inputs and states of `input` features and weights near
/// their first values. The first gradient that is off is an error which names it.
///
/// A step with a kink, such as one through relu, may miss where a point falls on it; draw another.
pub fn check_step<C: CustomCell, R: Rng + ?Sized>(cell: &C, input: usize, rng: &mut R) -> Result<()> {
    let sizes = [input, cell.hidden(), cell.cell()];
    if input == 0 || cell.hidden() == 0 {
        return Err(Error::Invalid(format!(
            "a step of {cell:?} from {input} features to {} units; each must be at least 1",
            cell.hidden()
        )));
    }
    let mut names: Vec<String> = ARGUMENTS.iter().map(|&name| name.into()).collect();
    let mut draw = |bound: f64, size: usize| Initializer::Uniform { bound }.values(&[size], &mut *rng);
    let mut values =
        sizes.iter().map(|&size| draw(1.0, N.saturating_mul(size))).collect::<Result<Vec<_>>>()?;
    let d_hidden = draw(1.0, N * sizes[1])?;
    let d_cell = draw(1.0, N * sizes[2])?;
    for weight in cell.weights(input) {
        let mut first = weight.first.values(&weight.shape, &mut *rng)?;
        let near = Initializer::Uniform { bound: 0.1 }.values(&[first.len()], &mut *rng)?;
        first.iter_mut().zip(near).for_each(|(value, by)| *value += by);
        names.push(weight.name.into());
        values.push(first);
    }

    let saved = cell.saved(input);
    // The sum of the state after the step, weighted with the gradients of it.
    let run = |values: &[Vec<f32>]| -> Result<(f64, Vec<f32>)> {
        let mut after = [sizes[1], sizes[2], saved].map(|size| vec![0.0; N * size]);
        let [hidden, carried, saved] = &mut after;
        let (at, weights) = arguments(values);
        cell.step(&weights, at, StepAfter { hidden, cell: carried, saved })?;
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let loss = dot(&after[0], &d_hidden) + dot(&after[1], &d_cell);
        let [.., saved] = after;
        Ok((loss, saved))
    };

    let (_, saved) = run(&values)?;
    let mut gradients: Vec<Vec<f32>> = values.iter().map(|part| vec![0.0; part.len()]).collect();
    {
        let [x, hidden, carried, weights @ ..] = gradients.as_mut_slice() else {
            return Err(Error::Invalid("a step has an input and a state".into()));
        };
        let (at, weights_at) = arguments(&values);
        let into = StepGradients { x, hidden, cell: carried, weights };
        cell.step_backward(&weights_at, at, &saved, &d_hidden, &d_cell, into)?;
    }
    for part in 0..values.len() {
        for k in 0..values[part].len() {
            let value = values[part][k];
            let mut at = |shift: f32| {
                values[part][k] = value + shift;
                run(&values).map(|(loss, _)| loss)
            };
            let quotient = (at(STEP)? - at(-STEP)?) / f64::from(2.0 * STEP);
            values[part][k] = value;
            let gradient = f64::from(gradients[part][k]);
            // A NaN agrees with nothing.
            if (gradient - quotient).abs() <= TOLERANCE * (1.0 + quotient.abs()) {
                continue;
            }
            return Err(Error::Invalid(format!(
                "step_backward of {cell:?}: the gradient of {} is {gradient:.6} at index {k}, but step changes by {quotient:.6}",
                names[part]
            )));
        }
    }
    Ok(())
}

/// What a step is called with.
fn arguments(values: &[Vec<f32>]) -> (Step<'_>, Vec<&[f32]>) {
    let step = Step { sequences: N, path: Path::best(), x: &values[0], hidden: &values[1], cell: &values[2] };
    (step, values[ARGUMENTS.len()..].iter().map(Vec::as_slice).collect())
}
