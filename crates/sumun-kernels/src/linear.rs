//! The affine map y = x·Wᵀ + b over rows, and its gradients.
//!
//! As everywhere: every number is one chain of multiply-adds in a fixed order, so no bit depends on how many
//! rows there are or how many threads share them.

use crate::aligned::Aligned;
use crate::cpu::RowsAt;
use crate::cpu::linear::{Product, Start};
use crate::cpu::outer::Outer;
use crate::cpu::pack::Columns;
use crate::cpu::tile::Depth;
use crate::simd::Path;
use crate::threads::{run_outer, run_product};
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

impl LinearDims {
    fn flops(self) -> usize {
        2 * self.rows * self.input * self.output
    }
}

/// y = x·Wᵀ + b. `x` is `[R, I]`, `weight` `[O, I]`, `bias` `[O]` or empty, `y` `[R, O]` (overwritten).
pub fn forward(
    path: Path,
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
    if path == Path::Reference {
        for (x, y) in x.chunks_exact(input.max(1)).zip(y.chunks_exact_mut(output.max(1))) {
            for (o, y) in y.iter_mut().enumerate() {
                let start = bias.get(o).copied().unwrap_or(0.0);
                let w = &weight[o * input..(o + 1) * input];
                *y = w.iter().zip(x).fold(start, |sum, (w, x)| sum + w * x);
            }
        }
        return Ok(());
    }
    let kernels = path.kernels()?;
    let columns = Columns { columns: output, lanes: kernels.lanes };
    let mut packed = Aligned::default();
    packed.resize(columns.packed_len(input));
    columns.pack_transposed(weight, input, &mut packed);
    let task = Product {
        a: RowsAt { base: x.as_ptr(), stride: input, map: std::ptr::null() },
        depth: Depth::plain(input),
        b: packed.as_ptr(),
        columns,
        start: if bias.is_empty() { Start::Zero } else { Start::Row(bias.as_ptr()) },
        c: RowsAt { base: y.as_mut_ptr(), stride: output, map: std::ptr::null() },
    };
    // SAFETY: every length was checked above.
    unsafe { run_product(&kernels, &task, rows, dims.flops()) };
    Ok(())
}

/// dX = dY·W. `d_y` is `[R, O]`, `d_x` `[R, I]` (overwritten).
pub fn backward_input(
    path: Path,
    dims: LinearDims,
    weight: &[f32],
    d_y: &[f32],
    d_x: &mut [f32],
) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    length("weight", output * input, weight.len())?;
    length("d_y", rows * output, d_y.len())?;
    length("d_x", rows * input, d_x.len())?;
    if path == Path::Reference {
        d_x.fill(0.0);
        for (d_y, d_x) in d_y.chunks_exact(output.max(1)).zip(d_x.chunks_exact_mut(input.max(1))) {
            for (&d, w) in d_y.iter().zip(weight.chunks_exact(input.max(1))) {
                d_x.iter_mut().zip(w).for_each(|(d_x, w)| *d_x += d * w);
            }
        }
        return Ok(());
    }
    let kernels = path.kernels()?;
    let columns = Columns { columns: input, lanes: kernels.lanes };
    let mut packed = Aligned::default();
    packed.resize(columns.packed_len(output));
    columns.pack(weight, output, &mut packed);
    let task = Product {
        a: RowsAt { base: d_y.as_ptr(), stride: output, map: std::ptr::null() },
        depth: Depth::plain(output),
        b: packed.as_ptr(),
        columns,
        start: Start::Zero,
        c: RowsAt { base: d_x.as_mut_ptr(), stride: input, map: std::ptr::null() },
    };
    // SAFETY: every length was checked above.
    unsafe { run_product(&kernels, &task, rows, dims.flops()) };
    Ok(())
}

/// dW += dYᵀ·X and db += Σ dY, each summed over rows in one fixed order. `d_bias` may be empty.
pub fn backward_weight(
    path: Path,
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
    if !d_bias.is_empty() {
        for d_y in d_y.chunks_exact(output) {
            d_bias.iter_mut().zip(d_y).for_each(|(d_b, d)| *d_b += d);
        }
    }
    if path == Path::Reference {
        for (x, d_y) in x.chunks_exact(input.max(1)).zip(d_y.chunks_exact(output.max(1))) {
            for (&d, d_w) in d_y.iter().zip(d_weight.chunks_exact_mut(input.max(1))) {
                d_w.iter_mut().zip(x).for_each(|(d_w, x)| *d_w += d * x);
            }
        }
        return Ok(());
    }
    let kernels = path.kernels()?;
    let base = d_weight.as_mut_ptr();
    // SAFETY: `d_weight` is [O, I], `d_y` [R, O].
    let (a, c): (Vec<*const f32>, Vec<*mut f32>) =
        (0..output).map(|o| unsafe { (d_y.as_ptr().wrapping_add(o), base.add(o * input)) }).unzip();
    let task = Outer {
        rows,
        a: a.as_ptr(),
        a_stride: output,
        b: x.as_ptr(),
        b_stride: input,
        index: std::ptr::null(),
        columns: input,
        c: c.as_ptr(),
    };
    // SAFETY: every length was checked above; output rows do not overlap.
    unsafe { run_outer(&kernels, &task, output, dims.flops()) };
    Ok(())
}
