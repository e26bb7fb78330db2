//! The affine map y = x·Wᵀ + b over rows, and its gradients.

use crate::types::{Error, length, length_or_empty};

/// The sizes of an affine map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearDims {
    /// R: rows.
    pub rows: usize,
    /// I: features of an input row.
    pub input: usize,
    /// O: features of an output row.
    pub output: usize,
}

/// y = x·Wᵀ + b. `x` is `[R, I]`, `weight` `[O, I]`, `bias` `[O]` or empty, `y` `[R, O]` (overwritten).
pub fn forward(
    dims: LinearDims,
    weight: &[f32],
    bias: &[f32],
    x: &[f32],
    y: &mut [f32],
) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    length("weight", output * input, weight.len())?;
    length_or_empty("bias", output, bias.len())?;
    length("x", rows * input, x.len())?;
    length("y", rows * output, y.len())?;
    for r in 0..rows {
        let x = &x[r * input..(r + 1) * input];
        for o in 0..output {
            let mut sum = if bias.is_empty() { 0.0 } else { bias[o] };
            for (w, x) in weight[o * input..(o + 1) * input].iter().zip(x) {
                sum += w * x;
            }
            y[r * output + o] = sum;
        }
    }
    Ok(())
}

/// dX = dY·W. `d_y` is `[R, O]`, `d_x` `[R, I]` (overwritten).
pub fn backward_input(dims: LinearDims, weight: &[f32], d_y: &[f32], d_x: &mut [f32]) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    length("weight", output * input, weight.len())?;
    length("d_y", rows * output, d_y.len())?;
    length("d_x", rows * input, d_x.len())?;
    d_x.fill(0.0);
    for r in 0..rows {
        let d_x = &mut d_x[r * input..(r + 1) * input];
        for o in 0..output {
            let d = d_y[r * output + o];
            for (d_x, w) in d_x.iter_mut().zip(&weight[o * input..(o + 1) * input]) {
                *d_x += d * w;
            }
        }
    }
    Ok(())
}

/// dW += dYᵀ·X and db += Σ dY, summed over rows in row order. `d_bias` may be empty.
pub fn backward_weight(
    dims: LinearDims,
    x: &[f32],
    d_y: &[f32],
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    length("x", rows * input, x.len())?;
    length("d_y", rows * output, d_y.len())?;
    length("d_weight", output * input, d_weight.len())?;
    length_or_empty("d_bias", output, d_bias.len())?;
    for r in 0..rows {
        let x = &x[r * input..(r + 1) * input];
        for o in 0..output {
            let d = d_y[r * output + o];
            if !d_bias.is_empty() {
                d_bias[o] += d;
            }
            for (d_w, x) in d_weight[o * input..(o + 1) * input].iter_mut().zip(x) {
                *d_w += d * x;
            }
        }
    }
    Ok(())
}
