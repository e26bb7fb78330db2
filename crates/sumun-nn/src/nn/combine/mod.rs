//! Several inputs become one: their sum, their product, or one beside the other.

mod spec;

use std::sync::Arc;

use super::InputGradient;
use crate::{Error, Layout, Result, Rows};

pub use spec::CombineLayer;

/// What several inputs become, row by row (Keras' `Add`, `Multiply` and `Concatenate`; ONNX' `Sum`, `Mul` and `Concat`).
///
/// Inputs are all rows of the same steps, or all one row a sequence, or one row a sequence beside steps: then that row is used
/// at every step of its sequence, and its gradient is the sum of theirs, from the first step to the last. Sums and products
/// are taken in the order of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// x₁ + x₂ + …, features of one number.
    Add,
    /// x₁ ⊙ x₂ ⊙ …, features of one number.
    Multiply,
    /// The features of x₁, then those of x₂, and so on.
    Concat,
}

/// An input: its rows, and whether they are steps or one row a sequence.
#[derive(Debug, Clone)]
pub struct CombineInput {
    /// `[R, F]`, or `[N, F]` in the caller's order.
    pub rows: Rows,
    /// Whether there is one row a sequence.
    pub once: bool,
}

/// What [`Combine::backward`] needs.
#[derive(Debug)]
pub struct CombineCache {
    layout: Arc<Layout>,
    /// Features of each input, and whether it has one row a sequence.
    inputs: Vec<(usize, bool)>,
    /// The inputs at every row of the output; only a product needs them.
    rows: Vec<Rows>,
}

impl Combine {
    /// What messages call it.
    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Multiply => "multiply",
            Self::Concat => "concat",
        }
    }

    /// Features of the output of inputs of so many. Fewer than two inputs, and different numbers of features of a sum or a
    /// product, are errors.
    pub fn features(self, inputs: &[usize]) -> Result<usize> {
        let name = self.name();
        let [first, rest @ ..] = inputs else {
            return Err(Error::Invalid(format!("{name} of no inputs; it needs at least 2")));
        };
        if rest.is_empty() {
            return Err(Error::Invalid(format!("{name} of 1 input; it needs at least 2")));
        }
        if self == Self::Concat {
            let sum = inputs.iter().try_fold(0_usize, |sum, &features| sum.checked_add(features));
            return sum.ok_or_else(|| Error::Invalid("concat of more features than can be counted".into()));
        }
        match rest.iter().find(|features| *features != first) {
            None => Ok(*first),
            Some(other) => Err(Error::Invalid(format!(
                "{name} of {first} and {other} features; all inputs need the same"
            ))),
        }
    }

    /// The output, `[R, F]` where an input has steps, else `[N, F]`. Inputs whose steps differ are an error with both shapes.
    pub fn forward(self, inputs: Vec<CombineInput>) -> Result<Rows> {
        Ok(self.run(inputs)?.0)
    }

    /// As [`forward`](Self::forward), with what [`backward`](Self::backward) needs.
    pub fn forward_train(self, inputs: Vec<CombineInput>) -> Result<(Rows, CombineCache)> {
        let sizes = inputs.iter().map(|part| (part.rows.features, part.once)).collect();
        let (out, mut rows) = self.run(inputs)?;
        if self != Self::Multiply {
            rows.clear();
        }
        let cache = CombineCache { layout: out.layout.clone(), inputs: sizes, rows };
        Ok((out, cache))
    }

    /// The gradients of the inputs that want one. `d_out` has the shape of the output.
    pub fn backward(
        self,
        cache: CombineCache,
        d_out: Rows,
        wanted: &[InputGradient],
    ) -> Result<Vec<Option<Rows>>> {
        let CombineCache { layout, inputs, rows } = cache;
        let sizes: Vec<usize> = inputs.iter().map(|&(features, _)| features).collect();
        let features = self.features(&sizes)?;
        d_out.expect_shape(&format!("the gradient of {}'s output", self.name()), layout.rows(), features)?;
        // One row a sequence that is used at every step; where all have one, each is its own.
        let repeats = inputs.iter().any(|&(_, once)| !once);
        let mut first = 0;
        inputs
            .iter()
            .enumerate()
            .map(|(index, &(width, once))| {
                let before = first;
                first += width;
                if wanted.get(index) != Some(&InputGradient::Needed) {
                    return Ok(None);
                }
                let d = match self {
                    Self::Add => d_out.clone(),
                    Self::Concat => {
                        // By row and not in chunks: inputs may have no features.
                        let row = |row: usize| &d_out.data[row * features + before..][..width];
                        let data = (0..layout.rows()).flat_map(row).copied().collect();
                        Rows::new(data, width, layout.clone())?
                    }
                    Self::Multiply => {
                        let mut d = d_out.data.to_vec();
                        for (_, other) in rows.iter().enumerate().filter(|&(other, _)| other != index) {
                            d.iter_mut().zip(other.data.iter()).for_each(|(d, x)| *d *= x);
                        }
                        Rows::new(d, width, layout.clone())?
                    }
                };
                if once && repeats { sum_over_steps(&d).map(Some) } else { Ok(Some(d)) }
            })
            .collect()
    }

    /// The output, and the inputs at every row of it.
    fn run(self, inputs: Vec<CombineInput>) -> Result<(Rows, Vec<Rows>)> {
        let sizes: Vec<usize> = inputs.iter().map(|part| part.rows.features).collect();
        let features = self.features(&sizes)?;
        let layout = self.layout(&inputs)?;
        let repeats = inputs.iter().any(|part| !part.once);
        let rows: Vec<Rows> = inputs
            .into_iter()
            .map(|part| if part.once && repeats { at_every_step(&part.rows, &layout) } else { Ok(part.rows) })
            .collect::<Result<_>>()?;
        let out = match self {
            Self::Add => reduce(&rows, |sum, v| *sum += v),
            Self::Multiply => reduce(&rows, |product, v| *product *= v),
            Self::Concat => {
                let mut out = vec![0.0; layout.rows() * features];
                let mut first = 0;
                for part in &rows {
                    let width = part.features;
                    for row in 0..layout.rows() {
                        out[row * features + first..][..width]
                            .copy_from_slice(&part.data[row * width..][..width]);
                    }
                    first += width;
                }
                out
            }
        };
        Ok((Rows::new(out, features, layout)?, rows))
    }

    /// The layout of the output: that of the inputs with steps, or of all where none has steps.
    fn layout(self, inputs: &[CombineInput]) -> Result<Arc<Layout>> {
        let lead = inputs.iter().find(|part| !part.once).or(inputs.first());
        let Some(CombineInput { rows: lead, once }) = lead else {
            return Err(Error::Invalid(format!("{} of no inputs; it needs at least 2", self.name())));
        };
        for part in inputs {
            let same = match (part.once, once) {
                (true, false) => part.rows.layout.rows() == lead.layout.sequences(),
                _ => part.rows.layout.same_steps(&lead.layout),
            };
            if !same {
                let differs = (0..lead.layout.sequences())
                    .find(|&n| length(&part.rows.layout, n) != length(&lead.layout, n))
                    .filter(|_| !part.once);
                return Err(Error::Shape {
                    what: format!("{} of inputs of different steps", self.name()),
                    expected: shape(lead, *once, differs),
                    found: shape(&part.rows, part.once, differs),
                });
            }
        }
        Ok(lead.layout.clone())
    }
}

