//! The gradients of the weights, from those of the gates that a backward pass leaves in its cache.

use std::ops::Range;

use super::cache::Cache;
use super::fused::Fused;
use crate::bodies::outer::Outer;
use crate::dispatch::RoundedKernels;
use crate::drivers::geometry::Side;
use crate::drivers::norm::{BLOCK, hidden_gates, hidden_offset, second_offset, sums_column};
use crate::drivers::outer::{ColumnSum, RowSums, run_sums, sum_outputs};
use crate::drivers::rounded_sums::run_rounded_sums;
use crate::memory::aligned::Aligned;
use crate::words::rows::{RowsAt, at};
use crate::words::{Adjoint, Dims, Error, RowsRef};

impl Fused {
    /// dW, dU and the biases from the gate gradients that the pass over the steps left in the cache.
    pub(super) fn weight_gradients(
        &self,
        flops: usize,
        adjoint: Adjoint<'_>,
        cache: &Cache,
        memory: &mut Aligned,
    ) -> Result<(), Error> {
        let Adjoint { steps, x, initial, masks, out, into, .. } = adjoint;
        let g = &self.geometry;
        let Dims { hidden, options, .. } = g.dims;
        let (rows, n, output) = (steps.rows(), steps.sequences(), g.dims.output());
        let input_columns = self.gate_columns(cache, rows, Side::Input);
        let hidden_columns = self.gate_columns(cache, rows, Side::Hidden);
        let reset_columns = self.gate_columns(cache, rows, Side::Second);
        let scale_columns = self.gate_columns(cache, rows, Side::Scale);
        // What is summed with x and h: the gradients of the gates, or, with layer normalisation, those of what was normalised.
        let normed = options.layer_norm.is_some();
        let normed_columns =
            |part: usize, first: usize, count: usize, at: usize| -> Vec<(usize, *const f32)> {
                let column = |k: usize| cache.norm.sums[sums_column(g.dims, rows, part, at + k)..].as_ptr();
                (0..count).map(|k| (first + k, column(k))).collect()
            };
        let (gate_rows, hidden_rows) = (g.dims.gate_rows(), hidden_gates(g.dims.cell.spec()) * hidden);
        let [input_sums, hidden_sums, reset_sums] = match normed {
            true => [
                normed_columns(0, 0, gate_rows, 0),
                normed_columns(0, 0, hidden_rows, hidden_offset(g.dims)),
                normed_columns(0, hidden_rows, gate_rows - hidden_rows, second_offset(g.dims)),
            ],
            false => [input_columns.clone(), hidden_columns.clone(), reset_columns.clone()],
        };
        let stride = if normed { BLOCK } else { g.width() };
        // What is narrow depends on the path, on which rounded sums do not.
        let narrow = g.dims.input < g.lanes && !normed && self.rounded().is_none();
        if narrow {
            self.narrow_input_gradient(rows, x, cache, into.input)?;
        }
        // The state before row r of step t is the row of the same rank at step t − 1: N rows earlier, if no sequence
        // ends before the last step.
        let uniform = out.map.is_none() && rows == n * steps.len();
        let mut before = Vec::new();
        for t in (1..steps.len()).filter(|_| !uniform) {
            let from = steps.offset(t - 1);
            before.extend((from..from + steps.batch_size(t)).map(|row| match out.map {
                Some(map) => map.as_slice()[row],
                None => row as u32,
            }));
        }
        let index = if uniform { std::ptr::null() } else { before.as_ptr() };
        let of_input = Sum {
            rows: 0..rows,
            a: &input_sums,
            b: at(x),
            index: at(x).map,
            columns: g.dims.input,
            into: into.input.as_mut_ptr(),
        };
        let rest = Sum {
            rows: n..rows,
            a: &hidden_sums,
            b: at(out),
            index,
            columns: output,
            into: into.hidden.as_mut_ptr(),
        };
        let first = initial.map(|initial| Sum {
            rows: 0..n,
            b: RowsAt::dense(initial.hidden.as_ptr(), output),
            index: std::ptr::null(),
            ..rest.clone()
        });
        let mut of_input = if narrow { Vec::new() } else { vec![of_input] };
        let mut of_hidden = Vec::new();
        let into_hidden = into.hidden.as_mut_ptr();
        let seen = |mask: usize| Sum {
            rows: 0..rows,
            a: &hidden_sums,
            b: RowsAt::dense(cache.seen[mask * rows * output..].as_ptr(), output),
            index: std::ptr::null(),
            columns: output,
            into: into_hidden,
        };
        let count = if masks.recurrent.is_empty() { 0 } else { g.dims.recurrent_masks() };
        let by_gate: Vec<Vec<_>> = match count > 1 {
            // Columns of gates with a mask of their own, of which a reset before the product leaves one out.
            true => hidden_sums.chunk_by(|a, b| a.0 / hidden == b.0 / hidden).fold(
                vec![Vec::new(); g.dims.cell.gates()],
                |mut gates, columns| {
                    gates[columns[0].0 / hidden].extend_from_slice(columns);
                    gates
                },
            ),
            false => Vec::new(),
        };
        match count {
            0 if g.multiplies_hidden() => {
                of_hidden.push(rest);
                of_hidden.extend(first);
            }
            1 => of_hidden.push(seen(0)),
            _ => {}
        }
        let of_hidden_bias = [&hidden_columns[..], &reset_columns].concat();
        // Of two biases that only ever stand side by side, as an LSTM's do, one sum is enough.
        let alike = input_columns == of_hidden_bias
            && into.bias_input.iter().map(|b| b.to_bits()).eq(into.bias_hidden.iter().map(|b| b.to_bits()));
        let mut biases = [
            BiasSum::new(&input_columns, &mut *into.bias_input),
            if alike { None } else { BiasSum::new(&of_hidden_bias, &mut *into.bias_hidden) },
            if scale_columns.is_empty() { None } else { BiasSum::new(&scale_columns, &mut *into.hidden) },
        ];
        let columns: Vec<ColumnSum> = biases.iter_mut().flatten().map(|bias| bias.task(g.width())).collect();
        // With the reset before the product, n has no column on the state's side, and so the sides have not the same rows.
        if reset_columns.is_empty() {
            of_input.append(&mut of_hidden);
        }
        match self.rounded() {
            None => {
                self.sums(rows, stride, &of_input, &columns, flops);
                self.sums(rows, stride, &of_hidden, &[], flops);
            }
            Some(rounded) => {
                self.rounded_sums(rounded, (rows, stride), &of_input, &columns, flops, memory)?;
                self.rounded_sums(rounded, (rows, stride), &of_hidden, &[], flops, memory)?;
            }
        }
        for (gate, columns) in by_gate.iter().enumerate().filter(|(_, columns)| !columns.is_empty()) {
            self.sums(rows, stride, &[Sum { a: columns, ..seen(gate) }], &[], flops);
        }
        biases.into_iter().flatten().for_each(BiasSum::finish);
        if alike {
            into.bias_hidden.copy_from_slice(into.bias_input);
        }
        if normed {
            for (part, into) in [(1, into.norm_bias), (2, into.norm_gain)] {
                let columns = normed_columns(part, 0, g.dims.norm_len(), 0);
                if let Some(mut sums) = BiasSum::new(&columns, into) {
                    self.sums(rows, BLOCK, &[], &[sums.task(BLOCK)], flops);
                    sums.finish();
                }
            }
        }
        if options.peepholes {
            let columns: Vec<_> = (0..3 * hidden).map(|p| (p, cache.peeped[p..].as_ptr())).collect();
            if let Some(mut sums) = BiasSum::new(&columns, into.peepholes) {
                self.sums(rows, 3 * hidden, &[], &[sums.task(3 * hidden)], flops);
                sums.finish();
            }
        }
        if g.has_second_product() {
            let inner = |a, into: &mut [f32]| Sum {
                rows: 0..rows,
                a,
                b: RowsAt::dense(cache.inner.as_ptr(), hidden),
                index: std::ptr::null(),
                columns: hidden,
                into: into.as_mut_ptr(),
            };
            match options.projection {
                Some(a_stride) => {
                    let columns = |row| (row, cache.d_projected[row..].as_ptr());
                    let columns: Vec<_> = (0..output).map(columns).collect();
                    let flops = (2 * rows).saturating_mul(output * hidden);
                    self.sums(rows, a_stride, &[inner(&columns, into.projection)], &[], flops);
                }
                None => {
                    let flops = (2 * rows).saturating_mul(hidden * hidden);
                    self.sums(rows, stride, &[inner(&reset_sums, into.hidden)], &[], flops);
                }
            }
        }
        Ok(())
    }

