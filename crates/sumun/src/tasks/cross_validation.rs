//! The trainings that measure folds of a training file, one after the other.

use super::figures::Measured;
use super::folds::{FoldFigure, Folds};
use super::protocol::{AnyConfig, AnyTraining, Evaluated};
use super::results::Headline;
use crate::message::key;
use crate::train::{Ending, EpochEnd, EpochRecord, Keeper, Progress, Snapshot, StepEnd, TrainingStage, Wish};
use crate::{Error, Result};

/// Trains and measures a model for each fold, of what [`AnyTraining::folds`] says; None where the keeper stopped one. Nothing is kept
/// of them, so that what was stopped begins with the first fold again. Errors: those of the trainings.
pub fn measure_folds(
    configs: &[Box<dyn AnyConfig>],
    progress: &mut dyn Progress,
    keeper: &mut dyn Keeper,
) -> Result<Option<Folds>> {
    let mut folds = Vec::with_capacity(configs.len());
    for (at, config) in configs.iter().enumerate() {
        let mut training = config.begin()?;
        let mut progress = OneOf { at, all: configs.len(), progress };
        if training.run(&mut progress, &mut Unsaved(keeper))? == Ending::Interrupted {
            return Ok(None);
        }
        let evaluated = training.finish()?.evaluated();
        let test = evaluated.into_iter().find_map(|part| match part {
            Evaluated::Figures(measured) if measured.part == "test" => Some(measured),
            _ => None,
        });
        let Some(measured) = test else {
            return Err(Error::Invalid("a fold was not measured".into()));
        };
        folds.push(measured);
    }
    Ok(Some(together(&folds)))
}

/// The figures that all folds have.
fn together(folds: &[Box<Measured>]) -> Folds {
    let mut figures: Vec<FoldFigure> = Vec::new();
    for Headline { key, name, share, .. } in
        folds.first().map_or_else(Vec::new, |fold| fold.figures.headline())
    {
        let of = |all: Vec<Headline>| all.into_iter().find(|one| one.key == key).map(|one| one.value);
        let model = folds.iter().map(|fold| of(fold.figures.headline())).collect::<Option<Vec<f64>>>();
        let baseline = folds.iter().map(|fold| of(fold.baseline.headline())).collect::<Option<Vec<f64>>>();
        if let (Some(model), Some(baseline)) = (model, baseline) {
            figures.push(FoldFigure { key, name, share, model, baseline });
        }
    }
    Folds { examples: folds.iter().map(|fold| fold.examples).collect(), figures }
}

/// Refuses folds beside what does not measure them.
pub fn expect_no_folds(training: &dyn AnyTraining) -> Result<()> {
    match training.folds().is_empty() {
        true => Ok(()),
        false => Err(Error::Settings(key("folds") + " are of a single training; leave it out here")),
    }
}

/// The progress of one of several trainings.
struct OneOf<'a> {
    at: usize,
    all: usize,
    progress: &'a mut dyn Progress,
}

impl Progress for OneOf<'_> {
    fn stage(&mut self, stage: &TrainingStage) {
        let &mut Self { at, all, .. } = self;
        self.progress.stage(&TrainingStage {
            name: format!("fold {} of {all}", at + 1),
            candidate: at + 1,
            candidates: all,
            ..stage.clone()
        });
    }

    fn step(&mut self, step: &StepEnd) {
        self.progress.step(step);
    }

    fn epoch(&mut self, epoch: &EpochEnd) {
        self.progress.epoch(epoch);
    }

    fn note(&mut self, note: &str) {
        self.progress.note(note);
    }
}

/// Stops where another keeper does, and keeps nothing.
struct Unsaved<'a>(&'a mut dyn Keeper);

impl Keeper for Unsaved<'_> {
    fn wish(&mut self) -> Wish {
        match self.0.wish() {
            Wish::Stop => Wish::Stop,
            _ => Wish::Continue,
        }
    }

    fn save(&mut self, _snapshot: Snapshot) -> Result<()> {
        Ok(())
    }

    fn epoch(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}
