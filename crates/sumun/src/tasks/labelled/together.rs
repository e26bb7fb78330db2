//! How a network and the linear model of the same texts answer together.

use serde::{Deserialize, Serialize};

use super::super::baselines::Guesses;

/// How much the outputs of the network and those of the linear model count in an answer, which is their weighted sum: of
/// classes or labels the logits, of numbers the scaled numbers. Both weights are fitted on the validation part, which neither model has
/// learnt from: for classes by the log-loss, so that the weight of the network is an inverse temperature and probabilities are
/// calibrated (Guo, Pleiss, Sun & Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017), for numbers by the squared
/// error. The two err in different places, so together they are often better than the better one (Mesnil, Mikolov, Ranzato &
/// Bengio, *Ensemble of Generative and Discriminative Techniques for Sentiment Analysis of Movie Reviews*, ICLR workshop 2015).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Together {
    pub(super) network: f64,
    pub(super) linear: f64,
}

/// Neither weight is known from a handful of records: as much as this many of them speak for the network alone, as it is.
const PRIOR: f64 = 1.0;

/// Of more pairs of a record and a label that it may have, records are left out evenly.
const MOST_PAIRS: usize = 1 << 20;

/// Enough for Newton's method, which is near the solution after five.
const STEPS: usize = 50;

impl Together {
    /// The network alone, as it is.
    pub(super) const ALONE: Self = Self { network: 1.0, linear: 0.0 };

    /// The weights that do best for records whose outputs, linear scores and truth are given. Records with a class that was not
    /// learnt do not count. `scores` are None where there is no linear model.
    pub(super) fn fit(outputs: &[Vec<f32>], scores: Option<&[Vec<f64>]>, truth: &Guesses) -> Self {
        let score = |place: usize| scores.map(|scores| scores[place].as_slice());
        let places = 0..outputs.len();
        match truth {
            Guesses::Classes(classes) => {
                let known = places.filter(|&place| (classes[place] as usize) < outputs[place].len());
                let all: Vec<Example> = known
                    .map(|place| Example::of(&outputs[place], score(place), classes[place] as usize))
                    .collect();
                within(&|allowed| of_classes(&all, allowed), scores.is_some())
            }
            Guesses::Sets(sets) => {
                let labels = outputs.first().map_or(0, Vec::len);
                let every = (outputs.len() * labels).div_ceil(MOST_PAIRS).max(1);
                // To have a label or not is a choice between two.
                let of = |place: usize| {
                    let score = score(place);
                    (0..labels).map(move |label| {
                        let pair = [0.0, outputs[place][label]];
                        let scores = score.map(|score| [0.0, score[label]]);
                        let has = sets[place].contains(&(label as u32));
                        Example::of(&pair, scores.as_ref().map(<[f64; 2]>::as_slice), usize::from(has))
                    })
                };
                let all: Vec<Example> = places.step_by(every).flat_map(of).collect();
                within(&|allowed| of_classes(&all, allowed), scores.is_some())
            }
            Guesses::Numbers(numbers) => {
                let all: Vec<[f64; 3]> = places
                    .map(|at| {
                        [f64::from(outputs[at][0]), score(at).map_or(0.0, |score| score[0]), numbers[at]]
                    })
                    .collect();
                within(&|allowed| of_numbers(&all, allowed), scores.is_some())
            }
        }
    }

    /// Whether the linear model answers too.
    pub(super) fn has_linear(self) -> bool {
        self.linear > 0.0
    }

    /// The answer for a record.
    pub(super) fn of(self, outputs: &[f32], scores: Option<&[f64]>) -> Vec<f32> {
        let score = |k: usize| scores.map_or(0.0, |scores| scores[k]);
        let sum = |(k, &z): (usize, &f32)| (self.network * f64::from(z) + self.linear * score(k)) as f32;
        outputs.iter().enumerate().map(sum).collect()
    }

