//! Sequences of unequal length: padding, packing, one-hot vectors, batches of like lengths, and splits.
//!
//! The names are PyTorch's (`torch.nn.utils.rnn`) and Keras' (`pad_sequences`), with their meanings; the whole table is
//! in `docs/names.md` of the repository. What differs: lengths may come in any order without being asked and 0 is
//! allowed, `maxlen` of 0 too; padding is batch-first unless asked otherwise; one-hot vectors are `f32`; splits have three
//! parts.
//!
//! A split by time is [`data::Split`](crate::data::Split); windows and scalers are in [`data`](crate::data) too.
//! None of this is needed to call a layer on an array: layers take lengths.
//!
//! ```
//! use sumun::sequences::{BatchAxes, LengthBuckets, PadPacked, PadSequence, pack_sequence, pad_packed_sequence, pad_sequence};
//! use ndarray::array;
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//!
//! let padded = pad_sequence(&[vec![1, 2, 3], vec![4]], &PadSequence::default())?;
//! assert_eq!(padded, array![[1, 2, 3], [4, 0, 0]]);
//!
//! let packed = pack_sequence(&[array![[4.0]], array![[1.0], [2.0], [3.0]]])?;
//! assert_eq!(*packed.data, [1.0, 4.0, 2.0, 3.0]); // step by step, the longest sequence first
//! let (padded, lengths) = pad_packed_sequence(&packed, &PadPacked { axes: BatchAxes::TimeMajor, ..Default::default() })?;
//! assert_eq!((padded.dim(), lengths), ((3, 2, 1), vec![1, 3]));
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let batches = LengthBuckets::sequences(2).shuffled(&[9, 1, 8, 2], &mut rng)?;
//! assert!(batches.iter().all(|batch| batch == &[0, 2] || batch == &[3, 1]));
//! # Ok::<(), sumun::Error>(())
//! ```

mod batches;
mod one_hot;
mod pack;
mod pad;
mod split;

pub use batches::{BatchSize, LengthBuckets, padded_steps};
pub use one_hot::{one_hot, one_hot_rows};
pub use pack::{
    PadPacked, pack_id_sequences, pack_padded_ids, pack_padded_sequence, pack_sequence, pad_packed_ids,
    pad_packed_sequence,
};
pub use pad::{BatchAxes, PadSequence, PadSequences, Side, pad_sequence, pad_sequences, unpad_sequence};
pub use split::{Parts, grouped_split, stratified_split};
