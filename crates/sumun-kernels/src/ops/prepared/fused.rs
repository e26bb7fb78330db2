//! The fused paths: weights packed in panels of units.

use std::ops::Range;

use super::cache::{Cache, Scratch};
use super::split::Split;
use crate::bodies::outer::Outer;
use crate::dispatch::Tuned;
use crate::drivers::backward::{Backward, backward, backward_apart, backward_by_units};
use crate::drivers::forward::{chunk_rows, forward, forward_apart, forward_by_units};
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::outer::{ColumnSum, RowSums, run_sums, sum_outputs};
use crate::drivers::step::Forward;
use crate::drivers::threads::for_each_task;
use crate::drivers::whole::{Whole, WholeStep};
use crate::memory::aligned::Aligned;
use crate::words::machine::Blocks;
use crate::words::rows::{RowsAt, at, at_mut};
use crate::words::sizes::numbers;
use crate::words::{
    Adjoint, Dims, Error, InputGradient, Pass, Purpose, Recurrence, RowsRef, State, StateMut, Steps, Weights,
    Write,
};

#[derive(Debug, Clone)]
pub(super) struct Fused {
    kernels: Tuned,
    pub(super) geometry: Geometry,
    w: Aligned,
    u: Aligned,
    bias: Aligned,
    /// The second product of a step of two phases: over `weight_hr`, or the block n of `weight_hh`.
    second: Aligned,
    /// Packed for dG·U, dG·W and the backward pass of the second product; empty where they are not wanted.
    u_backward: Aligned,
    w_backward: Aligned,
    second_backward: Aligned,
    /// One row of zeros, as wide as a state.
    zeros: Aligned,
    /// How a step of one sequence is taken as a whole, if it is.
    whole: Option<Whole>,
}

impl Fused {
    /// Nothing packed yet, for sizes that were checked.
    pub(super) fn new(dims: Dims, kernels: Tuned) -> Result<Self, Error> {
        let mut zeros = Aligned::default();
        zeros.resize(dims.hidden.max(dims.output()).max(dims.cell_width()))?;
        let geometry = Geometry::new(dims, kernels.lanes);
        Ok(Self {
            kernels,
            whole: Whole::new(&kernels, &geometry),
            geometry,
            w: Aligned::default(),
            u: Aligned::default(),
            bias: Aligned::default(),
            second: Aligned::default(),
            u_backward: Aligned::default(),
            w_backward: Aligned::default(),
            second_backward: Aligned::default(),
            zeros,
        })
    }

    /// The sizes of blocks.
    pub(super) fn blocks(&self) -> &Blocks {
        &self.kernels.blocks
    }

    /// Packs weights for their purpose, in the memory there is: one direction takes over what the other does not need.
    /// The weights are of checked lengths.
    pub(super) fn update(&mut self, weights: &Weights<f32>, purpose: Purpose) -> Result<(), Error> {
        let pairs = [
            (&mut self.w, &mut self.w_backward),
            (&mut self.u, &mut self.u_backward),
            (&mut self.second, &mut self.second_backward),
        ];
        for (forward, backward) in pairs {
            let (needed, other) = match purpose {
                Purpose::Inference => (forward, backward),
                Purpose::Backward(_) => (backward, forward),
                Purpose::Training(_) => continue,
            };
            if needed.is_empty() {
                std::mem::swap(needed, other);
            }
        }
        if purpose.is_forward() {
            self.pack_forward(weights)?;
        }
        if let Some(wanted) = purpose.backward() {
            self.pack_backward(weights, wanted)?;
        }
        Ok(())
    }

    fn pack_forward(&mut self, weights: &Weights<f32>) -> Result<(), Error> {
        let (g, kernels) = (self.geometry, self.kernels);
        let Dims { input, hidden, options, .. } = g.dims;
        let output = g.dims.output();
        let pack = |to: &mut Aligned, weight, k, side| {
            to.resize(g.packed_len(k, side))?;
            g.pack_forward(&kernels, weight, k, side, to);
            Ok(())
        };
        pack(&mut self.w, weights.input, input, Side::Input)?;
        match g.dims.cell.spec().recurrence {
            Recurrence::Matrix => pack(&mut self.u, weights.hidden, output, Side::Hidden)?,
            Recurrence::Vector => pack_scales(&mut self.u, &g, weights)?,
            Recurrence::None => {}
        }
        self.bias.resize(g.panels * g.width())?;
        g.pack_bias(weights, &mut self.bias);
        if g.two_phases {
            let weight = match options.projection {
                Some(_) => weights.projection,
                None => &weights.hidden[second_block(g.dims) * hidden * hidden..][..hidden * hidden],
            };
            let columns = Columns { columns: output, lanes: g.lanes };
            self.second.resize(columns.packed_len(hidden))?;
            columns.pack_transposed(&kernels, weight, hidden, &mut self.second);
        }
        Ok(())
    }

