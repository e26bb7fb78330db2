//! Which token comes next: the probabilities it is drawn with, and the draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::super::sampling::Sampling;
use super::tokens::FIRST;
use crate::{Error, Result};

impl Sampling {
    /// The tokens that may come next with their probabilities, from the logits of all ids and those that were just there.
    /// Error: logits that are not numbers.
    pub(super) fn distribution(&self, logits: &[f32], last: &[u32]) -> Result<Vec<(u32, f64)>> {
        let ids = (0..).zip(logits.iter().copied().map(f64::from)).skip(FIRST as usize);
        let mut all: Vec<(u32, f64)> = ids.collect();
        let mut largest = all.iter().map(|&(_, z)| z).fold(f64::NEG_INFINITY, f64::max);
        if all.iter().any(|(_, z)| z.is_nan()) || !largest.is_finite() {
            return Err(Error::Model(
                "the network returns numbers that are not finite; its weights are damaged, train it again"
                    .into(),
            ));
        }
        if self.repetition_penalty > 1.0 && !last.is_empty() {
            // ln p is the logit less the logarithm of the sum over all.
            let sum: f64 = all.iter().map(|(_, z)| (z - largest).exp()).sum();
            let whole = largest + sum.ln();
            for (id, z) in all.iter_mut().filter(|(id, _)| last.contains(id)) {
                debug_assert!(*id >= FIRST);
                *z = whole + self.repetition_penalty * (*z - whole);
            }
            largest = all.iter().map(|&(_, z)| z).fold(f64::NEG_INFINITY, f64::max);
        }
        if self.temperature == 0.0 {
            all.retain(|&(_, z)| z == largest);
            all.truncate(1);
            return Ok(all.into_iter().map(|(id, _)| (id, 1.0)).collect());
        }
        let descending = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if let Some(k) = self.top_k.filter(|&k| k < all.len()) {
            all.select_nth_unstable_by(k, descending);
            all.truncate(k);
        }
        all.iter_mut().for_each(|(_, z)| *z = ((*z - largest) / self.temperature).exp());
        normalise(&mut all);
        if let Some(p) = self.top_p {
            all.sort_unstable_by(descending);
            let mut together = 0.0;
            let nucleus = all.iter().position(|(_, probability)| {
                together += probability;
                together >= p
            });
            all.truncate(nucleus.map_or(all.len(), |last| last + 1));
            normalise(&mut all);
        }
        // In the order of the ids whatever was sorted, so that a draw means the same with and without limits.
        all.sort_unstable_by_key(|&(id, _)| id);
        Ok(all)
    }
}

fn normalise(all: &mut [(u32, f64)]) {
    let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
    all.iter_mut().for_each(|(_, weight)| *weight /= sum);
}

