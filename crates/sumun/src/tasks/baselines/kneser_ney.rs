//! How probable a token is after the few tokens before it: interpolated modified Kneser–Ney smoothing (Chen & Goodman, "An
//! empirical study of smoothing techniques for language modeling", Computer Speech & Language 13, 1999, section 3).

use std::ops::Range;

use rayon::prelude::*;

/// So many tokens are learnt from, those nearest to what is predicted: some 60 bytes a token and order are held at once.
const MOST_TOKENS: usize = 1 << 22;

/// The discounts where the counts of counts say nothing, as KenLM's `--discount_fallback` has them.
const FALLBACK: [f64; 3] = [0.5, 1.0, 1.5];

/// The number of no context.
const NONE: u32 = u32::MAX;

/// P(token | the tokens before it), from n-grams of up to `order` tokens:
///
/// p(w | h) = max(c(h w) − D(c), 0) / c(h ·) + γ(h) p(w | h without its first token),
///
/// where c is how often an n-gram of the highest order occurs, and of a lower order after how many different tokens; below the
/// first order, all tokens of the vocabulary are as probable.
#[derive(Debug, Clone)]
pub(in super::super) struct KneserNey {
    vocabulary: usize,
    /// Of contexts of 0, 1, … tokens.
    levels: Vec<Level>,
}

/// The contexts of so many tokens, and what follows each.
#[derive(Debug, Clone, Default)]
struct Level {
    /// The shorter context, by its place one level below, and the token before that; in order.
    contexts: Vec<u64>,
    /// Where the followers of each context begin, and where those of the last end.
    starts: Vec<u32>,
    /// The tokens that follow a context, in order, and their counts.
    followers: Vec<(u32, u32)>,
    /// The sum of the counts of each context, and the share of probability that its discounts leave, γ.
    sums: Vec<(f64, f64)>,
    /// What is taken from counts of 1, of 2, and of 3 and more.
    discounts: [f64; 3],
}

fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

impl KneserNey {
    /// Counts the n-grams of a text, `ids` below `vocabulary` that follow `start`; of a longer text than 4,194,304 tokens, of
    /// the end.
    pub(in super::super) fn of(ids: &[u32], start: u32, vocabulary: usize, order: usize) -> Self {
        let ids = &ids[ids.len().saturating_sub(MOST_TOKENS)..];
        let text: Vec<u32> = std::iter::once(start).chain(ids.iter().copied()).collect();
        // The context of each token but the first, at the level at hand.
        let mut places = vec![0; text.len()];
        places[0] = NONE;
        let mut levels = vec![Level { contexts: vec![0], ..Level::default() }];
        for length in 1..order.max(1) {
            let mut keys = vec![u64::MAX; text.len()];
            keys.par_iter_mut().enumerate().skip(length).for_each(|(at, key)| {
                *key = pair(places[at], text[at - length]);
            });
            let mut contexts = keys[length.min(keys.len())..].to_vec();
            contexts.par_sort_unstable();
            contexts.dedup();
            let longer: Vec<u32> = keys
                .par_iter()
                .map(|key| contexts.binary_search(key).map_or(NONE, |place| place as u32))
                .collect();
            let mut seen = pairs(&longer, &text);
            seen.dedup();
            // After how many tokens a shorter n-gram stands: as many longer ones there are, and one more at the beginning.
            let below = |&longer: &u64| pair((contexts[(longer >> 32) as usize] >> 32) as u32, longer as u32);
            let mut counted: Vec<u64> = seen.par_iter().map(below).collect();
            counted.extend(
                (length > 1 && length <= text.len()).then(|| pair(places[length - 1], text[length - 1])),
            );
            counted.par_sort_unstable();
            levels[length - 1].count(&counted);
            levels.push(Level { contexts, ..Level::default() });
            places = longer;
        }
        let last = levels.len() - 1;
        levels[last].count(&pairs(&places, &text));
        Self { vocabulary, levels }
    }

    /// ln p of each token of a text that follows `start`; tokens must be below the vocabulary.
    pub(in super::super) fn log_probabilities(&self, ids: &[u32], start: u32) -> Vec<f64> {
        let text: Vec<u32> = std::iter::once(start).chain(ids.iter().copied()).collect();
        (1..text.len()).into_par_iter().map(|at| self.probability(&text[..at], text[at]).ln()).collect()
    }

    /// P(token | history) of every token of the vocabulary.
    pub(in super::super) fn distribution(&self, history: &[u32]) -> Vec<f64> {
        let mut all = vec![1.0 / self.vocabulary as f64; self.vocabulary];
        for (level, place) in self.known(history) {
            let (sum, left) = level.sums[place];
            all.iter_mut().for_each(|p| *p *= left);
            for &(token, count) in &level.followers[level.range(place)] {
                all[token as usize] += (f64::from(count) - level.discount(count)) / sum;
            }
        }
        all
    }