    fn pack_backward(&mut self, weights: &Weights<f32>, wanted: InputGradient) -> Result<(), Error> {
        let g = self.geometry;
        let Dims { input, hidden, options, .. } = g.dims;
        let output = g.dims.output();
        let pack = |to: &mut Aligned, weight, k, side| {
            to.resize(g.packed_backward_len(k, side))?;
            g.pack_backward(weight, k, side, to);
            Ok(())
        };
        match g.dims.cell.spec().recurrence {
            Recurrence::Matrix => pack(&mut self.u_backward, weights.hidden, output, Side::Hidden)?,
            Recurrence::Vector => pack_scales(&mut self.u_backward, &g, weights)?,
            Recurrence::None => {}
        }
        if wanted == InputGradient::Needed {
            pack(&mut self.w_backward, weights.input, input, Side::Input)?;
        }
        if let Some(output) = options.projection {
            let columns = Columns { columns: hidden, lanes: g.lanes };
            self.second_backward.resize(columns.packed_len(output))?;
            columns.pack(weights.projection, output, &mut self.second_backward);
        } else if g.two_phases {
            pack(&mut self.second_backward, weights.hidden, hidden, Side::Second)?;
        }
        Ok(())
    }

    /// The states before the first step, `width` each; one row of zeros for all where there is none.
    fn initial(&self, part: Option<&[f32]>, width: usize) -> RowsAt<*const f32> {
        match part {
            Some(part) => RowsAt::dense(part.as_ptr(), width),
            None => RowsAt::dense(self.zeros.as_ptr(), 0),
        }
    }

    pub(super) fn forward(
        &self,
        split: Split,
        pass: Pass<'_>,
        cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        if cache.is_none()
            && pass.steps.sequences() == 1
            && let Some(whole) = self.whole.as_ref().filter(|whole| whole.passes)
        {
            self.whole_steps(whole, pass, scratch);
            return Ok(());
        }
        let Pass { steps, x, initial, out, last, .. } = pass;
        let g = &self.geometry;
        let shards = split.shards();
        let (rows, hidden) = (steps.rows(), g.dims.hidden);
        let keep = cache.is_some();
        let inner_rows = |rows: usize| if g.two_phases { rows * hidden } else { 0 };
        let (gates, gate_rows, cells, inner) = match cache {
            Some(cache) => {
                cache.gates.resize(g.panels * rows * g.width())?;
                cache.cells.resize(rows * g.dims.cell_width())?;
                cache.inner.resize(inner_rows(rows))?;
                (cache.gates.as_mut_ptr(), rows, cache.cells.as_mut_ptr(), cache.inner.as_mut_ptr())
            }
            None => {
                let chunk = chunk_rows(&self.kernels.blocks, g, steps, shards);
                scratch.gates.resize(numbers("gates of a pass", [shards, chunk, g.panels * g.width()])?)?;
                scratch.inner.resize(inner_rows(steps.sequences()))?;
                (scratch.gates.as_mut_ptr(), chunk, last.cell.as_mut_ptr(), scratch.inner.as_mut_ptr())
            }
        };
        let task = Forward {
            geometry: g,
            cell: self.kernels.cell(g.dims.cell),
            steps,
            shards,
            x: at(x),
            out: at_mut(out),
            h0: self.initial(initial.map(|s| s.hidden), g.dims.output()),
            c0: self.initial(initial.map(|s| s.cell), g.dims.cell_width()),
            w: self.w.as_ptr(),
            u: self.u.as_ptr(),
            bias: self.bias.as_ptr(),
            second: self.second.as_ptr(),
            gates,
            keep,
            backwards: false,
            gate_rows,
            cells,
            inner,
            last_hidden: last.hidden.as_mut_ptr(),
            last_cell: last.cell.as_mut_ptr(),
        };
        // SAFETY: every length was checked when the pass was made or is set above, and the kernels are those of an instruction set that
        // this processor has. Shards own disjoint sequences; only the steps of cells of one phase are divided by units.
        unsafe {
            match split {
                Split::Sequences(shards) => {
                    for_each_task(shards, |shard| forward(&self.kernels, &task, shard));
                }
                Split::Units(pieces) => forward_by_units(&self.kernels, &task, pieces),
                Split::Apart(pieces) => forward_apart(&self.kernels, &task, pieces),
            }
        }
        Ok(())
    }

