//! The register tile: M rows by N vectors of accumulators, and the loop over K that fills it.

use crate::simd::Simd;

/// How far a product runs over K: `segments` runs of `length` numbers, `stride` floats apart in a row of A,
/// then `tails` of `tail` numbers, `tail_stride` apart. A plain row is one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    pub(crate) segments: usize,
    pub(crate) length: usize,
    pub(crate) stride: usize,
    pub(crate) tails: usize,
    pub(crate) tail: usize,
    pub(crate) tail_stride: usize,
}

impl Depth {
    /// K contiguous numbers.
    pub(crate) fn plain(k: usize) -> Self {
        Self { segments: 1, length: k, stride: 0, tails: 0, tail: 0, tail_stride: 0 }
    }

    /// K in all.
    pub(crate) fn total(self) -> usize {
        self.segments * self.length + self.tails * self.tail
    }
}

/// The most rows of a tile, on any instruction set.
pub(crate) const MOST_ROWS: usize = 8;

/// What one tile computes: `c[m] = start[m] + a[m]·B` for its rows m, the first `columns` of its columns.
#[derive(Debug)]
pub(crate) struct Tile {
    pub(crate) a: [*const f32; MOST_ROWS],
    pub(crate) depth: Depth,
    /// The packed panel.
    pub(crate) b: *const f32,
    /// The packed panel that comes after it, of which each tile prefetches its own piece.
    pub(crate) after: *const f32,
    /// Which tile of the panel it is.
    pub(crate) turn: usize,
    /// What each row starts from; null for zeros.
    pub(crate) start: [*const f32; MOST_ROWS],
    pub(crate) c: [*mut f32; MOST_ROWS],
    pub(crate) columns: usize,
}

impl Tile {
    pub(crate) fn new(b: *const f32, depth: Depth, columns: usize) -> Self {
        let (a, c) = ([std::ptr::null(); MOST_ROWS], [std::ptr::null_mut(); MOST_ROWS]);
        Self { a, depth, b, after: b, turn: 0, start: a, c, columns }
    }

    /// Where the piece of the next panel begins that this tile prefetches, a line for each k. A tile of fewer than a dozen
    /// sums waits for B in any case, and does not last long enough to prefetch more.
    #[inline(always)]
    fn ahead<S: Simd, const M: usize, const W: usize>(&self) -> *const f32 {
        match M * W < 12 || self.turn >= W {
            true => self.b,
            false => self.after.wrapping_add(self.turn * self.depth.total() * S::LANES),
        }
    }
}

/// One tile of M rows by N vectors.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const M: usize, const N: usize>(task: &Tile) {
    // SAFETY: the caller promises valid pointers.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        let mut a = [std::ptr::null::<f32>(); M];
        for m in 0..M {
            a[m] = task.a[m];
            if !task.start[m].is_null() {
                acc[m] = load_columns::<S, N>(task.start[m], task.columns);
            }
        }
        acc = multiply::<S, M, N, N, 0>(acc, &a, task.depth, task.b, task.ahead::<S, M, N>());
        for m in 0..M {
            store_columns::<S, N>(task.c[m], &acc[m], task.columns);
        }
    }
}

/// A tile that adds the input's share first: `c[m] = start[m] + x[m]·W + a[m]·B`. For inputs of so few numbers that their
/// product by itself would be nothing but loads and stores.
#[derive(Debug)]
pub(crate) struct StepTile {
    pub(crate) tile: Tile,
    pub(crate) x: [*const f32; MOST_ROWS],
    /// The packed panel of the input's weights.
    pub(crate) w: *const f32,
    pub(crate) inputs: usize,
}

/// One tile of M rows by N vectors: x·W goes to the first W vectors, a·B to as many from the O-th on.
#[inline(always)]
pub(crate) unsafe fn step_tile<S: Simd, const M: usize, const N: usize, const W: usize, const O: usize>(
    step: &StepTile,
) {
    let task = &step.tile;
    // SAFETY: the caller promises valid pointers.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        let (mut a, mut x) = ([std::ptr::null::<f32>(); M], [std::ptr::null::<f32>(); M]);
        for m in 0..M {
            (a[m], x[m]) = (task.a[m], step.x[m]);
            acc[m] = load_columns::<S, N>(task.start[m], task.columns);
        }
        acc = multiply::<S, M, N, W, 0>(acc, &x, Depth::plain(step.inputs), step.w, step.w);
        acc = multiply::<S, M, N, W, O>(acc, &a, task.depth, task.b, task.ahead::<S, M, W>());
        for m in 0..M {
            store_columns::<S, N>(task.c[m], &acc[m], task.columns);
        }
    }
}

