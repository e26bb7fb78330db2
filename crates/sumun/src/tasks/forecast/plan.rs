//! What a search decides before its first step: which candidates there are, and what each learns from.

use serde_json::{Value, json};

use super::average::near;
use super::baseline::{Baseline, Observed};
use super::choose;
use super::config::ForecastConfig;
use super::continued::Continued;
use super::decisions::Decisions;
use super::fallback;
use super::fit::{Fitting, Material};
use super::metrics::mase_scale_of;
use super::network::{Sizes, network};
use super::outcome::Candidate;
use super::preprocessing::{Input, Preprocessing, Target};
use super::season::plausible_periods;
use super::source::Source;
use super::trials::{Contest, entry};
use crate::data::{Difference, Filled, Transform, listed, origins_within};
use crate::settings::Switch;
use crate::tasks::source::Source as ReadFile;
use crate::train::FitOptions;
use crate::{Error, Result};

/// Settings, data, and what was decided from both.
#[derive(Debug)]
pub struct ForecastPlan {
    pub(super) config: ForecastConfig,
    pub(super) source: Source,
    pub(super) decisions: Decisions,
    /// What forecasts each target where the series is too short for a network; else none.
    pub(super) fallback: Vec<Baseline>,
    /// The file, unless the data came as a table.
    pub(super) files: Vec<ReadFile>,
    /// What training goes on from, if it does not begin anew.
    pub(super) continued: Option<Continued>,
}

impl ForecastPlan {
    /// Decides what the settings leave open. Error: data that cannot be learnt from.
    pub(super) fn new(config: ForecastConfig, source: Source, files: Vec<ReadFile>) -> Result<Self> {
        Self::planned(config, source, files, None)
    }

    /// The same of a training that goes on from a run.
    pub(super) fn continued(
        config: ForecastConfig,
        source: Source,
        files: Vec<ReadFile>,
        from: Continued,
    ) -> Result<Self> {
        Self::planned(config, source, files, Some(from))
    }

    fn planned(
        config: ForecastConfig,
        mut source: Source,
        files: Vec<ReadFile>,
        continued: Option<Continued>,
    ) -> Result<Self> {
        let mut decisions = choose::decide(&config, &source)?;
        match &continued {
            Some(continued) => continued.decide(&mut decisions),
            None => source.forget_unseen(&decisions.split.train),
        }
        let (names, split) = (&config.data.target, &decisions.split);
        let intermittent = choose::intermittent(names, &source, &split.train, &config.train.loss);
        source.notes.extend(intermittent);
        if split.valid.is_empty() && config.data.valid.is_none() {
            source.notes.push(if split.test.is_empty() {
                format!("all {} rows are learnt from: too few to hold any out, so that nothing measures the forecasts", source.rows)
            } else {
                "there are too few rows for a validation part".into()
            });
        }
        let mut fallback = Vec::new();
        if decisions.too_short {
            fallback = fallback::best(&source, &decisions)?;
            decisions.choices.push(fallback::choice(&decisions, &fallback));
            source.notes.push(fallback::note(&decisions, &fallback));
            let unused: Vec<&String> = source.feature_names.iter().chain(&source.known_names).collect();
            if !unused.is_empty() {
                source.notes.push(format!("without a network nothing is learnt from {}", listed(&unused)));
            }
        }
        Ok(Self { config, source, decisions, fallback, files, continued })
    }

    /// What candidate `index` learns from.
    pub(super) fn material(&self, index: usize) -> Result<Material> {
        let Self { source, decisions, .. } = self;
        let trial = decisions.candidates[index];
        let fitted = || self.preprocessing(decisions.difference_of(trial.difference), trial.window);
        let (preprocessing, before) = match &self.continued {
            None => (fitted()?, 0),
            Some(from) => (from.preprocessing(index, fitted)?, from.before),
        };
        let frame = preprocessing.frame(source.columns())?;
        let train = origins_within(&decisions.split.train, preprocessing.rows_needed(), decisions.horizon)
            .filter(|&origin| {
                origin + 1 >= before
                    && preprocessing.answerable(&frame, &[origin]).is_none_or(|places| !places.is_empty())
            })
            .collect();
        let (valid, rows_needed) = (decisions.split.valid.clone(), decisions.rows_needed());
        Ok(Material { preprocessing, frame, train, valid, rows_needed })
    }

    /// Network `index` before its first step.
    pub(super) fn fitting(&self, index: usize, through: &[Candidate]) -> Result<Fitting> {
        let (kind, seed) = self.entry(index, through);
        let mut fitting = Fitting::new(self.material(kind)?, &self.config, &self.decisions, seed)?;
        if let Some(from) = &self.continued {
            fitting.model.parameters_mut().values_mut().copy_from_slice(&from.weights[kind]);
        }
        Ok(fitting)
    }

    /// How many seeds a candidate is trained from. All networks of a run that goes on are candidates, each once.
    fn seeds(&self) -> usize {
        if self.continued.is_some() { 1 } else { self.decisions.ensemble }
    }