/// The shape, and how many of its steps are there: of one sequence, or in all.
fn shape(rows: &Rows, once: bool, sequence: Option<usize>) -> String {
    let (n, time, features) = (rows.layout.sequences(), rows.layout.time(), rows.features);
    match sequence {
        _ if once => format!("[{n}, {features}]"),
        Some(sequence) => {
            let steps = length(&rows.layout, sequence);
            format!("[{n}, {time}, {features}] with {steps} steps in sequence {sequence}")
        }
        None => format!("[{n}, {time}, {features}] with {} steps in all", rows.layout.rows()),
    }
}

/// The steps of a sequence; 0 where there is no such sequence.
fn length(layout: &Layout, sequence: usize) -> usize {
    let rank = layout.order().iter().position(|&n| n == sequence);
    rank.map_or(0, |rank| layout.lengths()[rank])
}

/// All parts, number by number, in their order.
fn reduce(parts: &[Rows], join: impl Fn(&mut f32, f32)) -> Vec<f32> {
    let mut out = parts.first().map_or_else(Vec::new, |first| first.data.to_vec());
    for part in parts.iter().skip(1) {
        out.iter_mut().zip(part.data.iter()).for_each(|(out, &v)| join(out, v));
    }
    out
}

/// One row a sequence at every step of its sequence.
fn at_every_step(rows: &Rows, layout: &Arc<Layout>) -> Result<Rows> {
    let features = rows.features;
    let mut data = Vec::with_capacity(layout.rows() * features);
    layout.for_each_row(|_, n, _| data.extend_from_slice(&rows.data[n * features..(n + 1) * features]));
    Rows::new(data, features, layout.clone())
}

