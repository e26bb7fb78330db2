//! The kernels beside recurrences.

use sumun_kernels::linear::{self, LinearDims, Packed};
use sumun_kernels::table::{add_rows, look_up};
use sumun_kernels::update::{self, Adam, Momentum, Rule, Sgd, SquareRoot, Sweep, update_ranges};
use sumun_kernels::{
    ActivationFunction, InputGradient, Path, Precision, RowMap, RowsMut, RowsRef, VectorFunction, activate,
    philox, softmax,
};

use super::choice::Choice;
use super::recurrence::{machine, rounded_precision, some_steps};

type Said = Result<(), String>;

fn said<T>(result: Result<T, sumun_kernels::Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

const FUNCTIONS: [ActivationFunction; 6] = [
    ActivationFunction::Sigmoid,
    ActivationFunction::Tanh,
    ActivationFunction::Relu,
    ActivationFunction::Elu { alpha: -2.0 },
    ActivationFunction::Softplus,
    ActivationFunction::Affine { alpha: f64::NAN, beta: f64::INFINITY },
];

/// Affine maps of sizes that may lie, with arrays that fit where there can be any.
pub(super) fn linear(choice: &mut Choice<'_>) -> Said {
    let (path, dims) = (
        choice.of(&Path::ALL),
        LinearDims { rows: choice.size(12), input: choice.size(12), output: choice.size(12) },
    );
    let LinearDims { rows, input, output } = dims;
    let weight = choice.values(input.saturating_mul(output));
    let (x, bias) = (choice.values(rows.saturating_mul(input)), choice.values(output));
    let mut y = choice.values(rows.saturating_mul(output));
    said(linear::forward(path, dims, &weight, &bias, &x, &mut y))?;
    // What any row comes to, worked out here.
    let sum = |k: usize| {
        (0..input).fold(f64::from(bias[k]), |all, i| all + f64::from(weight[k * input + i]) * f64::from(x[i]))
    };
    for (k, found) in y[..output.min(y.len())].iter().enumerate() {
        let want = if bias.is_empty() { continue } else { sum(k) };
        let alike = (want - f64::from(*found)).abs() <= 1e-4 * (1.0 + want.abs());
        assert!(
            alike || !want.is_finite() || !found.is_finite() || want.abs() > 1e6,
            "{dims:?} on {path}: {found}, not {want}"
        );
    }
    let mut d_x = choice.values(rows.saturating_mul(input));
    said(linear::backward_input(path, dims, &weight, &y, &mut d_x))?;
    let (mut d_weight, mut d_bias) = (choice.values(input.saturating_mul(output)), choice.values(output));
    let stride =
        |choice: &mut Choice<'_>, width: usize| if choice.one_in(8) { choice.size(3) } else { width };
    let x = RowsRef { values: &x, stride: stride(choice, input), map: None };
    let d_y = RowsRef { values: &y, stride: stride(choice, output), map: None };
    said(linear::backward_weight(path, dims, x, d_y, &mut d_weight, &mut d_bias))
}

/// The same with weights packed before.
pub(super) fn packed(choice: &mut Choice<'_>) -> Said {
    packed_over(Precision::F32, choice)
}

/// The same over rounded numbers, and the gradient of the weights.
pub(super) fn rounded(choice: &mut Choice<'_>) -> Said {
    let precision = rounded_precision(choice);
    if choice.one_in(2) {
        return packed_over(precision, choice);
    }
    let (machine, input, output, rows) =
        (machine(choice), choice.size(40), choice.size(40), choice.size(300));
    let right = |one: usize, other: usize| one.saturating_mul(other);
    let (x, d_y) = (choice.values(right(rows, input)), choice.values(right(rows, output)));
    let (mut d_weight, mut d_bias) = (choice.values(right(input, output)), choice.values(output));
    let dims = LinearDims { rows, input, output };
    let (x, d_y) = (RowsRef::dense(&x, input), RowsRef::dense(&d_y, output));
    said(linear::backward_weight_with(machine, dims, x, d_y, &mut d_weight, &mut d_bias, precision))
}

fn packed_over(precision: Precision, choice: &mut Choice<'_>) -> Said {
    let (machine, input, output) = (machine(choice), choice.size(16), choice.size(16));
    let wanted = choice.of(&[InputGradient::Needed, InputGradient::Skip]);
    let weight = choice.values(input.saturating_mul(output));
    let mut packed = said(Packed::with_precision(machine, input, output, &weight, wanted, precision))?;
    let rows = choice.size(12);
    let right = |width: usize| rows.saturating_mul(width);
    let (x, bias, mut y) = (choice.values(right(input)), choice.values(output), choice.values(right(output)));
    let map = RowMap::new(choice.places(rows, rows));
    let map = map.ok().filter(|_| choice.one_in(3));
    let stride = if choice.one_in(8) { choice.size(3) } else { input };
    let from = RowsRef { values: &x, stride, map: map.as_ref() };
    let _ = packed.forward(rows, &bias, from, RowsMut::dense(&mut y, output));
    let weight = choice.values(input.saturating_mul(output));
    let _ = packed.update(&weight, choice.of(&[InputGradient::Needed, InputGradient::Skip]));
    let mut d_x = choice.values(right(input));
    said(packed.backward_input(rows, RowsRef::dense(&y, output), RowsMut::dense(&mut d_x, input)))
}

/// Tables of embeddings.
pub(super) fn table(choice: &mut Choice<'_>) -> Said {
    let (entries, width) = (choice.size(16), choice.size(8));
    let mut table = choice.values(entries.saturating_mul(width));
    let count = choice.size(8);
    let ids = choice.places(count, entries);
    let rows = said(look_up(&table, width, &ids))?;
    assert_eq!(rows.len(), ids.len() * width);
    let d = choice.values(rows.len());
    let skipped = choice.one_in(2).then(|| u32::from(choice.byte()));
    said(add_rows(&mut table, width, &ids, skipped, &d))
}

/// What goes over a row of numbers.
pub(super) fn rows(choice: &mut Choice<'_>) -> Said {
    let (path, length) = (choice.of(&Path::ALL), choice.size(usize::MAX));
    let length = length * choice.of(&[0, 1, 7, 31]);
    let mut row = choice.values(length);
    match choice.below(6) {
        0 => said(softmax::log_sum_exp(path, &row)).map(drop),
        1 => said(softmax::softmax(path, &mut row, f64::from(choice.byte()) - 3.0)).map(drop),
        2 => {
            let what = choice.of(&[VectorFunction::Sigmoid, VectorFunction::Tanh, VectorFunction::Exp]);
            said(activate(path, what, &mut row))
        }
        3 => said(choice.of(&FUNCTIONS).apply(path, &mut row)),
        4 => {
            let (y, mut d) = (choice.values(row.len()), choice.values(row.len()));
            said(choice.of(&FUNCTIONS).apply_slope(&row, &y, &mut d))
        }
        _ => {
            said(philox::fill_uniform(
                path,
                [u32::MAX, u32::MAX, choice.byte().into(), 0],
                [7, u32::MAX],
                &mut row,
            ))?;
            assert!(row.iter().all(|value| (0.0..1.0).contains(value)), "no share of one");
            Ok(())
        }
    }
}

/// Steps of optimizers.
pub(super) fn update(choice: &mut Choice<'_>) -> Said {
    let path = choice.of(&Path::ALL);
    let length = choice.size(usize::MAX) * choice.of(&[1, 3, 17]);
    let (mut values, gradients) = (choice.values(length), choice.values(length));
    let (mut first, mut second) = (choice.values(length), choice.values(length));
    let how = choice.of(&[Momentum::None, Momentum::Heavy, Momentum::Nesterov]);
    let rule = match choice.below(3) {
        0 => Rule::Sgd(Sgd { lr: 0.1, scale: 1.0, momentum: 0.9, penalty: 0.0, how }),
        1 => Rule::Adam(Adam {
            scale: 1.0,
            penalty: 0.0,
            keep: 1.0,
            first_share: 0.1,
            second_keep: 0.999,
            second_share: 0.001,
            step_size: f32::INFINITY,
            root_scale: 1.0,
            epsilon: 0.0,
        }),
        _ => Rule::SquareRoot(SquareRoot {
            lr: 0.1,
            scale: 1.0,
            penalty: 0.0,
            old: 0.9,
            new: 0.1,
            epsilon: 1e-8,
        }),
    };
    if choice.one_in(3) {
        first.clear();
    }
    let sweep = Sweep { values: &mut values, gradients: &gradients, first: &mut first, second: &mut second };
    if choice.one_in(2) {
        return said(update::update(path, &rule, sweep));
    }
    let ends: Vec<usize> = (0..4).map(|_| choice.size(8)).collect();
    said(update_ranges(path, &rule, &[ends[0].wrapping_sub(1)..ends[1], ends[2]..ends[3]], sweep))
}

/// Steps, their parts and orders of rows.
pub(super) fn steps(choice: &mut Choice<'_>) -> Said {
    let steps = some_steps(choice)?;
    // Steps may be as many as there can be.
    let shown = steps.len().min(1000);
    let rows: usize = (0..shown).map(|t| steps.batch_size(t)).sum();
    assert!(rows <= steps.rows() && (shown == 0 || steps.offset(shown - 1) < steps.rows()));
    let count = choice.size(6);
    let map = said(RowMap::new(choice.places(count, count)))?;
    let (start, end) = (choice.size(4).wrapping_sub(1), choice.size(4));
    said(map.part(start..end)).map(drop)
}
