//! Which examples are for what: training, validation and test.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::options::HeldOut;
use crate::message::{key, text};
use crate::sequences::stratified_split;
use crate::{Error, Result};

/// One of the folds that the training file is cut into, to be measured by what the others teach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldOf {
    /// Which, counted from 0,
    pub(super) at: usize,
    /// of so many.
    pub(super) folds: usize,
}

impl FoldOf {
    /// All of so many.
    pub(super) fn all(folds: usize) -> impl Iterator<Item = Self> {
        (0..folds).map(move |at| Self { at, folds })
    }
}

/// Where the randomness of the split comes from, apart from that of weights and batches.
const STREAM: u64 = u64::MAX;

/// Three of a kind, of which the held out ones may be missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts<T> {
    pub(super) train: T,
    pub(super) valid: Option<T>,
    pub(super) test: Option<T>,
}

impl<T> Parts<T> {
    /// Those held out that are there, by name.
    pub(super) fn held_out(&self) -> impl Iterator<Item = (&'static str, &T)> {
        let valid = self.valid.as_ref().map(|part| ("valid", part));
        valid.into_iter().chain(self.test.as_ref().map(|part| ("test", part)))
    }
}

/// The shares of the training file that are held out for validation and test; 0 for a part that is another file. Shares
/// that leave nothing to train on are an error.
pub(super) fn shares(valid: &HeldOut, test: &HeldOut) -> Result<(f64, f64)> {
    let share = |held: &HeldOut| match held {
        HeldOut::Share(share) => *share,
        HeldOut::File(_) => 0.0,
    };
    let (valid, test) = (share(valid), share(test));
    if valid + test >= 1.0 {
        return Err(Error::Settings(
            key("valid").to(valid)
                + " and "
                + key("test").to(test)
                + " leave nothing to train on; they must be below 1 together",
        ));
    }
    Ok((valid, test))
}

/// The places of the training file's examples in each part; None for a part that is another file, or none. `strata[i]` is
/// what every part should have its share of: the class of example `i`, or the same for all.
pub(super) fn split(valid: &HeldOut, test: &HeldOut, seed: u64, strata: &[u32]) -> Result<Parts<Vec<usize>>> {
    let (valid, test) = shares(valid, test)?;
    if valid + test == 0.0 {
        return Ok(Parts { train: (0..strata.len()).collect(), valid: None, test: None });
    }
    if strata.len() < 2 {
        return Err(Error::Data("there is but one example, so none can be held out".into()).advise(
            text("give more, or hold out none with ") + key("valid").to(0) + " " + key("test").to(0),
        ));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let parts = stratified_split(strata, valid, test, &mut rng)?;
    let some = |share: f64, part: Vec<usize>| (share > 0.0).then_some(part);
    Ok(Parts { train: parts.train, valid: some(valid, parts.valid), test: some(test, parts.test) })
}

/// As [`split`], with a fold as the test part and a share of the others as the validation part. Each fold has its share of every
/// stratum within one example, and every example is in one fold. With fewer examples than folds, some have none.
pub(super) fn split_fold(
    valid: &HeldOut,
    fold: FoldOf,
    seed: u64,
    strata: &[u32],
) -> Result<Parts<Vec<usize>>> {
    let FoldOf { at, folds } = fold;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut line: Vec<usize> = (0..strata.len()).collect();
    line.shuffle(&mut rng);
    // Every run of the line, such as a stratum, is spread evenly over the folds.
    line.sort_by_key(|&place| strata[place]);
    let (mut test, mut rest): (Vec<_>, Vec<_>) =
        line.iter().enumerate().partition(|(position, _)| position % folds == at);
    test.sort_unstable_by_key(|(_, place)| **place);
    rest.sort_unstable_by_key(|(_, place)| **place);
    let [test, rest] = [test, rest].map(|part| part.into_iter().map(|(_, &place)| place).collect::<Vec<_>>());
    let of_rest: Vec<u32> = rest.iter().map(|&place| strata[place]).collect();
    let parts = split(valid, &HeldOut::Share(0.0), seed, &of_rest)?;
    let places = |part: Vec<usize>| part.into_iter().map(|place| rest[place]).collect();
    Ok(Parts { train: places(parts.train), valid: parts.valid.map(places), test: Some(test) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_in_one_fold_with_its_share_of_every_class() {
        let strata: Vec<u32> = (0..53).map(|n| u32::from(n % 4 == 0)).collect();
        let mut all = Vec::new();
        for fold in FoldOf::all(5) {
            let Parts { train, valid, test } = split_fold(&HeldOut::Share(0.2), fold, 7, &strata).unwrap();
            let (valid, test) = (valid.unwrap(), test.unwrap());
            assert!((10..=11).contains(&test.len()) && (8..=9).contains(&valid.len()), "{test:?} {valid:?}");
            let rare = test.iter().filter(|&&place| strata[place] == 1).count();
            assert!((2..=3).contains(&rare), "{rare}");
            let mut every = [train, valid, test.clone()].concat();
            every.sort_unstable();
            assert_eq!(every, (0..53).collect::<Vec<_>>());
            all.extend(test);
        }
        all.sort_unstable();
        assert_eq!(all, (0..53).collect::<Vec<_>>());
    }
}
