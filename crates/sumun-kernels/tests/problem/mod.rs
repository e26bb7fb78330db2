//! A recurrence with everything that goes in, run forwards and backwards on any path and machine.

use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Gradients, InputGradient, Machine, Masks, OptionSet, Options, Pass, Path,
    Precision, Prepared, Purpose, RecurrentDropout, RowsMut, RowsRef, Scratch, State, StateMut, Steps,
    WeightKind, Weights, Write,
};
use sumun_testing::Random;

/// Every recurrence of the fused paths: the cell, and whether it has a projection.
pub(crate) fn fused() -> Vec<(Cell, bool)> {
    let projected = Cell::ALL.iter().filter(|cell| cell.spec().fused.contains(OptionSet::PROJECTION));
    let plain = Cell::ALL.iter().map(|&cell| (cell, false));
    plain.chain(projected.map(|&cell| (cell, true))).collect()
}

/// A projection, where there is one, is of a width that the seed chooses: narrower than H, equal or wider.
pub(crate) fn dims((cell, projected): (Cell, bool), input: usize, hidden: usize, seed: u64) -> Dims {
    let projection = projected.then_some(1 + seed as usize % (hidden + hidden.div_ceil(2)));
    Dims::new(cell, input, hidden).with(Options { projection, ..Options::default() })
}

pub(crate) fn fused_paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available() && *path != Path::Reference)
}

/// One problem: a recurrence, its weights and everything that goes in.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) dims: Dims,
    pub(crate) precision: Precision,
    pub(crate) steps: Steps,
    pub(crate) weights: [Vec<f32>; 8],
    /// Of recurrent dropout, zoneout of h and of c; all empty without them.
    pub(crate) masks: [Vec<f32>; 3],
    pub(crate) x: Vec<f32>,
    pub(crate) initial: Option<[Vec<f32>; 2]>,
    /// Empty for none.
    pub(crate) d_out: Vec<f32>,
    pub(crate) d_last: [Vec<f32>; 2],
}

/// Everything that comes out, named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Results(pub(crate) Vec<(&'static str, Vec<f32>)>);

/// Random numbers as states: a normaliser, of a cell that has one, is above 0.
pub(crate) fn as_states(dims: Dims, mut values: Vec<f32>) -> Vec<f32> {
    let states = dims.cell.spec().states;
    for (k, value) in values.iter_mut().enumerate() {
        if states[k / dims.hidden % states.len()] == "n" {
            *value = value.abs() + 0.5;
        }
    }
    values
}

