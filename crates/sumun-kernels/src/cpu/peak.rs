//! Multiply-adds in registers: nothing but the processor's arithmetic.

use std::hint::black_box;

use crate::simd::Simd;

/// How many independent chains a probe runs: enough to hide the latency of a multiply-add behind the others (two a
/// cycle, four or five cycles each; eight for a product and a sum apart), few enough to stay in the registers, which
/// are 32 with AVX-512 and 16 elsewhere.
pub(crate) const fn chains(lanes: usize) -> usize {
    if lanes >= 16 { 24 } else { 12 }
}

/// Takes every number of every chain `rounds` times from v to v / 2 + 1, and adds all of them up into `sum`: each
/// comes to 2 and stays there, so no number is ever denormal.
///
/// # Safety
/// The processor must have the instruction set.
#[inline(always)]
pub(crate) unsafe fn multiply_adds<S: Simd, const CHAINS: usize>(rounds: usize, sum: &mut f32) {
    // SAFETY: arithmetic, and one store into an array that holds a vector of any path.
    unsafe {
        // The compiler must neither know the numbers nor see that two chains are the same.
        let (half, one) = (S::splat(black_box(0.5)), S::splat(black_box(1.0)));
        let mut chains: [S::V; CHAINS] = std::array::from_fn(|i| S::splat(black_box(i as f32)));
        for _ in 0..rounds {
            for chain in &mut chains {
                *chain = S::fma(*chain, half, one);
            }
        }
        let total = chains.into_iter().fold(S::splat(0.0), |total, chain| S::add(total, chain));
        let mut lanes = [0.0; 16];
        const { assert!(S::LANES <= 16) };
        S::store(lanes.as_mut_ptr(), total);
        *sum = lanes.iter().sum();
    }
}
