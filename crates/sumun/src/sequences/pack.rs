//! Packing: from padded arrays and lists of sequences to packed rows and back, with PyTorch's names.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, AsArray, Axis, Ix2, Ix3};

use super::BatchAxes;
use super::pad::{check_lengths, filled};
use crate::{Error, Ids, Layout, Result, Rows};

/// How [`pad_packed_sequence`] pads. The default is batch-first, zeros, as long as the longest sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PadPacked<A> {
    /// The order of the result's axes (PyTorch's `batch_first`).
    pub axes: BatchAxes,
    /// What stands where there is no step (PyTorch's `padding_value`).
    pub value: A,
    /// T of the result, at least the longest length.
    pub total_length: Option<usize>,
}

/// Packs features `[N, T, F]` (or `[T, N, F]`) whose true lengths are `lengths`, as PyTorch's `pack_padded_sequence`.
///
/// Lengths may come in any order: the rows are PyTorch's with `enforce_sorted=False`, equal lengths in the caller's
/// order. Unlike PyTorch, a length may be 0: that sequence has no row, and comes back as nothing but padding. What stands
/// past a length is never looked at. Errors: another number of lengths than sequences; a length over T.
pub fn pack_padded_sequence<'a>(
    padded: impl AsArray<'a, f32, Ix3>,
    lengths: &[usize],
    axes: BatchAxes,
) -> Result<Rows> {
    let mut padded: ArrayView3<'a, f32> = padded.into();
    if axes == BatchAxes::TimeMajor {
        padded.swap_axes(0, 1);
    }
    let (sequences, time, features) = padded.dim();
    check_lengths(lengths, sequences, time)?;
    let layout = Layout::ragged(lengths, time)?;
    let mut data = Vec::with_capacity(layout.rows() * features);
    layout.for_each_row(|_, n, t| data.extend((0..features).map(|f| padded[[n, t, f]])));
    Rows::new(data, features, layout)
}

/// Packs ids `[N, T]` (or `[T, N]`), as [`pack_padded_sequence`] packs features.
pub fn pack_padded_ids<'a>(
    padded: impl AsArray<'a, u32, Ix2>,
    lengths: &[usize],
    axes: BatchAxes,
) -> Result<Ids> {
    let mut padded: ArrayView2<'a, u32> = padded.into();
    if axes == BatchAxes::TimeMajor {
        padded.swap_axes(0, 1);
    }
    let (sequences, time) = padded.dim();
    check_lengths(lengths, sequences, time)?;
    let layout = Layout::ragged(lengths, time)?;
    let mut data = Vec::with_capacity(layout.rows());
    layout.for_each_row(|_, n, t| data.push(padded[[n, t]]));
    Ids::new(data, layout)
}

/// Packs sequences of features `[Tₙ, F]`, as PyTorch's `pack_sequence` with `enforce_sorted=False`. T is the longest.
///
/// Errors: no sequence at all; sequences of different F.
pub fn pack_sequence<'a, S: AsArray<'a, f32, Ix2>>(sequences: impl IntoIterator<Item = S>) -> Result<Rows> {
    let views: Vec<ArrayView2<'a, f32>> = sequences.into_iter().map(Into::into).collect();
    let Some(features) = views.first().map(ArrayView2::ncols) else {
        return Err(Error::Invalid("there is no sequence to pack; give at least one".into()));
    };
    if let Some((n, view)) = views.iter().enumerate().find(|(_, view)| view.ncols() != features) {
        return Err(Error::Shape {
            what: format!("sequence {n}"),
            expected: format!("[steps, {features}]"),
            found: format!("[steps, {}]", view.ncols()),
        });
    }
    let layout = layout_of(views.iter().map(ArrayView2::nrows))?;
    let mut data = Vec::with_capacity(layout.rows() * features);
    layout.for_each_row(|_, n, t| data.extend(views[n].row(t)));
    Rows::new(data, features, layout)
}

/// Packs sequences of ids, as [`pack_sequence`] packs features. No sequence at all makes no rows.
pub fn pack_id_sequences<S: AsRef<[u32]>>(sequences: &[S]) -> Result<Ids> {
    let layout = layout_of(sequences.iter().map(|ids| ids.as_ref().len()))?;
    let mut data = Vec::with_capacity(layout.rows());
    layout.for_each_row(|_, n, t| data.push(sequences[n].as_ref()[t]));
    Ids::new(data, layout)
}