/// Draws one of some tokens, of which there is at least one that is possible.
pub(super) fn draw(distribution: &[(u32, f64)], rng: &mut ChaCha8Rng) -> u32 {
    // A multiple of 2⁻⁵³ in [0, 1).
    let mut left = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut drawn = FIRST;
    for &(id, probability) in distribution.iter().filter(|(_, probability)| *probability > 0.0) {
        // The last possible one takes what rounding leaves.
        drawn = id;
        if left < probability {
            break;
        }
        left -= probability;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn sampling(temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Sampling {
        Sampling { temperature, top_k, top_p, ..Sampling::default() }
    }

    /// Special tokens with large logits, then ln of 1, 4, 2, 8, 1.
    fn logits() -> Vec<f32> {
        [1e9, 1e8, 1.0, 4.0, 2.0, 8.0, 1.0]
            .map(|weight: f32| if weight > 10.0 { weight } else { weight.ln() })
            .into()
    }

    #[test]
    fn probabilities_are_exact() {
        let check = |how: Sampling, weights: &[(u32, f64)]| {
            let found = how.distribution(&logits(), &[]).unwrap();
            let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
            assert_eq!(found.len(), weights.len(), "{how:?} {found:?}");
            for (&(id, p), &(expected, weight)) in found.iter().zip(weights) {
                assert!(id == expected && (p - weight / sum).abs() < 1e-7, "{how:?} {found:?}");
            }
        };
        let all = [(2, 1.0), (3, 4.0), (4, 2.0), (5, 8.0), (6, 1.0)];
        check(sampling(1.0, None, None), &all);
        check(sampling(1.0, Some(99), Some(1.0)), &all);
        check(sampling(0.5, None, None), &all.map(|(id, weight)| (id, weight * weight)));
        check(sampling(2.0, None, None), &all.map(|(id, weight)| (id, weight.sqrt())));
        check(sampling(1.0, Some(2), None), &[(3, 4.0), (5, 8.0)]);
        // Of the equally probable 2 and 6 the first stays.
        check(sampling(1.0, Some(4), None), &all[..4]);
        // 8/16, 12/16, 14/16.
        check(sampling(1.0, None, Some(0.49)), &[(5, 8.0)]);
        check(sampling(1.0, None, Some(0.7)), &[(3, 4.0), (5, 8.0)]);
        check(sampling(1.0, None, Some(0.8)), &all[1..4]);
        check(sampling(1.0, None, Some(1e-300)), &[(5, 8.0)]);
        // Of 4 and 8 alone, 8 has two thirds.
        check(sampling(1.0, Some(2), Some(0.6)), &[(5, 8.0)]);
        check(sampling(1.0, Some(2), Some(0.7)), &[(3, 4.0), (5, 8.0)]);
        // Squared, 8 has 64 of 86.
        check(sampling(0.5, None, Some(0.74)), &[(5, 1.0)]);
        check(sampling(0.0, Some(3), Some(0.9)), &[(5, 1.0)]);
        check(sampling(1e-300, None, None), &[(2, 0.0), (3, 0.0), (4, 0.0), (5, 1.0), (6, 0.0)]);
    }

    /// Of 16, 8 and 4 became p², 64/16 and 16/16, and 16 − 12 stays.
    #[test]
    fn what_was_just_there_is_less_probable() {
        let how = Sampling { repetition_penalty: 2.0, ..sampling(1.0, None, None) };
        let found = how.distribution(&logits(), &[5, 3, 5]).unwrap();
        let weights = [(2, 1.0), (3, 1.0), (4, 2.0), (5, 4.0), (6, 1.0)];
        for (&(id, p), (expected, weight)) in found.iter().zip(weights) {
            assert!(id == expected && (p - weight / 9.0).abs() < 1e-7, "{found:?}");
        }
        // The most probable is another one now.
        let strong = Sampling { repetition_penalty: 9.0, temperature: 0.0, ..how };
        assert_eq!(strong.distribution(&logits(), &[5]).unwrap(), [(3, 1.0)]);
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let distribution = sampling(1.0, None, None).distribution(&logits(), &[]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0_i32; 7];
        (0..16_000).for_each(|_| counts[draw(&distribution, &mut rng) as usize] += 1);
        // Standard deviations are at most 63.
        for (count, expected) in counts.into_iter().zip([0, 0, 1000, 4000, 2000, 8000, 1000]) {
            assert!((count - expected).abs() < 250, "{counts:?}");
        }
        assert_eq!((counts[0], counts[1]), (0, 0));
        assert_eq!(draw(&[(2, 0.0), (3, 0.1), (4, 0.0)], &mut rng), 3);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let base = Sampling::default();
        for (how, expected) in [
            (Sampling { length: 0, ..base.clone() }, "length is 0; it must be at least 1"),
            (
                Sampling { repetition_penalty: 0.5, ..base.clone() },
                "repetition_penalty is 0.5; it must be a number of at least 1",
            ),
            (Sampling { stop: vec!["a".into(), String::new()], ..base }, "stop is empty; it must be a text"),
            (sampling(-0.5, None, None), "temperature is -0.5; it must be a number of at least 0"),
            (sampling(f64::NAN, None, None), "temperature is NaN; it must be a number of at least 0"),
            (sampling(f64::INFINITY, None, None), "temperature is inf; it must be a number of at least 0"),
            (sampling(1.0, Some(0), None), "top_k is 0; it must be at least 1"),
            (sampling(1.0, None, Some(0.0)), "top_p is 0; it must be a number above 0 and at most 1"),
            (sampling(1.0, None, Some(1.5)), "top_p is 1.5; it must be a number above 0 and at most 1"),
            (sampling(1.0, None, Some(f64::NAN)), "top_p is NaN; it must be a number above 0 and at most 1"),
        ] {
            assert_eq!(how.check().unwrap_err().to_string(), expected);
        }
        for damaged in [f32::NAN, f32::INFINITY] {
            for temperature in [0.0, 1.0] {
                assert!(
                    sampling(temperature, None, None).distribution(&[0.0, 0.0, 1.0, damaged], &[]).is_err()
                );
            }
        }
    }
}