    /// What is wrong with it, of a file.
    pub(super) fn problem(self, is_linear: bool) -> Option<String> {
        let sane = [self.network, self.linear].into_iter().all(|weight| weight.is_finite() && weight >= 0.0);
        (!sane || (self.has_linear() && !is_linear)).then(|| {
            format!(
                "the network counts {} and the linear model {}, which cannot be",
                self.network, self.linear
            )
        })
    }
}

/// What two models say of the classes of a record, less what they say of the true one.
struct Example(Vec<[f64; 2]>);

impl Example {
    fn of(outputs: &[f32], scores: Option<&[f64]>, class: usize) -> Self {
        let score = |k: usize| scores.map_or(0.0, |scores| scores[k]);
        let less = |k: usize| [f64::from(outputs[k]) - f64::from(outputs[class]), score(k) - score(class)];
        Self((0..outputs.len()).map(less).collect())
    }
}

/// The best weights that are not negative, of what is best among those that are allowed.
fn within(best: &dyn Fn([bool; 2]) -> [f64; 2], linear: bool) -> Together {
    let mut weights = best([true, linear]);
    if weights[1] < 0.0 {
        weights = best([true, false]);
    } else if weights[0] < 0.0 {
        weights = best([false, linear]);
    }
    Together { network: weights[0].max(0.0), linear: weights[1].max(0.0) }
}

/// The least of −Σ ln p + ½ PRIOR ((a − 1)² + b²), which is convex, by Newton's method; a weight that is not allowed is 0.
fn of_classes(all: &[Example], allowed: [bool; 2]) -> [f64; 2] {
    let mut weights = [if allowed[0] { 1.0 } else { 0.0 }, 0.0];
    let loss = |w: [f64; 2]| {
        let each = all.iter().map(|Example(classes)| {
            let logits = classes.iter().map(|x| w[0] * x[0] + w[1] * x[1]);
            let largest = logits.clone().fold(0.0, f64::max);
            largest + logits.map(|logit| (logit - largest).exp()).sum::<f64>().ln()
        });
        each.sum::<f64>() + 0.5 * PRIOR * ((w[0] - 1.0).powi(2) + w[1].powi(2))
    };
    let mut now = loss(weights);
    for _ in 0..STEPS {
        let mut gradient = [PRIOR * (weights[0] - 1.0), PRIOR * weights[1]];
        let mut curvature = [[PRIOR, 0.0], [0.0, PRIOR]];
        for Example(classes) in all {
            let logits: Vec<f64> = classes.iter().map(|x| weights[0] * x[0] + weights[1] * x[1]).collect();
            let largest = logits.iter().copied().fold(0.0, f64::max);
            let raised: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
            let sum: f64 = raised.iter().sum();
            let mean = [0, 1].map(|i| classes.iter().zip(&raised).map(|(x, p)| p * x[i]).sum::<f64>() / sum);
            for i in 0..2 {
                gradient[i] += mean[i];
                for j in 0..2 {
                    let product =
                        classes.iter().zip(&raised).map(|(x, p)| p * x[i] * x[j]).sum::<f64>() / sum;
                    curvature[i][j] += product - mean[i] * mean[j];
                }
            }
        }
        let step = solved(curvature, gradient, allowed);
        let mut length = 1.0;
        let next = loop {
            let next = [0, 1].map(|i| weights[i] - length * step[i]);
            let after = loss(next);
            if after <= now || length < 1e-6 {
                now = after;
                break next;
            }
            length *= 0.5;
        };
        let moved = (0..2).map(|i| (next[i] - weights[i]).abs()).fold(0.0, f64::max);
        weights = next;
        if moved < 1e-9 {
            break;
        }
    }
    weights
}

