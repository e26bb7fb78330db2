//! The affine map y = x·Wᵀ + b over rows, and its gradients.
//!
//! As everywhere: every number is one chain of multiply-adds in a fixed order, so no bit depends on how many
//! rows there are or how many threads share them.

use crate::bodies::outer::Outer;
use crate::bodies::tile::Depth;
use crate::dispatch::RoundedKernels;
use crate::drivers::geometry::Columns;
use crate::drivers::linear::{Product, Start, run_product};
use crate::drivers::outer::{ColumnSum, RowSums, run_sums};
use crate::drivers::rounded::{
    ROWS_AT_ONCE, RoundedMemory, RoundedPanels, RoundedProduct, RoundedRun, depth,
};
use crate::drivers::rounded_sums::run_rounded_sums;
use crate::memory::aligned::Aligned;
use crate::words::error::{length, length_or_empty};
use crate::words::rows::{RowsAt, RowsMut, RowsRef, at, at_mut};
use crate::words::sizes::{WIDEST_PANEL, numbers};
use crate::words::{Error, InputGradient, Machine, Path, Precision, Purpose};

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
    /// Checks that rows and weights, also packed, can be addressed: what comes after may multiply the sizes without
    /// another look.
    fn check(self) -> Result<(), Error> {
        let Self { rows, input, output } = self;
        for (what, size) in [("the input of an affine map", input), ("the output of an affine map", output)] {
            if size == 0 {
                return Err(Error::Zero { what });
            }
        }
        // Packed weights have whole vectors on either side.
        let padded = |size: usize| size.saturating_add(WIDEST_PANEL);
        numbers("the weights of an affine map", [padded(input), padded(output)])?;
        numbers("the rows of an affine map", [rows, input.max(output)])?;
        Ok(())
    }

    /// What the product computes, in operations, or `usize::MAX` for more.
    fn flops(self) -> usize {
        self.rows.saturating_mul(2).saturating_mul(self.input).saturating_mul(self.output)
    }
}

/// The weights of an affine map, packed for one path. They belong to the values they were packed from: when those
/// change, [`update`](Self::update) them.
#[derive(Debug, Clone)]
pub struct Packed {
    machine: Machine,
    input: usize,
    output: usize,
    forward: Aligned,
    /// Empty if the gradient of the input is not wanted.
    backward: Aligned,
    /// The weights where they are rounded, in place of both.
    rounded: Option<Rounded>,
}

/// Rounded weights, with the kernels that multiply them.
#[derive(Debug, Clone)]
struct Rounded {
    kernels: RoundedKernels,
    forward: RoundedPanels,
    /// Empty if the gradient of the input is not wanted.
    backward: RoundedPanels,
}

impl Packed {
    /// Packs `weight`, `[O, I]`, for a path, of this machine or of one with other caches; with or without what
    /// [`backward_input`](Self::backward_input) needs. A path that the processor lacks is an error, and so are sizes of 0 or
    /// beyond what can be addressed.
    pub fn new(
        machine: impl Into<Machine>,
        input: usize,
        output: usize,
        weight: &[f32],
        wanted: InputGradient,
    ) -> Result<Self, Error> {
        Self::of(machine.into(), [input, output], weight, wanted, Precision::F32)
    }

    /// As [`new`](Self::new) for [`forward`](Self::forward) alone, with numbers of a precision.
    pub fn for_inference(
        machine: impl Into<Machine>,
        input: usize,
        output: usize,
        weight: &[f32],
        precision: Precision,
    ) -> Result<Self, Error> {
        Self::of(machine.into(), [input, output], weight, InputGradient::Skip, precision)
    }

    /// As [`new`](Self::new), with products over numbers of a precision, rounded by the rules of [`precision`](crate::precision). Of
    /// [`Precision::Int8`], for [`forward`](Self::forward) alone, the weights are whole numbers with a scale for each output; more than
    /// 100,000 inputs are then an error. A path without such products is an error.
    pub fn with_precision(
        machine: impl Into<Machine>,
        input: usize,
        output: usize,
        weight: &[f32],
        wanted: InputGradient,
        precision: Precision,
    ) -> Result<Self, Error> {
        Self::of(machine.into(), [input, output], weight, wanted, precision)
    }

    fn of(
        machine: Machine,
        [input, output]: [usize; 2],
        weight: &[f32],
        wanted: InputGradient,
        precision: Precision,
    ) -> Result<Self, Error> {
        let path = machine.path;
        if !path.is_available() {
            return Err(Error::PathUnavailable { path: path.name() });
        }
        LinearDims { rows: 0, input, output }.check()?;
        depth(precision, input)?;
        let rounded = machine.rounded_kernels(precision)?.map(|kernels| Rounded {
            kernels,
            forward: RoundedPanels::default(),
            backward: RoundedPanels::default(),
        });
        let (forward, backward) = (Aligned::default(), Aligned::default());
        let mut packed = Self { machine, input, output, forward, backward, rounded };
        packed.update(weight, wanted)?;
        Ok(packed)
    }

