//! The figures of a training as people compare them.

use super::figures::{Figures, Measured};
use super::finished::SequenceOutcome;
use super::forecast::Scores;
use super::protocol::Evaluated;
use crate::run::{BaselineResult, FigureResult, PartResults, RunResults};

/// A figure that people compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Headline {
    /// What it is called in files and options: `macro_f1`.
    pub key: &'static str,
    /// What people call it: `macro F1`.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Whether it is a share of 1, which may be written in per cent.
    pub share: bool,
}

impl Evaluated {
    /// The figures of the model that people compare, the most telling first.
    pub fn headline(&self) -> Vec<Headline> {
        let of_scores = |scores: &Scores| {
            let error = |key, name, value| Headline { key, name, value, more_is_better: false, share: false };
            let mut all: Vec<_> = scores.mase.map(|mase| error("mase", "MASE", mase)).into_iter().collect();
            all.extend([error("mae", "MAE", scores.mae), error("rmse", "RMSE", scores.rmse)]);
            all
        };
        match self {
            Self::Figures(measured) => measured.figures.headline(),
            Self::Forecasts { evaluation, .. } => of_scores(&evaluation.model.overall),
            Self::Panel { evaluation, .. } => of_scores(&evaluation.model.overall),
        }
    }
}

impl Figures {
    /// The figures that people compare, the most telling first.
    pub fn headline(&self) -> Vec<Headline> {
        let share = |key, name, value| Headline { key, name, value, more_is_better: true, share: true };
        let error = |key, name, value| Headline { key, name, value, more_is_better: false, share: false };
        match self {
            Self::Classification(f) => {
                vec![share("accuracy", "accuracy", f.accuracy), share("macro_f1", "macro F1", f.macro_f1)]
            }
            Self::Labels(f) => vec![
                share("micro_f1", "micro F1", f.micro_f1),
                share("macro_f1", "macro F1", f.macro_f1),
                share("subset_accuracy", "subset accuracy", f.subset_accuracy),
            ],
            Self::Regression(f) => {
                let mut all = vec![error("mae", "MAE", f.mae), error("rmse", "RMSE", f.rmse)];
                let r2 =
                    |value| Headline { key: "r2", name: "R²", value, more_is_better: true, share: false };
                all.extend(f.r2.map(r2));
                all
            }
            Self::Tagging(f) => {
                // Where spans are rare, a tagger that finds none has most tokens right.
                let spans = f.spans.as_ref().map(|spans| share("span_f1", "span F1", spans.all.f1));
                let mut all: Vec<_> = spans.into_iter().collect();
                all.extend([
                    share("token_accuracy", "token accuracy", f.tokens.accuracy),
                    share("macro_f1", "macro F1", f.tokens.macro_f1),
                    share("sentence_accuracy", "whole sentences", f.sentence_accuracy),
                ]);
                all
            }
            Self::Translation(f) => {
                let mut all =
                    vec![share("exact_match", "exact match", f.exact_match), share("chrf", "chrF", f.chrf)];
                all.extend(f.tokens.map(|f| share("token_accuracy", "token accuracy", f.token_accuracy)));
                all
            }
            Self::Simulation(f) => {
                let efficiency =
                    |key, name, value| Headline { key, name, value, more_is_better: true, share: false };
                let mut all = Vec::new();
                all.extend(f.nse.map(|nse| efficiency("nse", "NSE", nse)));
                all.extend(f.kge.map(|kge| efficiency("kge", "KGE", kge)));
                all.extend([error("mae", "MAE", f.mae), error("rmse", "RMSE", f.rmse)]);
                all
            }
            Self::Language(f) => vec![
                error("nats", "nats", f.nats),
                error("perplexity", "perplexity", f.perplexity),
                error("bits_per_character", "bits per character", f.bits_per_character),
            ],
        }
    }
}

/// What is written beside the model, to list and compare runs by.
pub fn task_results(trained: &SequenceOutcome) -> RunResults {
    let part = |measured: &Measured| {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let baseline = measured.baseline.headline();
        let figures = measured.figures.headline().into_iter().map(|figure| FigureResult {
            key: figure.key.into(),
            model: finite(figure.value),
            baseline: baseline.iter().find(|b| b.key == figure.key).and_then(|b| finite(b.value)),
            more_is_better: figure.more_is_better,
            scale: None,
        });
        let first = (&measured.baseline_name, &measured.baseline);
        let others = measured.other_baselines.iter().map(|other| (&other.name, &other.figures));
        let all = std::iter::once(first).chain(others).map(|(name, figures)| BaselineResult {
            key: name.clone(),
            name: name.clone(),
            figures: figures.headline().iter().map(|f| (f.key.to_owned(), finite(f.value))).collect(),
        });
        PartResults {
            imputed: 0,
            part: measured.part.clone(),
            baseline: measured.baseline_name.clone(),
            figures: figures.collect(),
            baselines: if measured.other_baselines.is_empty() { Vec::new() } else { all.collect() },
        }
    };
    RunResults {
        task: trained.task.into(),
        data: trained.train_file.to_string_lossy().into_owned(),
        epochs: trained.epochs.len(),
        best_epoch: trained.best_epoch,
        seconds: trained.seconds,
        parameters: trained.file.tensors.iter().map(|tensor| tensor.values.len()).sum(),
        parts: trained.measured.iter().map(part).collect(),
        notes: trained.notes.clone(),
    }
}