impl Problem {
    pub(crate) fn new(dims: Dims, batch_sizes: &[usize], bias: bool, initial: bool, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let steps = Steps::new(batch_sizes.to_vec()).unwrap();
        let (rows, n) = (steps.rows(), steps.sequences());
        let scale = 1.0 / (dims.hidden as f64).sqrt();
        let cells = n * dims.cell_width();
        let weights =
            WeightKind::ALL.map(|part| if bias || !part.is_bias() { part.numbers(dims) } else { 0 });
        let mut state = || [random.normals(n * dims.output(), 0.5), random.normals(cells, 0.5)];
        let (d_last, [h, c]) = (state(), state());
        let start = [h, as_states(dims, c)];
        let weights = weights.map(|len| random.normals(len, scale));
        let x = random.normals(rows * dims.input, 1.0);
        let d_out = random.normals(rows * dims.output(), 1.0);
        let options = dims.options;
        let per_sequence = match options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => dims.output(),
            RecurrentDropout::PerGate => dims.cell.gates() * dims.output(),
        };
        let mut mask = |size: usize, kept: f32| -> Vec<f32> {
            (0..size).map(|_| if random.uniform() < 0.6 { kept } else { 0.0 }).collect()
        };
        let if_on = |rate: f64, size: usize| if rate > 0.0 { rows * size } else { 0 };
        let masks = [
            mask(n * per_sequence, 1.0 / 0.6),
            mask(if_on(options.zoneout_hidden, dims.output()), 1.0),
            mask(if_on(options.zoneout_cell, dims.hidden), 1.0),
        ];
        Self {
            dims,
            precision: Precision::F32,
            weights,
            masks,
            x,
            initial: initial.then_some(start),
            d_out,
            d_last,
            steps,
        }
    }

    pub(crate) fn masks(&self) -> Masks<'_, f32> {
        let [recurrent, zoneout_hidden, zoneout_cell] = &self.masks;
        Masks { recurrent, zoneout_hidden, zoneout_cell }
    }

    pub(crate) fn weights(&self) -> Weights<'_, f32> {
        let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
            &self.weights;
        Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias }
    }

    pub(crate) fn initial(&self) -> Option<State<'_, f32>> {
        self.initial.as_ref().map(|[hidden, cell]| State { hidden, cell })
    }

    pub(crate) fn zeros(&self) -> [Vec<f32>; 2] {
        self.d_last.each_ref().map(|part| vec![0.0; part.len()])
    }

    pub(crate) fn run(&self, machine: impl Into<Machine>) -> Results {
        self.run_for(machine, [Purpose::Training(InputGradient::Needed); 2])
    }

    /// With weights packed for these purposes, forwards and backwards.
    pub(crate) fn run_for(
        &self,
        machine: impl Into<Machine>,
        [forwards, backwards]: [Purpose; 2],
    ) -> Results {
        let machine = machine.into();
        let (input, output) = (self.dims.input, self.dims.output());
        let mut prepared =
            Prepared::with_precision(self.dims, &self.weights(), machine, forwards, self.precision).unwrap();
        assert_eq!((prepared.path(), prepared.machine()), (machine.path, machine));
        let mut out = vec![f32::NAN; self.steps.rows() * output];
        let ([mut h, mut c], [mut d_h, mut d_c]) = (self.zeros(), self.zeros());
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let last = StateMut { hidden: &mut h, cell: &mut c };
        let x = RowsRef::dense(&self.x, input);
        let to = RowsMut::dense(&mut out, output);
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(), to, last).unwrap();
        let pass = pass.masks(self.masks()).unwrap();
        prepared.forward(pass, Some(&mut cache), &mut scratch).unwrap();

        // Without a cache another branch runs; the output has the same bits.
        let (mut again, [mut h2, mut c2]) = (vec![f32::NAN; out.len()], self.zeros());
        let last = StateMut { hidden: &mut h2, cell: &mut c2 };
        let to = RowsMut::dense(&mut again, output);
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(), to, last).unwrap();
        let pass = pass.masks(self.masks()).unwrap();
        prepared.forward(pass, None, &mut scratch).unwrap();
        assert_eq!((&again, &h2, &c2), (&out, &h, &c), "with and without a cache");

        if backwards != forwards {
            prepared.update(&self.weights(), backwards).unwrap();
        }
        let mut d_x = vec![f32::NAN; self.x.len()];
        let mut into = self.weights.each_ref().map(|part| vec![0.0; part.len()]);
        let [w, u, bi, bh, projection, peepholes, norm_gain, norm_bias] = &mut into;
        let into_all = Gradients {
            input: w,
            hidden: u,
            bias_input: bi,
            bias_hidden: bh,
            projection,
            peepholes,
            norm_gain,
            norm_bias,
        };
        let d_out = (!self.d_out.is_empty()).then(|| RowsRef::dense(&self.d_out, output));
        let d_last = State { hidden: &self.d_last[0], cell: &self.d_last[1] };
        let (d_rows, d_initial) =
            (RowsMut::dense(&mut d_x, input), StateMut { hidden: &mut d_h, cell: &mut d_c });
        let out_rows = RowsRef::dense(&out, output);
        let adjoint =
            Adjoint::new(self.dims, &self.steps, x, self.initial(), out_rows, d_initial, into_all).unwrap();
        let adjoint = adjoint.masks(self.masks()).unwrap();
        let adjoint = adjoint.d_out(d_out).unwrap().d_last(d_last).unwrap();
        prepared.backward(adjoint.d_x(d_rows, Write::Overwrite).unwrap(), &mut cache).unwrap();
        let [d_w, d_u, d_bi, d_bh, d_projection, d_peepholes, d_gain, d_norm_bias] = into;
        Results(vec![
            ("out", out),
            ("h", h),
            ("c", c),
            ("d_x", d_x),
            ("d_h0", d_h),
            ("d_c0", d_c),
            ("d_weight_ih", d_w),
            ("d_weight_hh", d_u),
            ("d_bias_ih", d_bi),
            ("d_bias_hh", d_bh),
            ("d_weight_hr", d_projection),
            ("d_peepholes", d_peepholes),
            ("d_norm_gain", d_gain),
            ("d_norm_bias", d_norm_bias),
        ])
    }
}

pub(crate) fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}