/// The padded array `[N, T, F]` (or `[T, N, F]`) of packed rows and the lengths, both in the caller's order, as
/// PyTorch's `pad_packed_sequence`.
///
/// T is the longest length, not the T that was packed, unless `total_length` says otherwise. Where a mask left out
/// steps in the middle, the others close up ([`Rows::unpack`] puts them back where they were).
/// Error: a `total_length` below the longest length.
pub fn pad_packed_sequence(packed: &Rows, options: &PadPacked<f32>) -> Result<(Array3<f32>, Vec<usize>)> {
    pad_packed(&packed.data, packed.features, &packed.layout, options)
}

/// The padded ids `[N, T]` (or `[T, N]`) and the lengths, as [`pad_packed_sequence`] pads features.
pub fn pad_packed_ids(packed: &Ids, options: &PadPacked<u32>) -> Result<(Array2<u32>, Vec<usize>)> {
    let (padded, lengths) = pad_packed(&packed.data, 1, &packed.layout, options)?;
    Ok((padded.index_axis_move(Axis(2), 0), lengths))
}

fn layout_of(lengths: impl Iterator<Item = usize>) -> Result<std::sync::Arc<Layout>> {
    let lengths: Vec<usize> = lengths.collect();
    Layout::ragged(&lengths, lengths.iter().copied().max().unwrap_or(0))
}

