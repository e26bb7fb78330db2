//! Every option of every cell, by itself and in random combinations, on the reference path in f64: gradients, those of the
//! states between two steps too, against central differences, and each sequence of a ragged batch against the same
//! sequence in a batch of one.

use sumun_kernels::reference::{Cache, backward, forward};
use sumun_kernels::{
    ActivationFunction, Adjoint, Cell, Dims, Gradients, Masks, OptionSet, Options, Pass, RecurrentDropout,
    RowsMut, RowsRef, State, StateMut, Steps, WeightKind, Weights, Write,
};
use sumun_testing::{Random, assert_close, central_differences};

const CELLS: &[Cell] = Cell::ALL;

const FUNCTIONS: [ActivationFunction; 12] = [
    ActivationFunction::Sigmoid,
    ActivationFunction::Tanh,
    ActivationFunction::Relu,
    ActivationFunction::HARD_SIGMOID_KERAS,
    ActivationFunction::Softsign,
    ActivationFunction::Softplus,
    ActivationFunction::Elu { alpha: 1.3 },
    ActivationFunction::LeakyRelu { alpha: 0.1 },
    ActivationFunction::ThresholdedRelu { alpha: 0.2 },
    ActivationFunction::ScaledTanh { alpha: 1.2, beta: 0.7 },
    ActivationFunction::Affine { alpha: 0.4, beta: 0.1 },
    ActivationFunction::Linear,
];

/// The names of a problem's values, in the order of [`Problem::values`].
const PARTS: [&str; 11] = [
    "x",
    "initial.hidden",
    "initial.cell",
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "weight_hr",
    "peepholes",
    "norm_gain",
    "norm_bias",
];

type Values = [Vec<f64>; 11];

/// One recurrence with everything that goes into it and random gradients for what comes out.
#[derive(Clone)]
struct Problem {
    dims: Dims,
    steps: Steps,
    initial: bool,
    /// See [`PARTS`].
    values: Values,
    /// Recurrent, zoneout of h, zoneout of c.
    masks: [Vec<f64>; 3],
    d_out: Vec<f64>,
    d_last: [Vec<f64>; 2],
}

/// Which optional arrays a problem has.
#[derive(Clone, Copy)]
struct Given {
    bias_input: bool,
    bias_hidden: bool,
    initial: bool,
    masks: bool,
}

const ALL_GIVEN: Given = Given { bias_input: true, bias_hidden: true, initial: true, masks: true };

/// A draw as states: a normaliser, of a cell that has one, is above 0.
fn as_states(dims: Dims, mut values: Vec<f64>) -> Vec<f64> {
    let states = dims.cell.spec().states;
    for (k, value) in values.iter_mut().enumerate() {
        if states[k / dims.hidden % states.len()] == "n" {
            *value = value.abs() + 0.5;
        }
    }
    values
}

