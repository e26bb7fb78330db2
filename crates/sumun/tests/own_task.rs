//! A task of one's own, outside the library: its settings, its lesson and its pipeline. Everything else, from the template
//! of its settings to its report, follows.

use std::path::Path;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};
use sumun::loss::{Loss, Mse, Targets};
use sumun::message::key;
use sumun::model::{Batch, Input, Model};
use sumun::noise::Noise;
use sumun::scores::Regression;
use sumun::settings::{Kind, Setting};
use sumun::tasks::{
    About, Figures, HeldOut, How, Lesson, Measured, Next, Pipeline, PlainText, Predicted, Prediction,
    Predictions, Request, Sequences, Source, Task, TaskConfig, TaskEntry, Words, setting,
};
use sumun::train::{BatchLoss, Ending, Objective, StopAfter, Validated};
use sumun::{Error, Parameters, Result, Rows};

/// The task `largest`: the largest of the numbers of a line, times a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Largest {
    factor: f64,
}

impl Default for Largest {
    fn default() -> Self {
        Self { factor: 2.0 }
    }
}

impl Task for Largest {
    type Lesson = LargestLesson;

    const NAME: &'static str = "largest";
    const PURPOSE: &'static str = "Learn the largest number of a line";
    const WORDS: Words = Words {
        verb: "Look for the largest of",
        example: "line",
        loss: "mean squared error",
        next: Next::PredictFile,
    };
    const WITHOUT: &'static [&'static str] = &[
        "valid",
        "level",
        "lowercase",
        "min_count",
        "vocabulary",
        "vectors",
        "embedding",
        "batch",
        "batch_tokens",
        "patience",
    ];

    fn rows() -> Vec<Setting> {
        let help = "What the largest number is multiplied by";
        vec![Setting { section: "labels", name: "factor", kind: Kind::Real, help, range: "0.5..8" }]
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        (config.network.hidden, config.train.epochs, config.train.lr) = (8, Some(400), 0.05);
    }

    fn check(config: &TaskConfig<Self>) -> Result<()> {
        match config.own.factor.is_finite() {
            true => Ok(()),
            false => Err(Error::setting(key("factor"), config.own.factor, "a finite number")),
        }
    }

    fn begin(config: &TaskConfig<Self>) -> Result<LargestLesson> {
        let file = PlainText::read(&config.data.train)?;
        let mut lines = lines(&file)?;
        let HeldOut::Share(share) = config.data.test else {
            return Err(Error::Settings(key("test") + " is a share here"));
        };
        let test = lines.split_off(lines.len() - (lines.len() as f64 * share) as usize);
        let pipeline = LargestPipeline { factor: config.own.factor };
        let network = &config.network;
        let layer = sumun::model::RecurrentLayer::new(network.cell, network.hidden);
        let model = Model::builder(Input::numbers(1)).layer(layer).dense(1).build(config.train.seed)?;
        let sources = vec![Source::new("train", &file.name, &file.hash)];
        Ok(LargestLesson {
            sources,
            test,
            pipeline,
            learner: Learner { model, labels: pipeline.labels(&lines), lines },
        })
    }
}

fn lines(file: &PlainText) -> Result<Vec<Vec<f32>>> {
    let number =
        |word: &str| word.parse().map_err(|_| Error::Data(format!("{}: {word} is no number", file.name)));
    file.text.lines().map(|line| line.split(' ').map(number).collect()).collect()
}

/// Lines of the same length as a batch.
fn padded(lines: &[Vec<f32>]) -> Array3<f32> {
    let time = lines.first().map_or(0, Vec::len);
    Array3::from_shape_fn((lines.len(), time, 1), |(n, t, _)| lines[n][t])
}

#[derive(Debug)]
struct LargestLesson {
    sources: Vec<Source>,
    test: Vec<Vec<f32>>,
    pipeline: LargestPipeline,
    learner: Learner,
}

impl Lesson for LargestLesson {
    type Pipeline = LargestPipeline;

    fn objective(&self) -> &dyn Objective {
        &self.learner
    }
    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }
    fn model(&self) -> &Model {
        &self.learner.model
    }
    fn pipeline(&self) -> &LargestPipeline {
        &self.pipeline
    }
    fn examples(&self) -> usize {
        self.learner.lines.len()
    }
    fn sources(&self) -> &[Source] {
        &self.sources
    }
    fn notes(&self) -> &[String] {
        &[]
    }
    fn measure(&self) -> Result<Vec<Measured>> {
        Ok(vec![self.pipeline.measured(&self.learner.model, "test", &self.test)?])
    }
}

/// All lines are one batch.
#[derive(Debug)]
struct Learner {
    model: Model,
    lines: Vec<Vec<f32>>,
    labels: Vec<f32>,
}

