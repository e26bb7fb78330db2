//! Products of bf16 numbers by AMX, whose registers are tiles of 16 rows of 64 bytes: a tile of 16 rows by 32 numbers of K, times
//! one of 32 numbers by 16 columns, is added to one of 16 × 16 sums.
//!
//! The instructions have no intrinsics in stable Rust, and tile registers can only be clobbered by `asm!`, so that a block of it
//! is a whole product: from zeros over all of K to the stored sums.

use std::arch::asm;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::bodies::rounded::{MOST_ROUNDED_ROWS, RoundedTile};
use crate::bodies::tile::{load_columns, store_columns};
use crate::simd::Simd;
use crate::simd::avx512::Avx512;
use crate::words::precision::BF16_BLOCK;

/// Rows of a tile.
pub(crate) const TILE_ROWS: usize = 16;

/// Bytes of a row of a tile: 32 bf16 numbers, 16 pairs of them, or 16 sums.
const TILE_BYTES: usize = 64;

/// The most vectors of columns of a panel.
const MOST_VECTORS: usize = 4;

/// Whether this process may use the tiles for bf16. Linux has to be asked once a process, for the 8 KiB that every thread's state is
/// then larger by.
pub(crate) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_instructions() && is_permitted())
}

/// CPUID, leaf 7: AMX-BF16 and AMX-TILE.
fn has_instructions() -> bool {
    let wanted = 1 << 22 | 1 << 24;
    std::arch::x86_64::__cpuid(0).eax >= 7 && std::arch::x86_64::__cpuid_count(7, 0).edx & wanted == wanted
}

#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call asks for permission to use a part of the processor's state, and changes no memory of this process.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// LDTILECFG's operand.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static CONFIG: TileConfig = {
    let (mut row_bytes, mut rows, mut tile) = ([0; 16], [0; 16], 0);
    while tile < 8 {
        (row_bytes[tile], rows[tile]) = (TILE_BYTES as u16, TILE_ROWS as u8);
        tile += 1;
    }
    TileConfig { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// Makes this thread's tiles ready, until [`end`].
///
/// # Safety
/// They must be [available](is_available).
pub(crate) unsafe fn begin() {
    // SAFETY: the caller's promise; the operand is a valid configuration.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, readonly),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
    }
}

/// Leaves this thread's tiles, whose state then no switch of threads has to keep.
///
/// # Safety
/// They must be [available](is_available).
pub(crate) unsafe fn end() {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("tilerelease", options(nostack, nomem),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
    }
}

/// One product of 16 or 32 rows with 1 to 4 vectors of columns: sums at `c`, of as many rows.
struct Product {
    a: *const u8,
    a_stride: usize,
    b: *const u8,
    /// Bytes from one pair of K to the next.
    b_stride: usize,
    /// Blocks of K.
    blocks: usize,
    c: *mut f32,
    c_stride: usize,
}

