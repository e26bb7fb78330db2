//! A recurrence from its sizes to its gradients.

use sumun_kernels::{
    ActivationFunction, Adjoint, Cache, Cell, Dims, Gradients, InputGradient, Machine, Masks, Options, Pass,
    Path, Precision, Prepared, Purpose, RecurrentDropout, RowMap, RowsMut, RowsRef, Scratch, State, StateMut,
    Steps, Trace, WeightKind, Weights, Write,
};

use super::choice::Choice;

type Said = Result<(), String>;

fn said<T>(result: Result<T, sumun_kernels::Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

const PURPOSES: [Purpose; 5] = [
    Purpose::Training(InputGradient::Needed),
    Purpose::Training(InputGradient::Skip),
    Purpose::Inference,
    Purpose::Backward(InputGradient::Needed),
    Purpose::Backward(InputGradient::Skip),
];

/// A machine of any path, mostly with caches as there are.
pub(super) fn machine(choice: &mut Choice<'_>) -> Machine {
    let path = choice.of(&Path::ALL);
    let mut machine = Machine::with_usual_caches(path);
    if choice.one_in(4) {
        let size = |choice: &mut Choice<'_>| choice.of(&[0, 1, 64, 4096, 1 << 15, 1 << 40, usize::MAX]);
        machine = Machine {
            path,
            cores: size(choice).min(64),
            l1: size(choice),
            l2: size(choice),
            l3: size(choice),
            amx: true,
        };
    }
    machine
}

fn options(choice: &mut Choice<'_>) -> Options {
    let mut options = Options::default();
    for _ in 0..choice.of(&[0, 0, 1, 2]) {
        match choice.below(9) {
            0 => options.projection = Some(choice.size(8)),
            1 => options.peepholes = true,
            2 => options.coupled = true,
            3 => options.clip = Some(choice.of(&[0.5, 0.0, -1.0, f64::NAN, 1e-300])),
            4 => options.candidate_activation = Some(ActivationFunction::Softsign),
            5 => options.layer_norm = Some(choice.of(&[1e-5, 0.0, -1.0, f64::NAN])),
            6 => {
                options.recurrent_dropout = choice.of(&[RecurrentDropout::Shared, RecurrentDropout::PerGate])
            }
            7 => options.zoneout_hidden = choice.of(&[0.1, 1.0, 2.0, f64::NAN]),
            _ => options.zoneout_cell = choice.of(&[0.1, 1.0, -0.5]),
        }
    }
    options
}

/// Steps, mostly of few rows.
pub(super) fn some_steps(choice: &mut Choice<'_>) -> Result<Steps, String> {
    if choice.one_in(12) {
        return said(Steps::uniform(choice.count(2), choice.size(2)));
    }
    let mut sizes = vec![choice.size(24)];
    for _ in 0..choice.below(5) {
        let before = sizes[sizes.len() - 1];
        let grown = choice.one_in(30);
        sizes.push(if grown { before.wrapping_add(1) } else { before - choice.below(before.min(4)) });
    }
    let steps = said(Steps::new(sizes))?;
    if !choice.one_in(8) {
        return Ok(steps);
    }
    let (start, end) = (choice.below(3), choice.size(4));
    said(steps.part(start..end))
}

/// A view of rows with gaps between them, or in another order.
struct View {
    values: Vec<f32>,
    stride: usize,
    map: Option<RowMap>,
}

impl View {
    fn new(choice: &mut Choice<'_>, rows: usize, width: usize) -> Result<Self, String> {
        let stride = if choice.one_in(6) { width.wrapping_add(choice.size(4)) } else { width };
        let rows = rows.min(1 << 12);
        let map = match choice.one_in(4) {
            true => {
                let backwards: Vec<u32> = choice.places(rows, rows).into_iter().rev().collect();
                let in_turn = (0..rows as u32).rev().collect();
                Some(said(RowMap::new(if choice.one_in(3) { backwards } else { in_turn }))?)
            }
            false => None,
        };
        let right = rows.saturating_sub(1).saturating_mul(stride).saturating_add(width);
        let right = if rows == 0 { 0 } else { right };
        Ok(Self { values: choice.values(right), stride, map })
    }

    fn rows(&self) -> RowsRef<'_> {
        RowsRef { values: &self.values, stride: self.stride, map: self.map.as_ref() }
    }

    fn rows_mut(&mut self) -> RowsMut<'_> {
        RowsMut { values: &mut self.values, stride: self.stride, map: self.map.as_ref() }
    }
}

