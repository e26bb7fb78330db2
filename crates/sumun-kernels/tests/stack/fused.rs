//! The fused paths behind the same trait as the reference path.

use std::cell::RefCell;

use sumun_kernels::{Adjoint, Cache, Dims, InputGradient, Pass, Path, Prepared, Purpose, Scratch, Weights};

use super::Kernel;

/// One path through [`Prepared`].
pub(crate) struct Fused(pub(crate) Path);

impl Kernel<f32> for Fused {
    type Kept = (Prepared, RefCell<Cache>);

    fn computes(&self, dims: Dims) -> bool {
        self.0.computes(dims)
    }

    fn forward(&self, weights: &Weights<f32>, pass: Pass) -> Self::Kept {
        let purpose = Purpose::Training(InputGradient::Needed);
        let prepared = Prepared::new(pass.dims(), weights, self.0, purpose).expect("weights fit");
        assert_eq!(prepared.path(), self.0);
        let mut cache = Cache::default();
        prepared.forward(pass, Some(&mut cache), &mut Scratch::default()).expect("shapes fit");
        (prepared, RefCell::new(cache))
    }

    fn backward(&self, (prepared, cache): &Self::Kept, _: &Weights<f32>, adjoint: Adjoint) {
        prepared.backward(adjoint, &mut cache.borrow_mut()).expect("shapes fit");
    }
}
