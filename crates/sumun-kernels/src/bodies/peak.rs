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
    const { assert!(S::LANES <= 16) };
    // The compiler must neither know the numbers nor see that two chains or two lanes are the same: it would merge them.
    let [half, one] = black_box([0.5, 1.0]);
    let starts: [[f32; 16]; CHAINS] = black_box(std::array::from_fn(|i| [i as f32; 16]));
    // SAFETY: arithmetic, and loads from and stores into arrays that hold a vector of any path.
    unsafe {
        let (half, one) = (S::splat(half), S::splat(one));
        let mut chains: [S::V; CHAINS] = std::array::from_fn(|i| S::load(starts[i].as_ptr()));
        for _ in 0..rounds {
            for chain in &mut chains {
                *chain = S::fma(*chain, half, one);
            }
        }
        // Each chain is stored by itself, as tiles store their rows: that is how compilers find the portable vectors.
        let mut ends = [[0.0; 16]; CHAINS];
        for (end, chain) in ends.iter_mut().zip(chains) {
            S::store(end.as_mut_ptr(), chain);
        }
        *sum = black_box(ends).iter().flatten().sum();
    }
}