    /// Packs other values of the same shape, in the memory there is.
    pub fn update(&mut self, weight: &[f32], wanted: InputGradient) -> Result<(), Error> {
        let Self { machine, input, output, .. } = *self;
        length("weight", output * input, weight.len())?;
        self.forward.resize(0)?;
        self.backward.resize(0)?;
        if let Some(Rounded { kernels: rounded, forward, backward }) = &mut self.rounded {
            if wanted == InputGradient::Needed && rounded.precision == Precision::Int8 {
                let wanted = Purpose::Backward(InputGradient::Needed);
                return Err(Error::Purpose { prepared: Purpose::Inference, wanted });
            }
            let kernels = machine.kernels()?;
            let columns = |columns| Columns { columns, lanes: kernels.lanes };
            forward.pack_columns((&kernels, rounded), columns(output), weight, input)?;
            return match wanted {
                InputGradient::Needed => backward.pack_rows(rounded, columns(input), weight, output),
                InputGradient::Skip => backward.empty(),
            };
        }
        if machine.path == Path::Reference {
            self.forward.resize(weight.len())?;
            self.forward.copy_from_slice(weight);
            return Ok(());
        }
        let kernels = machine.kernels()?;
        let lanes = kernels.lanes;
        let columns = Columns { columns: output, lanes };
        self.forward.resize(columns.packed_len(input))?;
        columns.pack_transposed(&kernels, weight, input, &mut self.forward);
        if wanted == InputGradient::Needed {
            let columns = Columns { columns: input, lanes };
            self.backward.resize(columns.packed_len(output))?;
            columns.pack(weight, output, &mut self.backward);
        }
        Ok(())
    }

    /// Whether [`backward_input`](Self::backward_input) can be called.
    pub fn has_backward(&self) -> bool {
        match &self.rounded {
            Some(rounded) => !rounded.backward.is_empty(),
            None => self.machine.path == Path::Reference || self.backward.len() >= self.input * self.output,
        }
    }

    /// The sizes of a call, whose weights are there.
    fn dims(&self, rows: usize) -> Result<LinearDims, Error> {
        // An update that found no memory leaves none.
        if self.forward.is_empty() && self.rounded.as_ref().is_none_or(|rounded| rounded.forward.is_empty()) {
            return Err(Error::Unpacked);
        }
        let dims = LinearDims { rows, input: self.input, output: self.output };
        dims.check()?;
        Ok(dims)
    }

    /// y = x·Wᵀ + b for `rows` rows; `bias` is `[O]` or empty. What is between two rows of `y` stays as it is.
    pub fn forward(&self, rows: usize, bias: &[f32], x: RowsRef<'_>, y: RowsMut<'_>) -> Result<(), Error> {
        let Self { machine, input, output, .. } = *self;
        let dims = self.dims(rows)?;
        length_or_empty("bias", output, bias.len())?;
        x.check("x", rows, input)?;
        y.check("y", rows, output)?;
        if machine.path == Path::Reference {
            let mut y = y;
            for row in 0..rows {
                let x = x.row(row, input);
                for (o, y) in y.row_mut(row, output).iter_mut().enumerate() {
                    let start = bias.get(o).copied().unwrap_or(0.0);
                    let w = &self.forward[o * input..(o + 1) * input];
                    *y = w.iter().zip(x).fold(start, |sum, (w, x)| sum + w * x);
                }
            }
            return Ok(());
        }
        let kernels = machine.kernels()?;
        if let Some(rounded) = &self.rounded {
            let columns = Columns { columns: output, lanes: kernels.lanes };
            let bias = if bias.is_empty() { std::ptr::null() } else { bias.as_ptr() };
            // SAFETY: as below.
            return unsafe { rounded.run(&rounded.forward, columns, dims, (at(x), input), bias, at_mut(y)) };
        }
        let task = Product {
            a: at(x),
            depth: Depth::plain(input),
            b: self.forward.as_ptr(),
            columns: Columns { columns: output, lanes: kernels.lanes },
            start: if bias.is_empty() { Start::Zero } else { Start::Row(bias.as_ptr()) },
            c: at_mut(y),
        };
        // SAFETY: the weights are packed for these sizes, and the views of the rows, of A to be read and of C to be written,
        // were checked above; a `RowMap` names no row twice.
        unsafe { run_product(&kernels, &task, rows, dims.flops()) };
        Ok(())
    }

