//! A simulator that is being trained.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::super::example::Example;
use super::super::figures::{Measured, not_finite};
use super::super::forecast::Input;
use super::super::inputs::Sequences;
use super::super::learner::EpochBatches;
use super::super::network::{Asks, Outputs, first_model};
use super::super::options::HeldOut;
use super::super::parts::{Parts, shares};
use super::super::shown::{Asked as Shows, Shown, Truth};
use super::super::source::Source as ReadFile;
use super::super::task::{Lesson, TaskConfig};
use super::Simulate;
use super::pipeline::{Climate, Part, SimulationPipeline, observed};
use super::read::{Asked, Member, Series, expect_measured, open, read};
use crate::data::{NumberForm, ReadOptions, Role, ScaleKind, Scaler, TimeColumn, quoted};
use crate::loss::{Loss, Mae, Mse, Targets};
use crate::message::{key, text};
use crate::model::Model;
use crate::noise::Noise;
use crate::report::text::count;
use crate::train::{BatchLoss, Objective, Validated};
use crate::{Error, Parameters, Result, Rows};

/// The longest warm-up that is chosen: a year of days.
const LONGEST_WARM_UP: usize = 365;
/// The fewest rows of a sequence that count.
const FEWEST: usize = 32;
/// What is added to the deviation of each series that its squared errors are divided by, in deviations of all: a series that hardly
/// varies would outweigh the others (Kratzert et al. 2019 add 0.1).
const NSE_EPSILON: f64 = 0.1;
/// As many rows of a part are shown in a report at most.
const MOST_SHOWN: usize = 20_000;

/// A simulator that is being trained.
#[derive(Debug)]
pub struct Simulator {
    parts: Parts<Part>,
    sources: Vec<ReadFile>,
    notes: Vec<String>,
    pipeline: SimulationPipeline,
    learner: Learner,
}

