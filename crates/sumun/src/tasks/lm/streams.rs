//! A text as several stretches that are read side by side.

use std::ops::Range;

/// `0 .. total` in `parts` stretches of the same length; of lengths that differ by one, the longer come first.
pub(super) fn stretches(total: usize, parts: usize) -> Vec<Range<usize>> {
    let (short, longer) = (total / parts, total % parts);
    let start = |n: usize| n * short + n.min(longer);
    (0..parts).map(|n| start(n)..start(n + 1)).collect()
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

    /// The tokens of a chunk, for each stretch; of the last chunk, some may have one less.
    pub(super) fn chunk(&self, chunk: usize) -> Vec<Range<usize>> {
        let steps = &self.chunks[chunk];
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
        assert_eq!((streams.count(), streams.chunks(), streams.chunk(0)[0].len()), (2, 2, 3));
        assert_eq!(streams.chunk(0), [0..3, 6..9]);
        assert_eq!(streams.chunk(1), [3..6, 9..11]);
        assert_eq!(Streams::new(11, 8, 4).unwrap().count(), 2);
        assert_eq!(Streams::new(3, 8, 4), None);
    }

    proptest! {
        #[test]
        fn every_token_is_read_once_and_in_order(tokens in 1_usize..500, batch in 1_usize..9, chunk in 1_usize..40) {
            let Some(streams) = Streams::new(tokens, batch, chunk) else {
                prop_assert!(tokens < chunk);
                return Ok(());
            };
            let chunks: Vec<_> = (0..streams.chunks()).map(|n| streams.chunk(n)).collect();
            let read: Vec<usize> =
                (0..streams.count()).flat_map(|n| chunks.iter().flat_map(move |c| c[n].clone())).collect();
            prop_assert_eq!(read, (0..tokens).collect::<Vec<_>>());
            for (n, ranges) in chunks.iter().enumerate() {
                let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
                let longest = lengths[0];
                prop_assert!((1..=chunk).contains(&longest));
                // Only the last chunk is ragged, so the state before it is that of full sequences.
                let ragged = lengths.iter().any(|&length| length < longest);
                prop_assert!(!ragged || n + 1 == chunks.len());
                prop_assert!(lengths.iter().all(|&length| length + 1 >= longest));
            }
        }
    }
}
