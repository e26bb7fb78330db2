//! The fused paths: weights packed in panels of units.

use super::cache::{Cache, Scratch};
use super::split::Split;
use crate::bodies::function::Function;
use crate::bodies::options::CellOptions;
use crate::dispatch::{Kernels, RoundedKernels, Tuned};
use crate::drivers::backward::{
    Backward, RoundedBackward, backward, backward_apart, backward_by_units, most_chunk_rows,
};
use crate::drivers::forward::{chunk_rows, forward, forward_apart, forward_by_units};
use crate::drivers::geometry::{Columns, Geometry, Side};
use crate::drivers::norm::{Norm, hidden_gates};
use crate::drivers::options::{Array, Dropout, PassOptions};
use crate::drivers::pass::Forward;
use crate::drivers::rounded::{RoundedMemory, RoundedPanels, RoundedPass, RoundedProduct};
use crate::drivers::shard::Shard;
use crate::drivers::threads::for_each_task;
use crate::drivers::whole::{Whole, WholeStep};
use crate::memory::aligned::Aligned;
use crate::words::machine::Blocks;
use crate::words::rows::{RowsAt, at, at_mut};
use crate::words::sizes::numbers;
use crate::words::{
    Adjoint, Dims, Error, InputGradient, Masks, Pass, Purpose, Recurrence, RowsRef, State, StateMut, Steps,
    Weights, Write,
};

#[derive(Debug, Clone)]
pub(super) struct Fused {
    pub(super) kernels: Tuned,
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
    /// The products of h gate by gate, forwards and backwards, for masks of each gate's own.
    apart: Aligned,
    apart_backward: Aligned,
    /// p of i, f and o, `[panel][3][units]`; empty without peepholes.
    peepholes: Aligned,
    /// The gain and the bias of layer normalisation; empty without it.
    norm: [Aligned; 2],
    /// What the bodies are given; None where they are those of the plain cell.
    bodies: Option<CellOptions>,
    /// One row of zeros, as wide as a state.
    zeros: Aligned,
    /// How a step of one sequence is taken as a whole, if it is.
    whole: Option<Whole>,
    /// The weights of the products of x and h where they are rounded; `w`, `u` of products and those of the backward pass are
    /// then empty.
    rounded: Option<RoundedWeights>,
}

/// Rounded weights with the kernels that multiply them.
#[derive(Debug, Clone)]
struct RoundedWeights {
    kernels: RoundedKernels,
    input: RoundedPanels,
    hidden: RoundedPanels,
    /// Of dG·W and dG·U.
    input_backward: RoundedPanels,
    hidden_backward: RoundedPanels,
}