    /// A step of one sequence as a whole. False where steps are not taken so, or the lengths are not those of one sequence:
    /// then nothing is done.
    #[inline(always)]
    pub(super) fn whole_step(&self, x: &[f32], state: &mut StateMut<'_, f32>, scratch: &mut Scratch) -> bool {
        let Some(whole) = &self.whole else { return false };
        if [x.len(), state.hidden.len(), state.cell.len()] != whole.widths {
            return false;
        }
        let step = self.whole_from(state, scratch);
        let step = WholeStep { x: x.as_ptr(), ..step };
        // SAFETY: the lengths were compared, the weights are packed for these sizes, and the kernels are those of an instruction
        // set that this processor has.
        unsafe { whole.step(&step) };
        true
    }

    /// All steps of one sequence, each as a whole.
    fn whole_steps(&self, whole: &Whole, pass: Pass<'_>, scratch: &mut Scratch) {
        let Pass { steps, x, initial, out, mut last, .. } = pass;
        match initial {
            Some(State { hidden, cell }) => {
                last.hidden.copy_from_slice(hidden);
                last.cell.copy_from_slice(cell);
            }
            None => {
                last.hidden.fill(0.0);
                last.cell.fill(0.0);
            }
        }
        let mut step = self.whole_from(&mut last, scratch);
        // SAFETY: as for a step; the lengths were checked when the pass was made.
        unsafe { whole.steps(&mut step, at(x), at_mut(out), steps.len()) };
        scratch.backwards = step.backwards;
    }

    /// The arrays of a whole step but x.
    #[inline(always)]
    fn whole_from(&self, state: &mut StateMut<'_, f32>, scratch: &mut Scratch) -> WholeStep {
        let backwards = scratch.backwards;
        scratch.backwards = !backwards;
        WholeStep {
            w: self.w.as_ptr(),
            u: self.u.as_ptr(),
            bias: self.bias.as_ptr(),
            x: std::ptr::null(),
            hidden: state.hidden.as_mut_ptr(),
            cell: state.cell.as_mut_ptr(),
            backwards,
        }
    }

    pub(super) fn step(
        &self,
        steps: &Steps,
        x: RowsRef<'_>,
        state: StateMut<'_, f32>,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let g = &self.geometry;
        let chunk = chunk_rows(&self.kernels.blocks, g, steps, 1);
        scratch.gates.resize(g.panels * chunk * g.width())?;
        scratch.inner.resize(if g.two_phases { steps.sequences() * g.dims.hidden } else { 0 })?;
        let (hidden, cells) = (state.hidden.as_mut_ptr(), state.cell.as_mut_ptr());
        let (stride, cell_stride) = (g.dims.output(), g.dims.cell_width());
        let task = Forward {
            geometry: g,
            cell: self.kernels.cell(g.dims.cell),
            steps,
            shards: 1,
            x: at(x),
            out: RowsAt::dense(out.as_mut_ptr(), stride),
            h0: RowsAt::dense(hidden.cast_const(), stride),
            // The cell state is updated in place: each unit is read before it is written.
            c0: RowsAt::dense(cells.cast_const(), cell_stride),
            w: self.w.as_ptr(),
            u: self.u.as_ptr(),
            bias: self.bias.as_ptr(),
            second: self.second.as_ptr(),
            gates: scratch.gates.as_mut_ptr(),
            keep: false,
            backwards: scratch.backwards,
            gate_rows: chunk,
            cells,
            inner: scratch.inner.as_mut_ptr(),
            last_hidden: hidden,
            last_cell: cells,
        };
        scratch.backwards = !scratch.backwards;
        // SAFETY: as for forward; `last_hidden` is written only after every row of `h0` was read.
        unsafe { forward(&self.kernels, &task, 0) }
        Ok(())
    }

    /// Gradients through time, and then those of the weights.
    pub(super) fn backward(
        &self,
        split: Split,
        flops: usize,
        mut adjoint: Adjoint<'_>,
        cache: &mut Cache,
    ) -> Result<(), Error> {
        self.backward_in_time(split, &mut adjoint, cache)?;
        self.weight_gradients(flops, adjoint, cache)
    }

