//! A linear model of texts: logistic regression for classes, one for each of several labels, ridge regression for numbers.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::learner::argmax;
use super::super::thresholds;
use super::guesses::Guesses;
use super::tfidf::{Sparse, Tfidf};
use crate::report::text::count;

/// The strengths of the fit, C of ½‖w‖² + C Σ loss, among which the validation part chooses.
const STRENGTHS: [f64; 6] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
/// What is taken without a validation part: scikit-learn's default.
const USUAL: f64 = 1.0;
/// The most weights, so that a model file stays small.
const MOST_WEIGHTS: usize = 1 << 17;
/// The most columns.
const MOST_COLUMNS: usize = 50_000;
/// The most bytes of text that are learnt from, times outputs; of more, texts are left out evenly.
const MOST_BYTES: usize = 160 << 20;
/// About how many multiplications and additions are spent on all strengths together.
const WORK: usize = 600_000_000;

/// A linear model of weighted word n-grams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LinearText {
    counts: Tfidf,
    /// A row an output: of the columns, then a constant.
    weights: Vec<f32>,
    /// The mean and the deviation of the numbers; None of classes.
    scale: Option<[f64; 2]>,
    /// The score from which on each label is guessed, where there may be several; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<f64>,
    /// So many texts were learnt from,
    learnt: usize,
    /// of so many.
    of: usize,
}

/// An output being learnt: what it should be, and the dual variables.
struct Output {
    /// ±1, or a number of deviation 1.
    wanted: Vec<f64>,
    alpha: Vec<f64>,
    weights: Vec<f64>,
}

impl LinearText {
    /// Learns from texts and their labels or numbers; None where there is no word.
    pub(super) fn fit(
        texts: &[&str],
        truth: &Guesses,
        valid: Option<(Vec<&str>, &Guesses)>,
        classes: usize,
    ) -> Option<Self> {
        let outputs = outputs(truth, classes);
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let every = (bytes * outputs).div_ceil(MOST_BYTES).max(1);
        let places: Vec<usize> = (0..texts.len()).step_by(every).collect();
        let chosen: Vec<&str> = places.iter().map(|&place| texts[place]).collect();
        let truth_of_chosen = truth.at(&places);
        let (counts, vectors) = Tfidf::fit(&chosen, MOST_COLUMNS.min(MOST_WEIGHTS / outputs));
        if counts.len() == 0 {
            return None;
        }
        let scale = match &truth_of_chosen {
            Guesses::Classes(_) | Guesses::Sets(_) => None,
            Guesses::Numbers(numbers) => Some(scale(numbers)),
        };
        let thresholds = match truth {
            Guesses::Sets(_) => vec![0.0; outputs],
            _ => Vec::new(),
        };
        let mut all: Vec<Output> = (0..outputs)
            .map(|output| Output {
                wanted: wanted(&truth_of_chosen, output, outputs, scale),
                alpha: vec![0.0; chosen.len()],
                weights: vec![0.0; counts.len() + 1],
            })
            .collect();
        let valid = valid.map(|(texts, truth)| (counts.vectors(&texts), truth));
        let strengths = if valid.is_some() { &STRENGTHS[..] } else { &[USUAL] };
        let entries: usize = vectors.iter().map(|vector| vector.len() + 1).sum();
        let passes = (WORK / (2 * entries * outputs * strengths.len())).clamp(3, 30);
        let (learnt, of) = (chosen.len(), texts.len());
        let mut model = Self { counts, weights: Vec::new(), scale, thresholds, learnt, of };
        let (mut best, mut before) = (None::<(f64, Vec<f32>, Vec<f64>)>, strengths[0]);
        for &strength in strengths {
            all.par_iter_mut().for_each(|output| {
                output.rescale(strength / before);
                match scale {
                    None => output.learn(&vectors, passes, |m, q, alpha| logistic(m, q, alpha, strength)),
                    Some(_) => output.learn(&vectors, passes, |m, q, alpha| ridge(m, q, alpha, strength)),
                }
            });
            before = strength;
            model.weights = all.iter().flat_map(|o| o.weights.iter().map(|&w| w as f32)).collect();
            let Some((vectors, truth)) = &valid else { return Some(model) };
            let scores = model.scores_of(vectors);
            if let Guesses::Sets(sets) = truth {
                model.thresholds = thresholds::of_each(&scores, sets, outputs);
            }
            let mistakes = mistakes(&model.guesses(&scores), truth);
            // Of equals the weaker one.
            if best.as_ref().is_none_or(|(fewest, ..)| mistakes < *fewest) {
                best = Some((mistakes, model.weights.clone(), model.thresholds.clone()));
            }
        }
        (_, model.weights, model.thresholds) = best?;
        Some(model)
    }

