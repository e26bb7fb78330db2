//! Padding: sequences of unequal length become one array, as PyTorch and as Keras do it.

use ndarray::{Array, ArrayView, AsArray, Axis, Dimension, Ix, RemoveAxis, Slice};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which axis of an array counts the sequences of a batch and which the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAxes {
    /// `[N, T, …]`: `batch_first=True` in PyTorch, and Keras always.
    #[default]
    BatchFirst,
    /// `[T, N, …]`: PyTorch's own default.
    TimeMajor,
}

impl BatchAxes {
    /// The axis of the sequences, N.
    pub fn batch(self) -> Axis {
        Axis(matches!(self, Self::TimeMajor) as usize)
    }

    /// The axis of the steps, T.
    pub fn time(self) -> Axis {
        Axis(matches!(self, Self::BatchFirst) as usize)
    }
}

/// An end of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before the first step: `"pre"` in Keras, `"left"` in PyTorch.
    Pre,
    /// After the last step: `"post"` in Keras, `"right"` in PyTorch.
    Post,
}

/// How [`pad_sequence`] pads. The default is batch-first, zeros, after the last step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PadSequence<A> {
    /// The order of the result's axes (PyTorch's `batch_first`).
    pub axes: BatchAxes,
    /// What stands where there is no step.
    pub value: A,
    /// Where it stands (PyTorch's `padding_side`).
    pub side: Side,
}

impl<A: Default> Default for PadSequence<A> {
    fn default() -> Self {
        Self { axes: BatchAxes::BatchFirst, value: A::default(), side: Side::Post }
    }
}

/// How [`pad_sequences`] pads and cuts. The default is Keras': as long as the longest, zeros in front, and what is
/// too much cut off in front.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PadSequences<A> {
    /// T of the result; without it, the longest sequence's length.
    pub maxlen: Option<usize>,
    /// Where padding stands.
    pub padding: Side,
    /// Where a sequence over `maxlen` loses steps.
    pub truncating: Side,
    /// What stands where there is no step.
    pub value: A,
}

impl<A: Default> Default for PadSequences<A> {
    fn default() -> Self {
        Self { maxlen: None, padding: Side::Pre, truncating: Side::Pre, value: A::default() }
    }
}

/// Stacks sequences `[Tₙ, …]` into one array `[N, T, …]` (or `[T, N, …]`), T the longest, as PyTorch's `pad_sequence`.
///
/// A sequence may be a vector, a slice or an array of any number of axes. Errors: no sequence at all, and sequences
/// whose axes after the first differ.
///
/// ```
/// use sumun::sequences::{PadSequence, Side, pad_sequence};
/// let options = PadSequence { value: 7, side: Side::Pre, ..Default::default() };
/// let padded = pad_sequence(&[vec![1, 2], vec![3], vec![4, 5, 6]], &options)?;
/// assert_eq!(padded, ndarray::array![[7, 1, 2], [7, 7, 3], [4, 5, 6]]);
/// # Ok::<(), sumun::Error>(())
/// ```
pub fn pad_sequence<'a, A, D, S>(
    sequences: impl IntoIterator<Item = S>,
    options: &PadSequence<A>,
) -> Result<Array<A, D::Larger>>
where
    A: Clone + 'a,
    D: RemoveAxis,
    D::Larger: RemoveAxis<Smaller = D>,
    S: AsArray<'a, A, D>,
{
    let views: Vec<ArrayView<'a, A, D>> = sequences.into_iter().map(Into::into).collect();
    let Some(first) = views.first() else {
        return Err(Error::Invalid("there is no sequence to pad; give at least one".into()));
    };
    let inner = inner_shape(first)?;
    let time = longest(&views)?;
    stack(&views, &inner, options.axes, time, &options.value, |length| Placed {
        from: 0,
        to: if options.side == Side::Pre { time - length } else { 0 },
        length,
    })
}

/// Takes the sequences `[Tₙ, …]` out of a padded array again, as PyTorch's `unpad_sequence`: the first `lengths[n]`
/// steps of sequence `n`. Right for padding after the last step only.
///
/// Errors: another number of lengths than sequences; a length over T; an array of fewer than two axes.
pub fn unpad_sequence<'a, A, D>(
    padded: impl AsArray<'a, A, D>,
    lengths: &[usize],
    axes: BatchAxes,
) -> Result<Vec<Array<A, D::Smaller>>>
where
    A: Clone + 'a,
    D: RemoveAxis,
{
    let padded: ArrayView<'a, A, D> = padded.into();
    if padded.ndim() < 2 {
        return Err(Error::Shape {
            what: "padded sequences".into(),
            expected: "[N, T, …]".into(),
            found: format!("{:?}", padded.shape()),
        });
    }
    let (sequences, time) = (padded.len_of(axes.batch()), padded.len_of(axes.time()));
    check_lengths(lengths, sequences, time)?;
    let cut = |(n, &length): (usize, &usize)| {
        padded.index_axis(axes.batch(), n).slice_axis(Axis(0), Slice::from(..length)).to_owned()
    };
    Ok(lengths.iter().enumerate().map(cut).collect())
}