    fn backward_in_time(
        &self,
        split: Split,
        adjoint: &mut Adjoint<'_>,
        cache: &mut Cache,
    ) -> Result<(), Error> {
        let Adjoint {
            steps,
            initial,
            out,
            d_out,
            d_last,
            ref mut d_x,
            ref mut d_initial,
            ref mut by_step,
            ..
        } = *adjoint;
        d_initial.start(d_last);
        let g = &self.geometry;
        if g.two_phases {
            cache.d_projected.resize(steps.rows() * g.dims.options.projection.unwrap_or(0))?;
            cache.d_inner.resize(steps.sequences() * g.dims.hidden)?;
        }
        let task = Backward {
            geometry: g,
            cell: self.kernels.cell(g.dims.cell),
            steps,
            shards: split.shards(),
            out: at(out),
            h0: self.initial(initial.map(|s| s.hidden), g.dims.output()),
            c0: self.initial(initial.map(|s| s.cell), g.dims.cell_width()),
            gates: cache.gates.as_mut_ptr(),
            cells: cache.cells.as_ptr(),
            d_out: d_out.map_or(RowsAt::dense(std::ptr::null(), 0), at),
            d_hidden: d_initial.hidden.as_mut_ptr(),
            d_cell: d_initial.cell.as_mut_ptr(),
            d_projected: cache.d_projected.as_mut_ptr(),
            d_inner: cache.d_inner.as_mut_ptr(),
            u: self.u_backward.as_ptr(),
            second: self.second_backward.as_ptr(),
            add: d_x.as_ref().is_some_and(|(_, write)| *write == Write::Add),
            input: d_x.take().map(|(d_x, _)| (self.w_backward.as_ptr(), at_mut(d_x))),
            by_step: by_step.take().map(|by_step| (by_step.hidden.as_mut_ptr(), by_step.cell.as_mut_ptr())),
        };
        // SAFETY: every length was checked when the call was made, the cache is of the same steps, and the rest is as for
        // forward.
        unsafe {
            match split {
                Split::Sequences(shards) => {
                    for_each_task(shards, |shard| backward(&self.kernels, &task, shard));
                }
                Split::Units(pieces) => backward_by_units(&self.kernels, &task, pieces),
                Split::Apart(pieces) => backward_apart(&self.kernels, &task, pieces),
            }
        }
        Ok(())
    }

    /// dW, dU and the biases from the gate gradients that the pass over the steps left in the cache.
    fn weight_gradients(&self, flops: usize, adjoint: Adjoint<'_>, cache: &Cache) -> Result<(), Error> {
        let Adjoint { steps, x, initial, out, into, .. } = adjoint;
        let g = &self.geometry;
        let Dims { hidden, options, .. } = g.dims;
        let (rows, n, output) = (steps.rows(), steps.sequences(), g.dims.output());
        let input_columns = self.gate_columns(cache, rows, Side::Input);
        let hidden_columns = self.gate_columns(cache, rows, Side::Hidden);
        let reset_columns = self.gate_columns(cache, rows, Side::Second);
        let scale_columns = self.gate_columns(cache, rows, Side::Scale);
        let narrow = g.dims.input < g.lanes;
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
            a: &input_columns,
            b: at(x),
            index: at(x).map,
            columns: g.dims.input,
            into: into.input.as_mut_ptr(),
        };
        let rest = Sum {
            rows: n..rows,
            a: &hidden_columns,
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
        if g.multiplies_hidden() {
            of_hidden.push(rest);
            of_hidden.extend(first);
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
        self.sums(rows, g.width(), &of_input, &columns, flops);
        self.sums(rows, g.width(), &of_hidden, &[], flops);
        biases.into_iter().flatten().for_each(BiasSum::finish);
        if alike {
            into.bias_hidden.copy_from_slice(into.bias_input);
        }
        if g.two_phases {
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
                    self.sums(rows, g.width(), &[inner(&reset_columns, into.hidden)], &[], flops);
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
        if sums.is_empty() && columns.is_empty() {
            return;
        }
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
        let outputs = sums.first().map_or(self.geometry.dims.gate_rows(), |sum| sum.a.len());
        let task = RowSums { rows, products: &products, columns };
        // SAFETY: A has `rows` rows, and B one for each that it is summed with; tasks write disjoint output rows.
        unsafe { run_sums(&self.kernels, &task, outputs, flops) }
    }
}

/// A `weight_hh` of factors of h.
fn pack_scales(to: &mut Aligned, geometry: &Geometry, weights: &Weights<f32>) -> Result<(), Error> {
    to.resize(geometry.panels * geometry.scales())?;
    geometry.pack_scales(weights.hidden, to);
    Ok(())
}

/// The block of `weight_hh` that a cell's own second product is over.
fn second_block(dims: Dims) -> usize {
    dims.cell.spec().panel.iter().find_map(|vector| vector.second).expect("such a product is over a block")
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
        ColumnSum { a: self.a.as_ptr(), a_stride, to: self.sums.as_mut_ptr() }
    }

    fn finish(self) {
        self.rows.iter().zip(self.sums).for_each(|(&row, sum)| self.bias[row] = sum);
    }
}