    /// dX = dY·W for `rows` rows. Weights that were packed without this are an error.
    pub fn backward_input(&self, rows: usize, d_y: RowsRef<'_>, d_x: RowsMut<'_>) -> Result<(), Error> {
        let Self { machine, input, output, .. } = *self;
        let dims = self.dims(rows)?;
        d_y.check("d_y", rows, output)?;
        d_x.check("d_x", rows, input)?;
        if !self.has_backward() {
            return Err(Error::Cache);
        }
        if machine.path == Path::Reference {
            let mut d_x = d_x;
            for row in 0..rows {
                let (d_y, d_x) = (d_y.row(row, output), d_x.row_mut(row, input));
                d_x.fill(0.0);
                for (&d, w) in d_y.iter().zip(self.forward.chunks_exact(input)) {
                    d_x.iter_mut().zip(w).for_each(|(d_x, w)| *d_x += d * w);
                }
            }
            return Ok(());
        }
        let kernels = machine.kernels()?;
        if let Some(rounded) = &self.rounded {
            let columns = Columns { columns: input, lanes: kernels.lanes };
            let (d_y, none) = ((at(d_y), output), std::ptr::null());
            // SAFETY: as below.
            return unsafe { rounded.run(&rounded.backward, columns, dims, d_y, none, at_mut(d_x)) };
        }
        let task = Product {
            a: at(d_y),
            depth: Depth::plain(output),
            b: self.backward.as_ptr(),
            columns: Columns { columns: input, lanes: kernels.lanes },
            start: Start::Zero,
            c: at_mut(d_x),
        };
        // SAFETY: the weights are packed for these sizes, and the views of the rows, of A to be read and of C to be written,
        // were checked above; a `RowMap` names no row twice.
        unsafe { run_product(&kernels, &task, rows, dims.flops()) };
        Ok(())
    }
}

impl Rounded {
    /// A product of all rows, of so many numbers each.
    ///
    /// # Safety
    /// The weights must be packed for these columns, and the rows be valid; C names no row twice.
    unsafe fn run(
        &self,
        b: &RoundedPanels,
        columns: Columns,
        dims: LinearDims,
        (a, len): (RowsAt<*const f32>, usize),
        bias: *const f32,
        c: RowsAt<*mut f32>,
    ) -> Result<(), Error> {
        let kernels = &self.kernels;
        let mut memory = RoundedMemory::default();
        let memory = memory.rows(kernels, 1, dims.rows.min(ROWS_AT_ONCE), len)?;
        let task = RoundedRun { product: RoundedProduct { kernels, b, columns }, a, bias, c };
        // SAFETY: the caller's promises.
        unsafe { task.run(memory, dims.rows, dims.flops()) };
        Ok(())
    }
}

/// y = x·Wᵀ + b. `x` is `[R, I]`, `weight` `[O, I]`, `bias` `[O]` or empty, `y` `[R, O]` (overwritten).
pub fn forward(
    machine: impl Into<Machine>,
    dims: LinearDims,
    weight: &[f32],
    bias: &[f32],
    x: &[f32],
    y: &mut [f32],
) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    dims.check()?;
    length("x", rows * input, x.len())?;
    length("y", rows * output, y.len())?;
    let packed = Packed::new(machine, input, output, weight, InputGradient::Skip)?;
    packed.forward(rows, bias, RowsRef::dense(x, input), RowsMut::dense(y, output))
}

/// dX = dY·W. `d_y` is `[R, O]`, `d_x` `[R, I]` (overwritten).
pub fn backward_input(
    machine: impl Into<Machine>,
    dims: LinearDims,
    weight: &[f32],
    d_y: &[f32],
    d_x: &mut [f32],
) -> Result<(), Error> {
    let LinearDims { rows, input, output } = dims;
    dims.check()?;
    length("d_y", rows * output, d_y.len())?;
    length("d_x", rows * input, d_x.len())?;
    let packed = Packed::new(machine, input, output, weight, InputGradient::Needed)?;
    packed.backward_input(rows, RowsRef::dense(d_y, output), RowsMut::dense(d_x, input))
}

/// dW += dYᵀ·X and db += Σ dY, each summed over rows, the last row first: rows in pieces, the last piece first, give the
/// bits of the whole. `x` is `[R, I]`, `d_y` `[R, O]`, and `d_bias` may be empty. The reference path begins with the first
/// row, as the equations are written.
pub fn backward_weight(
    machine: impl Into<Machine>,
    dims: LinearDims,
    x: RowsRef<'_>,
    d_y: RowsRef<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) -> Result<(), Error> {
    sum_weight_gradient(&machine.into(), dims, x, d_y, (d_weight, d_bias), Precision::F32)
}