/// Stacks sequences `[Tₙ, …]` into one array `[N, T, …]`, padded and cut as Keras' `pad_sequences` does it.
///
/// For ids (`u32`, `i64`, …) and for features (`f32`) alike. A sequence of no steps takes its other axes from the
/// first that has some. Errors: sequences whose axes after the first differ; neither sequences nor `maxlen`.
///
/// ```
/// use sumun::sequences::{PadSequences, Side, pad_sequences};
/// let sequences = [vec![1], vec![2, 3], vec![4, 5, 6]];
/// let padded = pad_sequences(&sequences, &PadSequences::default())?;
/// assert_eq!(padded, ndarray::array![[0, 0, 1], [0, 2, 3], [4, 5, 6]]);
/// let options = PadSequences { maxlen: Some(2), padding: Side::Post, ..Default::default() };
/// assert_eq!(pad_sequences(&sequences, &options)?, ndarray::array![[1, 0], [2, 3], [5, 6]]);
/// # Ok::<(), sumun::Error>(())
/// ```
pub fn pad_sequences<'a, A, D, S>(
    sequences: impl IntoIterator<Item = S>,
    options: &PadSequences<A>,
) -> Result<Array<A, D::Larger>>
where
    A: Clone + 'a,
    D: RemoveAxis,
    D::Larger: RemoveAxis<Smaller = D>,
    S: AsArray<'a, A, D>,
{
    let views: Vec<ArrayView<'a, A, D>> = sequences.into_iter().map(Into::into).collect();
    let model = views.iter().find(|view| !view.is_empty()).or(views.first());
    let inner = match model {
        Some(view) => inner_shape(view)?,
        None if D::NDIM == Some(1) && options.maxlen.is_some() => Vec::new(),
        None => return Err(Error::Invalid("there is no sequence to pad; give at least one".into())),
    };
    let time = match options.maxlen {
        Some(time) => time,
        None => longest(&views)?,
    };
    stack(&views, &inner, BatchAxes::BatchFirst, time, &options.value, |length| {
        let kept = length.min(time);
        Placed {
            from: if options.truncating == Side::Pre { length - kept } else { 0 },
            to: if options.padding == Side::Pre { time - kept } else { 0 },
            length: kept,
        }
    })
}

/// Which steps of a sequence stand where in the padded array.
struct Placed {
    from: usize,
    to: usize,
    length: usize,
}