impl Problem {
    fn new(dims: Dims, batch_sizes: &[usize], given: Given, random: &mut Random) -> Self {
        let steps = Steps::new(batch_sizes.to_vec()).expect("the batch sizes of a case never grow");
        let (rows, n, options) = (steps.rows(), steps.sequences(), dims.options);
        let state = [n * dims.output(), n * dims.cell_width()];
        let if_given = |given: bool, size: usize| if given { size } else { 0 };
        let sizes = [
            rows * dims.input,
            if_given(given.initial, state[0]),
            if_given(given.initial, state[1]),
            WeightKind::WeightIh.numbers(dims),
            WeightKind::WeightHh.numbers(dims),
            if_given(given.bias_input, WeightKind::BiasIh.numbers(dims)),
            if_given(given.bias_hidden, WeightKind::BiasHh.numbers(dims)),
            options.projection.unwrap_or(0) * dims.hidden,
            if_given(options.peepholes, 3 * dims.hidden),
            dims.norm_len(),
            dims.norm_len(),
        ];
        // Small enough for gates without a bound not to grow beyond what differences resolve.
        let mut values = sizes.map(|size| random.normals(size, 0.4));
        values[2] = as_states(dims, std::mem::take(&mut values[2]));
        let per_sequence = match options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => dims.output(),
            RecurrentDropout::PerGate => dims.cell.gates() * dims.output(),
        };
        let mut mask = |size: usize, kept: f64| -> Vec<f64> {
            let size = if_given(given.masks, size);
            (0..size).map(|_| if random.uniform() < 0.6 { kept } else { 0.0 }).collect()
        };
        let masks = [
            mask(n * per_sequence, 1.0 / 0.6),
            mask(if_given(options.zoneout_hidden > 0.0, rows * dims.output()), 1.0),
            mask(if_given(options.zoneout_cell > 0.0, rows * dims.hidden), 1.0),
        ];
        let d_out = random.normals(rows * dims.output(), 1.0);
        let d_last = state.map(|size| random.normals(size, 1.0));
        Self { dims, steps, initial: given.initial, values, masks, d_out, d_last }
    }

    fn weights<'a>(&self, values: &'a Values) -> Weights<'a, f64> {
        let [_, _, _, input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
            values;
        Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias }
    }

    fn masks(&self) -> Masks<'_, f64> {
        let [recurrent, zoneout_hidden, zoneout_cell] = &self.masks;
        Masks { recurrent, zoneout_hidden, zoneout_cell }
    }

    fn initial<'a>(&self, values: &'a Values) -> Option<State<'a, f64>> {
        self.initial.then_some(State { hidden: &values[1], cell: &values[2] })
    }

    /// Hidden rows, the final state, the cache.
    fn forward(&self, values: &Values) -> (Vec<f64>, [Vec<f64>; 2], Cache<f64>) {
        let mut out = vec![f64::NAN; self.d_out.len()];
        let [mut hidden, mut cell] = self.d_last.each_ref().map(|part| vec![f64::NAN; part.len()]);
        let mut cache = Cache::default();
        let (x, to) =
            (RowsRef::dense(&values[0], self.dims.input), RowsMut::dense(&mut out, self.dims.output()));
        let last = StateMut { hidden: &mut hidden, cell: &mut cell };
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(values), to, last)
            .and_then(|pass| pass.masks(self.masks()))
            .expect("the shapes of a case fit");
        forward(&self.weights(values), pass, Some(&mut cache)).expect("the shapes of a case fit");
        (out, [hidden, cell], cache)
    }

    /// The number whose gradient [`backward`] gives.
    fn loss(&self, values: &Values) -> f64 {
        let (out, [hidden, cell], _) = self.forward(values);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(&self.d_out, &out) + dot(&self.d_last[0], &hidden) + dot(&self.d_last[1], &cell)
    }

    /// The gradient of every part. What is to be overwritten starts as NaN, what is to be added to as 0.
    fn backward(&self) -> Values {
        self.backward_by_step().0
    }

    /// The gradient of every part, and those of h and c after every step.
    fn backward_by_step(&self) -> (Values, [Vec<f64>; 2]) {
        let (out, _, cache) = self.forward(&self.values);
        let mut found = self.values.each_ref().map(|part| vec![0.0; part.len()]);
        let [mut d_hidden, mut d_cell] = self.d_last.each_ref().map(|part| vec![f64::NAN; part.len()]);
        let mut by_step = [out.len(), cache.cell.len()].map(|len| vec![f64::NAN; len]);
        let [by_step_hidden, by_step_cell] = &mut by_step;
        found[0].fill(f64::NAN);
        let [d_x, _, _, input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
            &mut found;
        let (inputs, width) = (self.dims.input, self.dims.output());
        let (x, out) = (RowsRef::dense(&self.values[0], inputs), RowsRef::dense(&out, width));
        let d_initial = StateMut { hidden: &mut d_hidden, cell: &mut d_cell };
        let into =
            Gradients { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias };
        let initial = self.initial(&self.values);
        let adjoint = Adjoint::new(self.dims, &self.steps, x, initial, out, d_initial, into)
            .and_then(|adjoint| adjoint.masks(self.masks()))
            .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&self.d_out, width)))
            .and_then(|adjoint| adjoint.d_last(State { hidden: &self.d_last[0], cell: &self.d_last[1] }))
            .and_then(|adjoint| adjoint.d_x(RowsMut::dense(d_x, inputs), Write::Overwrite))
            .and_then(|adjoint| adjoint.by_step(StateMut { hidden: by_step_hidden, cell: by_step_cell }))
            .expect("the shapes of a case fit");
        backward(&self.weights(&self.values), adjoint, &cache).expect("the shapes of a case fit");
        [found[1], found[2]] = [d_hidden, d_cell];
        (found, by_step)
    }

    /// What comes after the first `steps` steps, as a problem of its own that starts from the states there.
    fn rest(&self, steps: usize) -> Self {
        let (out, _, cache) = self.forward(&self.values);
        let first = self.steps.offset(steps);
        let of_rows = |values: &[f64]| values[first * (values.len() / self.steps.rows())..].to_vec();
        let mut rest = self.clone();
        rest.steps = self.steps.part(steps..self.steps.len()).unwrap();
        let alive = rest.steps.sequences();
        let of_ranks = |values: &[f64]| values[..alive * (values.len() / self.steps.sequences())].to_vec();
        let before = self.steps.offset(steps - 1);
        let state = |rows: &[f64]| -> Vec<f64> {
            let width = rows.len() / self.steps.rows();
            rows[before * width..][..alive * width].to_vec()
        };
        rest.initial = true;
        rest.values[0] = of_rows(&self.values[0]);
        [rest.values[1], rest.values[2]] = [state(&out), state(&cache.cell)];
        rest.masks = [of_ranks(&self.masks[0]), of_rows(&self.masks[1]), of_rows(&self.masks[2])];
        rest.d_out = of_rows(&self.d_out);
        rest.d_last = self.d_last.each_ref().map(|part| of_ranks(part));
        rest
    }

    /// The sequence of rank `n` as a problem of its own.
    fn unbatched(&self, n: usize) -> Self {
        let length = self.steps.batch_sizes().iter().filter(|&&size| size > n).count();
        let rows: Vec<usize> = (0..length).map(|t| self.steps.offset(t) + n).collect();
        let all = self.steps.rows();
        let of_rows = |values: &[f64]| -> Vec<f64> {
            let width = values.len() / all;
            rows.iter().flat_map(|row| values[row * width..][..width].to_vec()).collect()
        };
        let of_sequence = |values: &[f64]| -> Vec<f64> {
            let width = values.len() / self.steps.sequences();
            values[n * width..][..width].to_vec()
        };
        let mut alone = self.clone();
        alone.steps = Steps::uniform(length, 1).unwrap();
        alone.values[0] = of_rows(&self.values[0]);
        alone.values[1] = of_sequence(&self.values[1]);
        alone.values[2] = of_sequence(&self.values[2]);
        alone.masks = [of_sequence(&self.masks[0]), of_rows(&self.masks[1]), of_rows(&self.masks[2])];
        alone.d_out = of_rows(&self.d_out);
        alone.d_last = self.d_last.each_ref().map(|part| of_sequence(part));
        alone
    }
}

