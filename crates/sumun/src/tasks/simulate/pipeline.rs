//! How rows become what a simulator reads, and its outputs values.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::baselines::best_first;
use super::super::example::{Answers, Example, ExampleOf, file_name, most_steps, no_table, some_of};
use super::super::figures::{Baseline, Figures, Measured, Prediction, Predictions, finite};
use super::super::forecast::{Input, TimeAxis};
use super::super::inputs::Sequences;
use super::super::learner::outputs;
use super::super::portable::{input, one_series, scaler};
use super::super::task::{How, Pipeline};
use super::super::trained::check_network;
use super::read::{Asked, Member, Series, expect_measured, open, read};
use crate::data::{Categories, Missing, NumberForm, ReadOptions, Scaler, TimeColumn, quoted};
use crate::model::{Input as ModelInput, Model};
use crate::records::Beside;
use crate::report::text::count;
use crate::scores::Simulation;
use crate::{Error, Result};

/// How rows become what a simulator reads, and its outputs values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimulationPipeline {
    /// The column that is simulated.
    pub(super) target: String,
    /// The columns that it is simulated from.
    pub(super) features: Vec<Input>,
    /// The columns that tell series apart; none where one series is learnt.
    pub(super) series: Vec<String>,
    /// Which of several series of its table it was trained on, as `column=value`, where it learnt one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) one: Option<String>,
    /// The columns with one value a series.
    pub(super) statics: Vec<Input>,
    /// From the target's values to the network's output.
    pub(super) output: Scaler,
    /// The least value that is simulated: 0 where no value of the training part is below it.
    pub(super) least: Option<f64>,
    /// Rows that only bring the network's states up.
    pub(super) warm_up: usize,
    pub(super) missing: Missing,
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub(super) reading: ReadOptions,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) categories: Vec<Categories>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) forms: Vec<(String, NumberForm)>,
    /// The time column, if there is one.
    pub(super) time: Option<TimeAxis>,
    /// What the baselines know of each series that was learnt.
    pub(super) climates: Vec<Climate>,
    /// What they know of any other.
    pub(super) climate: Climate,
}

/// The means of the training part of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Climate {
    pub(super) id: Vec<String>,
    pub(super) mean: f64,
    /// Of each month, `[12]`; none without times.
    pub(super) months: Vec<f64>,
}

/// A part of the data: series, of which some rows are measured.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Shared by the parts of one file.
    pub(super) series: Arc<Series>,
    /// The rows of each series that count.
    pub(super) rows: Vec<Range<usize>>,
}

impl SimulationPipeline {
    /// How many numbers the network reads of a row.
    pub(super) fn width(&self) -> usize {
        self.features.iter().map(|input| if input.marked { 2 } else { 1 }).sum::<usize>() + self.statics.len()
    }

    pub(super) fn input(&self) -> ModelInput {
        ModelInput::numbers(self.width())
    }

    /// What the network reads of a series, `[rows, width]`.
    pub(super) fn rows_of(&self, member: &Member) -> Vec<f32> {
        // A static value that is missing is the mean.
        let fixed = self.statics.iter().zip(&member.statics);
        let fixed: Vec<f32> = fixed
            .map(|(input, value)| value.map_or(0.0, |value| input.scaler.transform(value) as f32))
            .collect();
        let mut rows = Vec::with_capacity(member.rows() * self.width());
        for row in 0..member.rows() {
            for (input, values) in self.features.iter().zip(member.inputs()) {
                // What is filled in from later rows is not known yet.
                rows.push(input.scaler.transform(values.at(row, row)) as f32);
                if input.marked {
                    rows.push(if values.is_observed(row) { 1.0 } else { 0.0 });
                }
            }
            rows.extend(&fixed);
        }
        rows
    }

    /// The value that an output stands for.
    pub(super) fn value(&self, output: f32) -> f64 {
        let value = self.output.inverse(f64::from(output));
        self.least.filter(|&least| value < least).unwrap_or(value)
    }

    /// What the model simulates for each series, `[rows]` each.
    pub(super) fn simulated(&self, model: &Model, series: &Series) -> Result<Vec<Vec<f64>>> {
        let values = series.members.iter().map(|member| self.rows_of(member)).collect();
        let outputs = outputs(model, &Sequences::Numbers { features: self.width(), values })?;
        Ok(outputs.iter().map(|rows| rows.iter().map(|&output| self.value(output)).collect()).collect())
    }

    /// Some rows of a part, each with those before it, as the network reads them.
    pub(super) fn heard(&self, part: &Part) -> Vec<Example> {
        let rows = part.rows.iter().enumerate();
        let all: Vec<(usize, usize)> =
            rows.flat_map(|(k, rows)| rows.clone().map(move |row| (k, row))).collect();
        let last = some_of(all.len()).map(|place| all[place]);
        last.map(|(k, row)| self.as_read(&part.series.members[k], row + 1)).collect()
    }

