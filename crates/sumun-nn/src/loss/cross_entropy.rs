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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CrossEntropy {
    /// `[C]`, a finite weight of at least 0 for each class; empty for all 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f32>,
    /// The target that marks a row to be left out. It need not be a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<u32>,
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
        let Some((classes, share)) = self.classes_and_share(logits.len(), targets, total_weight)? else {
            return Ok(0.0);
        };
        let chunk = (CHUNK_VALUES / classes).max(1);
        let parts = logits.par_chunks(chunk * classes).zip(targets.par_chunks(chunk));
        let sums: Result<Vec<f64>> = match gradient {
            None => parts
                .map(|(logits, targets)| {
                    let rows = logits.chunks_exact(classes).zip(targets);
                    rows.map(|(logits, &target)| self.row(path, logits, target, share)).sum()
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
                                self.row_in_place(path, d, target, share)
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
        let Some((_, share)) = self.classes_and_share(length, targets, total_weight)? else {
            return Ok(0.0);
        };
        let chunk = (CHUNK_VALUES / classes).max(1);
        let parts = logits.par_chunks_mut(chunk * stride).zip(targets.par_chunks(chunk));
        let sums: Result<Vec<f64>> = parts
            .map(|(logits, targets)| {
                let rows = logits.chunks_exact_mut(stride).zip(targets);
                rows.map(|(row, &target)| self.row_in_place(path, &mut row[..classes], target, share)).sum()
            })
            .collect();
        Ok(sums?.iter().sum())
    }

    /// How many logits a row has, and what a weight is multiplied by; None without rows.
    fn classes_and_share(
        &self,
        logits: usize,
        targets: &[u32],
        total_weight: f64,
    ) -> Result<Option<(usize, f64)>> {
        let rows = targets.len();
        if rows == 0 {
            return expect_length("the logits of a cross-entropy", 0, logits).map(|()| None);
        }
        let classes = logits / rows;
        expect_length("the logits of a cross-entropy", rows * classes.max(1), logits)?;
        self.check(classes, targets)?;
        Ok(Some((classes, if total_weight == 0.0 { 0.0 } else { 1.0 / total_weight })))
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

    /// Whether the weights and the targets fit the number of classes.
    pub(crate) fn check(&self, classes: usize, targets: &[u32]) -> Result<()> {
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

    /// How much a row counts.
    fn weight_of(&self, target: u32, share: f64) -> f64 {
        if Some(target) == self.ignore { 0.0 } else { self.class_weight(target) * share }
    }

    /// One row's weighted loss times `share`.
    fn row(&self, path: Path, logits: &[f32], target: u32, share: f64) -> Result<f64> {
        let weight = self.weight_of(target, share);
        if weight == 0.0 {
            return Ok(0.0);
        }
        Ok(weight * (softmax::log_sum_exp(path, logits)? - f64::from(logits[target as usize])))
    }

    /// As [`row`](Self::row), with the gradient in the logits' place.
    fn row_in_place(&self, path: Path, logits: &mut [f32], target: u32, share: f64) -> Result<f64> {
        let weight = self.weight_of(target, share);
        if weight == 0.0 {
            logits.fill(0.0);
            return Ok(0.0);
        }
        let wanted = f64::from(logits[target as usize]);
        let log_sum = softmax::softmax(path, logits, weight)?;
        logits[target as usize] -= weight as f32;
        Ok(weight * (log_sum - wanted))
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
        let weighted = CrossEntropy { class_weights: vec![0.5, 2.0, 1.0], ignore: None };
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
        for (loss, targets, value, gradient) in cases {
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

    #[test]
    fn chunks_of_rows_sum_to_the_whole() {
        let loss = CrossEntropy { class_weights: vec![0.5, 2.0, 1.0], ignore: Some(2) };
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
        let loss = CrossEntropy { class_weights: Vec::new(), ignore: Some(14) };
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
        let loss = CrossEntropy { class_weights: Vec::new(), ignore: Some(0) };
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
            let loss = CrossEntropy { class_weights: weights.to_vec(), ignore: None };
            loss.value_and_gradient(&vec![0.0; logits], targets, None).unwrap_err().to_string()
        };
        assert!(error(&[], 5, &[0, 1]).ends_with("found 5 values"));
        assert!(error(&[], 0, &[]).ends_with("found 0 values"));
        assert!(error(&[1.0], 4, &[0, 1]).ends_with("expected 2 values, found 1"));
        assert!(error(&[1.0, -1.0], 4, &[0, 1]).starts_with("the weight of class 1 is -1;"));
    }
}
