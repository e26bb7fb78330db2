//! The fused paths behind the same trait as the reference path.

use std::cell::RefCell;

use sumun_kernels::{
    Cache, Dims, Gradients, InputGradient, Path, Prepared, Purpose, RowsMut, RowsRef, Scratch, State,
    StateMut, Steps, Weights,
};

use super::Kernel;

/// One path through [`Prepared`].
pub(crate) struct Fused(pub(crate) Path);

impl Kernel<f32> for Fused {
    type Kept = (Prepared, RefCell<Cache>);

    fn computes(&self, dims: Dims) -> bool {
        self.0.computes(dims)
    }

    fn forward(
        &self,
        dims: Dims,
        weights: &Weights<f32>,
        steps: &Steps,
        x: &[f32],
        initial: Option<State<f32>>,
        out: &mut [f32],
        last: StateMut<f32>,
    ) -> Self::Kept {
        let purpose = Purpose::Training(InputGradient::Needed);
        let prepared = Prepared::new(dims, weights, self.0, purpose).expect("weights fit");
        assert_eq!(prepared.path(), self.0);
        let mut cache = Cache::default();
        let (x, out) = (RowsRef::dense(x, dims.input), RowsMut::dense(out, dims.output()));
        prepared
            .forward(steps, x, initial, out, last, Some(&mut cache), &mut Scratch::default())
            .expect("shapes fit");
        (prepared, RefCell::new(cache))
    }

    fn backward(
        &self,
        (prepared, cache): &Self::Kept,
        dims: Dims,
        _: &Weights<f32>,
        steps: &Steps,
        x: &[f32],
        initial: Option<State<f32>>,
        out: &[f32],
        d_out: &[f32],
        d_last: Option<State<f32>>,
        d_x: Option<&mut [f32]>,
        d_initial: StateMut<f32>,
        into: Gradients<f32>,
    ) {
        let d_x = d_x.map(|d_x| RowsMut::dense(d_x, dims.input));
        let (x, out) = (RowsRef::dense(x, dims.input), RowsRef::dense(out, dims.output()));
        let d_out = RowsRef::dense(d_out, dims.output());
        let mut cache = cache.borrow_mut();
        prepared
            .backward(steps, x, initial, out, &mut cache, Some(d_out), d_last, d_x, false, d_initial, into)
            .expect("shapes fit");
    }
}