    pub(super) fn name(&self) -> String {
        let what = if self.scale.is_some() { "ridge" } else { "logistic" };
        let of = match self.learnt < self.of {
            true => format!(" ({} of {} texts)", count(self.learnt), count(self.of)),
            false => String::new(),
        };
        format!("TF-IDF, {what} regression{of}")
    }

    /// As data: the n-grams by their hashes, in how many of how many texts each is, and the weights of each output.
    pub(super) fn portable(&self) -> Value {
        let (places, documents, of) = self.counts.parts();
        let weights: Vec<&[f32]> = self.weights.chunks_exact(self.counts.len() + 1).collect();
        let mut data = json!({
            "kind": match self.scale {
                Some(_) => "number",
                None if self.thresholds.is_empty() => "classes",
                None => "labels",
            },
            "places": places,
            "documents": documents,
            "of": of,
            "weights": weights,
        });
        if let Some([mean, deviation]) = self.scale {
            (data["offset"], data["scale"]) = (json!(mean), json!(deviation));
        }
        data
    }

    /// What it says of texts: of classes a score for each, in logits of that class against all others, of numbers the number.
    pub(super) fn scores(&self, texts: &[&str]) -> Vec<Vec<f64>> {
        self.scores_of(&self.counts.vectors(texts))
    }

    fn scores_of(&self, vectors: &[Sparse]) -> Vec<Vec<f64>> {
        let width = self.counts.len() + 1;
        let rows: Vec<&[f32]> = self.weights.chunks_exact(width).collect();
        let value = |row: &[f32], vector: &Sparse| {
            let constant = f64::from(row[width - 1]);
            vector.iter().map(|&(column, x)| f64::from(row[column as usize]) * f64::from(x)).sum::<f64>()
                + constant
        };
        let of = |vector: &Sparse| match (self.scale, rows.as_slice()) {
            (Some([mean, deviation]), rows) => vec![value(rows[0], vector) * deviation + mean],
            // The one score of two classes is that of the second.
            (None, [second]) if self.thresholds.is_empty() => vec![0.0, value(second, vector)],
            (None, rows) => rows.iter().map(|row| value(row, vector)).collect(),
        };
        vectors.par_iter().map(of).collect()
    }

    /// What it guesses, by what it says.
    pub(super) fn guesses(&self, scores: &[Vec<f64>]) -> Guesses {
        match self.scale {
            Some(_) => Guesses::Numbers(scores.concat()),
            None if !self.thresholds.is_empty() => {
                let set = |scores: &Vec<f64>| {
                    let above = (0..).zip(scores).zip(&self.thresholds);
                    above.filter(|((_, score), least)| score >= least).map(|((label, _), _)| label).collect()
                };
                Guesses::Sets(scores.iter().map(set).collect())
            }
            None => Guesses::Classes(scores.iter().map(|scores| argmax(scores)).collect()),
        }
    }

    /// What does not fit, of a file.
    pub(super) fn check(&self, classes: usize, several: bool) -> Result<(), String> {
        self.counts.check()?;
        let outputs = if self.scale.is_some() || classes == 2 && !several { 1 } else { classes };
        let finite = self.weights.iter().all(|weight| weight.is_finite())
            && self.scale.iter().flatten().chain(&self.thresholds).all(|number| number.is_finite());
        let thresholds = if several { classes } else { 0 };
        match (self.counts.len() + 1).checked_mul(outputs) == Some(self.weights.len())
            && finite
            && self.thresholds.len() == thresholds
            && self.scale.is_some() == (classes == 0)
        {
            true => Ok(()),
            false => Err(format!(
                "its baseline has {} weights for {} n-grams and {classes} classes",
                self.weights.len(),
                self.counts.len()
            )),
        }
    }
}

/// How many rows of weights there are: of two classes, or of numbers, one.
fn outputs(truth: &Guesses, classes: usize) -> usize {
    match truth {
        Guesses::Classes(_) if classes > 2 => classes,
        Guesses::Sets(_) => classes,
        _ => 1,
    }
}

fn scale(numbers: &[f64]) -> [f64; 2] {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let deviation = (numbers.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count).sqrt();
    [mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 }]
}

/// What an output should be for each text.
fn wanted(truth: &Guesses, output: usize, outputs: usize, scale: Option<[f64; 2]>) -> Vec<f64> {
    // The one output of two classes is the second of them.
    let class = if outputs == 1 { 1 } else { output as u32 };
    match truth {
        Guesses::Classes(ids) => ids.iter().map(|&id| if id == class { 1.0 } else { -1.0 }).collect(),
        Guesses::Sets(sets) => {
            let of = |set: &Vec<u32>| if set.contains(&(output as u32)) { 1.0 } else { -1.0 };
            sets.iter().map(of).collect()
        }
        Guesses::Numbers(numbers) => {
            let [mean, deviation] = scale.unwrap_or([0.0, 1.0]);
            numbers.iter().map(|y| (y - mean) / deviation).collect()
        }
    }
}