/// Forwards, step by step, traced and backwards.
pub(super) fn run(choice: &mut Choice<'_>) -> Said {
    run_over(Precision::F32, choice)
}

/// The same over rounded numbers.
pub(super) fn rounded(choice: &mut Choice<'_>) -> Said {
    run_over(rounded_precision(choice), choice)
}

/// Mostly one that has gradients.
pub(super) fn rounded_precision(choice: &mut Choice<'_>) -> Precision {
    if choice.one_in(4) { Precision::Int8 } else { Precision::Bf16 }
}

fn run_over(precision: Precision, choice: &mut Choice<'_>) -> Said {
    let dims = Dims::new(choice.of(Cell::ALL), choice.size(16), choice.size(16)).with(options(choice));
    let _ = (dims.gate_rows(), dims.cell_width(), dims.norm_len(), dims.beyond(Path::best()));
    let parts = WeightKind::ALL.map(|kind| {
        let right = if kind.is_bias() && choice.one_in(4) { 0 } else { kind.numbers(dims) };
        choice.values(right)
    });
    let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = &parts;
    let weights =
        Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
    let (machine, purpose) = (machine(choice), choice.of(&PURPOSES));
    let mut prepared = said(Prepared::with_precision(dims, &weights, machine, purpose, precision))?;
    let steps = some_steps(choice)?;
    let (rows, sequences) = (steps.rows(), steps.sequences());
    let x = View::new(choice, rows, dims.input)?;
    let mut out = View::new(choice, rows, dims.output())?;
    let start = states(choice, dims, sequences);
    let initial = (!choice.one_in(3)).then_some(State { hidden: &start[0], cell: &start[1] });
    let mut last = states(choice, dims, sequences);
    let masks = masks(choice, dims, sequences);
    let masks = || Masks { recurrent: &masks[0], zoneout_hidden: &masks[1], zoneout_cell: &masks[2] };

    let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
    let pass = said(Pass::new(dims, &steps, x.rows(), initial, out.rows_mut(), both(&mut last)))?;
    let pass = said(pass.masks(masks()))?;
    let keeps = !choice.one_in(4);
    said(prepared.forward(pass, keeps.then_some(&mut cache), &mut scratch))?;
    right_answer(&prepared, &weights, &steps, &x, initial, masks(), &out)?;
    if let Ok(trace) = prepared.trace(&cache) {
        let _ = trace.gates.len();
    }
    if choice.one_in(4) {
        let mut kept = said(Trace::with_capacity(dims, choice.count(3)))?;
        let _ = prepared.trace_on(&cache, &mut kept);
    }
    if choice.one_in(3) {
        let one = choice.values(dims.input);
        let mut state = states(choice, dims, 1);
        let _ = prepared.step(&one, both(&mut state), &mut scratch);
    }
    if choice.one_in(3) {
        let _ = prepared.update(&weights, choice.of(&PURPOSES));
    }

    // Of other rows now and then: the cache is that of the pass.
    let others = if choice.one_in(12) { some_steps(choice)? } else { steps };
    let d_out = View::new(choice, others.rows(), dims.output())?;
    let mut d_x = View::new(choice, others.rows(), dims.input)?;
    let (mut d_initial, d_last) =
        (states(choice, dims, others.sequences()), states(choice, dims, others.sequences()));
    let mut into = parts.each_ref().map(|part| vec![0.0; part.len()]);
    let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = &mut into;
    let gradients =
        Gradients { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
    let adjoint = Adjoint::new(dims, &others, x.rows(), initial, out.rows(), both(&mut d_initial), gradients);
    let adjoint = said(said(said(adjoint)?.masks(masks()))?.d_out(d_out.rows()))?;
    let adjoint = said(adjoint.d_last(State { hidden: &d_last[0], cell: &d_last[1] }))?;
    let write = choice.of(&[Write::Overwrite, Write::Add]);
    let mut each = [
        choice.values(others.rows().saturating_mul(dims.output())),
        choice.values(others.rows().saturating_mul(dims.cell_width())),
    ];
    let adjoint = if choice.one_in(2) { said(adjoint.d_x(d_x.rows_mut(), write))? } else { adjoint };
    let adjoint = if choice.one_in(4) { said(adjoint.by_step(both(&mut each)))? } else { adjoint };
    said(prepared.backward(adjoint, &mut cache))
}

fn states(choice: &mut Choice<'_>, dims: Dims, sequences: usize) -> [Vec<f32>; 2] {
    let hidden = choice.values(sequences.saturating_mul(dims.output()));
    let mut cell = choice.values(sequences.saturating_mul(dims.cell_width()));
    // A normaliser is above 0.
    cell.iter_mut().filter(|value| value.is_finite()).for_each(|value| *value = value.abs() + 0.5);
    [hidden, cell]
}

fn both(parts: &mut [Vec<f32>; 2]) -> StateMut<'_, f32> {
    let [hidden, cell] = parts;
    StateMut { hidden, cell }
}