/// A block of `asm!` for so many rows and columns of tiles. Sums are in tmm0 to tmm3.
macro_rules! product {
    ($name:ident, [$($zero:literal)*], [$($step:literal)*], [$($store:literal)*]) => {
        unsafe fn $name(task: &Product) {
            // SAFETY: the caller promises valid pointers for the strides and blocks, at least one, and tiles that are ready.
            unsafe {
                asm!(
                    // A comment for the assembler: products of 16 rows have no use for the second ones.
                    "# {a2} {c2}",
                    $($zero,)*
                    "2:",
                    $($step,)*
                    "add {a}, 64",
                    "add {a2}, 64",
                    "add {b}, {sb16}",
                    "dec {blocks}",
                    "jnz 2b",
                    $($store,)*
                    a = inout(reg) task.a => _,
                    a2 = inout(reg) task.a.wrapping_add(TILE_ROWS * task.a_stride) => _,
                    b = inout(reg) task.b => _,
                    sa = in(reg) task.a_stride,
                    sb = in(reg) task.b_stride,
                    sb16 = in(reg) 16 * task.b_stride,
                    c = in(reg) task.c,
                    c2 = in(reg) task.c.wrapping_byte_add(TILE_ROWS * task.c_stride),
                    sc = in(reg) task.c_stride,
                    blocks = inout(reg) task.blocks => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

product!(
    one_by_one,
    [
        "tilezero tmm0"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm5, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm5"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
    ]
);
product!(
    one_by_two,
    [
        "tilezero tmm0"
        "tilezero tmm1"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm5, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm5"
        "tileloadd tmm6, [{b} + {sb}*1 + 64]"
        "tdpbf16ps tmm1, tmm4, tmm6"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
        "tilestored [{c} + {sc}*1 + 64], tmm1"
    ]
);
product!(
    one_by_three,
    [
        "tilezero tmm0"
        "tilezero tmm1"
        "tilezero tmm2"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm5, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm5"
        "tileloadd tmm6, [{b} + {sb}*1 + 64]"
        "tdpbf16ps tmm1, tmm4, tmm6"
        "tileloadd tmm7, [{b} + {sb}*1 + 128]"
        "tdpbf16ps tmm2, tmm4, tmm7"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
        "tilestored [{c} + {sc}*1 + 64], tmm1"
        "tilestored [{c} + {sc}*1 + 128], tmm2"
    ]
);
product!(
    one_by_four,
    [
        "tilezero tmm0"
        "tilezero tmm1"
        "tilezero tmm2"
        "tilezero tmm3"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm5, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm5"
        "tileloadd tmm6, [{b} + {sb}*1 + 64]"
        "tdpbf16ps tmm1, tmm4, tmm6"
        "tileloadd tmm7, [{b} + {sb}*1 + 128]"
        "tdpbf16ps tmm2, tmm4, tmm7"
        "tileloadd tmm5, [{b} + {sb}*1 + 192]"
        "tdpbf16ps tmm3, tmm4, tmm5"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
        "tilestored [{c} + {sc}*1 + 64], tmm1"
        "tilestored [{c} + {sc}*1 + 128], tmm2"
        "tilestored [{c} + {sc}*1 + 192], tmm3"
    ]
);
product!(
    two_by_one,
    [
        "tilezero tmm0"
        "tilezero tmm1"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm6, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm6"
        "tileloadd tmm5, [{a2} + {sa}*1]"
        "tdpbf16ps tmm1, tmm5, tmm6"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
        "tilestored [{c2} + {sc}*1], tmm1"
    ]
);
product!(
    two_by_two,
    [
        "tilezero tmm0"
        "tilezero tmm1"
        "tilezero tmm2"
        "tilezero tmm3"
    ],
    [
        "tileloadd tmm4, [{a} + {sa}*1]"
        "tileloadd tmm6, [{b} + {sb}*1]"
        "tdpbf16ps tmm0, tmm4, tmm6"
        "tileloadd tmm7, [{b} + {sb}*1 + 64]"
        "tdpbf16ps tmm1, tmm4, tmm7"
        "tileloadd tmm5, [{a2} + {sa}*1]"
        "tdpbf16ps tmm2, tmm5, tmm6"
        "tdpbf16ps tmm3, tmm5, tmm7"
    ],
    [
        "tilestored [{c} + {sc}*1], tmm0"
        "tilestored [{c} + {sc}*1 + 64], tmm1"
        "tilestored [{c2} + {sc}*1], tmm2"
        "tilestored [{c2} + {sc}*1 + 64], tmm3"
    ]
);

/// Products of 16 rows, by vectors of columns, and of 32.
const OF_ONE: [unsafe fn(&Product); MOST_VECTORS] = [one_by_one, one_by_two, one_by_three, one_by_four];
const OF_TWO: [unsafe fn(&Product); 2] = [two_by_one, two_by_two];

/// Sums of a tile of a product.
#[repr(align(64))]
struct Sums(MaybeUninit<[[f32; MOST_VECTORS * 16]; MOST_ROUNDED_ROWS]>);

/// One tile of N vectors: `c[m] = start[m] + a[m]·B`. Rows are read in whole tiles, of which those after the last one say nothing.
///
/// # Safety
/// As for every tile, with AVX-512, and tiles that are [ready](begin).
#[inline(always)]
pub(crate) unsafe fn amx_tile<const N: usize>(task: &RoundedTile) {
    let mut sums = Sums(MaybeUninit::uninit());
    let summed = sums.0.as_mut_ptr().cast::<f32>();
    let (row, blocks) = (MOST_VECTORS * Avx512::LANES, 2 * task.words / BF16_BLOCK);
    let product = |first: usize| Product {
        a: task.a,
        a_stride: task.stride,
        b: task.b.wrapping_add(first * TILE_BYTES),
        b_stride: N * TILE_BYTES,
        blocks,
        c: summed.wrapping_add(first * Avx512::LANES),
        c_stride: row * size_of::<f32>(),
    };
    // SAFETY: the caller's promises; there are sums for 32 rows of four vectors, of which those that are read were stored.
    unsafe {
        if task.rows <= TILE_ROWS {
            OF_ONE[N - 1](&product(0));
        } else {
            for first in (0..N).step_by(2) {
                OF_TWO[(N - first).min(2) - 1](&product(first));
            }
        }
        for m in 0..task.rows {
            let mut to = load_columns::<Avx512, N>(summed.add(m * row), N * Avx512::LANES);
            let (start, c) = task.place(m);
            if !start.is_null() {
                let start = load_columns::<Avx512, N>(start, task.columns);
                for n in 0..N {
                    to[n] = Avx512::add(start[n], to[n]);
                }
            }
            store_columns::<Avx512, N>(c, &to, task.columns);
        }
    }
}
