//! What callers get wrong: sizes whose products wrap or cannot be addressed, views and ranges that reach beyond their
//! arrays, sizes of 0. Each is an error that names it, before anything is read or written.

use sumun_kernels::linear::{self, LinearDims, Packed};
use sumun_kernels::table::{add_rows, look_up};
use sumun_kernels::update::{Momentum, Rule, Sgd, Sweep, update_ranges};
use sumun_kernels::{
    Cache, Cell, Dims, Error, InputGradient, Masks, Options, Pass, Path, Prepared, Purpose, RecurrentDropout,
    RowMap, RowsMut, RowsRef, Scratch, StateMut, Steps, Trace, WeightKind, Weights, softmax,
};

const RNN: Cell = Cell::RnnTanh;
const HUGE: [usize; 6] = [usize::MAX, usize::MAX / 2, usize::MAX / 3 + 1, 1 << 63, 1 << 62, 1 << 61];

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

/// What an error states of a size, and whether it states anything else.
fn too_large<T>(found: Result<T, Error>) -> &'static str {
    match found.err().expect("a size that cannot be is refused") {
        Error::TooLarge { what, found, most } => {
            assert!(found > most as u128, "{what}: {found} is not above {most}");
            what
        }
        error => panic!("another error than that of a size: {error}"),
    }
}

#[test]
fn steps_whose_rows_wrap_are_refused() {
    let rows = "the rows of all steps";
    for sizes in [vec![1 << 63, 1 << 63, 4], vec![usize::MAX; 3], vec![u32::MAX as usize, 1], vec![1 << 32]] {
        assert_eq!(too_large(Steps::new(sizes)), rows);
    }
    for (steps, batch) in
        [(2, usize::MAX), (usize::MAX, 2), (1 << 32, 1 << 32), (1 << 16, 1 << 16), (1, 1 << 32)]
    {
        assert_eq!(too_large(Steps::uniform(steps, batch)), rows);
    }
    // So many rows are as many as there can be; no memory goes with them.
    assert_eq!(Steps::uniform(1, u32::MAX as usize).unwrap().rows(), u32::MAX as usize);
    assert!(Steps::uniform(usize::MAX, 0).unwrap().is_empty());
    let error = Steps::new(vec![1 << 63, 1 << 63, 4]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the rows of all steps: 9223372036854775808 is more than 4294967295, the most there can be"
    );
}

#[test]
fn batch_sizes_that_grow_or_are_zero_are_refused() {
    for (sizes, expected) in [
        (vec![0], "the first batch size is 0; batch sizes must be at least 1 and never grow"),
        (vec![3, 0], "batch size at step 1: 0 after 3; batch sizes must be at least 1 and never grow"),
        (vec![3, 2, 4], "batch size at step 2: 4 after 2; batch sizes must be at least 1 and never grow"),
    ] {
        assert_eq!(Steps::new(sizes).unwrap_err().to_string(), expected);
    }
}

#[test]
fn parts_beyond_their_whole_are_refused() {
    let steps = Steps::new(vec![3, 2, 2]).unwrap();
    let map = RowMap::new(vec![1, 0, 2]).unwrap();
    for (start, end) in [(0, 4), (4, 4), (3, 2), (usize::MAX, 0), (0, usize::MAX)] {
        let of_steps = Error::Range { what: "a part of steps", start, end, least: 0, most: 3 };
        assert_eq!(steps.part(start..end), Err(of_steps));
        let of_rows = Error::Range { what: "a part of an order of rows", start, end, least: 0, most: 3 };
        assert_eq!(map.part(start..end), Err(of_rows));
    }
    assert!(steps.part(3..3).unwrap().is_empty() && map.part(3..3).unwrap().as_slice().is_empty());
}

/// Sizes of a recurrence, by themselves and in products of weights, gates and masks.
#[test]
fn sizes_of_a_recurrence_that_wrap_are_refused() {
    let projected = |width| Options { projection: Some(width), ..Options::default() };
    let normalised = Options { layer_norm: Some(1e-5), ..Options::default() };
    for cell in [RNN, Cell::Lstm, Cell::Gru, Cell::GruResetBefore] {
        for huge in HUGE {
            let mut cases = vec![
                Dims::new(cell, huge, 1),
                Dims::new(cell, 1, huge),
                Dims::new(cell, huge, huge),
                Dims::new(cell, 1, huge).with(normalised),
                Dims::new(cell, 1 << 32, huge >> 31),
            ];
            if cell == Cell::Lstm {
                cases.push(Dims::new(cell, 1, 1).with(projected(huge)));
                cases.push(Dims::new(cell, 1, 1 << 32).with(projected(huge >> 31)));
            }
            for dims in cases {
                assert_eq!(too_large(dims.check()), "the weights of a recurrence", "{dims:?}");
                // Counts that cannot be are the largest there is, and never small.
                assert!(dims.gate_rows() >= dims.hidden);
                assert_eq!(too_large(Weights::<f32>::default().check(dims)), "the weights of a recurrence");
                for path in paths() {
                    let prepared = Prepared::new(dims, &Weights::default(), path, Purpose::Inference);
                    assert_eq!(too_large(prepared), "the weights of a recurrence");
                }
            }
        }
    }
    let zero = |what| Err(Error::Zero { what });
    assert_eq!(Dims::new(RNN, 0, 1).check(), zero("the input size"));
    assert_eq!(Dims::new(RNN, 1, 0).check(), zero("the hidden size"));
    for huge in HUGE {
        assert_eq!(too_large(Trace::with_capacity(Dims::new(Cell::Lstm, 1, 4), huge)), "a trace");
        assert_eq!(too_large(Trace::with_capacity(Dims::new(Cell::Lstm, 1, huge), 4)), "a trace");
    }
}