fn stack<A: Clone, D>(
    views: &[ArrayView<'_, A, D>],
    inner: &[Ix],
    axes: BatchAxes,
    time: usize,
    value: &A,
    place: impl Fn(usize) -> Placed,
) -> Result<Array<A, D::Larger>>
where
    D: RemoveAxis,
    D::Larger: RemoveAxis<Smaller = D>,
{
    let mut shape = D::Larger::zeros(inner.len() + 2);
    shape[axes.batch().0] = views.len();
    shape[axes.time().0] = time;
    shape.slice_mut()[2..].copy_from_slice(inner);
    let mut out = filled(shape, value)?;
    for (n, view) in views.iter().enumerate() {
        let length = steps_of(view)?;
        let found = &view.shape()[1..];
        if found != inner && length > 0 {
            return Err(Error::Shape {
                what: format!("sequence {n}"),
                expected: with_steps(inner),
                found: with_steps(found),
            });
        }
        let Placed { from, to, length } = place(length);
        if length > 0 {
            let steps = view.slice_axis(Axis(0), Slice::from(from..from + length));
            let mut row = out.index_axis_mut(axes.batch(), n);
            row.slice_axis_mut(Axis(0), Slice::from(to..to + length)).assign(&steps);
        }
    }
    Ok(out)
}

fn with_steps(inner: &[Ix]) -> String {
    std::iter::once("steps".to_owned())
        .chain(inner.iter().map(Ix::to_string))
        .collect::<Vec<_>>()
        .join(", ")
        .replacen("steps", "[steps", 1)
        + "]"
}

fn steps_of<A, D: Dimension>(view: &ArrayView<'_, A, D>) -> Result<usize> {
    view.shape()
        .first()
        .copied()
        .ok_or_else(|| Error::Invalid("a sequence needs an axis of steps, found a single value".into()))
}

fn inner_shape<A, D: Dimension>(view: &ArrayView<'_, A, D>) -> Result<Vec<Ix>> {
    steps_of(view)?;
    Ok(view.shape()[1..].to_vec())
}

fn longest<A, D: Dimension>(views: &[ArrayView<'_, A, D>]) -> Result<usize> {
    views.iter().try_fold(0, |longest, view| Ok(steps_of(view)?.max(longest)))
}

/// An array of one value, or an error where its shape asks for more than there can be.
pub(super) fn filled<A: Clone, D: Dimension>(shape: D, value: &A) -> Result<Array<A, D>> {
    let too_large = |shape: &D| {
        Error::Invalid(format!(
            "an array of shape {:?} does not fit in memory; use fewer steps",
            shape.slice()
        ))
    };
    // Not only the product of all axes must fit, but that of those that are not 0: ndarray's own rule.
    let cells = shape
        .slice()
        .iter()
        .filter(|&&axis| axis > 0)
        .try_fold(1_usize, |cells, &axis| cells.checked_mul(axis))
        .filter(|&cells| isize::try_from(cells).is_ok())
        .ok_or_else(|| too_large(&shape))?;
    let cells = if shape.slice().contains(&0) { 0 } else { cells };
    let mut values = Vec::new();
    values.try_reserve_exact(cells).map_err(|_| too_large(&shape))?;
    values.resize(cells, value.clone());
    Array::from_shape_vec(shape.clone(), values).map_err(|_| too_large(&shape))
}

/// Refuses another number of lengths than `sequences`, and a length over `time`.
pub(super) fn check_lengths(lengths: &[usize], sequences: usize, time: usize) -> Result<()> {
    if lengths.len() != sequences {
        return Err(Error::Shape {
            what: "lengths".into(),
            expected: format!("one for each of {sequences} sequences"),
            found: lengths.len().to_string(),
        });
    }
    match lengths.iter().enumerate().find(|&(_, &length)| length > time) {
        None => Ok(()),
        Some((n, length)) => Err(Error::Invalid(format!(
            "length {length} of sequence {n} is over the {time} steps of the array"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array3, array};
    use proptest::prelude::*;

    /// The example of PyTorch's `pad_sequence` page, and of its `unpad_sequence` page.
    #[test]
    fn the_examples_of_pytorch() {
        let sequences = [25, 22, 15].map(|steps| Array2::<f32>::ones((steps, 300)));
        let options = PadSequence { axes: BatchAxes::TimeMajor, ..Default::default() };
        let padded = pad_sequence(&sequences, &options).unwrap();
        assert_eq!(padded.dim(), (25, 3, 300));
        assert_eq!(padded.sum(), (25 + 22 + 15) as f32 * 300.0);
        assert_eq!(unpad_sequence(&padded, &[25, 22, 15], BatchAxes::TimeMajor).unwrap(), sequences);

        let padded = pad_sequence(&[vec![1, 2, 3], vec![3, 4]], &options_like(BatchAxes::TimeMajor)).unwrap();
        assert_eq!(padded, array![[1, 3], [2, 4], [3, 0]]);
        let back = unpad_sequence(&padded, &[3, 2], BatchAxes::TimeMajor).unwrap();
        assert_eq!(back, [array![1, 2, 3], array![3, 4]]);
    }

    fn options_like<A: Default>(axes: BatchAxes) -> PadSequence<A> {
        PadSequence { axes, ..Default::default() }
    }

    /// The examples of Keras' `pad_sequences` page, and every pair of sides.
    #[test]
    fn the_examples_of_keras() {
        use Side::{Post, Pre};
        let sequences = [vec![1], vec![2, 3], vec![4, 5, 6]];
        for (maxlen, padding, truncating, value, expected) in [
            (None, Pre, Pre, 0, vec![vec![0, 0, 1], vec![0, 2, 3], vec![4, 5, 6]]),
            (None, Pre, Pre, -1, vec![vec![-1, -1, 1], vec![-1, 2, 3], vec![4, 5, 6]]),
            (None, Post, Pre, 0, vec![vec![1, 0, 0], vec![2, 3, 0], vec![4, 5, 6]]),
            (Some(2), Pre, Pre, 0, vec![vec![0, 1], vec![2, 3], vec![5, 6]]),
            (Some(2), Pre, Post, 0, vec![vec![0, 1], vec![2, 3], vec![4, 5]]),
            (Some(2), Post, Post, 0, vec![vec![1, 0], vec![2, 3], vec![4, 5]]),
            (Some(4), Post, Pre, 9, vec![vec![1, 9, 9, 9], vec![2, 3, 9, 9], vec![4, 5, 6, 9]]),
            (Some(0), Pre, Pre, 0, vec![vec![], vec![], vec![]]),
        ] {
            let options = PadSequences { maxlen, padding, truncating, value };
            let padded = pad_sequences(&sequences, &options).unwrap();
            let rows: Vec<Vec<i32>> = padded.rows().into_iter().map(|row| row.to_vec()).collect();
            assert_eq!(rows, expected, "{options:?}");
        }
    }

    #[test]
    fn features_are_padded_step_by_step() {
        let sequences = [Array2::zeros((0, 0)), array![[1.0_f32, 2.0]], array![[3.0, 4.0], [5.0, 6.0]]];
        let padded = pad_sequences(&sequences, &PadSequences { value: -1.0, ..Default::default() }).unwrap();
        let expected: Array3<f32> =
            array![[[-1.0, -1.0], [-1.0, -1.0]], [[-1.0, -1.0], [1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]];
        assert_eq!(padded, expected);
    }

    #[test]
    fn what_cannot_be_padded_is_explained() {
        let unequal = [Array2::<f32>::zeros((2, 3)), Array2::zeros((4, 5))];
        let none: [Vec<u32>; 0] = [];
        let two = array![[1, 2, 3], [4, 5, 6]];
        let huge = PadSequences { maxlen: Some(usize::MAX), ..Default::default() };
        for (error, expected) in [
            (
                pad_sequence(&unequal, &Default::default()).unwrap_err(),
                "sequence 1: expected [steps, 3], found [steps, 5]",
            ),
            (
                pad_sequences(&unequal, &Default::default()).unwrap_err(),
                "sequence 1: expected [steps, 3], found [steps, 5]",
            ),
            (
                pad_sequence(&none, &Default::default()).unwrap_err(),
                "there is no sequence to pad; give at least one",
            ),
            (
                pad_sequences(&none, &Default::default()).unwrap_err(),
                "there is no sequence to pad; give at least one",
            ),
            (
                pad_sequences(&[vec![1]], &huge).unwrap_err(),
                "an array of shape [1, 18446744073709551615] does not fit in memory; use fewer steps",
            ),
            (
                unpad_sequence(&two, &[3], BatchAxes::BatchFirst).unwrap_err(),
                "lengths: expected one for each of 2 sequences, found 1",
            ),
            (
                unpad_sequence(&two, &[3, 4], BatchAxes::BatchFirst).unwrap_err(),
                "length 4 of sequence 1 is over the 3 steps of the array",
            ),
            (
                unpad_sequence(&array![1, 2], &[1], BatchAxes::BatchFirst).unwrap_err(),
                "padded sequences: expected [N, T, …], found [2]",
            ),
            (
                pad_sequence(&[ndarray::arr0(1).into_dyn()], &Default::default()).unwrap_err(),
                "a sequence needs an axis of steps, found a single value",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
        let empty = pad_sequences(&none, &PadSequences { maxlen: Some(3), ..Default::default() }).unwrap();
        assert_eq!(empty.dim(), (0, 3));
    }

    proptest! {
        #[test]
        fn unpadding_undoes_padding(
            sequences in prop::collection::vec(prop::collection::vec(1_u32..9, 0..7), 1..6),
            time_major in any::<bool>(),
        ) {
            let axes = if time_major { BatchAxes::TimeMajor } else { BatchAxes::BatchFirst };
            let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
            let padded = pad_sequence(&sequences, &options_like(axes)).unwrap();
            let back = unpad_sequence(&padded, &lengths, axes).unwrap();
            let back: Vec<Vec<u32>> = back.iter().map(|s| s.to_vec()).collect();
            prop_assert_eq!(back, sequences);
        }

        #[test]
        fn keras_padding_keeps_an_end_of_every_sequence(
            sequences in prop::collection::vec(prop::collection::vec(1_u32..9, 0..7), 1..6),
            maxlen in 0_usize..8,
            pre in any::<bool>(),
            cut_pre in any::<bool>(),
        ) {
            let side = |pre| if pre { Side::Pre } else { Side::Post };
            let options = PadSequences { maxlen: Some(maxlen), padding: side(pre), truncating: side(cut_pre), value: 0 };
            let padded = pad_sequences(&sequences, &options).unwrap();
            for (row, sequence) in padded.rows().into_iter().zip(&sequences) {
                let kept = sequence.len().min(maxlen);
                let kept = if cut_pre { &sequence[sequence.len() - kept..] } else { &sequence[..kept] };
                let zeros = vec![0; maxlen - kept.len()];
                let expected = if pre { [&zeros, kept].concat() } else { [kept, &zeros].concat() };
                prop_assert_eq!(row.to_vec(), expected);
            }
        }
    }
}
