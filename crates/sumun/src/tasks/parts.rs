//! Which examples are for what: training, validation and test.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::options::HeldOut;
use crate::message::{key, text};
use crate::sequences::stratified_split;
use crate::{Error, Result};

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
