//! The mean over elements, which most losses are.

use crate::{Error, Result};

/// The mean of `element(index, prediction, target)`, which gives a loss and its derivative by the prediction.
/// The lengths must agree and not be 0, for which no mean is defined.
pub(super) fn mean_of_elements(
    prediction: &[f32],
    target: &[f32],
    gradient: Option<&mut [f32]>,
    mut element: impl FnMut(usize, f32, f32) -> Result<(f64, f32)>,
) -> Result<f64> {
    expect_length("the targets of a loss", prediction.len(), target.len())?;
    if prediction.is_empty() {
        return Err(Error::Invalid("the mean loss of no predictions at all is not defined".into()));
    }
    let count = prediction.len() as f64;
    let share = (1.0 / count) as f32;
    let mut sum = 0.0;
    match gradient {
        None => {
            for (k, (&p, &t)) in prediction.iter().zip(target).enumerate() {
                sum += element(k, p, t)?.0;
            }
        }
        Some(gradient) => {
            expect_length("the gradient of a loss", prediction.len(), gradient.len())?;
            for (k, ((&p, &t), d)) in prediction.iter().zip(target).zip(gradient).enumerate() {
                let (loss, derivative) = element(k, p, t)?;
                sum += loss;
                *d = derivative * share;
            }
        }
    }
    Ok(sum / count)
}

/// Error: as many values as expected are not there.
pub(super) fn expect_length(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape { what: what.into(), expected: format!("{expected} values"), found: found.to_string() })
}