impl Simulator {
    /// Reads the data, fits the scales and builds the network.
    pub(super) fn new(config: &TaskConfig<Simulate>) -> Result<Self> {
        let (data, own) = (&config.data, &config.own);
        let reading = ReadOptions {
            decimal: own.decimal,
            thousands: own.thousands,
            na: own.na.clone(),
            ..data.read_options()
        };
        reading.check()?;
        let (valid_share, test_share) = shares(&data.valid, &data.test)?;
        let (table, hash) = open(&data.train, &reading)?;
        let mut categories = Vec::new();
        for name in own.features.iter().chain(&own.r#static) {
            categories.extend(table.categories(name)?);
        }
        let coded = |columns: &[String]| -> Vec<String> {
            let of = |column: &String| match categories.iter().find(|one| one.column == *column) {
                Some(one) => one.columns().collect(),
                None => vec![column.clone()],
            };
            columns.iter().flat_map(of).collect()
        };
        let (features, statics) = (coded(&own.features), coded(&own.r#static));
        let (target, series_columns) = (own.target[0].clone(), own.series_columns());
        let time = match own.time.as_deref() {
            None => TimeColumn::Auto,
            Some("none") => TimeColumn::None,
            Some(column) => TimeColumn::Named(column.trim()),
        };
        let asked = Asked {
            target: &target,
            measured: true,
            features: features.iter().map(String::as_str).collect(),
            series: &series_columns,
            one: own.one_series(),
            statics: &statics,
            time,
            missing: own.missing,
            categories: &categories,
            forms: &[],
            axis: None,
        };
        let all = Arc::new(read(&(table, hash), &asked)?);
        expect_measured(&all, &target)?;
        let mut sources = vec![ReadFile::new("train", &all.name, &all.hash)];
        let mut notes = all.notes.clone();
        let split = |member: &Member| {
            let rows = member.rows();
            let part = |share: f64| (share * rows as f64).round() as usize;
            let test = rows - part(test_share);
            let valid = test.saturating_sub(part(valid_share));
            [0..valid, valid..test, test..rows]
        };
        let splits: Vec<[Range<usize>; 3]> = all.members.iter().map(split).collect();
        let shortest = splits.iter().map(|[train, ..]| train.len()).min().unwrap_or(0);
        let warm_up = own.warm_up.unwrap_or((shortest / 4).min(LONGEST_WARM_UP));
        let window = own.window.unwrap_or(warm_up + warm_up.max(FEWEST));
        if window <= warm_up {
            return Err(Error::setting(
                key("window"),
                window,
                format!("more than the warm-up of {warm_up} rows"),
            ));
        }
        if own.warm_up.is_none() {
            notes.push(format!(
                "the first {} rows of each sequence bring the network's states up",
                count(warm_up)
            ));
        }
        let pipeline = fit(
            &all,
            &splits,
            SimulationPipeline {
                target,
                features: features.iter().map(|name| unscaled(name)).collect(),
                series: series_columns,
                one: own.one_series().map(str::to_owned),
                statics: statics.iter().map(|name| unscaled(name)).collect(),
                output: Scaler { kind: ScaleKind::None, offset: 0.0, scale: 1.0 },
                least: None,
                warm_up,
                missing: own.missing,
                reading,
                categories: categories.clone(),
                forms: all.members[0]
                    .forms()
                    .iter()
                    .filter(|(_, form)| *form != NumberForm::default())
                    .cloned()
                    .collect(),
                time: all.members[0].axis().cloned(),
                climates: Vec::new(),
                climate: Climate { id: Vec::new(), mean: 0.0, months: Vec::new() },
            },
        )?;
        let mut part = |name: &str, held: &HeldOut, place: usize| match held {
            HeldOut::Share(0.0) => Ok(None),
            HeldOut::Share(_) => {
                // Rows of the warm-up count nowhere, even where the training part is shorter.
                let rows = splits
                    .iter()
                    .map(|split| split[place].start.max(warm_up).min(split[place].end)..split[place].end);
                let part = Part { series: all.clone(), rows: rows.collect() };
                Ok(Some(part)
                    .filter(|part| (0..all.members.len()).any(|k| observed(part, k).next().is_some())))
            }
            HeldOut::File(path) => {
                let part = pipeline.part(path)?;
                sources.push(ReadFile::new(name, &part.series.name, &part.series.hash));
                notes.extend_from_slice(&part.series.notes);
                Ok::<_, Error>(Some(part))
            }
        };
        let valid = part("valid", &data.valid, 1)?;
        let test = part("test", &data.test, 2)?;
        let rows = splits.iter().map(|[train, ..]| train.clone()).collect();
        let parts = Parts { train: Part { series: all, rows }, valid, test };
        let windows = windows(&pipeline, &parts.train, warm_up, window, &own.loss)?;
        config.expect_data(&sources)?;
        let asks = Asks { outputs: Outputs::EveryStep, width: 1, each: None, crf: false };
        let model = first_model(config, pipeline.input(), None, asks, &mut notes)?;
        let held = parts.valid.as_ref().map(|part| held_out(&pipeline, part, &parts.train, &own.loss));
        let learner = Learner {
            model,
            loss: if own.loss == "mae" { Loss::Mae(Mae) } else { Loss::Mse(Mse) },
            batches: EpochBatches::new(windows.sequences.lengths(), &config.train)?,
            windows,
            held,
        };
        Ok(Self { parts, sources, notes, pipeline, learner })
    }
}

fn unscaled(name: &str) -> Input {
    let scaler = Scaler { kind: ScaleKind::None, offset: 0.0, scale: 1.0 };
    Input { name: name.to_owned(), scaler, marked: false }
}

/// The pipeline with its scales, and the means of the baselines, from the training parts.
fn fit(all: &Series, splits: &[[Range<usize>; 3]], empty: SimulationPipeline) -> Result<SimulationPipeline> {
    let kind = ScaleKind::Standard;
    let mut features = Vec::new();
    for (c, input) in empty.features.iter().enumerate() {
        let (mut values, mut marked) = (Vec::new(), false);
        for (member, [train, ..]) in all.members.iter().zip(splits) {
            values.extend_from_slice(&member.inputs()[c].observed(train.clone()));
            marked |= member.inputs()[c].holes(train.clone()) > 0;
        }
        let scaler = Scaler::fit(kind, &input.name, &values, Role::Feature)?;
        features.push(Input { scaler, marked, ..input.clone() });
    }
    let mut statics = Vec::new();
    for (c, input) in empty.statics.iter().enumerate() {
        let values: Vec<f64> = all.members.iter().filter_map(|member| member.statics[c]).collect();
        if values.is_empty() {
            return Err(Error::Data(format!("{}: column {} has no value", all.name, quoted(&input.name))));
        }
        statics
            .push(Input { scaler: Scaler::fit(kind, &input.name, &values, Role::Feature)?, ..input.clone() });
    }
    let mut values = Vec::new();
    let mut climates = Vec::new();
    let dated = all.members.iter().all(|member| member.months().is_some());
    let mean =
        |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let mut by_month: Vec<Vec<f64>> = vec![Vec::new(); 12];
    for (member, [train, ..]) in all.members.iter().zip(splits) {
        let Some(truth) = member.truth() else { continue };
        let own: Vec<f64> = truth.observed(train.clone()).to_vec();
        let Some(of_series) = mean(&own) else { continue };
        let mut months = Vec::new();
        if dated {
            let of_rows = member.months().unwrap_or_default();
            let mut own: Vec<Vec<f64>> = vec![Vec::new(); 12];
            for row in train.clone().filter(|&row| truth.is_observed(row)) {
                own[of_rows[row]].push(truth[row]);
                by_month[of_rows[row]].push(truth[row]);
            }
            // A month that was never measured has the mean of the others.
            months = own.iter().map(|values| mean(values).unwrap_or(of_series)).collect();
        }
        climates.push(Climate { id: member.id.clone(), mean: of_series, months });
        values.extend(own);
    }
    let output = Scaler::fit(kind, &empty.target, &values, Role::Target)?;
    let overall = mean(&values).unwrap_or(0.0);
    let months = match dated {
        true => by_month.iter().map(|values| mean(values).unwrap_or(overall)).collect(),
        false => Vec::new(),
    };
    let least = values.iter().all(|&value| value >= 0.0).then_some(0.0);
    let climate = Climate { id: Vec::new(), mean: overall, months };
    Ok(SimulationPipeline { features, statics, output, least, climates, climate, ..empty })
}

/// Sequences with what the network should say at some of their rows.
#[derive(Debug)]
struct Windows {
    sequences: Sequences,
    /// Of each sequence, its rows that count: which, the scaled value, and how much a difference there counts.
    answers: Vec<Vec<(usize, f32, f32)>>,
}

/// How much a difference of each series counts in the loss, in deviations of all.
fn weight(loss: &str, pipeline: &SimulationPipeline, truth: &[f64]) -> f32 {
    if loss != "nse" || truth.is_empty() {
        return 1.0;
    }
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let variance = truth.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / truth.len() as f64;
    (1.0 / (variance.sqrt() / pipeline.output.scale + NSE_EPSILON)) as f32
}

fn answers(
    pipeline: &SimulationPipeline,
    member: &Member,
    rows: Range<usize>,
    first: usize,
    weight: f32,
) -> Vec<(usize, f32, f32)> {
    let Some(truth) = member.truth() else { return Vec::new() };
    rows.filter(|&row| truth.is_observed(row))
        .map(|row| (row - first, pipeline.output.transform(truth[row]) as f32, weight))
        .collect()
}

/// The training part cut into sequences, of which the rows after the warm-up count.
fn windows(
    pipeline: &SimulationPipeline,
    part: &Part,
    warm_up: usize,
    window: usize,
    loss: &str,
) -> Result<Windows> {
    let mut values = Vec::new();
    let mut all = Vec::new();
    let features = pipeline.width();
    for (member, train) in part.series.members.iter().zip(&part.rows) {
        let rows = pipeline.rows_of(member);
        let measured = member.truth().map_or_else(Vec::new, |truth| truth.observed(train.clone()).to_vec());
        let weight = weight(loss, pipeline, &measured);
        let mut first = train.start;
        while first + warm_up < train.end {
            let last = (first + window).min(train.end);
            let answers = answers(pipeline, member, first + warm_up..last, first, weight);
            if !answers.is_empty() {
                values.push(rows[first * features..last * features].to_vec());
                all.push(answers);
            }
            first += window - warm_up;
        }
    }
    if values.is_empty() {
        let longest = part.rows.iter().map(Range::len).max().unwrap_or(0);
        return Err(Error::Data(format!(
            "{}: no training part has a measured value after the warm-up of {warm_up} rows; the longest has {longest} rows",
            part.series.name
        ))
        .advise(text("use a shorter ") + key("warm_up")));
    }
    Ok(Windows { sequences: Sequences::Numbers { features, values }, answers: all })
}

/// A part that is held out: every series from its first row on.
fn held_out(pipeline: &SimulationPipeline, part: &Part, train: &Part, loss: &str) -> Windows {
    let members = part.series.members.iter();
    let known: HashMap<&[String], usize> =
        train.series.members.iter().enumerate().map(|(k, member)| (member.id.as_slice(), k)).collect();
    let answers = members.clone().zip(&part.rows).map(|(member, rows)| {
        let of_train = known.get(member.id.as_slice());
        let measured =
            of_train.map_or_else(Vec::new, |&k| observed(train, k).map(|(_, value)| value).collect());
        answers(pipeline, member, rows.clone(), 0, weight(loss, pipeline, &measured))
    });
    let answers = answers.collect();
    let values = members.map(|member| pipeline.rows_of(member)).collect();
    Windows { sequences: Sequences::Numbers { features: pipeline.width(), values }, answers }
}

/// What the training loop trains.
#[derive(Debug)]
struct Learner {
    model: Model,
    loss: Loss,
    windows: Windows,
    held: Option<Windows>,
    batches: EpochBatches,
}

impl Learner {
    /// The loss of outputs at the rows that count, and the gradient by these outputs.
    fn loss(&self, outputs: &[f32], answers: &[(f32, f32)]) -> Result<(f64, Vec<f32>)> {
        // A weighted difference is the difference of weighted values.
        let ours: Vec<f32> = outputs.iter().zip(answers).map(|(y, (_, weight))| y * weight).collect();
        let theirs: Vec<f32> = answers.iter().map(|(value, weight)| value * weight).collect();
        let mut gradient = vec![0.0; ours.len()];
        let path = self.model.parameters().path();
        let loss =
            self.loss.value_and_gradient_on(path, &ours, Targets::Values(&theirs), Some(&mut gradient))?;
        gradient.iter_mut().zip(answers).for_each(|(d, (_, weight))| *d *= weight);
        Ok((loss, gradient))
    }
}

impl Objective for Learner {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.model.parameters_mut()
    }

    fn steps_per_epoch(&self) -> usize {
        self.batches.steps()
    }

    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        let chosen = self.batches.of(epoch, step)?;
        let padded = self.windows.sequences.padded(&chosen);
        let (output, cache) = self.model.forward_train(&padded.batch()?, noise)?;
        // Where the rows of each sequence stand in the output.
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); chosen.len()];
        output.layout.for_each_row(|row, n, _| places[n].push(row));
        let (mut rows, mut answers) = (Vec::new(), Vec::new());
        for (n, &window) in chosen.iter().enumerate() {
            for &(row, value, weight) in &self.windows.answers[window] {
                rows.push(places[n][row]);
                answers.push((value, weight));
            }
        }
        let ours: Vec<f32> = rows.iter().map(|&row| output.data[row]).collect();
        let (loss, gradient) = self.loss(&ours, &answers)?;
        let mut d = vec![0.0; output.data.len()];
        rows.iter().zip(gradient).for_each(|(&row, gradient)| d[row] = gradient);
        self.model.backward(cache, Rows::new(d, output.features, output.layout.clone())?)?;
        Ok(BatchLoss { loss, weight: answers.len() as f64, rows: padded.rows() })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(held) = &self.held else { return Ok(None) };
        let outputs = super::super::learner::outputs(&self.model, &held.sequences)?;
        let (mut ours, mut answers) = (Vec::new(), Vec::new());
        for (outputs, of_series) in outputs.iter().zip(&held.answers) {
            for &(row, value, weight) in of_series {
                ours.push(outputs[row]);
                answers.push((value, weight));
            }
        }
        let loss = self.loss(&ours, &answers)?.0;
        if !loss.is_finite() {
            return Err(not_finite(&format!("the loss of the validation part is {loss}")));
        }
        Ok(Some(Validated { watched: loss, loss, figures: Vec::new() }))
    }
}