    /// The last of the rows of a series before `end`, as many as are looked at, as the network reads them.
    fn as_read(&self, member: &Member, end: usize) -> Example {
        let first = end.saturating_sub(most_steps(1));
        let width = self.width();
        let values = self.rows_of(member)[first * width..end * width].to_vec();
        let mut features = Vec::new();
        for input in &self.features {
            features.push(input.name.clone());
            features.extend(input.marked.then(|| format!("{} is there", input.name)));
        }
        features.extend(self.statics.iter().map(|input| input.name.clone()));
        let offset = self.output.inverse(0.0);
        let answers = Answers::NumberEachStep {
            name: self.target.clone(),
            offset,
            scale: self.output.inverse(1.0) - offset,
            least: self.least,
        };
        let steps = (first..end).map(|row| member.label(row)).collect();
        let sequences = Sequences::Numbers { features: width, values: vec![values] };
        Example { features, ..Example::new(steps, sequences, answers) }
    }

    /// Reads a file as the training file was read.
    pub(super) fn read(&self, file: &Path, measured: bool) -> Result<Series> {
        let opened = open(file, &self.reading)?;
        let has_times = |axis: &&TimeAxis| {
            axis.column.split('+').all(|column| opened.0.header().iter().any(|name| name == column.trim()))
        };
        let axis = self.time.as_ref().filter(has_times);
        let statics: Vec<String> = self.statics.iter().map(|input| input.name.clone()).collect();
        let asked = Asked {
            target: &self.target,
            measured,
            features: self.features.iter().map(|input| input.name.as_str()).collect(),
            series: &self.series,
            // A file of this series alone needs no column that says so.
            one: self.one.as_deref().filter(|one| {
                let column = one.split('=').next().unwrap_or_default().trim();
                opened.0.header().iter().any(|name| name == column)
            }),
            statics: &statics,
            time: axis.map_or(TimeColumn::None, |axis| TimeColumn::Named(&axis.column)),
            missing: self.missing,
            categories: &self.categories,
            forms: &self.forms,
            axis,
        };
        read(&opened, &asked)
    }

    /// A file as a part: all rows count but those of the warm-up.
    pub(super) fn part(&self, file: &Path) -> Result<Part> {
        let series = self.read(file, true)?;
        expect_measured(&series, &self.target)?;
        let rows: Vec<Range<usize>> =
            series.members.iter().map(|member| self.warm_up.min(member.rows())..member.rows()).collect();
        if rows.iter().all(Range::is_empty) {
            let longest = series.members.iter().map(Member::rows).max().unwrap_or(0);
            return Err(Error::Data(format!(
                "{}: no series is longer than the {} rows that bring the network's states up; the longest has {longest}",
                series.name,
                count(self.warm_up)
            )));
        }
        Ok(Part { series: Arc::new(series), rows })
    }

    /// What the baselines know of each series of a part, in their order; `None` of one that was not learnt.
    fn climates_of(&self, series: &Series) -> Vec<Option<&Climate>> {
        let known: HashMap<&[String], &Climate> =
            self.climates.iter().map(|climate| (climate.id.as_slice(), climate)).collect();
        series.members.iter().map(|member| known.get(member.id.as_slice()).copied()).collect()
    }

    /// Measures the model and the baselines on a part.
    pub(super) fn measure(&self, model: &Model, name: &str, part: &Part) -> Result<Measured> {
        let simulated = self.simulated(model, &part.series)?;
        let figures = |of: &dyn Fn(usize, usize) -> f64| {
            let series: Vec<(Vec<f64>, Vec<f64>)> = (0..simulated.len())
                .map(|k| observed(part, k).map(|(row, value)| (value, of(k, row))).unzip())
                .collect();
            Simulation::of(&series).map(Figures::Simulation)
        };
        let climates: Vec<&Climate> =
            self.climates_of(&part.series).into_iter().map(|one| one.unwrap_or(&self.climate)).collect();
        let mean =
            Baseline { name: "the mean of each series".into(), figures: figures(&|k, _| climates[k].mean)? };
        let mut others = Vec::new();
        let months: Option<Vec<Vec<usize>>> = part.series.members.iter().map(Member::months).collect();
        if let Some(months) = months.filter(|_| self.climate.months.len() == 12) {
            others.push(Baseline {
                name: "the mean of each month".into(),
                figures: figures(&|k, row| climates[k].months[months[k][row]])?,
            });
        }
        let (best, other_baselines) = best_first(mean, others);
        let ours = figures(&|k, row| simulated[k][row])?;
        let values = simulated.iter().zip(&part.rows).flat_map(|(values, rows)| &values[rows.clone()]);
        Ok(Measured {
            part: name.into(),
            examples: part.rows.iter().map(Range::len).sum(),
            classes: Vec::new(),
            unknown: None,
            figures: ours,
            baseline: best.figures,
            baseline_name: best.name,
            other_baselines,
            predictions: finite(values.map(|&value| Prediction::Number(value)).collect())?,
            notes: part.series.notes.clone(),
        })
    }
}

