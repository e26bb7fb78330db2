//! A text as several stretches that are read side by side.

use std::ops::Range;

use crate::noise::Noise;

/// `0 .. total` in `parts` stretches of the same length; of lengths that differ by one, the longer come first.
pub(super) fn stretches(total: usize, parts: usize) -> Vec<Range<usize>> {
    let (short, longer) = (total / parts, total % parts);
    let start = |n: usize| n * short + n.min(longer);
    (0..parts).map(|n| start(n)..start(n + 1)).collect()
}

/// How the ends of chunks move (Merity, Keskar & Socher, *Regularizing and Optimizing LSTM Language Models*, 2018): gradients end
/// at other tokens in every epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jitter {
    /// The share of a chunk that an end moves at most, below a half.
    pub(super) share: f64,
    /// That of the epoch.
    pub(super) noise: Noise,
}

/// A training text as a batch reads it: every token is in one stretch and in one chunk, so that each is predicted once
/// an epoch and nothing is left over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Streams {
    stretches: Vec<Range<usize>>,
    /// Steps of the longest stretch, for each chunk.
    chunks: Vec<Range<usize>>,
}

impl Streams {
    /// At most `batch` stretches of at least a chunk each, in chunks of at most `chunk` tokens, which are as even as they
    /// can be: a last chunk of a few tokens would take a step as long as the others. None for a text shorter than a
    /// chunk.
    pub(super) fn new(tokens: usize, batch: usize, chunk: usize) -> Option<Self> {
        let batch = batch.min(tokens / chunk);
        if batch == 0 {
            return None;
        }
        let stretches = stretches(tokens, batch);
        let longest = stretches[0].len();
        Some(Self { chunks: self::stretches(longest, longest.div_ceil(chunk)), stretches })
    }

    /// How many stretches there are.
    pub(super) fn count(&self) -> usize {
        self.stretches.len()
    }

    /// How many chunks each has.
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The step that a chunk begins with, or behind the last one ends with.
    fn begin(&self, chunk: usize, jitter: Option<Jitter>) -> usize {
        let Some(steps) = self.chunks.get(chunk) else { return self.stretches[0].len() };
        let Some(Jitter { share, noise }) = jitter.filter(|_| chunk > 0) else { return steps.start };
        // The last chunk is among the shortest. Twice the room is less than a chunk, so that something is left of each.
        let room = self.chunks.last().map_or(0, |last| (share * last.len() as f64) as usize);
        let moved = f64::from(noise.uniform(chunk, 0, 0)) * (2 * room + 1) as f64;
        steps.start - room + moved as usize
    }

    /// The tokens of a chunk, for each stretch; of the last chunk, some may have one less.
    pub(super) fn chunk(&self, chunk: usize, jitter: Option<Jitter>) -> Vec<Range<usize>> {
        let steps = self.begin(chunk, jitter)..self.begin(chunk + 1, jitter);
        let within = |stretch: &Range<usize>| {
            let at = |step: usize| (stretch.start + step).min(stretch.end);
            at(steps.start)..at(steps.end)
        };
        self.stretches.iter().map(within).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stretches_are_even() {
        assert_eq!(stretches(7, 3), [0..3, 3..5, 5..7]);
        let streams = Streams::new(11, 2, 4).unwrap();
        assert_eq!((streams.count(), streams.chunks(), streams.chunk(0, None)[0].len()), (2, 2, 3));
        assert_eq!(streams.chunk(0, None), [0..3, 6..9]);
        assert_eq!(streams.chunk(1, None), [3..6, 9..11]);
        assert_eq!(Streams::new(11, 8, 4).unwrap().count(), 2);
        assert_eq!(Streams::new(3, 8, 4), None);
    }

    #[test]
    fn ends_of_chunks_move_within_their_share() {
        let streams = Streams::new(400, 2, 20).unwrap();
        let ends = |epoch: u64, share: f64| -> Vec<usize> {
            let jitter = Some(Jitter { share, noise: Noise { seed: 1, step: epoch, layer: 0 } });
            (0..streams.chunks()).map(|n| streams.chunk(n, jitter)[0].end).collect()
        };
        let even: Vec<usize> = (1..=10).map(|n| 20 * n).collect();
        assert_eq!(ends(1, 0.0), even);
        let all: Vec<Vec<usize>> = (0..200).map(|epoch| ends(epoch, 0.25)).collect();
        for (place, &end) in even.iter().enumerate() {
            let [least, most] =
                [all.iter().map(|ends| ends[place]).min(), all.iter().map(|ends| ends[place]).max()];
            let room = if place == 9 { 0 } else { 5 };
            assert_eq!((least, most), (Some(end - room), Some(end + room)), "{place}");
        }
        assert_eq!(ends(1, 0.25), all[1]);
    }

    proptest! {
        #[test]
        fn every_token_is_read_once_and_in_order(
            tokens in 1_usize..500, batch in 1_usize..9, chunk in 1_usize..40, share in 0.0..0.5, epoch in 0_u64..9
        ) {
            let Some(streams) = Streams::new(tokens, batch, chunk) else {
                prop_assert!(tokens < chunk);
                return Ok(());
            };
            let noise = Noise { seed: 3, step: epoch, layer: 0 };
            let jitter = (epoch > 0).then_some(Jitter { share, noise });
            let chunks: Vec<_> = (0..streams.chunks()).map(|n| streams.chunk(n, jitter)).collect();
            let read: Vec<usize> =
                (0..streams.count()).flat_map(|n| chunks.iter().flat_map(move |c| c[n].clone())).collect();
            prop_assert_eq!(read, (0..tokens).collect::<Vec<_>>());
            for (n, ranges) in chunks.iter().enumerate() {
                let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
                let longest = lengths[0];
                let most = if epoch > 0 { 2 * chunk } else { chunk };
                prop_assert!((1..=most).contains(&longest));
                // Only the last chunk is ragged, so the state before it is that of full sequences.
                let ragged = lengths.iter().any(|&length| length < longest);
                prop_assert!(!ragged || n + 1 == chunks.len());
                prop_assert!(lengths.iter().all(|&length| length + 1 >= longest));
            }
        }
    }
}