/// As [`backward_weight`], with dYᵀ·X over numbers of a precision, rounded by the rules of [`precision`](crate::precision), in pieces of
/// 256 rows. [`Precision::Int8`] has no gradients, and is an error, as is a path without such products.
pub fn backward_weight_with(
    machine: impl Into<Machine>,
    dims: LinearDims,
    x: RowsRef<'_>,
    d_y: RowsRef<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
    precision: Precision,
) -> Result<(), Error> {
    sum_weight_gradient(&machine.into(), dims, x, d_y, (d_weight, d_bias), precision)
}

fn sum_weight_gradient(
    machine: &Machine,
    dims: LinearDims,
    x: RowsRef<'_>,
    d_y: RowsRef<'_>,
    (d_weight, d_bias): (&mut [f32], &mut [f32]),
    precision: Precision,
) -> Result<(), Error> {
    dims.check()?;
    if precision == Precision::Int8 {
        let wanted = Purpose::Backward(InputGradient::Skip);
        return Err(Error::Purpose { prepared: Purpose::Inference, wanted });
    }
    let rounded = machine.rounded_kernels(precision)?;
    let LinearDims { rows, input, output } = dims;
    x.check("x", rows, input)?;
    d_y.check("d_y", rows, output)?;
    length("d_weight", output * input, d_weight.len())?;
    length_or_empty("d_bias", output, d_bias.len())?;
    if rows == 0 {
        return Ok(());
    }
    if machine.path == Path::Reference {
        for row in 0..rows {
            let (x, d_y) = (x.row(row, input), d_y.row(row, output));
            d_bias.iter_mut().zip(d_y).for_each(|(d_b, d)| *d_b += d);
            for (&d, d_w) in d_y.iter().zip(d_weight.chunks_exact_mut(input)) {
                d_w.iter_mut().zip(x).for_each(|(d_w, x)| *d_w += d * x);
            }
        }
        return Ok(());
    }
    let kernels = machine.kernels()?;
    // Sums take the rows of dY in the order of memory.
    let in_order = d_y.map.is_some().then(|| d_y.gather(rows, output)).transpose()?;
    let d_y = in_order.as_deref().map_or(d_y, |values| RowsRef::dense(values, output));
    let (x, a_stride) = (at(x), d_y.stride);
    let columns = (0..output).map(|o| d_y.values[o..].as_ptr());
    let (a, c): (Vec<*const f32>, Vec<*mut f32>) =
        columns.zip(d_weight.chunks_exact_mut(input).map(<[f32]>::as_mut_ptr)).unzip();
    let product = Outer {
        rows: 0..rows,
        a: a.as_ptr(),
        a_stride,
        b: x.base,
        b_stride: x.stride,
        index: x.map,
        columns: input,
        c: c.as_ptr(),
    };
    let bias = ColumnSum { a: a.as_ptr(), a_stride, outputs: a.len(), to: d_bias.as_mut_ptr() };
    let columns = if d_bias.is_empty() { &[][..] } else { std::slice::from_ref(&bias) };
    let task = RowSums { rows, products: std::slice::from_ref(&product), columns };
    // SAFETY: the views of X and dY were checked above, `a` and `c` have a column of dY and a row of `d_weight` for each
    // output, and `d_bias` is empty or has a number for each; output rows do not overlap.
    unsafe {
        match &rounded {
            Some(rounded) => {
                let mut memory = Aligned::default();
                run_rounded_sums(&kernels, rounded, &task, output, dims.flops(), &mut memory)?;
            }
            None => run_sums(&kernels, &task, output, dims.flops()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|k| ((k * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn paths() -> impl Iterator<Item = Path> {
        Path::ALL.into_iter().filter(|path| path.is_available())
    }

    const SIZES: [(usize, usize, usize); 6] =
        [(1, 3, 1), (7, 5, 17), (30, 33, 130), (9, 1, 2500), (13, 2100, 3), (5, 70, 4099)];

    /// Rows in pieces, in buffers with gaps, with weights packed once: the bits of the whole, and gaps as they were.
    #[test]
    fn pieces_of_rows_give_the_bits_of_the_whole() {
        for path in paths() {
            for (rows, input, output) in SIZES {
                let whole = LinearDims { rows, input, output };
                let (w, bias) = (numbers(output * input, 1), numbers(output, 2));
                let (x, d_y) = (numbers(rows * input, 3), numbers(rows * output, 4));
                let (mut y, mut d_x) = (vec![0.0; rows * output], vec![0.0; rows * input]);
                let (mut d_w, mut d_b) = (numbers(output * input, 5), numbers(output, 6));
                forward(path, whole, &w, &bias, &x, &mut y).unwrap();
                backward_input(path, whole, &w, &d_y, &mut d_x).unwrap();
                let rows_of = |values, width| RowsRef::dense(values, width);
                backward_weight(path, whole, rows_of(&x, input), rows_of(&d_y, output), &mut d_w, &mut d_b)
                    .unwrap();

                let mut packed =
                    Packed::new(path, input, output, &vec![9.0; w.len()], InputGradient::Skip).unwrap();
                packed.update(&w, InputGradient::Needed).unwrap();
                let (mut found_w, mut found_b) = (numbers(output * input, 5), numbers(output, 6));
                let (stride, mut end) = (output + 3, rows);
                while end > 0 {
                    let start = end.saturating_sub(4);
                    let count = end - start;
                    let x = &x[start * input..end * input];
                    let mut rows_y = vec![7.0; count * stride];
                    let to = RowsMut { values: &mut rows_y, stride, map: None };
                    packed.forward(count, &bias, RowsRef::dense(x, input), to).unwrap();
                    for (row, expected) in rows_y.chunks(stride).zip(y[start * output..].chunks(output)) {
                        assert_eq!((&row[..output], &row[output..]), (expected, &[7.0; 3][..]), "{path}");
                    }
                    for (row, d) in rows_y.chunks_mut(stride).zip(d_y[start * output..].chunks(output)) {
                        row[..output].copy_from_slice(d);
                    }
                    let from = RowsRef { values: &rows_y, stride, map: None };
                    let mut found_x = vec![0.0; count * input];
                    packed.backward_input(count, from, RowsMut::dense(&mut found_x, input)).unwrap();
                    assert!(found_x == d_x[start * input..end * input], "{path}");
                    let dims = LinearDims { rows: count, ..whole };
                    let (x, d_y) = (RowsRef::dense(x, input), RowsRef { values: &rows_y, stride, map: None });
                    backward_weight(path, dims, x, d_y, &mut found_w, &mut found_b).unwrap();
                    end = start;
                }
                if path == Path::Reference {
                    // It sums as the equations are written, the first row first.
                    continue;
                }
                assert!(found_w == d_w && found_b == d_b, "{path} {whole:?}");
            }
        }
    }

    /// The fused paths against the reference path, also where the product is taken in pieces of its depth.
    #[test]
    fn paths_agree() {
        for (rows, input, output) in SIZES {
            let dims = LinearDims { rows, input, output };
            let (w, bias) = (numbers(output * input, 1), numbers(output, 2));
            let (x, d_y) = (numbers(rows * input, 3), numbers(rows * output, 4));
            let run = |path: Path| {
                let (mut y, mut d_x) = (vec![0.0; rows * output], vec![0.0; rows * input]);
                let (mut d_w, mut d_b) = (vec![0.0; output * input], vec![0.0; output]);
                forward(path, dims, &w, &bias, &x, &mut y).unwrap();
                backward_input(path, dims, &w, &d_y, &mut d_x).unwrap();
                let (x, d_y) = (RowsRef::dense(&x, input), RowsRef::dense(&d_y, output));
                backward_weight(path, dims, x, d_y, &mut d_w, &mut d_b).unwrap();
                [y, d_x, d_w, d_b]
            };
            let expected = run(Path::Reference);
            for path in paths() {
                for (found, expected) in run(path).iter().zip(&expected) {
                    for (f, e) in found.iter().zip(expected) {
                        assert!((f - e).abs() <= 1e-4 * e.abs().max(1.0), "{path} {dims:?}: {f} for {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_not_packed_and_what_does_not_fit_are_errors() {
        for path in paths().filter(|path| *path != Path::Reference) {
            let packed = Packed::new(path, 2, 3, &[0.0; 6], InputGradient::Skip).unwrap();
            assert!(!packed.has_backward());
            let (d_y, mut d_x) = ([0.0; 3], [0.0; 2]);
            let result = packed.backward_input(1, RowsRef::dense(&d_y, 3), RowsMut::dense(&mut d_x, 2));
            assert_eq!(result, Err(Error::Cache));
            assert!(Packed::new(path, 2, 3, &[0.0; 5], InputGradient::Skip).is_err());
            let (x, mut y) = ([0.0; 2], [0.0; 5]);
            assert!(packed.forward(2, &[], RowsRef::dense(&x, 2), RowsMut::dense(&mut y, 3)).is_err());
        }
    }
}