    /// P(token | history), of which the last tokens are looked at.
    fn probability(&self, history: &[u32], token: u32) -> f64 {
        self.known(history).fold(1.0 / self.vocabulary as f64, |p, (level, place)| {
            let (sum, left) = level.sums[place];
            let count = level.count_of(place, token);
            (f64::from(count) - level.discount(count)) / sum + left * p
        })
    }

    /// The last tokens of a history, from none on, as contexts that something followed.
    fn known<'a>(&'a self, history: &'a [u32]) -> impl Iterator<Item = (&'a Level, usize)> {
        let mut place = 0;
        let contexts = self.levels.iter().enumerate().map_while(move |(length, level)| {
            if length > 0 {
                let before = history.len().checked_sub(length)?;
                place = level.contexts.binary_search(&pair(place, history[before])).ok()? as u32;
            }
            Some((level, place as usize))
        });
        contexts.filter(|(level, place)| level.sums[*place].0 > 0.0)
    }
}

/// Each token behind its context, in order.
fn pairs(places: &[u32], text: &[u32]) -> Vec<u64> {
    let known = places.par_iter().zip(text).filter(|(place, _)| **place != NONE);
    let mut all: Vec<u64> = known.map(|(place, token)| pair(*place, *token)).collect();
    all.par_sort_unstable();
    all
}

impl Level {
    /// Takes the followers of each context, in order, each as often as it counts.
    fn count(&mut self, all: &[u64]) {
        let mut counts_of_counts = [0_u64; 4];
        self.starts = vec![0; self.contexts.len() + 1];
        for run in all.chunk_by(|a, b| a == b) {
            let count = run.len() as u32;
            self.followers.push((run[0] as u32, count));
            self.starts[(run[0] >> 32) as usize + 1] += 1;
            if let Some(of_count) = counts_of_counts.get_mut(run.len() - 1) {
                *of_count += 1;
            }
        }
        for place in 1..self.starts.len() {
            self.starts[place] += self.starts[place - 1];
        }
        self.discounts = discounts(counts_of_counts);
        let sums = |place: usize| {
            let followers = &self.followers[self.range(place)];
            let sum: f64 = followers.iter().map(|(_, count)| f64::from(*count)).sum();
            let taken: f64 = followers.iter().map(|(_, count)| self.discount(*count)).sum();
            (sum, if sum > 0.0 { taken / sum } else { 1.0 })
        };
        self.sums = (0..self.contexts.len()).into_par_iter().map(sums).collect();
    }

    fn range(&self, place: usize) -> Range<usize> {
        self.starts[place] as usize..self.starts[place + 1] as usize
    }

    fn count_of(&self, place: usize, token: u32) -> u32 {
        let followers = &self.followers[self.range(place)];
        followers.binary_search_by_key(&token, |(token, _)| *token).map_or(0, |at| followers[at].1)
    }

    /// What is taken from a count.
    fn discount(&self, count: u32) -> f64 {
        match count {
            0 => 0.0,
            count => self.discounts[count.min(3) as usize - 1],
        }
    }
}

