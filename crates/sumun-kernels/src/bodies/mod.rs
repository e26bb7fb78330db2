//! The loops that are compiled once for each instruction set, generic over [`Simd`](crate::simd::Simd): a register tile, a
//! row, a whole step of a row, a tile of rounded numbers, a block of an outer product, the equations of a cell and of its options, softmax,
//! update rules, random numbers.
//!
//! Every output number is one chain of multiply-adds over K in the same order, whatever the tile's height, the chunk, the
//! shard or the number of threads: blocking never changes a bit. Nothing here chooses an instruction set or a thread; the
//! drivers call bodies through the table of [`dispatch`](crate::dispatch).

pub(crate) mod activation;
#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
pub(crate) mod bf16;
pub(crate) mod cell;
pub(crate) mod function;
pub(crate) mod int8;
pub(crate) mod norm;
pub(crate) mod options;
pub(crate) mod outer;
pub(crate) mod peak;
pub(crate) mod philox;
pub(crate) mod rounded;
pub(crate) mod row;
pub(crate) mod softmax;
pub(crate) mod tile;
pub(crate) mod transpose;
pub(crate) mod update;
pub(crate) mod whole;