impl Objective for Learner {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }
    fn parameters_mut(&mut self) -> &mut Parameters {
        self.model.parameters_mut()
    }
    fn steps_per_epoch(&self) -> usize {
        1
    }
    fn batch(&mut self, _epoch: usize, _step: usize, noise: Noise) -> Result<BatchLoss> {
        let x = padded(&self.lines);
        let (output, cache) = self.model.forward_train(Batch::numbers(x.view()), noise)?;
        let mut d = vec![0.0; output.data.len()];
        let loss =
            Loss::Mse(Mse).value_and_gradient(&output.data, Targets::Values(&self.labels), Some(&mut d))?;
        self.model.backward(cache, Rows::new(d, 1, output.layout.clone())?)?;
        Ok(BatchLoss { loss, weight: self.labels.len() as f64, rows: x.len() })
    }
    fn validate(&mut self) -> Result<Option<Validated>> {
        Ok(None)
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct LargestPipeline {
    factor: f64,
}

impl LargestPipeline {
    fn labels(&self, lines: &[Vec<f32>]) -> Vec<f32> {
        let largest = |line: &Vec<f32>| line.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        lines.iter().map(|line| self.factor as f32 * largest(line)).collect()
    }

    fn outputs(&self, model: &Model, lines: &[Vec<f32>]) -> Result<Vec<f64>> {
        let x = padded(lines);
        let rows = model.forward(Batch::numbers(x.view()))?;
        let rows = Array2::from_shape_vec((lines.len(), 1), rows.unpack()).unwrap();
        Ok(rows.iter().map(|&number| f64::from(number)).collect())
    }

    fn measured(&self, model: &Model, part: &str, lines: &[Vec<f32>]) -> Result<Measured> {
        let truth: Vec<f64> = self.labels(lines).into_iter().map(f64::from).collect();
        let predicted = self.outputs(model, lines)?;
        let mean = vec![truth.iter().sum::<f64>() / truth.len() as f64; truth.len()];
        let figures = |numbers: &[f64]| Regression::of(&truth, numbers).map(Figures::Regression);
        Ok(Measured {
            part: part.into(),
            examples: lines.len(),
            classes: Vec::new(),
            unknown: None,
            figures: figures(&predicted)?,
            baseline: figures(&mean)?,
            baseline_name: "always the mean".into(),
            other_baselines: Vec::new(),
            predictions: predicted.into_iter().map(Prediction::Number).collect(),
            notes: Vec::new(),
        })
    }
}

impl Pipeline for LargestPipeline {
    const KIND: &'static str = "largest";

    fn check(&self, model: &Model) -> Result<()> {
        match model.config().input() {
            Some(Input::Numbers { features: 1 }) if self.factor.is_finite() => Ok(()),
            input => Err(Error::Model(format!("its network reads {input:?}, not one number a step"))),
        }
    }
    fn tokens(&self) -> Option<&[String]> {
        None
    }
    fn predict_file(&self, model: &Model, file: &Path, _how: &How) -> Result<Predictions> {
        let outputs = self.outputs(model, &lines(&PlainText::read(file)?)?)?;
        let predictions = outputs.into_iter().map(Prediction::Number).collect();
        Ok(Predictions { predictions, ..Predictions::default() })
    }
    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let file = PlainText::read(file)?;
        self.measured(model, &file.name, &lines(&file)?)
    }
}

/// What front ends list and call.
static TASK: &dyn TaskEntry = &Sequences::<Largest>::TASK;

#[test]
fn a_task_of_ones_own_is_trained_resumed_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.txt");
    let number = |n: usize, t: usize| (n * 37 + t * 53) % 100;
    let line =
        |n: usize| (0..4).map(|t| format!("0.{:02}", number(n, t))).collect::<Vec<_>>().join(" ") + "\n";
    std::fs::write(&path, (0..100).map(line).collect::<String>()).unwrap();

    let template = TASK.settings().unwrap().template();
    assert!(
        template.contains("\n[labels]\n# What the largest number is multiplied by.\nfactor = 2\n"),
        "{template}"
    );
    assert!(!template.contains("batch"), "{template}");
    let train = setting("data.train", path.to_str().unwrap()).unwrap();
    let begin = |more: &str| {
        let tables = [train.clone(), more.parse().unwrap()];
        TASK.configure(&tables).and_then(|config| config.begin())
    };
    for (more, expected) in [
        ("[labels]\nfactor = \"x\"", "factor is \"x\"; it must be a number"),
        ("[labels]\nfactor = inf", "factor is inf; it must be a finite number"),
        ("[labels]\nfacto = 1", "there is no setting \"labels.facto\"; did you mean labels.factor?"),
        ("[train]\nbatch = 3", "there is no setting \"train.batch\""),
        ("task = \"tag\"", "the configuration is for the task \"tag\", not for largest"),
    ] {
        let message = begin(more).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }

    let settings = "[labels]\nfactor = 3\n[train]\nseed = 4";
    let mut whole = begin(settings).unwrap();
    assert_eq!(whole.run(&mut (), &mut ()).unwrap(), Ending::Complete);
    let whole = whole.finish().unwrap();
    let mut left = begin(settings).unwrap();
    left.run(&mut (), &mut StopAfter::new(7)).unwrap();
    let (mut left, notes) = TASK.resume(left.checkpoint().unwrap()).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    left.run(&mut (), &mut ()).unwrap();
    let file = whole.model_file().unwrap();
    assert_eq!(left.finish().unwrap().model_file().unwrap(), file);

    let results = whole.results();
    let figures = &results.judged().unwrap().figures[0];
    assert!(figures.model.unwrap() < 0.3 * figures.baseline.unwrap(), "{figures:?}");
    let page = whole.report(&About::default());
    for part in ["Look for the largest of lines.txt", "Learnt from 90 lines", "<dd>3<span>default 2"] {
        assert!(page.contains(part), "{part}");
    }

    let model = TASK.open("m", file).unwrap();
    let request = Request { file: Some(&path), ..Request::default() };
    let Predicted::Records(answers) = model.predict(&request).unwrap() else { panic!() };
    assert_eq!(answers.predictions.len(), 100);
    let message = model.predict(&Request { beam: Some(3), ..request }).unwrap_err().to_string();
    assert_eq!(message, "a model to largest searches for no text; leave beam out");
}