/// The numbers of weights that cannot be are the largest there is: they overflowed.
#[test]
fn counts_of_weights_that_wrap_are_the_largest() {
    let wide = Options {
        projection: Some(usize::MAX),
        peepholes: true,
        layer_norm: Some(1e-5),
        ..Options::default()
    };
    for huge in HUGE {
        for cell in Cell::ALL {
            let dims = Dims::new(*cell, huge, huge).with(wide);
            for kind in WeightKind::ALL {
                let found = kind.numbers(dims);
                assert!(found == 0 || found >= huge, "{kind:?} of {dims:?}: {found}");
                assert_eq!(kind.shape(dims).is_none(), found == 0, "{kind:?} of {dims:?}");
            }
        }
    }
}

/// A pass of one feature and one unit, with one part of it wrong.
struct Wrong {
    batch_sizes: Vec<usize>,
    dims: Dims,
    x_stride: usize,
    out_stride: usize,
    masks: usize,
}

impl Wrong {
    fn run(&self, path: Path) -> Result<(), Error> {
        let Self { dims, x_stride, out_stride, .. } = *self;
        let weights = vec![0.5; dims.gate_rows()];
        let weights = Weights { input: &weights, hidden: &weights, ..Weights::default() };
        let prepared = Prepared::new(dims, &weights, path, Purpose::Training(InputGradient::Needed))?;
        let steps = Steps::new(self.batch_sizes.clone())?;
        let (x, mut out, mut last, masks) = ([1.0; 4], [0.0; 4], [0.0; 2], vec![1.0; self.masks]);
        let masks = Masks { recurrent: &masks, ..Masks::default() };
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let from = RowsRef { values: &x, stride: x_stride, map: None };
        let to = RowsMut { values: &mut out, stride: out_stride, map: None };
        let last = StateMut { hidden: &mut last, cell: &mut [] };
        let pass = Pass::new(dims, &steps, from, None, to, last)?.masks(masks)?;
        prepared.forward(pass, Some(&mut cache), &mut scratch)
    }
}

/// A fused path takes the new value or the former one; the equations would mix them.
#[test]
fn zoneout_that_half_keeps_is_refused() {
    let options = Options { zoneout_hidden: 0.1, zoneout_cell: 0.1, ..Options::default() };
    let dims = Dims::new(Cell::Lstm, 1, 2).with(options);
    let steps = Steps::uniform(1, 1).unwrap();
    for (wrong, found) in [(0.5, "0.5"), (f32::NAN, "NaN"), (-1.0, "-1")] {
        for cell in [false, true] {
            let ([mut hidden, mut kept], mut out) = ([[1.0, 0.0]; 2], [0.0; 2]);
            if cell {
                kept[1] = wrong
            } else {
                hidden[1] = wrong
            }
            let masks = Masks { zoneout_hidden: &hidden, zoneout_cell: &kept, ..Masks::default() };
            let (mut h, mut c) = ([0.0; 2], [0.0; 2]);
            let (x, to) = (RowsRef::dense(&[1.0], 1), RowsMut::dense(&mut out, 2));
            let last = StateMut { hidden: &mut h, cell: &mut c };
            let refused = Pass::new(dims, &steps, x, None, to, last).unwrap().masks(masks).err();
            let what = if cell { "masks.zoneout_cell" } else { "masks.zoneout_hidden" };
            assert_eq!(refused, Some(Error::Keep { what, at: 1, found: found.into() }));
        }
    }
}