/// Those that the options ask for, of lengths that mostly fit.
fn masks(choice: &mut Choice<'_>, dims: Dims, sequences: usize) -> [Vec<f32>; 3] {
    let units = sequences.saturating_mul(dims.output());
    let recurrent = match dims.options.recurrent_dropout {
        RecurrentDropout::None => 0,
        RecurrentDropout::Shared => units,
        RecurrentDropout::PerGate => units.saturating_mul(dims.cell.gates()),
    };
    let zoneout = |choice: &mut Choice<'_>, p: f64, width: usize| {
        let mut keep = choice.values(if p > 0.0 { width } else { 0 });
        // A unit is kept or it is not; nothing else has a meaning.
        keep.iter_mut().for_each(|value| *value = f32::from(u8::from(*value > 0.0)));
        keep
    };
    [
        choice.values(recurrent),
        zoneout(choice, dims.options.zoneout_hidden, units),
        zoneout(choice, dims.options.zoneout_cell, sequences.saturating_mul(dims.hidden)),
    ]
}

/// A panic, unless the reference gives the same.
fn right_answer(
    prepared: &Prepared,
    weights: &Weights<'_, f32>,
    steps: &Steps,
    x: &View,
    initial: Option<State<'_, f32>>,
    masks: Masks<'_, f32>,
    out: &View,
) -> Said {
    let dims = prepared.dims();
    let all = WeightKind::ALL.map(|kind| weights.part(kind)).concat();
    let is_usual = |values: &[f32]| values.iter().all(|value| value.abs() <= 100.0);
    // Where both gates of a minLSTM are all but 0, rounding alone decides between them.
    let before = initial.map_or_else(Vec::new, |state| [state.hidden, state.cell].concat());
    if prepared.path() == Path::Reference
        || prepared.precision() != Precision::F32
        || ![&all, &x.values, &before].into_iter().all(|values| is_usual(values))
    {
        return Ok(());
    }
    let reference = said(Prepared::new(dims, weights, Path::Reference, Purpose::Inference))?;
    let mut values = vec![0.0; out.values.len()];
    let mut last =
        [vec![0.0; steps.sequences() * dims.output()], vec![0.0; steps.sequences() * dims.cell_width()]];
    let to = RowsMut { values: &mut values, stride: out.stride, map: out.map.as_ref() };
    let pass = said(said(Pass::new(dims, steps, x.rows(), initial, to, both(&mut last)))?.masks(masks))?;
    said(reference.forward(pass, None, &mut Scratch::default()))?;
    let of = |row: usize| out.map.as_ref().map_or(row, |map| map.as_slice()[row] as usize) * out.stride;
    for row in 0..steps.rows() {
        let (want, found) = (&values[of(row)..][..dims.output()], &out.values[of(row)..][..dims.output()]);
        for (unit, (want, found)) in want.iter().zip(found).enumerate() {
            let alike = (want - found).abs() <= 1e-3 * (1.0 + want.abs());
            assert!(
                alike || !want.is_finite() || !found.is_finite() || want.abs() > 1e6,
                "{dims:?} on {}: {found}, not {want}, in row {row} at unit {unit}",
                prepared.path()
            );
        }
    }
    Ok(())
}