/// The least of Σ (y − a z − b m)² + PRIOR ((a − 1)² + b²), of rows of z, m and y.
fn of_numbers(all: &[[f64; 3]], allowed: [bool; 2]) -> [f64; 2] {
    let product = |i: usize, j: usize| all.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let matrix = [[product(0, 0) + PRIOR, product(0, 1)], [product(0, 1), product(1, 1) + PRIOR]];
    solved(matrix, [product(0, 2) + PRIOR, product(1, 2)], allowed)
}

/// The solution of two linear equations, of which unknowns that are not allowed are 0.
fn solved([[a, b], [c, d]]: [[f64; 2]; 2], [x, y]: [f64; 2], allowed: [bool; 2]) -> [f64; 2] {
    match allowed {
        [true, true] => {
            let determinant = a * d - b * c;
            [(x * d - b * y) / determinant, (a * y - x * c) / determinant]
        }
        [true, false] => [x / a, 0.0],
        [false, true] => [0.0, y / d],
        [false, false] => [0.0, 0.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between 0 and 1 in a fixed order.
    fn noise(n: usize) -> f64 {
        (n as f64 * 0.754_877_666).fract()
    }

    /// Of 300 records of three classes, the network is right where `n % 3` is not 0 and the linear model where it is not 1.
    fn records() -> (Vec<Vec<f32>>, Vec<Vec<f64>>, Guesses) {
        let classes: Vec<u32> = (0..300).map(|n| (n / 7 % 3) as u32).collect();
        let told = |n: usize, right: bool, by: f64| {
            (0..3)
                .map(|k| if (k == classes[n] as usize) == right { by } else { noise(n * 3 + k) })
                .collect::<Vec<f64>>()
        };
        let network =
            (0..300).map(|n| told(n, n % 3 != 0, 6.0).iter().map(|&z| z as f32).collect()).collect();
        let linear = (0..300).map(|n| told(n, n % 3 != 1, 2.0)).collect();
        (network, linear, Guesses::Classes(classes))
    }

    fn loss(weights: [f64; 2], network: &[Vec<f32>], linear: &[Vec<f64>], truth: &Guesses) -> f64 {
        let Guesses::Classes(classes) = truth else { panic!("classes") };
        let together = Together { network: weights[0], linear: weights[1] };
        let each = network.iter().zip(linear).zip(classes).map(|((z, m), &class)| {
            let logits = together.of(z, Some(m));
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
            sum.ln() - f64::from(logits[class as usize])
        });
        each.sum::<f64>() + 0.5 * ((weights[0] - 1.0).powi(2) + weights[1].powi(2))
    }

    #[test]
    fn the_weights_are_those_of_the_least_loss() {
        let (network, linear, truth) = records();
        let found = Together::fit(&network, Some(&linear), &truth);
        assert!(found.network > 0.0 && found.linear > 0.0, "{found:?}");
        let best = [found.network, found.linear];
        let least = loss(best, &network, &linear, &truth);
        for (i, step) in [(0, 0.02), (0, -0.02), (1, 0.02), (1, -0.02)] {
            let mut moved = best;
            moved[i] += step;
            assert!(loss(moved, &network, &linear, &truth) > least, "{i} {step}");
        }
        // Overconfident logits are made smaller, without another answer.
        let alone = Together::fit(&network, None, &truth);
        assert!(alone.network < 1.0 && alone.linear == 0.0, "{alone:?}");
        assert_eq!(alone.of(&[1.0, 3.0], None)[0], alone.network as f32);
    }

    /// Of two labels, the loss is the sum of both.
    #[test]
    fn of_several_labels_each_is_a_choice() {
        let sets: Vec<Vec<u32>> =
            (0..200).map(|n| if n / 7 % 2 == 0 { vec![1] } else { vec![0, 9] }).collect();
        let has = |n: usize, k: usize| sets[n].contains(&(k as u32));
        let told = |n: usize, k: usize, by: f64| {
            by * (if has(n, k) { 1.0 } else { -1.0 } + 4.0 * (noise(2 * n + k) - 0.5))
        };
        let network: Vec<Vec<f32>> =
            (0..200).map(|n| vec![told(n, 0, 5.0) as f32, told(n, 1, 5.0) as f32]).collect();
        let linear: Vec<Vec<f64>> = (0..200).map(|n| vec![told(n, 1, -0.5), told(n, 0, -0.5)]).collect();
        let loss = |weights: [f64; 2]| {
            let together = Together { network: weights[0], linear: weights[1] };
            let each = (0..200).flat_map(|n| {
                let row = together.of(&network[n], Some(&linear[n]));
                [0, 1].map(|k| (1.0 + (if has(n, k) { -1.0 } else { 1.0 } * f64::from(row[k])).exp()).ln())
            });
            each.sum::<f64>() + 0.5 * ((weights[0] - 1.0).powi(2) + weights[1].powi(2))
        };
        let found = Together::fit(&network, Some(&linear), &Guesses::Sets(sets.clone()));
        assert!(found.network > 0.0 && found.network < 1.0 && found.linear > 0.0, "{found:?}");
        let least = loss([found.network, found.linear]);
        for (i, step) in [(0, 0.01), (0, -0.01), (1, 0.01), (1, -0.01)] {
            let mut moved = [found.network, found.linear];
            moved[i] += step;
            assert!(loss(moved) > least, "{i} {step}");
        }
    }

    #[test]
    fn a_model_that_does_harm_counts_nothing() {
        let (network, linear, truth) = records();
        let against: Vec<Vec<f64>> = linear.iter().map(|m| m.iter().map(|m| -m).collect()).collect();
        let found = Together::fit(&network, Some(&against), &truth);
        assert_eq!(found, Together::fit(&network, None, &truth));
        let wrong: Vec<Vec<f32>> = network.iter().map(|z| z.iter().map(|z| -z).collect()).collect();
        let found = Together::fit(&wrong, Some(&linear), &truth);
        assert!(found.network == 0.0 && found.linear > 0.0, "{found:?}");
    }

    #[test]
    fn a_handful_of_records_changes_little_and_none_nothing() {
        let (network, linear, _) = records();
        assert_eq!(
            Together::fit(&[], Some(&[]), &Guesses::Classes(Vec::new())),
            Together { network: 1.0, linear: 0.0 }
        );
        let unseen = Guesses::Classes(vec![u32::MAX; 300]);
        assert_eq!(Together::fit(&network, Some(&linear), &unseen), Together { network: 1.0, linear: 0.0 });
        // A record on which both are right moves neither far.
        let few = Together::fit(&network[2..3], Some(&linear[2..3]), &Guesses::Classes(vec![0]));
        assert!((few.network - 1.0).abs() < 0.1 && few.linear < 0.2, "{few:?}");
    }

    #[test]
    fn numbers_are_mixed_by_least_squares() {
        let truth: Vec<f64> = (0..200).map(|n| 2.0 * noise(n) - 1.0).collect();
        let network: Vec<Vec<f32>> =
            truth.iter().enumerate().map(|(n, y)| vec![(y + noise(n + 9) - 0.5) as f32]).collect();
        let linear: Vec<Vec<f64>> =
            truth.iter().enumerate().map(|(n, y)| vec![y + noise(n + 77) - 0.5]).collect();
        let found = Together::fit(&network, Some(&linear), &Guesses::Numbers(truth.clone()));
        let error = |weights: Together| -> f64 {
            let each = network.iter().zip(&linear).zip(&truth);
            each.map(|((z, m), y)| (f64::from(weights.of(z, Some(m))[0]) - y).powi(2)).sum()
        };
        let alone = Together { network: 1.0, linear: 0.0 };
        assert!(error(found) < 0.8 * error(alone), "{found:?}");
        assert!(Together { network: f64::NAN, linear: 0.0 }.problem(true).is_some());
        assert!(Together { network: 1.0, linear: 0.5 }.problem(false).is_some());
    }
}