/// `acc[m][O + w] += Σ_k a[m][k]·b[k][w]`, k in order; `b` is packed, W vectors a k.
#[inline(always)]
unsafe fn multiply<S: Simd, const M: usize, const N: usize, const W: usize, const O: usize>(
    mut acc: [[S::V; N]; M],
    a: &[*const f32; M],
    depth: Depth,
    mut b: *const f32,
    mut after: *const f32,
) -> [[S::V; N]; M] {
    // SAFETY: the caller promises that every row of A and the packed B hold `depth`.
    unsafe {
        for segment in 0..depth.segments {
            (acc, b, after) = run::<S, M, N, W, O>(acc, a, segment * depth.stride, depth.length, b, after);
        }
        for tail in 0..depth.tails {
            let start = depth.segments * depth.stride + tail * depth.tail_stride;
            (acc, b, after) = run::<S, M, N, W, O>(acc, a, start, depth.tail, b, after);
        }
    }
    acc
}

#[inline(always)]
unsafe fn run<S: Simd, const M: usize, const N: usize, const W: usize, const O: usize>(
    mut acc: [[S::V; N]; M],
    a: &[*const f32; M],
    start: usize,
    length: usize,
    mut b: *const f32,
    mut after: *const f32,
) -> ([[S::V; N]; M], *const f32, *const f32) {
    // SAFETY: as for multiply.
    unsafe {
        for k in start..start + length {
            let mut numbers = *a;
            for m in 0..M {
                numbers[m] = a[m].add(k);
            }
            multiply_add::<S, M, N, W, O>(&mut acc, &numbers, b);
            b = b.add(W * S::LANES);
            if M * W >= 12 {
                S::prefetch_far(after);
                after = after.wrapping_add(S::LANES);
            }
        }
    }
    (acc, b, after)
}

/// `acc[m][O + w] += a[m]·b[w]` for one number of each row, and W vectors at b.
///
/// What there is more of is read one at a time, so that a tile of twelve sums fits the sixteen registers of AVX2:
/// three rows stay there for each of four vectors, or two vectors for each of six rows.
#[inline(always)]
pub(crate) unsafe fn multiply_add<S: Simd, const M: usize, const N: usize, const W: usize, const O: usize>(
    acc: &mut [[S::V; N]; M],
    a: &[*const f32; M],
    b: *const f32,
) {
    // SAFETY: the caller promises a number of each row, and W vectors.
    unsafe {
        if M < W {
            let mut v = [S::splat(0.0); M];
            for m in 0..M {
                v[m] = S::splat(*a[m]);
            }
            for n in 0..W {
                let w = S::load(b.add(n * S::LANES));
                for m in 0..M {
                    acc[m][O + n] = S::fma(v[m], w, acc[m][O + n]);
                }
            }
        } else {
            let mut w = [S::splat(0.0); W];
            for n in 0..W {
                w[n] = S::load(b.add(n * S::LANES));
            }
            for m in 0..M {
                let v = S::splat(*a[m]);
                for n in 0..W {
                    acc[m][O + n] = S::fma(v, w[n], acc[m][O + n]);
                }
            }
        }
    }
}

/// Loads N vectors of which the first `columns` floats exist; the rest are zeros.
#[inline(always)]
pub(crate) unsafe fn load_columns<S: Simd, const N: usize>(p: *const f32, columns: usize) -> [S::V; N] {
    // SAFETY: the caller promises `columns` floats at p.
    unsafe {
        let mut v = [S::splat(0.0); N];
        if columns >= N * S::LANES {
            for n in 0..N {
                v[n] = S::load(p.add(n * S::LANES));
            }
            return v;
        }
        for n in 0..N {
            let left = columns.saturating_sub(n * S::LANES);
            if left >= S::LANES {
                v[n] = S::load(p.add(n * S::LANES));
            } else if left > 0 {
                v[n] = S::load_first(p.add(n * S::LANES), left);
            }
        }
        v
    }
}

/// Stores the first `columns` floats of N vectors.
#[inline(always)]
pub(crate) unsafe fn store_columns<S: Simd, const N: usize>(p: *mut f32, v: &[S::V; N], columns: usize) {
    // SAFETY: the caller promises `columns` floats at p.
    unsafe {
        if columns >= N * S::LANES {
            for n in 0..N {
                S::store(p.add(n * S::LANES), v[n]);
            }
            return;
        }
        for n in 0..N {
            let left = columns.saturating_sub(n * S::LANES);
            if left >= S::LANES {
                S::store(p.add(n * S::LANES), v[n]);
            } else if left > 0 {
                S::store_first(p.add(n * S::LANES), v[n], left);
            }
        }
    }
}
