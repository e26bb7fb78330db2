//! Cross-entropy over classes, on logits.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sumun_kernels::{Path, softmax};

use super::elements::expect_length;
use crate::{Error, Result};

/// −log softmax(logits) at the row's class, averaged over rows (PyTorch's `CrossEntropyLoss` with class indices).
///
/// With class weights the mean is Σ w·loss / Σ w, w the weight of the row's class, as there. Ignored rows count
/// for nothing and have no gradient; if nothing counts, loss and gradient are 0 (PyTorch returns NaN), so that
/// a batch of padding does not end a training.
///
/// With label smoothing ε (Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, *Rethinking the Inception Architecture for Computer
/// Vision*, CVPR 2016) a row's target is (1 − ε) on its class and ε / C on each of the C classes: its loss is
/// (1 − ε)·w_y·ℓ_y + ε / C · Σ_c w_c·ℓ_c, where ℓ_c is −log softmax(logits) at class c. The mean divides by the same Σ w as
/// without it, as PyTorch's does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CrossEntropy {
    /// `[C]`, a finite weight of at least 0 for each class; empty for all 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f32>,
    /// The target that marks a row to be left out. It need not be a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<u32>,
    /// ε, at least 0 and below 1: the share of each target that is spread evenly over all classes.
    #[serde(skip_serializing_if = "is_none")]
    pub label_smoothing: f64,
}

fn is_none(label_smoothing: &f64) -> bool {
    *label_smoothing == 0.0
}

/// What the parts of a row's loss are multiplied by, the same for all rows of a call.
#[derive(Debug, Clone, Copy)]
struct Shares {
    /// That of the row's class, times its weight.
    class: f64,
    /// That of each class, times its weight; 0 without label smoothing.
    each: f64,
    /// The sum of the weights of all classes.
    weights: f64,
}

/// Rows are summed within chunks and chunks in order, so that threads never change the sum.
const CHUNK_VALUES: usize = 1 << 14;

