//! Which axes a caller's array has, and the way from them to `[N, T, F]` and back.

use ndarray::{Array, Array3, ArrayBase, ArrayView, ArrayView3, Axis, Dimension, Ix2, Ix3, IxDyn, RawData};

use crate::{Error, Result};

mod sealed {
    pub trait Sealed {}
    impl Sealed for ndarray::Ix2 {}
    impl Sealed for ndarray::Ix3 {}
}

/// The axes of a layer's input and states: three with a batch (`[N, T, F]`, states `[L·D, N, H]`), two without
/// (`[T, F]`, states `[L·D, H]`).
pub trait Axes: Dimension + sealed::Sealed + 'static {}

impl Axes for Ix2 {}
impl Axes for Ix3 {}

/// Whether these axes have one for the batch.
pub(super) fn is_batched<D: Axes>() -> bool {
    D::NDIM == Some(3)
}

/// An array of the number of axes that it is known to have.
fn known<S, D>(array: ArrayBase<S, IxDyn>) -> ArrayBase<S, D>
where
    S: RawData<Elem = f32> + ndarray::Data,
    D: Dimension,
{
    array.into_dimensionality().expect("the axes were counted before")
}

/// An array of `shape` over `values`, which fill it.
pub(super) fn filled<D: Dimension>(shape: &[usize], values: Vec<f32>) -> Array<f32, D> {
    known(Array::from_shape_vec(IxDyn(shape), values).expect("a stack's arrays fill their shapes"))
}

/// The order of axes of the caller's arrays.
#[derive(Debug, Clone, Copy)]
pub(super) struct AxisOrder {
    pub(super) time_major: bool,
    pub(super) batched: bool,
}

impl AxisOrder {
    pub(super) fn of<D: Axes>(time_major: bool) -> Self {
        Self { time_major, batched: is_batched::<D>() }
    }

    fn batch_axis(self) -> Axis {
        Axis(usize::from(self.time_major))
    }

    /// Such as `[N, T, 3]`, for messages.
    pub(super) fn describe(self, features: usize) -> String {
        match (self.batched, self.time_major) {
            (false, _) => format!("[T, {features}]"),
            (true, false) => format!("[N, T, {features}]"),
            (true, true) => format!("[T, N, {features}]"),
        }
    }

    /// The caller's shape of an `[N, T, F]` array.
    pub(super) fn shape(self, n: usize, t: usize, features: usize) -> Vec<usize> {
        match (self.batched, self.time_major) {
            (false, _) => vec![t, features],
            (true, false) => vec![n, t, features],
            (true, true) => vec![t, n, features],
        }
    }

    /// The caller's array seen as `[N, T, F]`. It has three axes, or two where unbatched.
    pub(super) fn enter<'a, D: Dimension>(self, array: ArrayView<'a, f32, D>) -> ArrayView3<'a, f32> {
        let array = array.into_dyn();
        let mut array: ArrayView3<f32> =
            known(if self.batched { array } else { array.insert_axis(self.batch_axis()) });
        if self.time_major {
            array.swap_axes(0, 1);
        }
        array
    }

    /// An `[N, T, F]` array with the caller's order of axes.
    pub(super) fn leave<D: Axes>(self, mut array: Array3<f32>) -> Array<f32, D> {
        if self.time_major {
            array.swap_axes(0, 1);
        }
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        let array = array.into_dyn();
        known(if self.batched { array } else { array.index_axis_move(self.batch_axis(), 0) })
    }
}

/// Refuses an array of another shape.
pub(super) fn expect_shape(what: &str, expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape { what: what.into(), expected: format!("{expected:?}"), found: format!("{found:?}") })
}