impl Fused {
    /// Nothing packed yet, for sizes that were checked. With `rounded`, products of x and h are over rounded numbers, except where
    /// layer normalisation comes between them and the gates; a second product is over floats.
    pub(super) fn new(dims: Dims, kernels: Tuned, rounded: Option<RoundedKernels>) -> Result<Self, Error> {
        let mut zeros = Aligned::default();
        zeros.resize(dims.hidden.max(dims.output()).max(dims.cell_width()))?;
        let geometry = Geometry::new(dims, kernels.lanes);
        let bodies = dims.options.change_bodies(dims.cell).then(|| cell_options(dims, &kernels));
        Ok(Self {
            kernels,
            whole: Whole::new(&kernels, &geometry).filter(|_| bodies.is_none() && rounded.is_none()),
            rounded: rounded.filter(|_| dims.options.layer_norm.is_none()).map(|kernels| RoundedWeights {
                kernels,
                input: RoundedPanels::default(),
                hidden: RoundedPanels::default(),
                input_backward: RoundedPanels::default(),
                hidden_backward: RoundedPanels::default(),
            }),
            bodies,
            geometry,
            apart: Aligned::default(),
            apart_backward: Aligned::default(),
            peepholes: Aligned::default(),
            norm: [Aligned::default(), Aligned::default()],
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

    /// The kernels of rounded products, if there are any.
    pub(super) fn rounded(&self) -> Option<&RoundedKernels> {
        Some(&self.rounded.as_ref()?.kernels)
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
            (&mut self.apart, &mut self.apart_backward),
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
        for (to, from) in self.norm.iter_mut().zip([weights.norm_gain, weights.norm_bias]) {
            to.resize(from.len())?;
            to.copy_from_slice(from);
        }
        self.pack_peepholes(weights)
    }

    /// The part of `weight_hh` that is over h before the step, and its rows.
    fn of_hidden<'a>(&self, weights: &Weights<'a, f32>) -> (&'a [f32], usize) {
        let dims = self.geometry.dims;
        let rows = hidden_gates(dims.cell.spec()) * dims.hidden;
        (&weights.hidden[..rows * dims.output()], rows)
    }

    /// p of i, f and o, panel by panel.
    fn pack_peepholes(&mut self, weights: &Weights<f32>) -> Result<(), Error> {
        let g = self.geometry;
        if !g.dims.options.peepholes {
            return Ok(());
        }
        self.peepholes.resize(3 * g.panels * g.units)?;
        for (block, to) in self.peepholes.chunks_exact_mut(g.units).enumerate() {
            let (panel, gate) = (block / 3, block % 3);
            let (from, units) = (gate * g.dims.hidden + panel * g.units, g.units_in(panel));
            to[..units].copy_from_slice(&weights.peepholes[from..][..units]);
            to[units..].fill(0.0);
        }
        Ok(())
    }

    /// The columns of the products of the gates one by one, forwards and backwards, and the numbers of each when packed; none
    /// where there is one product for all.
    fn apart(&self) -> Option<[(Columns, usize); 2]> {
        let Dims { hidden, .. } = self.geometry.dims;
        let output = self.geometry.dims.output();
        let of = |columns, depth| {
            let columns = Columns { columns, lanes: self.geometry.lanes };
            (columns, columns.packed_len(depth))
        };
        (self.geometry.dims.recurrent_masks() > 1).then(|| [of(hidden, output), of(output, hidden)])
    }

    fn pack_forward(&mut self, weights: &Weights<f32>) -> Result<(), Error> {
        let (g, kernels) = (self.geometry, self.kernels);
        let (of_hidden, hidden_rows) = self.of_hidden(weights);
        let Dims { input, hidden, options, .. } = g.dims;
        let output = g.dims.output();
        let pack = |to: &mut Aligned, weight, k, side| {
            to.resize(g.packed_len(k, side))?;
            g.pack_forward(&kernels, weight, k, side, to);
            Ok(())
        };
        let normed = options.layer_norm.is_some();
        let rows_of_gates = |to: &mut Aligned, weight, rows, k| {
            let columns = Columns { columns: rows, lanes: g.lanes };
            to.resize(columns.packed_len(k))?;
            columns.pack_transposed(&kernels, weight, k, to);
            Ok::<_, Error>(())
        };
        if let Some(rounded) = &mut self.rounded {
            let by: (&Kernels, _) = (&kernels, &rounded.kernels);
            rounded.input.pack_side(by, &g, weights.input, input, Side::Input)?;
            if g.multiplies_hidden() {
                rounded.hidden.pack_side(by, &g, weights.hidden, output, Side::Hidden)?;
            }
        }
        let rounded = self.rounded.is_some();
        match normed {
            _ if rounded => {}
            true => rows_of_gates(&mut self.w, weights.input, g.dims.gate_rows(), input)?,
            false => pack(&mut self.w, weights.input, input, Side::Input)?,
        }
        match g.dims.cell.spec().recurrence {
            Recurrence::Matrix if rounded => {}
            Recurrence::Matrix if normed => rows_of_gates(&mut self.u, of_hidden, hidden_rows, output)?,
            Recurrence::Matrix => pack(&mut self.u, weights.hidden, output, Side::Hidden)?,
            Recurrence::Vector => pack_scales(&mut self.u, &g, weights)?,
            Recurrence::None => {}
        }
        if let Some([(columns, len), _]) = self.apart() {
            self.apart.resize(g.dims.cell.gates() * len)?;
            let blocks = weights.hidden.chunks_exact(hidden * output);
            for (block, to) in blocks.zip(self.apart.chunks_exact_mut(len)) {
                columns.pack_transposed(&kernels, block, output, to);
            }
        }
        self.bias.resize(g.panels * g.width())?;
        g.pack_bias(weights, &mut self.bias);
        if g.has_second_product() {
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
        let (of_hidden, hidden_rows) = self.of_hidden(weights);
        let normed = options.layer_norm.is_some();
        let from_rows_of_gates = |to: &mut Aligned, weight: &[f32], rows, k| {
            let columns = Columns { columns: k, lanes: g.lanes };
            to.resize(columns.packed_len(rows))?;
            columns.pack(weight, rows, to);
            Ok::<_, Error>(())
        };
        if let Some(rounded) = &mut self.rounded {
            let columns = |columns| Columns { columns, lanes: g.lanes };
            if g.multiplies_hidden() {
                rounded.hidden_backward.pack_rows(
                    &rounded.kernels,
                    columns(output),
                    of_hidden,
                    hidden_rows,
                )?;
            }
            if wanted == InputGradient::Needed {
                let (kernels, rows) = (&rounded.kernels, g.dims.gate_rows());
                rounded.input_backward.pack_rows(kernels, columns(input), weights.input, rows)?;
            }
        }
        let rounded = self.rounded.is_some();
        match g.dims.cell.spec().recurrence {
            Recurrence::Matrix if rounded => {}
            Recurrence::Matrix if normed => {
                from_rows_of_gates(&mut self.u_backward, of_hidden, hidden_rows, output)?;
            }
            Recurrence::Matrix => pack(&mut self.u_backward, weights.hidden, output, Side::Hidden)?,
            Recurrence::Vector => pack_scales(&mut self.u_backward, &g, weights)?,
            Recurrence::None => {}
        }
        if let Some([_, (columns, len)]) = self.apart() {
            self.apart_backward.resize(g.dims.cell.gates() * len)?;
            let blocks = weights.hidden.chunks_exact(hidden * output);
            for (block, to) in blocks.zip(self.apart_backward.chunks_exact_mut(len)) {
                columns.pack(block, hidden, to);
            }
        }
        if wanted == InputGradient::Needed && !rounded {
            match normed {
                true => from_rows_of_gates(&mut self.w_backward, weights.input, g.dims.gate_rows(), input)?,
                false => pack(&mut self.w_backward, weights.input, input, Side::Input)?,
            }
        }
        if let Some(output) = options.projection {
            let columns = Columns { columns: hidden, lanes: g.lanes };
            self.second_backward.resize(columns.packed_len(output))?;
            columns.pack(weights.projection, output, &mut self.second_backward);
        } else if g.has_second_product() {
            pack(&mut self.second_backward, weights.hidden, hidden, Side::Second)?;
        }
        Ok(())
    }

    /// What a pass with these masks has beside the plain cell's arrays, but for what recurrent dropout needs memory for.
    fn options(&self, masks: &Masks<'_, f32>) -> Option<PassOptions<'_>> {
        let Dims { options, .. } = self.geometry.dims;
        let dropout = (!masks.recurrent.is_empty()).then(|| Dropout {
            masks: masks.recurrent.as_ptr(),
            count: self.geometry.dims.recurrent_masks(),
            seen: std::ptr::null_mut(),
            rows: 0,
            apart: std::ptr::null(),
            apart_len: 0,
            sums: std::ptr::null_mut(),
        });
        if self.bodies.is_none() && dropout.is_none() {
            return None;
        }
        let projected = options.projection.is_some();
        Some(PassOptions {
            bodies: self.bodies.as_ref(),
            projected_zoneout: if projected { options.zoneout_hidden as f32 } else { 0.0 },
            peepholes: Array::of(&self.peepholes),
            keep_hidden: Array::of(masks.zoneout_hidden),
            keep_cell: Array::of(masks.zoneout_cell),
            dropout,
            norm: options.layer_norm.map(|eps| self.norm(eps as f32)),
        })
    }

    /// Layer normalisation with the weights of a forward pass, but for its memory.
    fn norm(&self, eps: f32) -> Norm {
        let none = std::ptr::null_mut();
        Norm {
            gain: self.norm[0].as_ptr(),
            bias: self.norm[1].as_ptr(),
            eps,
            input: self.w.as_ptr(),
            hidden: self.u.as_ptr(),
            values: none,
            scales: none,
            shown: none,
            d_bias: none,
            d_gain: none,
            sums: none,
            rows: 0,
        }
    }

    /// What a pass over rounded numbers has beside others, with memory for its rows; None over floats.
    fn rounded_pass(
        &self,
        steps: &Steps,
        shards: usize,
        memory: &mut [RoundedMemory; 2],
    ) -> Result<Option<RoundedPass<'_>>, Error> {
        let Some(rounded) = &self.rounded else { return Ok(None) };
        let (g, kernels) = (&self.geometry, &rounded.kernels);
        let chunk = chunk_rows(&self.kernels.blocks, g, steps, shards);
        let [x, h] = memory;
        Ok(Some(RoundedPass {
            kernels,
            input: &rounded.input,
            hidden: g.multiplies_hidden().then_some(&rounded.hidden),
            x: x.rows(kernels, shards, chunk, g.dims.input)?,
            h: h.rows(kernels, shards, Shard::most_rows(shards, steps), g.dims.output())?,
        }))
    }

    /// The same of a backward pass.
    fn rounded_backward(
        &self,
        steps: &Steps,
        shards: usize,
        memory: &mut [RoundedMemory; 2],
        gathered: &mut Aligned,
    ) -> Result<Option<RoundedBackward<'_>>, Error> {
        let Some(rounded) = &self.rounded else { return Ok(None) };
        let (g, kernels) = (&self.geometry, &rounded.kernels);
        let (gate_rows, hidden_rows) = (g.dims.gate_rows(), hidden_gates(g.dims.cell.spec()) * g.dims.hidden);
        gathered.resize(numbers("gradients of gates", [shards, gate_rows])?)?;
        let product =
            |b, columns| RoundedProduct { kernels, b, columns: Columns { columns, lanes: g.lanes } };
        let [of_step, of_chunk] = memory;
        let chunk = most_chunk_rows(&self.kernels.blocks, g, steps, shards);
        Ok(Some(RoundedBackward {
            kernels,
            hidden: product(&rounded.hidden_backward, g.dims.output()),
            input: product(&rounded.input_backward, g.dims.input),
            step: of_step.rows(kernels, shards, Shard::most_rows(shards, steps), hidden_rows)?,
            chunk: of_chunk.rows(kernels, shards, chunk, gate_rows)?,
            gathered: gathered.as_mut_ptr(),
        }))
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
        mut cache: Option<&mut Cache>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        if cache.is_none()
            && pass.masks.is_empty()
            && pass.steps.sequences() == 1
            && let Some(whole) = self.whole.as_ref().filter(|whole| whole.passes)
        {
            self.whole_steps(whole, pass, scratch);
            return Ok(());
        }
        let Pass { steps, x, initial, masks, out, last, .. } = pass;
        let g = &self.geometry;
        let shards = split.shards();
        let (rows, hidden) = (steps.rows(), g.dims.hidden);
        let keep = cache.is_some();
        let mut options = self.options(&masks);
        if let Some(dropout) = options.as_mut().and_then(|options| options.dropout.as_mut()) {
            let n = steps.sequences();
            scratch.sums.resize(n * hidden)?;
            let seen = match &mut cache {
                Some(cache) => &mut cache.seen,
                None => &mut scratch.seen,
            };
            dropout.rows = if keep { rows } else { n };
            seen.resize(numbers("what gates see", [dropout.count, dropout.rows, g.dims.output()])?)?;
            (dropout.seen, dropout.sums) = (seen.as_mut_ptr(), scratch.sums.as_mut_ptr());
            if let Some([(_, len), _]) = self.apart() {
                (dropout.apart, dropout.apart_len) = (self.apart.as_ptr(), len);
            }
        }
        if let Some(norm) = options.as_mut().and_then(|options| options.norm.as_mut()) {
            let memory = match &mut cache {
                Some(cache) => &mut cache.norm,
                None => &mut scratch.norm,
            };
            let n = steps.sequences();
            memory.forward(norm, g.dims, if keep { rows } else { n }, n)?;
        }
        let rounded = self.rounded_pass(steps, shards, &mut scratch.rounded)?;
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
            options,
            rounded,
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
        let mut options = self.options(&Masks::default());
        if let Some(norm) = options.as_mut().and_then(|options| options.norm.as_mut()) {
            scratch.norm.forward(norm, g.dims, steps.sequences(), steps.sequences())?;
        }
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
            options,
            rounded: self.rounded_pass(steps, 1, &mut scratch.rounded)?,
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
        let mut memory = std::mem::take(&mut cache.paired);
        let done = self.weight_gradients(flops, adjoint, cache, &mut memory);
        cache.paired = memory;
        done
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
            masks,
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
        let mut options = self.options(&masks);
        if let Some(dropout) = options.as_mut().and_then(|options| options.dropout.as_mut()) {
            cache.d_seen.resize(steps.sequences() * g.dims.output())?;
            (dropout.seen, dropout.rows) = (cache.seen.as_mut_ptr(), steps.rows());
            dropout.sums = cache.d_seen.as_mut_ptr();
            if let Some([_, (_, len)]) = self.apart() {
                (dropout.apart, dropout.apart_len) = (self.apart_backward.as_ptr(), len);
            }
        }
        if let Some(norm) = options.as_mut().and_then(|options| options.norm.as_mut()) {
            (norm.input, norm.hidden) = (self.w_backward.as_ptr(), self.u_backward.as_ptr());
            cache.norm.backward(norm, g.dims, steps.rows(), steps.sequences())?;
        }
        if g.dims.options.peepholes {
            cache.peeped.resize(numbers("gradients of peepholes", [3, steps.rows(), g.dims.hidden])?)?;
        }
        let rounded =
            self.rounded_backward(steps, split.shards(), &mut cache.rounded, &mut cache.gathered)?;
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
            options,
            peeped: cache.peeped.as_mut_ptr(),
            rounded,
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
}

/// The options that a cell's bodies take.
fn cell_options(dims: Dims, kernels: &Tuned) -> CellOptions {
    let Dims { cell, options, .. } = dims;
    let functions = options.functions(cell);
    let function = |function, clip| Function::new(function, clip, kernels.functions);
    let projected = options.projection.is_some();
    CellOptions {
        gate: function(functions.gate, options.clip),
        candidate: function(functions.candidate, options.clip),
        output: function(functions.output, None),
        coupled: options.coupled,
        peepholes: options.peepholes,
        normed: options.layer_norm.is_some() && cell.spec().normalises_state(),
        zoneout_hidden: if projected { 0.0 } else { options.zoneout_hidden as f32 },
        zoneout_cell: options.zoneout_cell as f32,
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
