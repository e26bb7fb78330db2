//! A long sequence in pieces: which insides training keeps, and where truncated backpropagation cuts.

use std::ops::Range;

use super::config::{Checkpoints, RecurrentConfig};

/// The pieces that a training pass of so many steps is made of, from the first step to the last; one of no steps where
/// there is none. They end where there is a checkpoint and where backward is cut.
pub(super) fn pieces(config: &RecurrentConfig, steps: usize) -> Vec<Range<usize>> {
    let kept = match config.checkpoints {
        Checkpoints::Off => steps,
        Checkpoints::Sqrt => (steps as f64).sqrt().ceil() as usize,
        Checkpoints::Every(steps) => steps,
    };
    let cut = config.truncate.unwrap_or(steps);
    meeting(&[kept, cut], steps)
}

/// Pieces of so many steps each.
pub(super) fn every(length: usize, steps: usize) -> Vec<Range<usize>> {
    meeting(&[length], steps)
}

/// Pieces that end at the multiples of some numbers.
fn meeting(multiples: &[usize], steps: usize) -> Vec<Range<usize>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    while from < steps {
        let to = multiples.iter().fold(steps, |to, &of| to.min((from / of + 1) * of));
        pieces.push(from..to);
        from = to;
    }
    if pieces.is_empty() {
        pieces.push(0..0);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::CellKind;

    #[test]
    fn pieces_meet_at_checkpoints_and_cuts() {
        let of = |checkpoints, truncate, steps| {
            let config = RecurrentConfig::new(CellKind::Gru, 1, 1);
            pieces(&RecurrentConfig { checkpoints, truncate, ..config }, steps)
        };
        let whole = |steps: usize| std::iter::once(0..steps).collect::<Vec<_>>();
        assert_eq!(of(Checkpoints::Off, None, 7), whole(7));
        assert_eq!(of(Checkpoints::Off, None, 0), whole(0));
        assert_eq!(of(Checkpoints::Sqrt, None, 7), [0..3, 3..6, 6..7]);
        assert_eq!(of(Checkpoints::Sqrt, None, 10_000).len(), 100);
        assert_eq!(of(Checkpoints::Every(4), Some(3), 9), [0..3, 3..4, 4..6, 6..8, 8..9]);
        assert_eq!(of(Checkpoints::Every(usize::MAX), Some(usize::MAX), 9), whole(9));
    }
}
