//! How a network and the n-grams of its training text answer together.

use serde::{Deserialize, Serialize};

use super::super::learner::log_sum_exp;

/// How much of an answer is the network's, from 0 to 1; the n-grams have the rest:
///
/// p = share · p of the network + (1 − share) · p of the n-grams.
///
/// The two err in different places: n-grams repeat what the text says again and again word for word, the network knows what they
/// have never seen (Mikolov, Karafiát, Burget, Černocký & Khudanpur, *Recurrent neural network based language model*,
/// Interspeech 2010). The share is that of the least −ln p of the validation part, which neither has learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Share(f64);

/// A handful of tokens says little of which is better: as much as so many tokens that one alone finds possible speak for each.
const PRIOR: f64 = 1.0;

/// Each halves the interval with the share.
const HALVINGS: usize = 60;

impl Share {
    /// The network alone.
    pub(super) const ALONE: Self = Self(1.0);

    /// The share that does best for tokens whose ln p of both models are given.
    pub(super) fn fit(network: &[f64], ngrams: &[f64]) -> Self {
        if network.is_empty() {
            return Self::ALONE;
        }
        // The derivative of Σ ln p + PRIOR · (ln share + ln (1 − share)), which falls.
        let slope = |share: f64| {
            let each = network.iter().zip(ngrams).map(|(network, ngrams)| {
                // Both divided by the larger one, so that neither overflows.
                let largest = network.max(*ngrams);
                let [network, ngrams] = [network, ngrams].map(|ln| (ln - largest).exp());
                (network - ngrams) / (share * network + (1.0 - share) * ngrams)
            });
            each.sum::<f64>() + PRIOR / share - PRIOR / (1.0 - share)
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            *(if slope(middle) > 0.0 { &mut low } else { &mut high }) = middle;
        }
        Self(0.5 * (low + high))
    }

    pub(super) fn of_network(self) -> f64 {
        self.0
    }

    /// Whether the network answers alone.
    pub(super) fn is_alone(self) -> bool {
        self.0 >= 1.0
    }

    /// ln p of a token from that of both models.
    pub(super) fn log_probability(self, network: f64, ngrams: f64) -> f64 {
        let largest = network.max(ngrams);
        largest + (self.0 * (network - largest).exp() + (1.0 - self.0) * (ngrams - largest).exp()).ln()
    }

    /// Logits of all tokens from the network's and from what is probable by the n-grams.
    pub(super) fn logits(self, network: &[f32], ngrams: &[f64]) -> Vec<f32> {
        let [largest, others] = log_sum_exp(network.iter().map(|&logit| f64::from(logit)));
        let whole = largest + others;
        let each = network.iter().zip(ngrams);
        each.map(|(&logit, p)| self.log_probability(f64::from(logit) - whole, p.ln()) as f32).collect()
    }

    /// What is wrong with it, of a file.
    pub(super) fn problem(self, has_ngrams: bool) -> Option<String> {
        let sane = (0.0..=1.0).contains(&self.0) && (self.is_alone() || has_ngrams);
        (!sane)
            .then(|| format!("the network has {} of an answer beside its n-grams, which cannot be", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(share: f64, network: &[f64], ngrams: &[f64]) -> f64 {
        let each = network.iter().zip(ngrams).map(|(a, b)| (share * a.exp() + (1.0 - share) * b.exp()).ln());
        -each.sum::<f64>() - share.ln() - (1.0 - share).ln()
    }

    #[test]
    fn the_share_is_that_of_the_least_loss() {
        let noise = |n: usize| (n as f64 * 0.754_877_666).fract();
        let network: Vec<f64> = (0..200).map(|n| -0.1 - 3.0 * noise(n)).collect();
        let ngrams: Vec<f64> = (0..200).map(|n| -0.2 - 4.0 * noise(2 * n + 50)).collect();
        let share = Share::fit(&network, &ngrams);
        assert!(share.0 > 0.1 && share.0 < 0.9, "{share:?}");
        for near in [share.0 - 1e-3, share.0 + 1e-3] {
            assert!(loss(near, &network, &ngrams) > loss(share.0, &network, &ngrams), "{near}");
        }
        let both = (share.0 * (-1.0_f64).exp() + (1.0 - share.0) * (-2.0_f64).exp()).ln();
        assert!((share.log_probability(-1.0, -2.0) - both).abs() < 1e-15);
    }

    #[test]
    fn what_helps_nothing_counts_nothing_and_extremes_are_numbers() {
        assert_eq!(Share::fit(&[], &[]), Share::ALONE);
        assert!((Share::fit(&[-1.0; 5], &[-1.0; 5]).0 - 0.5).abs() < 1e-12);
        // One token against the one that speaks for the n-grams.
        assert!((Share::fit(&[-1.0], &[-900.0]).0 - 2.0 / 3.0).abs() < 1e-12);
        let share = Share::fit(&[-900.0; 8], &[-1.0; 8]);
        assert!((share.0 - 0.1).abs() < 1e-12, "{share:?}");
        // Each finds half of the tokens impossible.
        let share = Share::fit(&[-900.0, -1.0], &[-1.0, -900.0]);
        assert!((share.0 - 0.5).abs() < 1e-12, "{share:?}");
        assert!((share.log_probability(-900.0, -1.0) - (0.5_f64.ln() - 1.0)).abs() < 1e-12);
        assert!(Share::ALONE.is_alone() && !share.is_alone());
        for (value, ngrams, wrong) in
            [(1.0, false, false), (0.5, true, false), (0.0, true, false), (0.5, false, true)]
        {
            assert_eq!(Share(value).problem(ngrams).is_some(), wrong);
        }
        assert!([f64::NAN, -1.0, 1.5].into_iter().all(|value| Share(value).problem(true).is_some()));
    }

    #[test]
    fn logits_are_logarithms_of_probabilities() {
        let share = Share(0.25);
        let logits = share.logits(&[3.0, 3.0 + 2_f32.ln(), 3.0], &[0.5, 0.5, 0.0]);
        for (found, expected) in logits.iter().zip([0.4375, 0.5, 0.0625_f64]) {
            assert!((f64::from(*found) - expected.ln()).abs() < 1e-6, "{logits:?}");
        }
    }
}