impl Lesson for Simulator {
    type Pipeline = SimulationPipeline;

    fn objective(&self) -> &dyn Objective {
        &self.learner
    }

    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }

    fn model(&self) -> &Model {
        &self.learner.model
    }

    fn pipeline(&self) -> &SimulationPipeline {
        &self.pipeline
    }

    fn examples(&self) -> usize {
        self.learner.windows.answers.len()
    }

    fn sources(&self) -> &[ReadFile] {
        &self.sources
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let measure = |(name, part): (&str, &Part)| {
            let measured = self.pipeline.measure(&self.learner.model, name, part)?;
            // What was noticed in the training file is said once.
            Ok(Measured { notes: Vec::new(), ..measured })
        };
        self.parts.held_out().map(measure).collect()
    }

    fn heard(&self) -> Result<Vec<Example>> {
        Ok(self.parts.valid.as_ref().map_or_else(Vec::new, |valid| self.pipeline.heard(valid)))
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        let Some((_, part)) = self.parts.held_out().last() else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (member, rows) in part.series.members.iter().zip(&part.rows) {
            if all.len() + rows.len() > MOST_SHOWN && !all.is_empty() {
                break;
            }
            let truth = member.truth();
            all.extend(rows.clone().map(|row| Shown {
                asked: Shows::Row { series: member.name(), label: member.label(row) },
                truth: Truth::Number(
                    truth.filter(|truth| truth.is_observed(row)).map_or(f64::NAN, |truth| truth[row]),
                ),
                attention: None,
            }));
        }
        Ok(all)
    }
}