/// How many guesses are wrong, how far sets of labels are from an F1 of 1, or how wrong numbers are.
fn mistakes(guesses: &Guesses, truth: &Guesses) -> f64 {
    match (guesses, truth) {
        (Guesses::Classes(guesses), Guesses::Classes(truth)) => {
            guesses.iter().zip(truth).filter(|(guess, truth)| guess != truth).count() as f64
        }
        (Guesses::Numbers(guesses), Guesses::Numbers(truth)) => {
            guesses.iter().zip(truth).map(|(guess, truth)| (guess - truth).powi(2)).sum()
        }
        (Guesses::Sets(guesses), Guesses::Sets(truth)) => {
            let each = || guesses.iter().zip(truth);
            let hits: usize =
                each().map(|(guess, truth)| truth.iter().filter(|id| guess.contains(id)).count()).sum();
            let all: usize = each().map(|(guess, truth)| guess.len() + truth.len()).sum();
            1.0 - 2.0 * hits as f64 / all.max(1) as f64
        }
        _ => f64::INFINITY,
    }
}

impl Output {
    /// To begin with another strength near its solution: dual variables grow with it.
    fn rescale(&mut self, factor: f64) {
        self.alpha.iter_mut().chain(&mut self.weights).for_each(|value| *value *= factor);
    }