/// From how many n-grams have a count of 1, 2, 3 and 4: Y = n₁ / (n₁ + 2 n₂), D₁ = 1 − 2 Y n₂ / n₁, D₂ = 2 − 3 Y n₃ / n₂,
/// D₃₊ = 3 − 4 Y n₄ / n₃ (eq. 17 of the paper).
fn discounts(counts_of_counts: [u64; 4]) -> [f64; 3] {
    let n = counts_of_counts.map(|count| count as f64);
    let y = n[0] / (n[0] + 2.0 * n[1]);
    let found = [1.0 - 2.0 * y * n[1] / n[0], 2.0 - 3.0 * y * n[2] / n[1], 3.0 - 4.0 * y * n[3] / n[2]];
    let known = (1..).zip(found).all(|(most, discount)| discount > 0.0 && discount <= f64::from(most));
    if known { found } else { FALLBACK }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// The definition, counted n-gram by n-gram and summed over the vocabulary without a shortcut.
    struct ByDefinition {
        vocabulary: u32,
        /// The counts of n-grams of each order, from 1 on.
        counts: Vec<BTreeMap<Vec<u32>, u64>>,
    }

    impl ByDefinition {
        fn of(ids: &[u32], start: u32, vocabulary: u32, order: usize) -> Self {
            let text: Vec<u32> = [&[start], ids].concat();
            let counts = (1..=order).map(|n| {
                let mut counts = BTreeMap::new();
                if n == order {
                    (n.max(2) - 1..text.len())
                        .for_each(|end| *counts.entry(text[end + 1 - n..=end].to_vec()).or_default() += 1);
                    return counts;
                }
                let mut before = BTreeMap::<Vec<u32>, BTreeSet<Option<u32>>>::new();
                for end in (n - 1).max(1)..text.len() {
                    let first = end + 1 - n;
                    let left = first.checked_sub(1).map(|left| text[left]);
                    before.entry(text[first..=end].to_vec()).or_default().insert(left);
                }
                before.into_iter().map(|(gram, left)| (gram, left.len() as u64)).collect()
            });
            Self { vocabulary, counts: counts.collect() }
        }

        fn p(&self, history: &[u32], token: u32) -> f64 {
            let n = history.len() + 1;
            let shorter = if history.is_empty() {
                1.0 / f64::from(self.vocabulary)
            } else {
                self.p(&history[1..], token)
            };
            let of = &self.counts[n - 1];
            let with = |token: u32| of.get(&[history, &[token]].concat()).copied().unwrap_or(0);
            let all: u64 = (0..self.vocabulary).map(with).sum();
            if all == 0 {
                return shorter;
            }
            let how_many = |count: u64| of.values().filter(|&&found| found == count).count() as u64;
            let d = discounts([1, 2, 3, 4].map(how_many));
            let taken = |count: u64| if count == 0 { 0.0 } else { d[count.min(3) as usize - 1] };
            let left: f64 = (0..self.vocabulary).map(|token| taken(with(token))).sum();
            (with(token) as f64 - taken(with(token)) + left * shorter) / all as f64
        }
    }

    proptest! {
        #[test]
        fn probabilities_are_those_of_the_definition_and_sum_to_one(
            ids in prop::collection::vec(0_u32..6, 0..60),
            asked in prop::collection::vec(0_u32..6, 0..7),
            order in 1_usize..6,
        ) {
            let (found, expected) = (KneserNey::of(&ids, 2, 6, order), ByDefinition::of(&ids, 2, 6, order));
            let known = &asked[asked.len().saturating_sub(order - 1)..];
            let mut sum = 0.0;
            let all = found.distribution(&asked);
            for token in 0..6 {
                prop_assert!((all[token as usize] - found.probability(&asked, token)).abs() < 1e-15);
                let p = found.probability(&asked, token);
                prop_assert!((p - expected.p(known, token)).abs() < 1e-12, "{token}: {p} {}", expected.p(known, token));
                prop_assert!(p > 0.0);
                sum += p;
            }
            prop_assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    /// a b a b a c behind a, with the discounts .5, 1 and 1.5, as the counts of counts say nothing. After a come a once, as the text
    /// follows an a, b twice and c once. a stands after two tokens, a and b, and b and c after one each.
    #[test]
    fn a_small_text_is_as_by_hand() {
        let (a, b, c) = (0, 1, 2);
        let model = KneserNey::of(&[a, b, a, b, a, c], a, 4, 2);
        let left = (1.0 + 0.5 + 0.5) / 4.0;
        let one = |count: f64, discount: f64| (count - discount) / 4.0 + left * 0.25;
        for (token, first, second) in
            [(a, one(2.0, 1.0), 0.5), (b, one(1.0, 0.5), 1.0), (c, one(1.0, 0.5), 0.5), (3, left * 0.25, 0.0)]
        {
            assert!((model.probability(&[], token) - first).abs() < 1e-15, "{token}");
            let after_a = second / 4.0 + (0.5 + 1.0 + 0.5) / 4.0 * first;
            assert!((model.probability(&[b, a], token) - after_a).abs() < 1e-15, "{token}");
        }
        let all = model.log_probabilities(&[b, 3], a);
        assert!((all[0] - model.probability(&[a], b).ln()).abs() < 1e-15);
        // After b comes a twice: half is left to the tokens alone.
        assert!((all[1] - (0.5 * left * 0.25).ln()).abs() < 1e-15);
    }

    #[test]
    fn discounts_are_those_of_the_counts_of_counts() {
        // Y = 100/180; D₁ = 1 − 2·Y·.4, D₂ = 2 − 3·Y·.5, D₃₊ = 3 − 4·Y·.5
        let y = 100.0 / 180.0;
        assert_eq!(
            discounts([100, 40, 20, 10]),
            [1.0 - 2.0 * y * 0.4, 2.0 - 3.0 * y * 0.5, 3.0 - 4.0 * y * 0.5]
        );
        for nothing in [[0, 0, 0, 0], [5, 0, 0, 0], [5, 3, 0, 0], [9, 90, 1, 900]] {
            assert_eq!(discounts(nothing), FALLBACK);
        }
    }
}