    /// dW of an input narrower than a vector, transposed: its numbers are the outputs, and the gates' whole vectors the
    /// columns. The same chains of additions, so the same bits.
    fn narrow_input_gradient(
        &self,
        rows: usize,
        x: RowsRef<'_>,
        cache: &Cache,
        into: &mut [f32],
    ) -> Result<(), Error> {
        let g = &self.geometry;
        let inputs = g.dims.input;
        let dense = x.gather(rows, inputs)?;
        let mut sums = Aligned::default();
        for panel in 0..g.panels {
            let width = g.vectors(panel, Side::Input) * g.lanes;
            let place = |column| g.weight_row(panel, column, Side::Input);
            sums.resize(inputs * width)?;
            for (i, sums) in sums.chunks_exact_mut(width).enumerate() {
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = place(column).map_or(0.0, |row| into[row * inputs + i]);
                }
            }
            let base = sums.as_mut_ptr();
            let a: Vec<*const f32> = (0..inputs).map(|i| dense[i..].as_ptr()).collect();
            // SAFETY: `sums` has a row of `width` for each input.
            let c: Vec<*mut f32> = (0..inputs).map(|i| unsafe { base.add(i * width) }).collect();
            let product = Outer {
                rows: 0..rows,
                a: a.as_ptr(),
                a_stride: inputs,
                b: cache.gates[panel * rows * g.width()..].as_ptr(),
                b_stride: g.width(),
                index: std::ptr::null(),
                columns: width,
                c: c.as_ptr(),
            };
            let task = RowSums { rows, products: &[product], columns: &[] };
            // SAFETY: `dense` has a row of `inputs` for each row of gates; output rows do not overlap.
            unsafe { sum_outputs(&self.kernels, &task, 0..inputs) };
            for (i, sums) in sums.chunks_exact(width).enumerate() {
                for (column, &sum) in sums.iter().enumerate() {
                    if let Some(row) = place(column) {
                        into[row * inputs + i] = sum;
                    }
                }
            }
        }
        Ok(())
    }

    /// For each weight row that a side has: where its column of gate gradients begins.
    fn gate_columns(&self, cache: &Cache, rows: usize, side: Side) -> Vec<(usize, *const f32)> {
        let g = &self.geometry;
        let mut columns = Vec::with_capacity(g.dims.gate_rows());
        for panel in 0..g.panels {
            let gates = &cache.gates[panel * rows * g.width()..];
            for (column, row, count) in g.gates(panel, side) {
                columns.extend((0..count).map(|at| (row + at, gates[column + at..].as_ptr())));
            }
        }
        columns
    }

    /// Sums over rows of gradients that are `a_stride` apart.
    fn sums(&self, rows: usize, a_stride: usize, sums: &[Sum<'_>], columns: &[ColumnSum], flops: usize) {
        // SAFETY: A has `rows` rows, and B one for each that it is summed with; tasks write disjoint output rows.
        let run = |task: &RowSums, outputs| unsafe { run_sums(&self.kernels, task, outputs, flops) };
        with_outers(rows, a_stride, sums, columns, run).unwrap_or(())
    }

    /// The same over rounded numbers, but for the sums of columns. `memory` is for them.
    fn rounded_sums(
        &self,
        rounded: &RoundedKernels,
        (rows, a_stride): (usize, usize),
        sums: &[Sum<'_>],
        columns: &[ColumnSum],
        flops: usize,
        memory: &mut Aligned,
    ) -> Result<(), Error> {
        // SAFETY: as for `sums`.
        let run = |task: &RowSums, outputs| unsafe {
            run_rounded_sums(&self.kernels, rounded, task, outputs, flops, memory)
        };
        with_outers(rows, a_stride, sums, columns, run).unwrap_or(Ok(()))
    }
}

/// Calls `run` with sums as drivers take them, and how many output rows they have; None where there are none.
fn with_outers<T>(
    rows: usize,
    a_stride: usize,
    sums: &[Sum<'_>],
    columns: &[ColumnSum],
    run: impl FnOnce(&RowSums, usize) -> T,
) -> Option<T> {
    let outputs = sums.first().map(|sum| sum.a.len()).or(columns.first().map(|sum| sum.outputs))?;
    let pointers = |sum: &Sum| -> (Vec<*const f32>, Vec<*mut f32>) {
        // SAFETY: there is a row of `columns` for each that is named.
        sum.a.iter().map(|&(row, a)| (a, unsafe { sum.into.add(row * sum.columns) })).unzip()
    };
    let pointers: Vec<_> = sums.iter().map(pointers).collect();
    let product = |(sum, (a, c)): (&Sum, &(Vec<*const f32>, Vec<*mut f32>))| Outer {
        rows: sum.rows.clone(),
        a: a.as_ptr(),
        a_stride,
        b: sum.b.base,
        b_stride: sum.b.stride,
        index: sum.index,
        columns: sum.columns,
        c: c.as_ptr(),
    };
    let products: Vec<Outer> = sums.iter().zip(&pointers).map(product).collect();
    Some(run(&RowSums { rows, products: &products, columns }, outputs))
}

/// A sum over rows of gradients times what goes with them.
#[derive(Clone)]
struct Sum<'a> {
    rows: Range<usize>,
    /// For each weight row: its number, and where its column of gradients begins.
    a: &'a [(usize, *const f32)],
    b: RowsAt<*const f32>,
    index: *const u32,
    columns: usize,
    into: *mut f32,
}

/// The sum over rows for one bias, or for factors of h, in the order of the columns of gradients. It is added to what is there,
/// so that the pieces of a sequence add to one chain.
struct BiasSum<'a> {
    bias: &'a mut [f32],
    rows: Vec<usize>,
    a: Vec<*const f32>,
    sums: Vec<f32>,
}

impl<'a> BiasSum<'a> {
    /// None for no bias.
    fn new(columns: &[(usize, *const f32)], bias: &'a mut [f32]) -> Option<Self> {
        let (rows, a): (Vec<usize>, Vec<_>) = columns.iter().copied().unzip();
        let sums = if bias.is_empty() { return None } else { rows.iter().map(|&row| bias[row]).collect() };
        Some(Self { bias, rows, a, sums })
    }

    fn task(&mut self, a_stride: usize) -> ColumnSum {
        ColumnSum { a: self.a.as_ptr(), a_stride, outputs: self.a.len(), to: self.sums.as_mut_ptr() }
    }

    fn finish(self) {
        self.rows.iter().zip(self.sums).for_each(|(&row, sum)| self.bias[row] = sum);
    }
}