/// Holds every gradient against central differences and every sequence against itself in a batch of one; returns which parts had
/// a gradient that is not 0.
fn check(what: &str, problem: &Problem) -> [bool; 11] {
    let (found, by_step) = problem.backward_by_step();
    let mut moved = [false; 11];
    for (part, name) in PARTS.iter().enumerate() {
        let at = &problem.values[part];
        let want = central_differences(at, 1e-5, |point| {
            let mut values = problem.values.clone();
            values[part] = point.to_vec();
            problem.loss(&values)
        });
        if !at.is_empty() {
            assert_close(&format!("{what}: gradient of {name}"), &found[part], &want, 1e-7, 1e-6);
        }
        moved[part] = want.iter().any(|v| v.abs() > 1e-3);
    }
    check_by_step(what, problem, &by_step);
    let (out, last, _) = problem.forward(&problem.values);
    for n in 0..problem.steps.sequences() {
        let alone = problem.unbatched(n);
        let (own, own_last, _) = alone.forward(&alone.values);
        let width = problem.dims.output();
        for (t, h) in own.chunks_exact(width).enumerate() {
            let row = problem.steps.offset(t) + n;
            assert_eq!(h, &out[row * width..][..width], "{what}: rank {n} step {t}, unbatched");
        }
        for (own, all) in own_last.iter().zip(&last) {
            let width = all.len() / problem.steps.sequences();
            assert_eq!(own, &all[n * width..][..width], "{what}: final state of rank {n}, unbatched");
        }
    }
    moved
}