fn pad_packed<A: Copy>(
    data: &[A],
    features: usize,
    layout: &Layout,
    options: &PadPacked<A>,
) -> Result<(Array3<A>, Vec<usize>)> {
    let longest = layout.steps().len();
    let time = options.total_length.unwrap_or(longest);
    if time < longest {
        return Err(Error::Invalid(format!(
            "total_length {time} is below the longest sequence, which has {longest} steps"
        )));
    }
    let sequences = layout.sequences();
    let mut shape = [sequences, time];
    if options.axes == BatchAxes::TimeMajor {
        shape.reverse();
    }
    let mut out = filled(Ix3(shape[0], shape[1], features), &options.value)?;
    let mut row = 0;
    for (t, &batch) in layout.steps().batch_sizes().iter().enumerate() {
        for &n in &layout.order()[..batch] {
            let at = if options.axes == BatchAxes::BatchFirst { [n, t] } else { [t, n] };
            for f in 0..features {
                out[[at[0], at[1], f]] = data[row * features + f];
            }
            row += 1;
        }
    }
    let mut lengths = vec![0; sequences];
    for (&n, &length) in layout.order().iter().zip(layout.lengths()) {
        lengths[n] = length;
    }
    Ok((out, lengths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fill;
    use crate::sequences::unpad_sequence;
    use ndarray::array;
    use proptest::prelude::*;

    /// The example of PyTorch's `pack_padded_sequence` page, the rows and batch sizes as PyTorch 2 prints them.
    #[test]
    fn the_examples_of_pytorch() {
        let padded = array![[1, 2, 0], [3, 0, 0], [4, 5, 6]];
        let packed = pack_padded_ids(&padded, &[2, 1, 3], BatchAxes::BatchFirst).unwrap();
        assert_eq!(*packed.data, [4, 1, 3, 5, 2, 6]);
        assert_eq!(packed.layout.steps().batch_sizes(), [3, 2, 1]);
        assert_eq!(packed.layout.order(), [2, 0, 1]);
        let (back, lengths) = pad_packed_ids(&packed, &PadPacked::default()).unwrap();
        assert_eq!((back, lengths), (padded.clone(), vec![2, 1, 3]));
        let options = PadPacked { axes: BatchAxes::TimeMajor, value: 9, total_length: Some(5) };
        let (back, _) = pad_packed_ids(&packed, &options).unwrap();
        assert_eq!(back, array![[1, 3, 4], [2, 9, 5], [9, 9, 6], [9, 9, 9], [9, 9, 9]]);
        let again = pack_padded_ids(&back, &[2, 1, 3], BatchAxes::TimeMajor).unwrap();
        assert_eq!(again.data, packed.data);

        let packed = pack_id_sequences(&[vec![1, 2, 3], vec![4, 5], vec![6]]).unwrap();
        assert_eq!(*packed.data, [1, 4, 6, 2, 5, 3]);
        assert_eq!(packed.layout.steps().batch_sizes(), [3, 2, 1]);
    }

    #[test]
    fn the_answer_is_as_long_as_the_longest_as_in_pytorch() {
        let padded = Array2::from_shape_vec((3, 4), (0..12).collect()).unwrap();
        let packed = pack_padded_ids(&padded, &[2, 1, 3], BatchAxes::BatchFirst).unwrap();
        assert_eq!(*packed.data, [8, 0, 4, 9, 1, 10]);
        let (back, _) = pad_packed_ids(&packed, &PadPacked::default()).unwrap();
        assert_eq!(back, array![[0, 1, 0], [4, 0, 0], [8, 9, 10]]);
    }

    #[test]
    fn sequences_without_steps_are_padding_alone() {
        let x = array![[[1.0_f32], [2.0]], [[3.0], [4.0]]];
        let packed = pack_padded_sequence(&x, &[0, 1], BatchAxes::BatchFirst).unwrap();
        assert_eq!(*packed.data, [3.0]);
        let options = PadPacked { value: 7.0, total_length: Some(2), ..Default::default() };
        let (back, lengths) = pad_packed_sequence(&packed, &options).unwrap();
        assert_eq!((back, lengths), (array![[[7.0], [7.0]], [[3.0], [7.0]]], vec![0, 1]));
        let none = pack_padded_ids(&Array2::zeros((0, 3)), &[], BatchAxes::BatchFirst).unwrap();
        assert_eq!(pad_packed_ids(&none, &PadPacked::default()).unwrap().0.dim(), (0, 0));
    }

    #[test]
    fn steps_of_a_mask_with_holes_close_up() {
        let mask = [true, false, true, false, true, false];
        let layout = Layout::masked(&mask, 2, 3, Fill::Zero).unwrap();
        let ids = Ids::pack(&[1, 2, 3, 4, 5, 6], layout).unwrap();
        let (back, lengths) = pad_packed_ids(&ids, &PadPacked::default()).unwrap();
        assert_eq!((back, lengths), (array![[1, 3], [5, 0]], vec![2, 1]));
    }

    #[test]
    fn what_cannot_be_packed_is_explained() {
        let x = Array3::<f32>::zeros((2, 3, 1));
        let none: [Array2<f32>; 0] = [];
        let packed = pack_padded_sequence(&x, &[3, 1], BatchAxes::BatchFirst).unwrap();
        let unequal = [Array2::zeros((1, 2)), Array2::zeros((1, 3))];
        let total = |steps| PadPacked { total_length: Some(steps), ..Default::default() };
        for (error, expected) in [
            (
                pack_padded_sequence(&x, &[1], BatchAxes::BatchFirst).unwrap_err(),
                "lengths: expected one for each of 2 sequences, found 1",
            ),
            (
                pack_padded_sequence(&x, &[1, 1], BatchAxes::TimeMajor).unwrap_err(),
                "lengths: expected one for each of 3 sequences, found 2",
            ),
            (
                pack_padded_sequence(&x, &[1, 4], BatchAxes::BatchFirst).unwrap_err(),
                "length 4 of sequence 1 is over the 3 steps of the array",
            ),
            (pack_sequence(&none).unwrap_err(), "there is no sequence to pack; give at least one"),
            (pack_sequence(&unequal).unwrap_err(), "sequence 1: expected [steps, 2], found [steps, 3]"),
            (
                pad_packed_sequence(&packed, &total(2)).unwrap_err(),
                "total_length 2 is below the longest sequence, which has 3 steps",
            ),
            (
                pad_packed_sequence(&packed, &total(usize::MAX)).unwrap_err(),
                "an array of shape [2, 18446744073709551615, 1] does not fit in memory; use fewer steps",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn unpacking_undoes_packing(
            lengths in prop::collection::vec(0_usize..6, 1..7),
            features in 0_usize..4,
            time_major in any::<bool>(),
        ) {
            let mut next = 0.0;
            let sequences: Vec<Array2<f32>> = lengths
                .iter()
                .map(|&steps| Array2::from_shape_simple_fn((steps, features), || { next += 1.0; next }))
                .collect();
            let axes = if time_major { BatchAxes::TimeMajor } else { BatchAxes::BatchFirst };
            let packed = pack_sequence(&sequences).unwrap();
            let (padded, found) = pad_packed_sequence(&packed, &PadPacked { axes, value: -1.0, total_length: None }).unwrap();
            prop_assert_eq!(&found, &lengths);
            prop_assert_eq!(unpad_sequence(&padded, &lengths, axes).unwrap(), sequences);
            let again = pack_padded_sequence(&padded, &lengths, axes).unwrap();
            prop_assert_eq!(&again.data, &packed.data);
            prop_assert_eq!(padded.iter().filter(|&&v| v == -1.0).count(), padded.len() - next as usize);
        }
    }
}