    /// Coordinate ascent in the dual (Hsieh et al., ICML 2008; Yu, Huang & Lin, Machine Learning 85, 2011): one text after the
    /// other, in an order that is shuffled in each pass, until no step is large. `solve` gives the new α of a text from its
    /// margin, its squared length and its α.
    fn learn(&mut self, vectors: &[Sparse], passes: usize, solve: impl Fn(f64, f64, f64) -> f64) {
        let constant = self.weights.len() - 1;
        let mut order: Vec<usize> = (0..vectors.len()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let classes = self.wanted.iter().all(|wanted| wanted.abs() == 1.0);
        for _ in 0..passes {
            order.shuffle(&mut rng);
            let (mut largest, mut most) = (0.0_f64, 0.0_f64);
            for &n in &order {
                let (vector, wanted) = (&vectors[n], self.wanted[n]);
                let value = self.weights[constant]
                    + vector.iter().map(|&(c, x)| self.weights[c as usize] * f64::from(x)).sum::<f64>();
                // Of a vector of length 1, and the constant.
                let q = if vector.is_empty() { 1.0 } else { 2.0 };
                let sign = if classes { wanted } else { 1.0 };
                let margin = if classes { wanted * value } else { value - wanted };
                let alpha = solve(margin, q, self.alpha[n]);
                let step = alpha - self.alpha[n];
                self.alpha[n] = alpha;
                vector.iter().for_each(|&(c, x)| self.weights[c as usize] += sign * step * f64::from(x));
                self.weights[constant] += sign * step;
                largest = largest.max(step.abs());
                most = most.max(alpha.abs());
            }
            if largest <= 0.01 * most {
                return;
            }
        }
    }
}

/// The new α of a text in logistic regression: α = C σ(t), where t + m + (C σ(t) − α₀) q = 0, found by Newton's method within
/// the bounds of t.
fn logistic(margin: f64, q: f64, before: f64, c: f64) -> f64 {
    let sigma = |t: f64| 1.0 / (1.0 + (-t).exp());
    let (mut low, mut high) = (-margin - (c - before) * q, -margin + before * q);
    let mut t = -margin.clamp(-30.0, 30.0);
    for _ in 0..50 {
        t = if t > low && t < high { t } else { 0.5 * (low + high) };
        let s = sigma(t);
        let f = t + margin + (c * s - before) * q;
        if f.abs() < 1e-9 {
            break;
        }
        if f > 0.0 {
            high = t
        } else {
            low = t
        }
        t -= f / (1.0 + c * q * s * (1.0 - s));
    }
    c * sigma(t)
}

/// The new α of a text in ridge regression, with ½ (y − w·x)² for a loss: α = C (y − w·x) at the solution.
fn ridge(error: f64, q: f64, before: f64, c: f64) -> f64 {
    before + (-error - before / c) / (q + 1.0 / c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dual variables of a solution: α = C σ(−y w·x), and α = C (y − w·x).
    #[test]
    fn what_is_learnt_solves_the_problem() {
        let vectors: Vec<Sparse> = (0..40_u32)
            .map(|n| {
                let (a, b) = ((f64::from(n) * 0.7).sin() as f32, (f64::from(n) * 1.3).cos() as f32);
                let length = (a * a + b * b).sqrt();
                // As in texts, most columns are of few of them.
                vec![(n % 3, a / length), (3 + n / 2, b / length)]
            })
            .collect();
        let new = |wanted: Vec<f64>| Output { alpha: vec![0.0; 40], weights: vec![0.0; 24], wanted };
        let value = |output: &Output, n: usize| {
            vectors[n].iter().map(|&(c, x)| output.weights[c as usize] * f64::from(x)).sum::<f64>()
                + output.weights[23]
        };
        for c in [0.1, 3.0, 30.0] {
            let mut classes = new((0..40).map(|n| if n % 7 < 3 { 1.0 } else { -1.0 }).collect());
            (0..3000).for_each(|_| classes.learn(&vectors, 30, |m, q, alpha| logistic(m, q, alpha, c)));
            let mut numbers = new((0..40).map(|n| f64::from(n % 7) / 3.0 - 1.1).collect());
            (0..3000).for_each(|_| numbers.learn(&vectors, 30, |m, q, alpha| ridge(m, q, alpha, c)));
            for n in 0..40 {
                let margin = classes.wanted[n] * value(&classes, n);
                let expected = c / (1.0 + margin.exp());
                assert!((classes.alpha[n] - expected).abs() < 1e-3 * c, "{c} {n}: {}", classes.alpha[n]);
                let expected = c * (numbers.wanted[n] - value(&numbers, n));
                assert!((numbers.alpha[n] - expected).abs() < 1e-2 * c, "{c} {n}: {}", numbers.alpha[n]);
            }
        }
    }

    #[test]
    fn words_and_pairs_of_words_tell_classes_and_numbers() {
        let texts: Vec<String> = (0..60)
            .map(|n| {
                let kind = ["not bad at all", "bad", "so so"][n % 3];
                format!("the film {n} was {kind}")
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let classes = Guesses::Classes((0..60).map(|n| n % 3).collect());
        let two = Guesses::Classes((0..60).map(|n| u32::from(n % 3 == 1)).collect());
        let numbers = Guesses::Numbers((0..60).map(|n| [4.0, -2.0, 1.0][n % 3]).collect());
        let asked = ["the film 99 was not bad at all", "was bad", "so so!"];
        for (truth, count, expected) in
            [(&classes, 3, Guesses::Classes(vec![0, 1, 2])), (&two, 2, Guesses::Classes(vec![0, 1, 0]))]
        {
            let valid = Some((texts[..12].to_vec(), truth.at(&(0..12).collect::<Vec<_>>())));
            let valid = valid.as_ref().map(|(texts, truth)| (texts.clone(), truth));
            let learnt = LinearText::fit(&texts, truth, valid, count).unwrap();
            assert_eq!(
                (learnt.guesses(&learnt.scores(&asked)), learnt.check(count, false)),
                (expected, Ok(()))
            );
            assert!(learnt.check(count + 2, false).is_err() && learnt.check(0, false).is_err());
            assert!(learnt.check(count, true).is_err());
            assert_eq!(learnt.name(), "TF-IDF, logistic regression");
        }
        // Of several labels each has a model and a threshold of its own; the last of them nobody has.
        let sets = Guesses::Sets((0..60).map(|n| [vec![0, 1], vec![1], vec![]][n % 3].clone()).collect());
        let valid = (texts[..30].to_vec(), sets.at(&(0..30).collect::<Vec<_>>()));
        for (valid, labels) in [(Some((valid.0.clone(), &valid.1)), 3), (None, 2)] {
            let learnt = LinearText::fit(&texts, &sets, valid, labels).unwrap();
            let expected = Guesses::Sets(vec![vec![0, 1], vec![1], vec![]]);
            assert_eq!(learnt.guesses(&learnt.scores(&asked)), expected);
            assert_eq!(learnt.check(labels, true), Ok(()));
            assert!(learnt.check(labels, false).is_err() && learnt.check(labels + 1, true).is_err());
        }
        // One label is no pair of classes.
        let one = Guesses::Sets((0..60).map(|n| if n % 3 == 1 { vec![0] } else { vec![] }).collect());
        let learnt = LinearText::fit(&texts, &one, None, 1).unwrap();
        assert_eq!(learnt.guesses(&learnt.scores(&asked)), Guesses::Sets(vec![vec![], vec![0], vec![]]));
        assert_eq!(learnt.check(1, true), Ok(()));
        let learnt = LinearText::fit(&texts, &numbers, None, 0).unwrap();
        let Guesses::Numbers(found) = learnt.guesses(&learnt.scores(&asked)) else {
            panic!("numbers are learnt")
        };
        assert!(found[0] > found[2] && found[2] > found[1], "{found:?}");
        assert_eq!(LinearText::fit(&["!!", "…"], &numbers.at(&[0, 1]), None, 0), None);
    }
}