/// Holds the gradients of the states after a step in the middle against central differences of what comes after it, and
/// those of sequences that end there against the gradient of their final state.
fn check_by_step(what: &str, problem: &Problem, by_step: &[Vec<f64>; 2]) {
    let steps = &problem.steps;
    if steps.len() < 2 {
        return;
    }
    let t = steps.len() / 2 - 1;
    let rest = problem.rest(t + 1);
    for (part, by_step) in by_step.iter().enumerate() {
        let mut want = central_differences(&rest.values[1 + part], 1e-5, |point| {
            let mut values = rest.values.clone();
            values[1 + part] = point.to_vec();
            rest.loss(&values)
        });
        want.extend_from_slice(&problem.d_last[part][want.len()..]);
        let of_step = |rows: &[f64]| -> Vec<f64> {
            let width = rows.len() / steps.rows();
            rows[steps.offset(t) * width..steps.offset(t + 1) * width].to_vec()
        };
        want.truncate(of_step(by_step).len());
        if part == 0 {
            want.iter_mut().zip(of_step(&problem.d_out)).for_each(|(want, d)| *want += d);
        }
        assert_close(&format!("{what}: state {part} after step {t}"), &of_step(by_step), &want, 1e-7, 1e-6);
    }
}

/// Every option that the cell has, one at a time, with everything given.
fn each_option(cell: Cell) -> Vec<Options> {
    let plain = Options::default();
    let mut all = vec![
        plain,
        Options { clip: Some(0.5), ..plain },
        Options { layer_norm: Some(1e-5), ..plain },
        Options { recurrent_dropout: RecurrentDropout::Shared, ..plain },
        Options { recurrent_dropout: RecurrentDropout::PerGate, ..plain },
        Options { zoneout_hidden: 0.3, ..plain },
        Options { projection: Some(2), ..plain },
        Options { projection: Some(5), ..plain },
        Options { peepholes: true, ..plain },
        Options { coupled: true, ..plain },
        Options { zoneout_cell: 0.3, ..plain },
    ];
    for function in FUNCTIONS.map(Some) {
        all.extend([
            Options { candidate_activation: function, ..plain },
            Options { gate_activation: function, ..plain },
            Options { output_activation: function, ..plain },
        ]);
    }
    all.retain(|options| options.check(cell).is_ok());
    all
}

#[test]
fn each_option_by_itself() {
    let mut random = Random::new(11);
    for &cell in CELLS {
        for options in each_option(cell) {
            for given in [ALL_GIVEN, Given { masks: false, initial: false, ..ALL_GIVEN }] {
                let dims = Dims::new(cell, 2, 3).with(options);
                let problem = Problem::new(dims, &[3, 2, 2, 1], given, &mut random);
                check(&format!("{} {options:?}", cell.name()), &problem);
            }
        }
    }
}

#[test]
fn random_combinations() {
    let mut random = Random::new(3);
    let (mut used, mut moved) = ([0; 8], [false; 11]);
    for case in 0..500 {
        let cell = CELLS[random.below(CELLS.len())];
        let has = |option| cell.spec().options.contains(option);
        let mut chance = |one_in: usize| random.below(one_in) == 0;
        let [projection, peepholes, coupled] =
            [(2, OptionSet::PROJECTION), (2, OptionSet::PEEPHOLES), (3, OptionSet::COUPLED)]
                .map(|(n, option)| chance(n) && has(option));
        let [clip, norm, zone_h, zone_c, dropout] = [
            (3, OptionSet::CLIP),
            (2, OptionSet::LAYER_NORM),
            (2, OptionSet::ZONEOUT_HIDDEN),
            (2, OptionSet::ZONEOUT_CELL),
            (1, OptionSet::RECURRENT_DROPOUT),
        ]
        .map(|(n, option)| chance(n) && has(option));
        let [gate, candidate, output] =
            [OptionSet::GATE_ACTIVATION, OptionSet::CANDIDATE_ACTIVATION, OptionSet::OUTPUT_ACTIVATION]
                .map(|option| chance(2) && has(option));
        let given =
            Given { bias_input: !chance(4), bias_hidden: !chance(4), initial: !chance(4), masks: !chance(3) };
        let function = |random: &mut Random, wanted: bool| {
            let function = FUNCTIONS[random.below(FUNCTIONS.len())];
            wanted.then_some(function)
        };
        let options = Options {
            projection: projection.then(|| 1 + random.below(4)),
            peepholes,
            coupled,
            clip: clip.then_some(0.8),
            gate_activation: function(
                &mut random,
                gate && cell.spec().options.contains(OptionSet::GATE_ACTIVATION),
            ),
            candidate_activation: function(&mut random, candidate),
            output_activation: function(&mut random, output),
            // A large ε keeps the curvature small where two units are nearly equal, so that the differences are exact.
            layer_norm: norm.then_some(0.1),
            recurrent_dropout: [RecurrentDropout::None, RecurrentDropout::Shared, RecurrentDropout::PerGate]
                [random.below(if dropout { 3 } else { 1 })],
            zoneout_hidden: if zone_h { 0.4 } else { 0.0 },
            zoneout_cell: if zone_c { 0.2 } else { 0.0 },
        };
        let mut batch_sizes: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(3)).collect();
        batch_sizes.sort_unstable_by(|a, b| b.cmp(a));
        let dims = Dims::new(cell, 1 + random.below(2), 1 + random.below(3)).with(options);
        let problem = Problem::new(dims, &batch_sizes, given, &mut random);
        let what = format!("case {case}: {} {options:?}, batch sizes {batch_sizes:?}", cell.name());
        for (seen, now) in moved.iter_mut().zip(check(&what, &problem)) {
            *seen |= now;
        }
        let functions = [options.gate_activation, options.candidate_activation, options.output_activation];
        let on = [
            projection,
            peepholes,
            coupled,
            clip,
            functions.iter().any(Option::is_some),
            norm,
            options.recurrent_dropout != RecurrentDropout::None,
            zone_h,
        ];
        used.iter_mut().zip(on).for_each(|(count, on)| *count += usize::from(on));
    }
    assert!(used.iter().all(|&count| count >= 15), "cases with each option: {used:?}");
    assert!(moved.iter().all(|&moved| moved), "parts whose gradient was ever other than 0: {moved:?}");
}