    /// Which of the decided candidates network `index` is, and the seed that it starts from: again those near the best.
    fn entry(&self, index: usize, through: &[Candidate]) -> (usize, u64) {
        let kinds = self.decisions.candidates.len();
        entry(index, kinds, self.config.train.seed, || near(&through[..kinds], self.average()))
    }

    /// The baselines of each target, fitted to the training part.
    pub(super) fn baselines(&self) -> Vec<Vec<Baseline>> {
        let Self { source, decisions, .. } = self;
        let train = &decisions.split.train;
        let periods = plausible_periods(source.frequency(), decisions.season, train.len());
        let of = |(values, &log): (&Filled, &bool)| {
            let mask = values.mask();
            let series = Observed { values, mask: mask.as_deref() };
            let mut all = Baseline::all(series, train.clone(), &periods, decisions.horizon);
            all.extend(Baseline::arima(series, train.clone(), decisions.season, log));
            all
        };
        source.targets.iter().zip(&decisions.log).map(of).collect()
    }

    /// How a network is trained from a seed.
    pub(super) fn fit(&self, seed: u64) -> Result<FitOptions> {
        self.config.fit(&self.decisions, seed)
    }

    /// How each candidate sees the data, and its layers: what must not have changed when a search goes on.
    pub(super) fn prepared(&self) -> Result<Value> {
        let unwritable = |error| Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}"));
        let of = |index| {
            let preprocessing = self.material(index)?.preprocessing;
            let model = network(&self.config.network, &[Sizes::of(&preprocessing)]);
            let model = serde_json::to_value(model).map_err(unwritable)?;
            let preprocessing = serde_json::to_value(preprocessing).map_err(unwritable)?;
            Ok(json!({ "preprocessing": preprocessing, "model": model }))
        };
        (0..self.decisions.candidates.len()).map(of).collect()
    }

    /// Fits every scaler on the training part.
    fn preprocessing(&self, difference: Difference, window: usize) -> Result<Preprocessing> {
        let Self { config, source, decisions, .. } = self;
        let (data, train, scale) = (&config.data, &decisions.split.train, config.prepare.scale);
        let horizon = decisions.horizon;
        let mut targets = Vec::new();
        let columns = data.target.iter().zip(&source.targets).zip(&decisions.log).zip(&decisions.min);
        for (((name, values), &log), &min) in columns {
            let mase_scale = mase_scale_of(values, train, decisions.season);
            let transform = Transform { log, difference };
            let fitted = Target::fit(name, values, train, transform, horizon, scale, mase_scale)?;
            targets.push(Target { min, ..fitted });
        }
        let inputs = |names: &[String], columns: &[Filled]| -> Result<Vec<Input>> {
            names.iter().zip(columns).map(|(name, values)| Input::fit(name, values, train, scale)).collect()
        };
        Ok(Preprocessing {
            targets,
            features: inputs(&source.feature_names, &source.features)?,
            known: inputs(&source.known_names, &source.known)?,
            calendar: decisions.calendar.clone(),
            difference,
            window,
            horizon,
        })
    }
}

impl Contest for ForecastPlan {
    type Fitting = Fitting;

    fn count(&self, through: &[Candidate]) -> usize {
        let kinds = self.decisions.candidates.len();
        match through.get(..kinds) {
            None => kinds,
            Some(first) => kinds + near(first, self.average()).len() * (self.seeds() - 1),
        }
    }

    fn most(&self) -> usize {
        self.decisions.candidates.len().saturating_mul(self.seeds())
    }

    fn name(&self, index: usize, through: &[Candidate]) -> String {
        let (kind, seed) = self.entry(index, through);
        let name = self.decisions.name(kind);
        if index == kind { name } else { format!("{name}, seed {seed}") }
    }

    fn stage(&self, index: usize, count: usize, name: &str) -> String {
        match count {
            1 => format!("difference = {name}"),
            _ if index < self.decisions.candidates.len() => {
                format!("trying difference = {name} ({} of {count})", index + 1)
            }
            _ => format!("difference = {name} ({} of {count})", index + 1),
        }
    }

    fn fitting(&self, index: usize, through: &[Candidate]) -> Result<Fitting> {
        self.fitting(index, through)
    }

    fn weights(&self, index: usize, through: &[Candidate]) -> Result<usize> {
        let sizes = Sizes::of(&self.material(self.entry(index, through).0)?.preprocessing);
        Ok(network(&self.config.network, &[sizes]).summary()?.parameters())
    }

    fn fit(&self, index: usize, through: &[Candidate]) -> Result<FitOptions> {
        self.fit(self.entry(index, through).1)
    }

    fn kind(&self, index: usize, through: &[Candidate]) -> usize {
        self.entry(index, through).0
    }

    fn may_be_lost(&self, index: usize) -> bool {
        // Where all are averaged, none is given up.
        index < self.decisions.candidates.len() && self.average() != Switch::On
    }

    fn average(&self) -> Switch {
        // Of a run that goes on, all networks do.
        if self.continued.is_some() { Switch::On } else { self.config.prepare.average }
    }
}
