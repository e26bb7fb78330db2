//! Random splits of whole sequences into training, validation and test parts. For splits by time see
//! [`data::Split`](crate::data::Split).

use std::collections::HashMap;
use std::hash::Hash;

use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which samples are for what: indices, each in exactly one part, in increasing order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Samples for fitting.
    pub train: Vec<usize>,
    /// Samples for decisions: early stopping, choices between options.
    pub valid: Vec<usize>,
    /// Samples for the final score.
    pub test: Vec<usize>,
}

/// Splits samples so that no group is in two parts: all windows of one machine, all sentences of one author.
///
/// `groups[i]` is the group of sample `i`; `valid` and `test` are shares of the groups, not of the samples (as in
/// scikit-learn's `GroupShuffleSplit`), rounded to the nearest count and at least one where the share is above 0.
/// Errors: shares outside 0 ≤ share < 1 or together 1 or more; fewer groups than parts.
///
/// ```
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// let machines = ["a", "a", "b", "c", "b", "c"];
/// let parts = sumun::sequences::grouped_split(&machines, 0.0, 0.34, &mut ChaCha8Rng::seed_from_u64(1))?;
/// assert_eq!((parts.train.len(), parts.test.len()), (4, 2));
/// assert_eq!(machines[parts.test[0]], machines[parts.test[1]]);
/// # Ok::<(), sumun::Error>(())
/// ```
pub fn grouped_split<G: Eq + Hash, R: Rng + ?Sized>(
    groups: &[G],
    valid: f64,
    test: f64,
    rng: &mut R,
) -> Result<Parts> {
    check_shares(valid, test)?;
    let mut members = members(groups);
    let found = members.len();
    let count = |share: f64| if share > 0.0 { nearest(share * found as f64).max(1) } else { 0 };
    let (valid_groups, test_groups) = (count(valid), count(test));
    if valid_groups + test_groups >= found {
        return Err(Error::Invalid(format!(
            "{found} groups are too few for {valid_groups} in validation, {test_groups} in the test and one or more in \
             training; use smaller shares or more groups"
        )));
    }
    members.shuffle(rng);
    let gather = |groups: &[Vec<usize>]| {
        let mut part = groups.concat();
        part.sort_unstable();
        part
    };
    let (test, rest) = members.split_at(test_groups);
    let (valid, train) = rest.split_at(valid_groups);
    Ok(Parts { train: gather(train), valid: gather(valid), test: gather(test) })
}

/// Splits samples so that every class has its share of every part.
///
/// `classes[i]` is the class of sample `i`; `valid` and `test` are shares of the samples, rounded to the nearest
/// count. Of each class, the test gets its share within one sample, and validation within two. Errors: shares outside
/// 0 ≤ share < 1 or together 1 or more; a share above 0 that gets no sample; a class of a single sample, which
/// cannot be in both training and test.
pub fn stratified_split<C: Eq + Hash, R: Rng + ?Sized>(
    classes: &[C],
    valid: f64,
    test: f64,
    rng: &mut R,
) -> Result<Parts> {
    check_shares(valid, test)?;
    let mut members = members(classes);
    if let Some(lone) = members.iter().find(|members| members.len() == 1) {
        return Err(Error::Invalid(format!(
            "the class of sample {} has no other sample; a stratified split needs two or more of each class",
            lone[0]
        )));
    }
    // Systematic sampling (Madow & Madow 1944): samples stand in a line, class by class, and those of a part are
    // spread evenly along it. Every run of m samples, such as a class, then has m · share of them within one.
    members.shuffle(rng);
    members.iter_mut().for_each(|members| members.shuffle(rng));
    let (test_part, rest) = every(members.concat(), test);
    let (valid_part, mut train) = every(rest, valid / (1.0 - test));
    for (name, share, part) in [("validation", valid, &valid_part), ("test", test, &test_part)] {
        if share > 0.0 && part.is_empty() {
            return Err(Error::Invalid(format!(
                "the {name} share {share} of {} samples is less than one sample; use a larger share or more samples",
                classes.len()
            )));
        }
    }
    train.sort_unstable();
    let sorted = |mut part: Vec<usize>| {
        part.sort_unstable();
        part
    };
    Ok(Parts { train, valid: sorted(valid_part), test: sorted(test_part) })
}

/// A share of a line, spread evenly along it, and the others.
fn every(line: Vec<usize>, share: f64) -> (Vec<usize>, Vec<usize>) {
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for (k, sample) in line.into_iter().enumerate() {
        let takes = nearest((k + 1) as f64 * share) > taken.len();
        if takes { taken.push(sample) } else { left.push(sample) }
    }
    (taken, left)
}

/// The samples of each group, groups by first appearance: an order that no hash decides.
fn members<G: Eq + Hash>(groups: &[G]) -> Vec<Vec<usize>> {
    let mut number: HashMap<&G, usize> = HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (sample, group) in groups.iter().enumerate() {
        let at = *number.entry(group).or_insert(members.len());
        if at == members.len() {
            members.push(Vec::new());
        }
        members[at].push(sample);
    }
    members
}