/// A unit that zoneout always keeps never changes; a rate of 0.5 without masks is the mean of both.
#[test]
fn zoneout_at_its_ends() {
    let mut random = Random::new(7);
    let options = Options { zoneout_hidden: 1.0, zoneout_cell: 1.0, ..Options::default() };
    let kept = Problem::new(Dims::new(Cell::Lstm, 2, 3).with(options), &[2, 2, 1], ALL_GIVEN, &mut random);
    let kept = Problem { masks: [Vec::new(), Vec::new(), Vec::new()], ..kept };
    let (_, last, _) = kept.forward(&kept.values);
    assert_eq!(last, [kept.values[1].clone(), kept.values[2].clone()]);

    let given = Given { masks: false, ..ALL_GIVEN };
    let options = Options { zoneout_hidden: 0.5, ..Options::default() };
    let half = Problem::new(Dims::new(CELLS[0], 2, 3).with(options), &[2], given, &mut random);
    let mut plain = half.clone();
    plain.dims.options = Options::default();
    let ((mixed, ..), (new, ..)) = (half.forward(&half.values), plain.forward(&plain.values));
    let want: Vec<f64> = new.iter().zip(&half.values[1]).map(|(new, old)| 0.5 * new + 0.5 * old).collect();
    assert_close("mean", &mixed, &want, 1e-15, 1e-15);
}

/// A projection by the unit matrix changes nothing, nor do masks of ones, nor one mask for all gates given to each.
#[test]
fn options_that_change_nothing() {
    let mut random = Random::new(9);
    for &cell in CELLS {
        let plain = Problem::new(Dims::new(cell, 2, 3), &[3, 2, 1], ALL_GIVEN, &mut random);
        let mut same = vec![plain.clone()];
        for (dropout, per_sequence) in
            [(RecurrentDropout::Shared, 3), (RecurrentDropout::PerGate, 3 * cell.gates())]
        {
            if !cell.spec().options.contains(OptionSet::RECURRENT_DROPOUT) {
                continue;
            }
            let mut ones = plain.clone();
            ones.dims.options.recurrent_dropout = dropout;
            same.push(ones.clone());
            ones.masks[0] = vec![1.0; 3 * per_sequence];
            same.push(ones);
        }
        if cell.spec().options.contains(OptionSet::PROJECTION) {
            let mut unit = plain.clone();
            unit.dims.options.projection = Some(3);
            unit.values[7] = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            same.push(unit);
        }
        for problem in same {
            let what = format!("{} {:?}", cell.name(), problem.dims.options);
            assert_eq!(problem.forward(&problem.values).0, plain.forward(&plain.values).0, "{what}");
            let (found, want) = (problem.backward(), plain.backward());
            for part in 0..7 {
                assert_close(&format!("{what}: {}", PARTS[part]), &found[part], &want[part], 1e-14, 1e-13);
            }
        }
    }
}
