//! How far a task's figures depend on which records are held out: k-fold cross-validation (Stone, *Cross-Validatory Choice and
//! Assessment of Statistical Predictions*, 1974).

/// A figure over all folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of one fold, with n − 1.
    pub deviation: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self { mean, deviation: (squares / (values.len() as f64 - 1.0)).sqrt() }
    }
}

/// A figure of each fold.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldFigure {
    /// What it is called in files and options: `macro_f1`.
    pub key: &'static str,
    /// What people call it: `macro F1`.
    pub name: &'static str,
    /// Whether it is a share of 1, which may be written in per cent.
    pub share: bool,
    /// Of the model that learnt from the other folds, two or more.
    pub model: Vec<f64>,
    /// Of the best baseline, which may be another in each fold.
    pub baseline: Vec<f64>,
}

impl FoldFigure {
    /// Mean and spread of the model's.
    pub fn of_model(&self) -> Spread {
        Spread::of(&self.model)
    }

    /// Mean and spread of the baselines'.
    pub fn of_baseline(&self) -> Spread {
        Spread::of(&self.baseline)
    }
}

/// What all folds came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Folds {
    /// How many records each has.
    pub examples: Vec<usize>,
    /// The figures that people compare, the most telling first.
    pub figures: Vec<FoldFigure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_spread_are_those_of_the_folds() {
        let (model, baseline) = (vec![0.6, 0.8, 0.7, 0.9], vec![0.5; 4]);
        let figure = FoldFigure { key: "accuracy", name: "accuracy", share: true, model, baseline };
        let Spread { mean, deviation } = figure.of_model();
        assert!((mean - 0.75).abs() < 1e-12 && (deviation - (0.05_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(figure.of_baseline(), Spread { mean: 0.5, deviation: 0.0 });
    }
}
