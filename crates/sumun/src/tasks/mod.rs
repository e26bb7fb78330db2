//! Tasks: from a person's file to a trained model, its figures and its predictions.
//!
//! A [`Config`] says everything: the data, the network and the training. [`Training`] reads the data, builds the network
//! and trains it; it may stop after any step and go on from a [`Checkpoint`](crate::run::Checkpoint) to the same bits.
//! What it comes to is an [`Outcome`]; a [`TrainedModel`] is at work again.
//!
//! [`TASKS`] lists all tasks. Those on sequences implement [`Task`], from which all of that follows: a further one is a
//! folder and a line in the list. [`forecast`] implements [`TaskEntry`] itself.

mod baselines;
mod classify;
mod config;
mod cross_validation;
mod cutter;
mod entries;
mod example;
mod figures;
mod file;
mod finished;
mod folds;
pub mod forecast;
mod inputs;
mod labelled;
mod layers;
mod learner;
mod lm;
mod network;
mod options;
mod parts;
mod portable;
mod protocol;
mod rate;
mod regress;
mod report;
mod results;
mod sampling;
mod sequences;
mod shown;
mod simulate;
mod source;
mod standing;
mod table;
mod tag;
mod task;
mod thresholds;
mod trained;
mod training;
mod translate;
mod tune;
mod vectors;
mod words;

pub use crate::settings::{ClassWeights, Level, Pooling};
pub use baselines::Guesses;
pub use classify::{ClassHead, Classify, ClassifyPipeline};
pub use cross_validation::{expect_no_folds, measure_folds};
pub use entries::{TASKS, named, open, open_file, resume};
pub(crate) use example::Given;
pub use example::{Answers, Example, ExampleOf, IntervalAhead};
pub use figures::{
    Alignment, AttentionWeights, Baseline, Figures, Measured, Prediction, Predictions, ScoredLine,
    ScoredLines, Unknown,
};
pub use finished::SequenceOutcome;
pub use folds::{FoldFigure, Folds, Spread};
pub use labelled::{Head, Labelled, LabelledOptions, LabelledPipeline};
pub(crate) use learner::{argmax, log_sum_exp};
pub use lm::{Generator, LanguagePipeline, Lm, PlainText, Writing};
pub use options::{
    DataOptions, HeldOut, NetworkOptions, NumberOptions, SmoothingOptions, TextOptions, TrainOptions, Usual,
};
pub use parts::FoldOf;
pub use portable::{Portable, PortableNetwork};
pub(crate) use portable::{READS, SUBWORDS};
pub use protocol::{
    About, AnyConfig, AnyTraining, Config, Evaluated, Facts, LayerFacts, Learning, ModelFacts, Next, Outcome,
    Pieces, Plan, Predicted, Reading, Request, Resumed, TaskEntry, TrainedModel,
};
pub use rate::{find_rate, rate_notes, rate_report, typed_rate};
pub use regress::{NumberHead, Regress, RegressPipeline};
pub use report::task_report;
pub use results::{Headline, task_results};
pub use sampling::Sampling;
pub use sequences::{LessonLearning, LessonPlan, Sequences};
pub use shown::{Asked, Sample, Shown, Truth};
pub use simulate::{Simulate, SimulationPipeline, Simulator};
pub use source::Source;
pub use standing::{Judged, Standing};
pub use table::{ConfigKeys, SETTINGS, configure, setting};
pub use tag::{Tag, Tagger, TaggingPipeline};
pub use task::{How, Lesson, Pipeline, Task, TaskConfig, Words};
pub(crate) use thresholds::sigmoid;
pub use trained::TrainedTask;
pub use training::{Training, keep};
pub use translate::{BEAM, Translate, TranslationPipeline, Translator};
pub use tune::{
    Combination, RoundEnd, TrialState, TuneOutcome, TunePlan, TuneTrial, TuneWatch, Tuning, tune_report,
};