#[test]
fn views_that_wrap_are_refused() {
    let dropout = Options { recurrent_dropout: RecurrentDropout::PerGate, ..Options::default() };
    for path in paths() {
        let good = || Wrong {
            batch_sizes: vec![2, 2],
            dims: Dims::new(RNN, 1, 1),
            x_stride: 1,
            out_stride: 1,
            masks: 0,
        };
        assert_eq!(good().run(path), Ok(()));
        for stride in [usize::MAX, usize::MAX / 3 + 1, usize::MAX / 3 * 2, 1 << 62, 1 << 63] {
            let found = Wrong { x_stride: stride, ..good() }.run(path);
            assert_eq!(too_large(found), "x", "{path}, a stride of {stride}");
            let found = Wrong { out_stride: stride, ..good() }.run(path);
            assert_eq!(too_large(found), "out", "{path}, a stride of {stride}");
        }
        for stride in [0, 2] {
            let found = Wrong { x_stride: stride, ..good() }.run(path);
            assert!(matches!(found, Err(Error::Length { what: "x", .. })), "{path}: {found:?}");
        }
        let many = Wrong { batch_sizes: vec![1 << 31], ..good() }.run(path);
        assert_eq!(many, Err(Error::Length { what: "x", expected: 1 << 31, found: 4 }));
        if path == Path::Reference {
            let masked = Wrong { masks: 3, dims: good().dims.with(dropout), ..good() }.run(path);
            assert_eq!(masked, Err(Error::Length { what: "masks.recurrent", expected: 2, found: 3 }));
        }
    }
}

/// Rows and weights that are there, and yet no memory for what a pass keeps of them: a quarter of a petabyte.
#[test]
fn what_there_is_no_memory_for_is_an_error() {
    let (hidden, rows) = (1 << 22, 1 << 22);
    let projection = Options { projection: Some(1), ..Options::default() };
    let dims = Dims::new(Cell::Lstm, 1, hidden).with(projection);
    let gates = vec![0.0; dims.gate_rows()];
    let weights =
        Weights { input: &gates, hidden: &gates, projection: &gates[..hidden], ..Weights::default() };
    let steps = Steps::uniform(rows, 1).unwrap();
    let (x, mut out, mut c) = (vec![0.0; rows], vec![0.0; rows], vec![0.0; hidden]);
    for path in [Path::Reference, Path::best()] {
        let prepared = Prepared::new(dims, &weights, path, Purpose::Inference).unwrap();
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let last = StateMut { hidden: &mut [0.0], cell: &mut c };
        let (x, out) = (RowsRef::dense(&x, 1), RowsMut::dense(&mut out, 1));
        let pass = Pass::new(dims, &steps, x, None, out, last).unwrap();
        let found = prepared.forward(pass, Some(&mut cache), &mut scratch);
        assert!(matches!(found, Err(Error::Memory { .. })), "{path}: {found:?}");
        assert_eq!(
            prepared.trace(&cache),
            Err(Error::Cache),
            "{path}: nothing is kept of a pass that failed"
        );
    }
}

#[test]
fn affine_maps_whose_sizes_wrap_are_refused() {
    let (rows, weights) = ("the rows of an affine map", "the weights of an affine map");
    let cases = [
        (1 << 63, 2, 2, rows),
        (usize::MAX, 1, 1, rows),
        (1 << 40, 1 << 20, 1, rows),
        (1, 1 << 63, 2, weights),
        (1, 2, 1 << 63, weights),
        (0, usize::MAX, 1, weights),
        (0, 1, usize::MAX, weights),
        (1, 1 << 32, 1 << 32, weights),
    ];
    for path in paths() {
        for (rows, input, output, what) in cases {
            let dims = LinearDims { rows, input, output };
            let none = || RowsRef::dense(&[], input.min(output));
            let found = linear::backward_weight(path, dims, none(), none(), &mut [], &mut []);
            assert_eq!(too_large(found), what, "{path} {dims:?}");
            assert_eq!(too_large(linear::forward(path, dims, &[], &[], &[], &mut [])), what);
            assert_eq!(too_large(linear::backward_input(path, dims, &[], &[], &mut [])), what);
            if what == weights {
                assert_eq!(too_large(Packed::new(path, input, output, &[], InputGradient::Needed)), what);
            }
        }
        // Packing panels of no depth for columns without end would never end.
        for (input, output) in [(0, usize::MAX), (usize::MAX, 0), (0, 1), (1, 0)] {
            let dims = LinearDims { rows: 1, input, output };
            let zero = |found: Result<(), Error>| assert!(matches!(found, Err(Error::Zero { .. })), "{path}");
            zero(Packed::new(path, input, output, &[], InputGradient::Needed).map(|_| ()));
            zero(linear::forward(path, dims, &[], &[], &[], &mut []));
            let (x, d_y) = (RowsRef::dense(&[], input), RowsRef::dense(&[], output));
            zero(linear::backward_weight(path, dims, x, d_y, &mut [], &mut []));
        }
        let packed = Packed::new(path, 1, 1, &[2.0], InputGradient::Needed).unwrap();
        for stride in [usize::MAX, usize::MAX / 3 + 1, 1 << 63] {
            let (view, mut y) = (RowsRef { values: &[1.0; 8], stride, map: None }, [0.0; 8]);
            assert_eq!(too_large(packed.forward(4, &[], view, RowsMut::dense(&mut y, 1))), "x");
            let to = RowsMut { values: &mut y, stride, map: None };
            assert_eq!(too_large(packed.forward(4, &[], RowsRef::dense(&[1.0; 8], 1), to)), "y");
            assert_eq!(too_large(packed.backward_input(4, view, RowsMut::dense(&mut y, 1))), "d_y");
            let dims = LinearDims { rows: 4, input: 1, output: 1 };
            let dense = RowsRef::dense(&[1.0; 8], 1);
            let (mut d_w, none) = ([0.0], &mut []);
            assert_eq!(too_large(linear::backward_weight(path, dims, view, dense, &mut d_w, none)), "x");
            assert_eq!(too_large(linear::backward_weight(path, dims, dense, view, &mut d_w, none)), "d_y");
            assert_eq!((y, d_w), ([0.0; 8], [0.0]));
        }
        for rows in [1 << 63, usize::MAX] {
            let view = || RowsRef::dense(&[1.0; 8], 1);
            assert_eq!(
                too_large(packed.forward(rows, &[], view(), RowsMut::dense(&mut [0.0; 8], 1))),
                "the rows of an affine map"
            );
        }
    }
}