/// The nearest count, halves up; the small number guards against 0.3 · 5 = 1.4999….
fn nearest(count: f64) -> usize {
    (count + 0.5 + 1e-9).floor() as usize
}

fn check_shares(valid: f64, test: f64) -> Result<()> {
    for (name, share) in [("validation", valid), ("test", test)] {
        if !(0.0..1.0).contains(&share) {
            return Err(Error::Invalid(format!("the {name} share {share}: give a share from 0 to below 1")));
        }
    }
    if valid + test > 1.0 - 1e-9 {
        return Err(Error::Invalid(format!(
            "the shares {valid} and {test} leave nothing to train on; they must be below 1 together"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    fn all(parts: &Parts) -> Vec<usize> {
        let mut all = [&parts.train[..], &parts.valid, &parts.test].concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn counts_and_seeds() {
        let groups: Vec<usize> = (0..100).map(|i| i % 10).collect();
        let split = |seed| grouped_split(&groups, 0.1, 0.2, &mut rng(seed)).unwrap();
        let parts = split(1);
        assert_eq!((parts.train.len(), parts.valid.len(), parts.test.len()), (70, 10, 20));
        assert_eq!(parts, split(1));
        assert_ne!(parts, split(2));
        // 200 sentences of two classes with a fifth held out: the lesson's 160 and 40, 20 of each class.
        let labels: Vec<bool> = (0..200).map(|i| i < 100).collect();
        let split = |seed| stratified_split(&labels, 0.0, 0.2, &mut rng(seed)).unwrap();
        let parts = split(1);
        assert_eq!((parts.train.len(), parts.test.len()), (160, 40));
        assert_eq!(parts.test.iter().filter(|&&i| labels[i]).count(), 20);
        assert_eq!(parts, split(1));
        assert_ne!(parts, split(2));
    }

    #[test]
    fn what_cannot_be_split_is_explained() {
        let stratified =
            |classes: &[u8], valid, test| stratified_split(classes, valid, test, &mut rng(0)).unwrap_err();
        let grouped =
            |groups: &[u8], valid, test| grouped_split(groups, valid, test, &mut rng(0)).unwrap_err();
        for (error, expected) in [
            (
                grouped(&[1, 1, 2], 0.1, 0.2),
                "2 groups are too few for 1 in validation, 1 in the test and one or more in training",
            ),
            (grouped(&[], 0.0, 0.2), "0 groups are too few"),
            (grouped(&[1], -0.1, 0.2), "the validation share -0.1: give a share from 0 to below 1"),
            (grouped(&[1], 0.1, f64::NAN), "the test share NaN: give a share from 0 to below 1"),
            (stratified(&[1, 1], 0.5, 0.5), "the shares 0.5 and 0.5 leave nothing to train on"),
            (stratified(&[1, 1, 2], 0.1, 0.2), "the class of sample 2 has no other sample"),
            (stratified(&[1, 1], 0.0, 0.2), "the test share 0.2 of 2 samples is less than one sample"),
        ] {
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_group_is_in_two_parts(
            groups in prop::collection::vec(0_u8..12, 1..80),
            valid in 0.0..0.5,
            test in 0.0..0.5,
            seed in any::<u64>(),
        ) {
            if let Ok(parts) = grouped_split(&groups, valid, test, &mut rng(seed)) {
                prop_assert_eq!(all(&parts), (0..groups.len()).collect::<Vec<_>>());
                prop_assert!(!parts.train.is_empty());
                for group in 0..12 {
                    let has = |part: &[usize]| part.iter().any(|&i| groups[i] == group) as u8;
                    prop_assert!(has(&parts.train) + has(&parts.valid) + has(&parts.test) <= 1);
                }
            } else {
                let distinct: std::collections::HashSet<_> = groups.iter().collect();
                prop_assert!(distinct.len() < 3 || valid + test > 0.5);
            }
        }

        #[test]
        fn every_class_has_its_share(
            sizes in prop::collection::vec(2_usize..40, 1..8),
            valid in 0.1..0.4,
            test in 0.1..0.4,
            seed in any::<u64>(),
        ) {
            let classes: Vec<usize> = sizes.iter().enumerate().flat_map(|(c, &m)| vec![c; m]).collect();
            if let Ok(parts) = stratified_split(&classes, valid, test, &mut rng(seed)) {
                prop_assert_eq!(all(&parts), (0..classes.len()).collect::<Vec<_>>());
                prop_assert!((parts.test.len() as f64 - test * classes.len() as f64).abs() <= 0.5 + 1e-6);
                for (class, &m) in sizes.iter().enumerate() {
                    let share = |part: &[usize]| part.iter().filter(|&&i| classes[i] == class).count() as f64 / m as f64;
                    prop_assert!((share(&parts.test) - test).abs() * (m as f64) < 1.0 + 1e-6);
                    prop_assert!((share(&parts.valid) - valid).abs() * (m as f64) < 2.0 + 1e-6);
                }
            } else {
                prop_assert!(classes.len() < 10);
            }
        }
    }
}