impl CrossEntropy {
    /// The mean loss of `logits`, `[R, C]`, for the classes `targets`, `[R]`; the gradient, `[R, C]`, is written
    /// where one is wanted. C is the number of logits by the number of targets, which must divide them; a
    /// class of C or more that is not ignored is an error. The fastest path of this processor computes it;
    /// [`value_and_gradient_on`](Self::value_and_gradient_on) takes another.
    pub fn value_and_gradient(
        &self,
        logits: &[f32],
        targets: &[u32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        self.value_and_gradient_on(Path::best(), logits, targets, gradient)
    }

    /// [`value_and_gradient`](Self::value_and_gradient) on a path of the kernels, that of a model for example. One that the
    /// processor lacks is an error.
    pub fn value_and_gradient_on(
        &self,
        path: Path,
        logits: &[f32],
        targets: &[u32],
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        if targets.is_empty() || !logits.len().is_multiple_of(targets.len()) || logits.is_empty() {
            return Err(Error::Shape {
                what: "the logits of a cross-entropy".into(),
                expected: format!("as many for each of {} targets, at least 1 of each", targets.len()),
                found: format!("{} values", logits.len()),
            });
        }
        self.check(logits.len() / targets.len(), targets)?;
        let total = self.total_weight(targets)?;
        self.partial_value_and_gradient(path, logits, targets, total, gradient)
    }

    /// The share of some of a batch's rows in its loss, for logits that are made and used chunk by chunk: the
    /// parts sum to the whole. `total_weight` is that of all the batch's targets. A path that the processor lacks is an error.
    pub fn partial_value_and_gradient(
        &self,
        path: Path,
        logits: &[f32],
        targets: &[u32],
        total_weight: f64,
        gradient: Option<&mut [f32]>,
    ) -> Result<f64> {
        let Some((classes, shares)) = self.classes_and_shares(logits.len(), targets, total_weight)? else {
            return Ok(0.0);
        };
        let chunk = (CHUNK_VALUES / classes).max(1);
        let parts = logits.par_chunks(chunk * classes).zip(targets.par_chunks(chunk));
        let sums: Result<Vec<f64>> = match gradient {
            None => parts
                .map(|(logits, targets)| {
                    let rows = logits.chunks_exact(classes).zip(targets);
                    rows.map(|(logits, &target)| self.row(path, logits, target, shares)).sum()
                })
                .collect(),
            Some(gradient) => {
                expect_length("the gradient of a cross-entropy", logits.len(), gradient.len())?;
                parts
                    .zip(gradient.par_chunks_mut(chunk * classes))
                    .map(|((logits, targets), gradient)| {
                        let rows = logits.chunks_exact(classes).zip(targets);
                        rows.zip(gradient.chunks_exact_mut(classes))
                            .map(|((logits, &target), d)| {
                                d.copy_from_slice(logits);
                                self.row_in_place(path, d, target, shares)
                            })
                            .sum()
                    })
                    .collect()
            }
        };
        Ok(sums?.iter().sum())
    }

    /// As [`partial_value_and_gradient`](Self::partial_value_and_gradient), with the gradient in the logits' place. Of
    /// each row, `classes` numbers are logits; what follows them up to the next row stays as it is. Errors as there.
    pub(crate) fn partial_in_place(
        &self,
        path: Path,
        logits: &mut [f32],
        (classes, stride): (usize, usize),
        targets: &[u32],
        total_weight: f64,
    ) -> Result<f64> {
        expect_length("the logits of a cross-entropy", targets.len() * stride, logits.len())?;
        let length = targets.len() * classes;
        let Some((_, shares)) = self.classes_and_shares(length, targets, total_weight)? else {
            return Ok(0.0);
        };
        let chunk = (CHUNK_VALUES / classes).max(1);
        let parts = logits.par_chunks_mut(chunk * stride).zip(targets.par_chunks(chunk));
        let sums: Result<Vec<f64>> = parts
            .map(|(logits, targets)| {
                let rows = logits.chunks_exact_mut(stride).zip(targets);
                rows.map(|(row, &target)| self.row_in_place(path, &mut row[..classes], target, shares)).sum()
            })
            .collect();
        Ok(sums?.iter().sum())
    }

    /// How many logits a row has, and what its parts are multiplied by; None without rows.
    fn classes_and_shares(
        &self,
        logits: usize,
        targets: &[u32],
        total_weight: f64,
    ) -> Result<Option<(usize, Shares)>> {
        let rows = targets.len();
        if rows == 0 {
            return expect_length("the logits of a cross-entropy", 0, logits).map(|()| None);
        }
        let classes = logits / rows;
        expect_length("the logits of a cross-entropy", rows * classes.max(1), logits)?;
        self.check(classes, targets)?;
        let share = if total_weight == 0.0 { 0.0 } else { 1.0 / total_weight };
        let weights = match self.class_weights.is_empty() {
            true => classes as f64,
            false => self.class_weights.iter().map(|&weight| f64::from(weight)).sum(),
        };
        let smoothing = self.label_smoothing;
        let shares =
            Shares { class: (1.0 - smoothing) * share, each: smoothing / classes as f64 * share, weights };
        Ok(Some((classes, shares)))
    }

    /// The sum of the class weights over the targets that count. A target for which there is no weight is an error.
    pub fn total_weight(&self, targets: &[u32]) -> Result<f64> {
        if !self.class_weights.is_empty() {
            self.check(self.class_weights.len(), targets)?;
        }
        let counted = targets.iter().filter(|&&target| Some(target) != self.ignore);
        Ok(counted.map(|&target| self.class_weight(target)).sum())
    }

    fn class_weight(&self, class: u32) -> f64 {
        if self.class_weights.is_empty() { 1.0 } else { f64::from(self.class_weights[class as usize]) }
    }

    /// Whether the smoothing is a share, and the weights and the targets fit the number of classes.
    pub(crate) fn check(&self, classes: usize, targets: &[u32]) -> Result<()> {
        let smoothing = self.label_smoothing;
        if !(0.0..1.0).contains(&smoothing) {
            return Err(Error::Invalid(format!(
                "the label smoothing of a cross-entropy is {smoothing}; it must be at least 0 and below 1"
            )));
        }
        if !self.class_weights.is_empty() {
            expect_length("the class weights of a cross-entropy", classes, self.class_weights.len())?;
            if let Some((class, weight)) =
                self.class_weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0))
            {
                return Err(Error::Invalid(format!(
                    "the weight of class {class} is {weight}; it must be a finite number of at least 0"
                )));
            }
        }
        let outside =
            |&(_, &target): &(usize, &u32)| target as usize >= classes && Some(target) != self.ignore;
        match targets.iter().enumerate().find(outside) {
            None => Ok(()),
            Some((row, class)) => Err(Error::Invalid(format!(
                "class {class} in row {row} is not below the number of classes, {classes}"
            ))),
        }
    }

    /// How much a row's class counts; None where the row counts for nothing.
    fn weight_of(&self, target: u32, shares: Shares) -> Option<f64> {
        if Some(target) == self.ignore {
            return None;
        }
        let weight = self.class_weight(target) * shares.class;
        (weight != 0.0 || shares.each != 0.0).then_some(weight)
    }

    /// Σ w·z over the classes.
    fn weighted_sum(&self, logits: &[f32]) -> f64 {
        match self.class_weights.is_empty() {
            true => logits.iter().map(|&z| f64::from(z)).sum(),
            false => logits.iter().zip(&self.class_weights).map(|(&z, &w)| f64::from(z) * f64::from(w)).sum(),
        }
    }

    /// One row's loss times its share.
    fn row(&self, path: Path, logits: &[f32], target: u32, shares: Shares) -> Result<f64> {
        let Some(weight) = self.weight_of(target, shares) else { return Ok(0.0) };
        let log_sum = softmax::log_sum_exp(path, logits)?;
        let of_class = weight * (log_sum - f64::from(logits[target as usize]));
        if shares.each == 0.0 {
            return Ok(of_class);
        }
        Ok(of_class + shares.each * (shares.weights * log_sum - self.weighted_sum(logits)))
    }

    /// As [`row`](Self::row), with the gradient in the logits' place: of the weights of all targets together the softmax,
    /// less each target's.
    fn row_in_place(&self, path: Path, logits: &mut [f32], target: u32, shares: Shares) -> Result<f64> {
        let Some(weight) = self.weight_of(target, shares) else {
            logits.fill(0.0);
            return Ok(0.0);
        };
        let wanted = f64::from(logits[target as usize]);
        if shares.each == 0.0 {
            let log_sum = softmax::softmax(path, logits, weight)?;
            logits[target as usize] -= weight as f32;
            return Ok(weight * (log_sum - wanted));
        }
        let sum = self.weighted_sum(logits);
        let log_sum = softmax::softmax(path, logits, weight + shares.each * shares.weights)?;
        match self.class_weights.is_empty() {
            true => logits.iter_mut().for_each(|d| *d -= shares.each as f32),
            false => {
                let classes = logits.iter_mut().zip(&self.class_weights);
                classes.for_each(|(d, &w)| *d -= (shares.each * f64::from(w)) as f32);
            }
        }
        logits[target as usize] -= weight as f32;
        Ok(weight * (log_sum - wanted) + shares.each * (shares.weights * log_sum - sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets, tests::check};

    const LOGITS: [f32; 12] = [0.5, -1.5, 2.0, 0.25, 0.0, -0.5, 3.0, -1.0, 100.0, 0.0, 1.0, 2.0];

    /// `torch.nn.functional.cross_entropy` in float64, without and with `weight` and `ignore_index=7`.
    #[test]
    fn agrees_with_pytorch() {
        let plain = CrossEntropy::default();
        let weighted = CrossEntropy { class_weights: vec![0.5, 2.0, 1.0], ..CrossEntropy::default() };
        let ignoring = CrossEntropy { ignore: Some(7), ..weighted.clone() };
        let cases: [(CrossEntropy, [u32; 4], f64, [f64; 12]); 3] = [
            (
                plain,
                [2, 0, 1, 0],
                26.111214228,
                [
                    0.044507551,
                    0.006023442,
                    -0.050530993,
                    -0.138946505,
                    0.086488549,
                    0.052457957,
                    0.0,
                    -0.25,
                    0.25,
                    -0.227492357,
                    0.061182118,
                    0.166310239,
                ],
            ),
            (
                weighted,
                [2, 0, 1, 0],
                50.95883237,
                [
                    0.044507551,
                    0.006023442,
                    -0.050530993,
                    -0.069473253,
                    0.043244274,
                    0.026228978,
                    0.0,
                    -0.5,
                    0.5,
                    -0.113746178,
                    0.030591059,
                    0.083155119,
                ],
            ),
            (
                ignoring,
                [2, 7, 1, 0],
                58.122744295,
                [
                    0.050865773,
                    0.006883934,
                    -0.057749707,
                    0.0,
                    0.0,
                    0.0,
                    0.0,
                    -0.571428571,
                    0.571428571,
                    -0.129995632,
                    0.03496121,
                    0.095034422,
                ],
            ),
        ];
        for (loss, targets, value, gradient) in cases.into_iter().chain(smoothed_cases()) {
            // Differences of so large a loss keep fewer digits, hence the wide step.
            check(
                &Loss::CrossEntropy(loss),
                &LOGITS,
                Targets::Classes(&targets),
                value,
                &gradient,
                1.0 / 64.0,
            );
        }
    }

    /// `torch.nn.functional.cross_entropy` in float64 with `label_smoothing`, also with `weight` and `ignore_index=7`; a row
    /// whose class has the weight 0 counts by the other classes.
    fn smoothed_cases() -> [(CrossEntropy, [u32; 4], f64, [f64; 12]); 3] {
        let plain = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
        let weighted =
            CrossEntropy { class_weights: vec![0.5, 2.0, 1.0], label_smoothing: 0.25, ..plain.clone() };
        let ignoring = CrossEntropy { class_weights: vec![0.5, 0.0, 1.0], ignore: Some(7), ..plain.clone() };
        [
            (
                plain,
                [2, 0, 1, 0],
                25.2612142278,
                [
                    0.036174218,
                    -0.002309891,
                    -0.033864327,
                    -0.122279839,
                    0.078155215,
                    0.044124623,
                    -0.008333333,
                    -0.233333333,
                    0.241666667,
                    -0.21082569,
                    0.052848784,
                    0.157976906,
                ],
            ),
            (
                weighted,
                [2, 0, 1, 0],
                43.7932284273,
                [
                    0.035945366,
                    -0.035392248,
                    -0.000553118,
                    -0.030131003,
                    0.015992366,
                    0.014138638,
                    -0.010416667,
                    -0.416666667,
                    0.427083333,
                    -0.089161571,
                    -0.000878588,
                    0.090040159,
                ],
            ),
            (
                ignoring,
                [2, 7, 1, 0],
                1.99554328599,
                [
                    0.101641352,
                    0.015259387,
                    -0.116900739,
                    0.0,
                    0.0,
                    0.0,
                    -0.011111111,
                    0.0,
                    0.011111111,
                    -0.28110092,
                    0.081576157,
                    0.199524763,
                ],
            ),
        ]
    }

    /// The loss by its definition, Σ targets · −ln p in double precision, and its difference quotients.
    #[test]
    fn smoothed_classes_have_the_loss_and_gradient_of_their_definition() {
        let (rows, classes) = (3, 37);
        let logits: Vec<f32> =
            (0..rows * classes).map(|k| ((k * 7919) % 1009) as f32 / 200.0 - 2.0).collect();
        let targets = [5, 36, 0];
        for (class_weights, label_smoothing) in [
            (Vec::new(), 0.1),
            (Vec::new(), 0.9),
            ((0..classes).map(|c| (c % 5) as f32 / 2.0).collect::<Vec<f32>>(), 0.3),
        ] {
            let weight = |c: usize| class_weights.get(c).map_or(1.0, |&w| f64::from(w));
            let defined = |logits: &[f64]| {
                let each = logits.chunks(classes).zip(targets).map(|(z, target)| {
                    let log_sum = z.iter().map(|z| z.exp()).sum::<f64>().ln();
                    let share = |c: usize| {
                        let on = if c == target as usize { 1.0 - label_smoothing } else { 0.0 };
                        on + label_smoothing / classes as f64
                    };
                    z.iter().enumerate().map(|(c, z)| weight(c) * share(c) * (log_sum - z)).sum::<f64>()
                });
                each.sum::<f64>() / targets.iter().map(|&target| weight(target as usize)).sum::<f64>()
            };
            let exact: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
            let loss = CrossEntropy { class_weights: class_weights.clone(), label_smoothing, ignore: None };
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut gradient = vec![0.0; logits.len()];
                let value = loss.value_and_gradient_on(path, &logits, &targets, Some(&mut gradient)).unwrap();
                assert!((value - defined(&exact)).abs() < 1e-6 * value, "{path}: {value}");
                for (k, &found) in gradient.iter().enumerate() {
                    let at = |by: f64| {
                        let mut moved = exact.clone();
                        moved[k] += by;
                        defined(&moved)
                    };
                    let quotient = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((f64::from(found) - quotient).abs() < 1e-6, "{path}[{k}]: {found}, {quotient}");
                }
            }
        }
    }

    #[test]
    fn chunks_of_rows_sum_to_the_whole() {
        let loss = CrossEntropy { class_weights: vec![0.5, 2.0, 1.0], ignore: Some(2), label_smoothing: 0.1 };
        let targets = [1, 0, 2, 0];
        let mut whole = [0.0; 12];
        let value = loss.value_and_gradient(&LOGITS, &targets, Some(&mut whole)).unwrap();
        let total = loss.total_weight(&targets).unwrap();
        let mut parts = [0.0; 12];
        let mut sum = 0.0;
        for (k, d) in parts.chunks_mut(3).enumerate() {
            let (logits, target) = (&LOGITS[3 * k..3 * k + 3], &targets[k..=k]);
            sum += loss.partial_value_and_gradient(Path::best(), logits, target, total, Some(d)).unwrap();
        }
        assert!((sum - value).abs() < 1e-12 * value);
        assert_eq!(parts, whole);
    }

    /// With gaps between the rows, which stay as they are.
    #[test]
    fn the_gradient_takes_the_logits_place() {
        let (rows, classes, stride) = (30, 1037, 1040);
        let logits: Vec<f32> = (0..rows * stride).map(|k| ((k * 7919) % 1009) as f32 / 100.0).collect();
        let targets: Vec<u32> = (0..rows as u32).map(|k| k * 7 % 1036).collect();
        let loss = CrossEntropy { ignore: Some(14), ..CrossEntropy::default() };
        let dense: Vec<f32> = logits.chunks(stride).flat_map(|row| &row[..classes]).copied().collect();
        let mut expected = vec![0.0; dense.len()];
        let value = loss.value_and_gradient(&dense, &targets, Some(&mut expected)).unwrap();
        let (mut found, total) = (logits.clone(), loss.total_weight(&targets).unwrap());
        let sum =
            loss.partial_in_place(Path::best(), &mut found, (classes, stride), &targets, total).unwrap();
        assert!((sum - value).abs() < 1e-12 * value);
        for ((found, logits), expected) in
            found.chunks(stride).zip(logits.chunks(stride)).zip(expected.chunks(classes))
        {
            assert_eq!((&found[..classes], &found[classes..]), (expected, &logits[classes..]));
        }
    }

    #[test]
    fn threads_do_not_change_the_sum() {
        let (rows, classes) = (3000, 37);
        let logits: Vec<f32> = (0..rows * classes).map(|k| ((k * 7919) % 1009) as f32 / 100.0).collect();
        let targets: Vec<u32> = (0..rows).map(|k| (k % classes) as u32).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut gradient = vec![0.0; logits.len()];
            let value = pool.install(|| {
                CrossEntropy::default().value_and_gradient(&logits, &targets, Some(&mut gradient)).unwrap()
            });
            (value.to_bits(), gradient)
        };
        assert!(with(1) == with(3));
    }

    #[test]
    fn a_batch_that_is_all_ignored_costs_nothing() {
        let loss = CrossEntropy { ignore: Some(0), ..CrossEntropy::default() };
        let mut gradient = [1.0; 4];
        assert_eq!(
            loss.value_and_gradient(&[1.0, 2.0, 3.0, 4.0], &[0, 0], Some(&mut gradient)).unwrap(),
            0.0
        );
        assert_eq!(gradient, [0.0; 4]);
    }

    #[test]
    fn shapes_and_weights_that_do_not_fit_are_errors() {
        let error = |weights: &[f32], logits: usize, targets: &[u32]| {
            let loss = CrossEntropy { class_weights: weights.to_vec(), ..CrossEntropy::default() };
            loss.value_and_gradient(&vec![0.0; logits], targets, None).unwrap_err().to_string()
        };
        assert!(error(&[], 5, &[0, 1]).ends_with("found 5 values"));
        assert!(error(&[], 0, &[]).ends_with("found 0 values"));
        assert!(error(&[1.0], 4, &[0, 1]).ends_with("expected 2 values, found 1"));
        assert!(error(&[1.0, -1.0], 4, &[0, 1]).starts_with("the weight of class 1 is -1;"));
        for label_smoothing in [-0.1, 1.0, f64::NAN] {
            let loss = CrossEntropy { label_smoothing, ..CrossEntropy::default() };
            let error = loss.value_and_gradient(&[0.0; 4], &[0, 1], None).unwrap_err().to_string();
            let expected = format!("is {label_smoothing}; it must be at least 0 and below 1");
            assert!(error.ends_with(&expected), "{error}");
        }
    }
}