/// Rows of X and dY in another order, with gaps: the bits of the rows in order.
#[test]
fn affine_gradients_follow_the_order_of_rows() {
    let (rows, input, output) = (29, 21, 9);
    let number = |k: usize| ((k * 7919) % 2003) as f32 / 1001.5 - 1.0;
    let numbers = |count: usize, from: usize| -> Vec<f32> { (from..from + count).map(number).collect() };
    let map = RowMap::new((0..rows as u32).map(|row| (row * 7 + 3) % rows as u32).collect()).unwrap();
    let (x, d_y) = (numbers(rows * (input + 2), 5), numbers(rows * (output + 3), 90));
    let in_order = |values: &[f32], width: usize, stride: usize| -> Vec<f32> {
        let at = map.as_slice().iter().map(|&row| row as usize * stride);
        at.flat_map(|at| values[at..at + width].to_vec()).collect()
    };
    let (x_rows, d_y_rows) = (in_order(&x, input, input + 2), in_order(&d_y, output, output + 3));
    let dims = LinearDims { rows, input, output };
    for path in paths() {
        let run = |x: RowsRef<'_>, d_y: RowsRef<'_>| {
            let (mut d_w, mut d_b) = (numbers(output * input, 7), numbers(output, 8));
            linear::backward_weight(path, dims, x, d_y, &mut d_w, &mut d_b).unwrap();
            (d_w, d_b)
        };
        let want = run(RowsRef::dense(&x_rows, input), RowsRef::dense(&d_y_rows, output));
        let mapped = |values, stride| RowsRef { values, stride, map: Some(&map) };
        assert_eq!(run(mapped(&x, input + 2), mapped(&d_y, output + 3)), want, "{path}");
    }
}

#[test]
fn tables_sweeps_and_rows_of_no_size_are_refused_or_empty() {
    for width in HUGE {
        assert_eq!(look_up(&[], width, &[]), Ok(Vec::new()));
        assert!(look_up(&[1.0; 4], width, &[0]).is_err());
        assert!(add_rows(&mut [1.0; 4], width, &[0], None, &[]).is_err());
    }
    let plain = Sgd { lr: 1.0, scale: 1.0, momentum: 0.0, penalty: 0.0, how: Momentum::None };
    for path in paths() {
        for ranges in [&[(4, 0)][..], &[(usize::MAX, 0)], &[(0, 5)], &[(0, 2), (1, 3)], &[(2, 4), (0, 2)]] {
            let ranges: Vec<_> = ranges.iter().map(|&(start, end)| start..end).collect();
            let mut values = [1.0; 4];
            let sweep = Sweep { values: &mut values, gradients: &[1.0; 4], first: &mut [], second: &mut [] };
            let found = update_ranges(path, &Rule::Sgd(plain), &ranges, sweep);
            assert!(matches!(found, Err(Error::Range { .. })), "{path} {ranges:?}: {found:?}");
            assert_eq!(values, [1.0; 4], "{path} {ranges:?}");
        }
        assert_eq!(softmax::log_sum_exp(path, &[]), Ok(f64::NEG_INFINITY));
        assert_eq!(softmax::softmax(path, &mut [], 1.0), Ok(f64::NEG_INFINITY));
    }
}