/// The rows of series `k` of a part that count and were measured, with their values.
pub(super) fn observed(part: &Part, k: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
    let truth = part.series.members[k].truth();
    let rows = part.rows[k].clone();
    rows.filter_map(move |row| truth.filter(|truth| truth.is_observed(row)).map(|truth| (row, truth[row])))
}

impl Pipeline for SimulationPipeline {
    const KIND: &'static str = "simulation";

    fn check(&self, model: &Model) -> Result<()> {
        let bad = |problem: &str| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        let scalers = self.features.iter().chain(&self.statics).map(|input| &input.scaler);
        if !scalers.chain([&self.output]).all(Scaler::is_sound)
            || self.least.is_some_and(|least| !least.is_finite())
        {
            return bad("a number of its scales is out of range");
        }
        let sound = |climate: &Climate| {
            climate.mean.is_finite()
                && (climate.months.is_empty() || climate.months.len() == 12)
                && climate.months.len() == self.climate.months.len()
                && climate.months.iter().all(|mean| mean.is_finite())
        };
        if !self.climates.iter().chain([&self.climate]).all(sound) {
            return bad("a mean of its baselines is out of range");
        }
        if self.features.is_empty() {
            return bad("it reads no column");
        }
        check_network(model, self.input(), &[None, None, Some(1)])
    }

    fn example(&self, _model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let file = match of {
            ExampleOf::Text(written) => {
                return Err(no_table(written));
            }
            ExampleOf::Record(file, _) => file,
        };
        let series = self.read(file, false)?;
        let member = &series.members[of.place(series.members.len())?];
        let example = self.as_read(member, member.rows());
        let mut notes = series.notes;
        let (shown, all) = (example.steps.len(), member.rows());
        if shown < all {
            notes.push(format!(
                "the last {} of {} rows are shown, and read from there",
                count(shown),
                count(all)
            ));
        }
        let what = match member.name() {
            name if name.is_empty() => file_name(file).into_owned(),
            name => format!("series {name} of {}", file_name(file)),
        };
        Ok(Some(Example { what, notes, ..example }))
    }

    fn tokens(&self) -> Option<&[String]> {
        None
    }

    fn predict_file(&self, model: &Model, file: &Path, _how: &How) -> Result<Predictions> {
        let series = self.read(file, false)?;
        let simulated = self.simulated(model, &series)?;
        let time = self.time.as_ref().filter(|_| series.members.iter().all(|member| member.axis().is_some()));
        let mut names = self.series.clone();
        names.push(time.map_or_else(|| "row".into(), |axis| axis.column.clone()));
        let mut rows = Vec::new();
        for member in &series.members {
            for row in 0..member.rows() {
                rows.push(member.id.iter().cloned().chain([member.label(row)]).collect());
            }
        }
        let mut notes = series.notes;
        if self.warm_up > 0 {
            notes.push(format!(
                "the first {} rows of each series bring the network's states up; what is simulated there says less",
                count(self.warm_up)
            ));
        }
        Ok(Predictions {
            predictions: simulated.into_iter().flatten().map(Prediction::Number).collect(),
            beside: Beside { names, rows },
            notes,
            ..Predictions::default()
        })
    }

    fn portable(&self, _model: &Model) -> std::result::Result<Map<String, Value>, String> {
        if !self.categories.is_empty() {
            return Err("columns of words".into());
        }
        Ok(Map::from_iter([
            ("features".into(), self.features.iter().map(input).collect()),
            ("statics".into(), self.statics.iter().map(input).collect()),
            ("tells_apart".into(), self.series.clone().into()),
            ("series".into(), one_series(self.one.as_deref())),
            ("output".into(), scaler(&self.output)),
            ("least".into(), self.least.into()),
            ("warm_up".into(), self.warm_up.into()),
        ]))
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let part = self.part(file)?;
        let known = self.climates_of(&part.series);
        let unseen = part.series.members.iter().zip(known).filter(|(_, climate)| climate.is_none());
        let unseen: Vec<String> = unseen.map(|(member, _)| quoted(&member.name())).collect();
        let mut measured = self.measure(model, &part.series.name, &part)?;
        if !unseen.is_empty() && !self.series.is_empty() {
            measured.notes.push(format!(
                "{} series were not in training: {}{}",
                count(unseen.len()),
                unseen[..unseen.len().min(3)].join(", "),
                if unseen.len() > 3 { ", …" } else { "" }
            ));
        }
        Ok(measured)
    }
}