/// What [`at_every_step`] gives back: the sum over a sequence's steps, from its first to its last.
fn sum_over_steps(d: &Rows) -> Result<Rows> {
    let (features, sequences) = (d.features, d.layout.sequences());
    let mut sums = vec![0.0; sequences * features];
    d.layout.for_each_row(|row, n, _| {
        let from = &d.data[row * features..(row + 1) * features];
        sums[n * features..(n + 1) * features].iter_mut().zip(from).for_each(|(sum, d)| *sum += d);
    });
    Rows::one_step(sums, features, sequences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;

    const EVERY: [Combine; 3] = [Combine::Add, Combine::Multiply, Combine::Concat];

    fn number(k: usize) -> f32 {
        ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
    }

    fn steps(seed: usize, features: usize, layout: &Arc<Layout>) -> CombineInput {
        let data = (0..layout.rows() * features).map(|k| number(k + seed)).collect();
        CombineInput { rows: Rows::new(data, features, layout.clone()).unwrap(), once: false }
    }

    fn once(seed: usize, features: usize, sequences: usize) -> CombineInput {
        CombineInput {
            once: true,
            ..steps(seed, features, &Rows::one_step(vec![0.0; sequences], 1, sequences).unwrap().layout)
        }
    }

    #[test]
    fn inputs_may_have_no_features() {
        let layout = Layout::ragged(&[2, 0, 3], 4).unwrap();
        for (widths, expected) in [([0, 3], 3), ([3, 0], 3), ([0, 0], 0)] {
            let inputs = vec![steps(1, widths[0], &layout), steps(1, widths[1], &layout)];
            let (out, cache) = Combine::Concat.forward_train(inputs).unwrap();
            assert_eq!((out.features, &out.data[..]), (expected, &steps(1, expected, &layout).rows.data[..]));
            let d = Combine::Concat.backward(cache, out.clone(), &[InputGradient::Needed; 2]).unwrap();
            for (d, width) in d.into_iter().zip(widths) {
                let d = d.unwrap();
                let wanted = if width == 0 { &[][..] } else { &out.data[..] };
                assert_eq!((d.features, &d.data[..]), (width, wanted));
            }
        }
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let ragged = Layout::ragged(&[2, 0, 3], 4).unwrap();
        let mask = [true, false, true, false, false, false, true, true, false];
        let masked = Layout::masked(&mask, 3, 3, Fill::Repeat).unwrap();
        for how in EVERY {
            let other = if how == Combine::Concat { 3 } else { 2 };
            for inputs in [
                vec![steps(1, 2, &ragged), steps(40, other, &ragged)],
                vec![steps(1, 2, &ragged), once(20, other, 3), steps(40, other, &ragged)],
                vec![once(20, other, 3), steps(1, 2, &masked)],
                vec![once(20, 2, 3), once(50, other, 3), once(70, other, 3)],
            ] {
                check(how, inputs);
            }
        }
    }

    fn check(how: Combine, inputs: Vec<CombineInput>) {
        let loss = |inputs: Vec<CombineInput>| -> f64 {
            let y = how.forward(inputs).unwrap();
            y.data.iter().enumerate().map(|(k, &y)| f64::from(number(k + 3)) * f64::from(y)).sum()
        };
        let (out, cache) = how.forward_train(inputs.clone()).unwrap();
        let d_out = steps(3, out.features, &out.layout).rows;
        let needed = vec![InputGradient::Needed; inputs.len()];
        let gradients = how.backward(cache, d_out.clone(), &needed).unwrap();
        for (index, (part, d)) in inputs.iter().zip(&gradients).enumerate() {
            let d = d.as_ref().unwrap();
            assert_eq!(d.data.len(), part.rows.data.len());
            for (k, &analytic) in d.data.iter().enumerate() {
                let at = |by: f32| {
                    let mut inputs = inputs.clone();
                    inputs[index].rows.data_mut()[k] += by;
                    loss(inputs)
                };
                const STEP: f32 = 1.0 / 256.0;
                let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
                let difference = (f64::from(analytic) - numeric).abs();
                assert!(
                    difference <= 2e-3 * (1.0 + numeric.abs()),
                    "{how:?}, input {index}[{k}]: {analytic} analytic, {numeric} numeric"
                );
            }
        }
        let (_, cache) = how.forward_train(inputs).unwrap();
        let mut only_last = vec![InputGradient::Skip; needed.len()];
        only_last[needed.len() - 1] = InputGradient::Needed;
        let some = how.backward(cache, d_out, &only_last).unwrap();
        assert!(some[..some.len() - 1].iter().all(Option::is_none));
        assert_eq!(
            some.last().unwrap().as_ref().unwrap().data,
            gradients.last().unwrap().as_ref().unwrap().data
        );
    }

    #[test]
    fn the_numbers_are_those_of_each_step() {
        let layout = Layout::ragged(&[1, 2], 2).unwrap();
        let x = CombineInput { rows: Rows::pack(&[1.0, 0.0, 2.0, 3.0], 1, layout).unwrap(), once: false };
        let s = CombineInput { rows: Rows::one_step(vec![10.0, 20.0], 1, 2).unwrap(), once: true };
        for (how, expected) in [
            (Combine::Add, vec![11.0, 0.0, 22.0, 23.0]),
            (Combine::Multiply, vec![10.0, 0.0, 40.0, 60.0]),
            (Combine::Concat, vec![1.0, 10.0, 0.0, 0.0, 2.0, 20.0, 3.0, 20.0]),
        ] {
            assert_eq!(how.forward(vec![x.clone(), s.clone()]).unwrap().unpack(), expected, "{how:?}");
        }
    }

    /// Each sequence alone gives the bits that it gives in a batch.
    #[test]
    fn company_changes_no_bit() {
        let lengths = [3, 0, 5, 1];
        let layout = Layout::ragged(&lengths, 5).unwrap();
        for how in EVERY {
            let (a, b, c) = (steps(1, 7, &layout), once(20, 7, 4), steps(40, 7, &layout));
            let run = |inputs: Vec<CombineInput>, d_out: Option<Rows>| {
                let (out, cache) = how.forward_train(inputs).unwrap();
                let d_out = d_out.unwrap_or_else(|| steps(9, out.features, &out.layout).rows);
                let d = how.backward(cache, d_out.clone(), &[InputGradient::Needed; 3]).unwrap();
                let gradients = d.into_iter().map(|d| d.unwrap().unpack()).collect::<Vec<_>>();
                (out.unpack(), gradients, d_out)
            };
            let all = run(vec![a.clone(), b.clone(), c.clone()], None);
            for (n, &length) in lengths.iter().enumerate().filter(|&(_, &length)| length > 0) {
                let alone = |rows: &Rows| {
                    let values = &rows.unpack()[n * 5 * rows.features..][..length * rows.features];
                    Rows::pack(values, rows.features, Layout::ragged(&[length], length).unwrap()).unwrap()
                };
                let row = Rows::one_step(b.rows.data[n * 7..(n + 1) * 7].to_vec(), 7, 1).unwrap();
                let part = |rows: Rows, once: bool| CombineInput { rows, once };
                let inputs = vec![part(alone(&a.rows), false), part(row, true), part(alone(&c.rows), false)];
                let found = run(inputs, Some(alone(&all.2)));
                let width = all.2.features;
                assert_eq!(found.0, all.0[n * 5 * width..][..length * width], "{how:?}");
                assert_eq!(found.1[0], all.1[0][n * 35..][..length * 7], "{how:?}");
                assert_eq!(found.1[1], all.1[1][n * 7..(n + 1) * 7], "{how:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let layout = Layout::ragged(&[2, 1], 2).unwrap();
        let other = Layout::ragged(&[1, 2], 2).unwrap();
        let (a, b) = (steps(0, 3, &layout), steps(0, 3, &other));
        let error = |how: Combine, inputs: Vec<CombineInput>| how.forward(inputs).unwrap_err().to_string();
        assert_eq!(
            error(Combine::Add, vec![a.clone(), b.clone()]),
            "add of inputs of different steps: expected [2, 2, 3] with 2 steps in sequence 0, found [2, 2, 3] with 1 steps \
             in sequence 0"
        );
        assert_eq!(
            error(Combine::Concat, vec![a.clone(), once(0, 3, 3)]),
            "concat of inputs of different steps: expected [2, 2, 3] with 3 steps in all, found [3, 3]"
        );
        assert_eq!(
            error(Combine::Multiply, vec![a.clone(), steps(0, 2, &layout)]),
            "multiply of 3 and 2 features; all inputs need the same"
        );
        assert_eq!(error(Combine::Concat, vec![a.clone()]), "concat of 1 input; it needs at least 2");
        assert_eq!(error(Combine::Add, vec![]), "add of no inputs; it needs at least 2");
        let huge = Combine::Concat.features(&[usize::MAX, 2]).unwrap_err().to_string();
        assert_eq!(huge, "concat of more features than can be counted");
        let (_, cache) = Combine::Add.forward_train(vec![a.clone(), a]).unwrap();
        let error = Combine::Add.backward(cache, steps(0, 2, &layout).rows, &[]).unwrap_err().to_string();
        assert_eq!(error, "the gradient of add's output: expected [3, 3], found [3, 2]");
    }
}
