//! From the columns of a series to the numbers that the network sees, and back.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::data::{
    Calendar, Difference, Filled, Role, ScaleKind, Scaler, TimeFormat, Timestamp, Transform, quoted,
};
use crate::{Error, Result};

/// How values become the network's numbers: fitted on the training part, then fixed.
///
/// A window of the network has one row a time step: the channels of the targets, the features, and what is known
/// ahead (known columns, calendar) of that step. Beside the window it sees what is known of the steps ahead.
///
/// A value that was filled in is shown as it is known at the origin of the window ([`Imputed`](crate::data::Imputed)), and a
/// column in which training met missing values has two channels more, the mask and the time since a value was last seen, as
/// the GRU-D of Che et al. 2018 ("Recurrent neural networks for multivariate time series with missing values", equation 2)
/// reads them: 1 where the value was read and 0 where not, and n / (1 + n) for n rows since the last value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// The columns that are forecast, C of them.
    pub targets: Vec<Target>,
    /// Columns known up to the present.
    pub features: Vec<Input>,
    /// Columns known ahead.
    pub known: Vec<Input>,
    /// What is told of the time of each step, if anything.
    pub calendar: Option<Calendar>,
    /// What is subtracted from the levels of the targets.
    pub difference: Difference,
    /// T: rows of a window.
    pub window: usize,
    /// Steps ahead.
    pub horizon: usize,
}

/// A column that is forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in the file.
    pub name: String,
    /// Whether its level is the logarithm of its value.
    pub log: bool,
    /// Whether the level of the training part stays around one mean, so that the network may look at it; one that has
    /// drifted will drift out of the range that was learnt.
    pub steady: bool,
    /// Scales levels.
    pub level: Scaler,
    /// Scales what is left after the reference has been subtracted.
    pub change: Scaler,
    /// What the MASE divides by, in the unit of the series.
    pub mase_scale: Option<f64>,
    /// Whether values of it were missing in the training part, so that channels say which of a window are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// The least value that is forecast, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
}

/// A column that helps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name in the file.
    pub name: String,
    /// Scales its values.
    pub scaler: Scaler,
    /// Whether values of it were missing in the training part, so that channels say which of a window are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
}

/// Values of all columns, each from the same first row; known columns may go on beyond the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// `[C][rows]`.
    pub(crate) targets: &'a [Filled],
    /// `[features][rows]`.
    pub(crate) features: &'a [Filled],
    /// `[known][rows + ahead]`.
    pub(crate) known: &'a [Filled],
    /// `[rows + ahead]`, if there is a time column.
    pub(crate) times: Option<&'a [Timestamp]>,
    /// How the file writes them.
    pub(crate) format: Option<&'a TimeFormat>,
}

/// A series as the network sees it, from which windows are cut.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// `[C][rows]`, in the units of the series.
    pub(crate) values: Vec<Filled>,
    /// `[C][rows]`: the values or their logarithms; a value that has none counts as missing.
    levels: Vec<Filled>,
    /// `[rows, own_width]`: the channels of targets and features, as they are known at the end.
    own: Vec<f32>,
    own_width: usize,
    /// Channels that may have shown something else at an earlier origin.
    late: Vec<Late>,
    /// Channels that are seen relative to their value at the origin.
    relative: Vec<usize>,
    /// `[rows + ahead, ahead_width]`.
    ahead: Vec<f32>,
    ahead_width: usize,
}

/// A channel of a column with values filled in.
#[derive(Debug, Clone)]
struct Late {
    /// Its place in a row.
    channel: usize,
    /// The levels of the target, or the values of the feature.
    column: Filled,
    scaler: Scaler,
    /// How far back it subtracts; 0 for nothing.
    lag: usize,
}

impl Late {
    /// What it shows of `row` at `origin`, where rows behind the origin have changed it since.
    fn shown(&self, row: usize, origin: usize) -> Option<f32> {
        let value = self.column.late(row, origin)?;
        Some(match row.checked_sub(self.lag) {
            _ if self.lag == 0 => self.scaler.transform(value) as f32,
            Some(before) => self.scaler.transform(value - self.column.at(before, origin)) as f32,
            // As `Difference::along` has it: rows without a season before them.
            None => self.scaler.transform(0.0) as f32,
        })
    }
}

/// The mask of a row's value, and the time since one was last read.
pub(super) fn marks(column: &Filled, row: usize) -> [f32; 2] {
    let since = column.since(row) as f32;
    [if since == 0.0 { 1.0 } else { 0.0 }, since / (1.0 + since)]
}

/// The share of the training rows, at its end, whose mean tells whether a level has drifted.
const DRIFT_TAIL: usize = 10;
/// Most values that a scaler of changes is fitted on: more tell nothing new.
const MOST_FITTED: usize = 1 << 20;

/// How many channels say which values of a column are missing.
fn marks_of(marked: bool) -> usize {
    if marked { 2 } else { 0 }
}

/// How many numbers a row has of these columns.
pub(super) fn width_of(inputs: &[Input]) -> usize {
    inputs.iter().map(|input| 1 + marks_of(input.marked)).sum()
}

/// What is known of each row and of those ahead, `[rows + ahead, width]`: known columns and calendar.
pub(super) fn known_rows(known: &[Input], calendar: Option<&Calendar>, columns: Columns<'_>) -> Vec<f32> {
    let width = width_of(known) + calendar.map_or(0, Calendar::width);
    let rows = match (columns.known.first(), columns.times) {
        _ if width == 0 => 0,
        (Some(known), _) => known.len(),
        (None, times) => times.map_or(0, <[Timestamp]>::len),
    };
    let mut all = Vec::with_capacity(rows * width);
    for row in 0..rows {
        for (input, values) in known.iter().zip(columns.known) {
            // What is known ahead of time is known on both sides of a hole.
            all.push(input.scaler.transform(values[row]) as f32);
            if input.marked {
                all.extend(marks(values, row));
            }
        }
        if let (Some(calendar), Some(times)) = (calendar, columns.times) {
            let local = columns.format.map_or(times[row], |format| format.local(&times[row]));
            all.extend(calendar.features(&local));
        }
    }
    all
}

/// What is subtracted from the level `step` steps ahead of `origin`, as it is known there.
fn reference(difference: &Difference, levels: &Filled, origin: usize, step: usize) -> f64 {
    difference.reference_row(origin, step).map_or(0.0, |row| levels.at(row, origin))
}

/// How far the mean of the last tenth of `train` lies above the mean of the rest, in standard deviations of all of it.
/// Above 1 in size, the future is likely to lie outside the range that was learnt.
pub(crate) fn drift(train: &[f64]) -> f64 {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let tail = (train.len() / DRIFT_TAIL).max(1);
    if train.len() <= tail {
        return 0.0;
    }
    let (rest, last) = train.split_at(train.len() - tail);
    let all = mean(train);
    let deviation = (train.iter().map(|v| (v - all).powi(2)).sum::<f64>() / train.len() as f64).sqrt();
    if deviation > 0.0 { (mean(last) - mean(rest)) / deviation } else { 0.0 }
}

impl Target {
    /// Fits on the values of the rows `train` only, and on none that was filled in; any value may be forecast.
    pub(crate) fn fit(
        name: &str,
        values: &Filled,
        train: &Range<usize>,
        transform: Transform,
        horizon: usize,
        scale: ScaleKind,
        mase_scale: Option<f64>,
    ) -> Result<Self> {
        let Transform { log, difference } = transform;
        let train = values.slice(train.clone());
        let observed = transform.level(name, &train.observed(0..train.len()))?;
        let level = Scaler::fit(scale, name, &observed, Role::Target)?;
        let change = match difference {
            Difference::None => level.clone(),
            _ => {
                let levels = train.map(|value| transform.level_of(value));
                let first = difference.lag().max(1) - 1;
                let origins = first..levels.len().saturating_sub(horizon).max(first);
                let stride = (origins.len() * horizon).div_ceil(MOST_FITTED).max(1);
                let change = |origin: usize, step: usize| {
                    let level = levels[origin + step] - reference(&difference, &levels, origin, step);
                    levels.is_observed(origin + step).then_some(level)
                };
                let changes: Vec<f64> = origins
                    .step_by(stride)
                    .flat_map(|origin| (1..=horizon).map(move |step| (origin, step)))
                    .filter_map(|(origin, step)| change(origin, step))
                    .collect();
                Scaler::fit(scale, name, &changes, Role::Feature)?
            }
        };
        let steady = drift(&observed).abs() <= 1.0;
        Ok(Self {
            name: name.to_owned(),
            log,
            steady,
            level,
            change,
            mase_scale,
            marked: train.has_holes(),
            min: None,
        })
    }

    /// A forecast, or the least value that is forecast where it is below that.
    pub(crate) fn bounded(&self, value: f64) -> f64 {
        // A comparison and not `max`, which would turn a NaN into the least value.
        self.min.filter(|&min| value < min).unwrap_or(value)
    }

    fn transform(&self, difference: Difference) -> Transform {
        Transform { log: self.log, difference }
    }

    /// Whether the network can read a value: whether it has a logarithm where one is taken.
    fn readable(&self, value: f64) -> bool {
        !self.log || value > 0.0
    }

    /// The values, or their logarithms. Those that have none count as missing, and a straight line stands for them; before
    /// the first that has one stands the middle of the training part. Error: none has one.
    fn levels(&self, values: &Filled) -> Result<Filled> {
        let transform = self.transform(Difference::None);
        if values.iter().all(|&value| self.readable(value)) {
            return Ok(values.map(|value| transform.level_of(value)));
        }
        let level = |row: usize| {
            let value = values[row];
            (values.is_observed(row) && self.readable(value)).then(|| transform.level_of(value))
        };
        let levels: Vec<Option<f64>> = (0..values.len()).map(level).collect();
        if levels.iter().all(Option::is_none) {
            return Err(Error::Data(format!(
                "column {}: the model takes logarithms, and none of the {} rows is above 0",
                quoted(&self.name),
                values.len()
            )));
        }
        Ok(Filled::fill(&levels, true, (self.level.offset, 1)))
    }
}

impl Input {
    /// Fits on the values of the rows `train` only, and on none that was filled in.
    pub(crate) fn fit(name: &str, values: &Filled, train: &Range<usize>, scale: ScaleKind) -> Result<Self> {
        let scaler = Scaler::fit(scale, name, &values.observed(train.clone()), Role::Feature)?;
        Ok(Self { name: name.to_owned(), scaler, marked: values.holes(train.clone()) > 0 })
    }
}

/// What a target shows the network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// Its scaled level.
    Level,
    /// Its scaled level less that at the origin.
    Relative,
    /// Its scaled difference to one season before.
    Change,
}

impl Frame {
    /// What channel `channel` shows of `row` at `origin`.
    fn shown(&self, channel: usize, row: usize, origin: usize) -> f32 {
        let late = self.late.iter().find(|late| late.channel == channel);
        late.and_then(|late| late.shown(row, origin)).unwrap_or(self.own[row * self.own_width + channel])
    }

    /// Whether target `c` has a value at `row` that forecasts can be compared with.
    pub(crate) fn is_observed(&self, c: usize, row: usize) -> bool {
        self.values[c].is_observed(row)
    }

    /// Whether it has one that the network can be compared with: one that has a logarithm, where one is taken.
    pub(crate) fn is_answerable(&self, c: usize, row: usize) -> bool {
        self.levels[c].is_observed(row)
    }

    /// Whether there is a row that it has none at.
    pub(crate) fn has_holes(&self) -> bool {
        self.values.iter().chain(&self.levels).any(Filled::has_holes)
    }
}

impl Preprocessing {
    /// How many numbers a window's row has: I.
    pub fn input_width(&self) -> usize {
        let own: usize = self.targets.iter().map(|t| self.channels(t).len() + marks_of(t.marked)).sum();
        own + width_of(&self.features) + self.ahead_width()
    }

    /// How many numbers are known of each step ahead: F.
    pub fn ahead_width(&self) -> usize {
        width_of(&self.known) + self.calendar.as_ref().map_or(0, Calendar::width)
    }

    /// The rows that a forecast needs behind it: a window, and what its differences reach back to.
    pub fn rows_needed(&self) -> usize {
        self.window + self.reach()
    }

    /// How far before a row its channels look.
    pub(crate) fn reach(&self) -> usize {
        match self.difference {
            Difference::Season(period) => period,
            Difference::None | Difference::Last => 0,
        }
    }

    /// Whether it forecasts the same columns as another, equally far, from the same ones.
    pub(crate) fn forecasts_as(&self, other: &Self) -> bool {
        let targets = |p: &Self| p.targets.iter().map(|target| target.name.clone()).collect::<Vec<_>>();
        targets(self) == targets(other)
            && (self.features == other.features && self.known == other.known)
            && (self.calendar == other.calendar && self.horizon == other.horizon)
    }

    fn channels(&self, target: &Target) -> &'static [Channel] {
        match (self.difference, target.steady) {
            (Difference::Season(_), _) => &[Channel::Change],
            (Difference::Last, false) => &[Channel::Relative],
            (Difference::Last, true) => &[Channel::Relative, Channel::Level],
            (Difference::None, _) => &[Channel::Level, Channel::Relative],
        }
    }

    /// What a target shows the network of itself, by name and in order.
    pub(super) fn channel_names(&self, target: &Target) -> Vec<&'static str> {
        let name = |channel: &Channel| match channel {
            Channel::Level => "level",
            Channel::Relative => "relative",
            Channel::Change => "change",
        };
        self.channels(target).iter().map(name).collect()
    }

    /// What the numbers of a window's row are called, `[input_width]`.
    pub(super) fn row_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.input_width());
        let mut add = |name: &str, channels: &[&str], marked: bool| {
            names.extend(channels.iter().map(|channel| match channel.is_empty() {
                true => name.to_owned(),
                false => format!("{name}, {channel}"),
            }));
            if marked {
                names.extend([format!("{name}, there"), format!("{name}, since")]);
            }
        };
        for target in &self.targets {
            add(&target.name, &self.channel_names(target), target.marked);
        }
        for input in self.features.iter().chain(&self.known) {
            add(&input.name, &[""], input.marked);
        }
        names.extend(self.calendar.iter().flat_map(Calendar::names));
        names
    }

    /// The series as the network sees it. Error: a target that needs a logarithm and is nowhere above 0.
    pub(crate) fn frame(&self, columns: Columns<'_>) -> Result<Frame> {
        let rows = columns.targets.first().map_or(0, |target| target.len());
        let mut levels = Vec::with_capacity(self.targets.len());
        let mut channels: Vec<Vec<f32>> = Vec::new();
        let (mut relative, mut late) = (Vec::new(), Vec::new());
        for (target, values) in self.targets.iter().zip(columns.targets) {
            let level = target.levels(values)?;
            for channel in self.channels(target) {
                if *channel == Channel::Relative {
                    relative.push(channels.len());
                }
                let (scaler, lag) = match channel {
                    Channel::Level | Channel::Relative => (&target.level, 0),
                    Channel::Change => (&target.change, self.difference.lag()),
                };
                if level.has_holes() {
                    let (column, scaler) = (level.clone(), scaler.clone());
                    late.push(Late { channel: channels.len(), column, scaler, lag });
                }
                channels.push(match channel {
                    Channel::Level | Channel::Relative => {
                        level.iter().map(|&v| scaler.transform(v) as f32).collect()
                    }
                    // Rows without a season before them are 0, and no window reaches them.
                    Channel::Change => {
                        let changes = self.difference.along(&level);
                        changes.iter().map(|&v| scaler.transform(v) as f32).collect()
                    }
                });
            }
            if target.marked {
                for mark in 0..2 {
                    channels.push((0..rows).map(|row| marks(&level, row)[mark]).collect());
                }
            }
            levels.push(level);
        }
        for (input, values) in self.features.iter().zip(columns.features) {
            if values.has_holes() {
                let (column, scaler) = (values.clone(), input.scaler.clone());
                late.push(Late { channel: channels.len(), column, scaler, lag: 0 });
            }
            channels.push(values.iter().map(|&v| input.scaler.transform(v) as f32).collect());
            if input.marked {
                for mark in 0..2 {
                    channels.push((0..rows).map(|row| marks(values, row)[mark]).collect());
                }
            }
        }
        let own_width = channels.len();
        let mut own = Vec::with_capacity(rows * own_width);
        for row in 0..rows {
            own.extend(channels.iter().map(|channel| channel[row]));
        }
        let ahead_width = self.ahead_width();
        let ahead = known_rows(&self.known, self.calendar.as_ref(), columns);
        let values = columns.targets.to_vec();
        Ok(Frame { values, levels, own, own_width, late, relative, ahead, ahead_width })
    }

    /// The windows that end at `origins`, N of them, as packed rows `[T · N, I]`, row t · N + n.
    pub(crate) fn windows(&self, frame: &Frame, origins: &[usize]) -> Vec<f32> {
        let mut x = Vec::with_capacity(self.window * origins.len() * self.input_width());
        let (own, ahead) = (frame.own_width, frame.ahead_width);
        for t in 0..self.window {
            for &origin in origins {
                let row = origin + 1 + t - self.window;
                let start = x.len();
                x.extend_from_slice(&frame.own[row * own..(row + 1) * own]);
                for late in &frame.late {
                    if let Some(shown) = late.shown(row, origin) {
                        x[start + late.channel] = shown;
                    }
                }
                for &channel in &frame.relative {
                    x[start + channel] -= frame.shown(channel, origin, origin);
                }
                x.extend_from_slice(&frame.ahead[row * ahead..(row + 1) * ahead]);
            }
        }
        x
    }

    /// What is known of the steps ahead of `origins`, N of them, as packed rows `[horizon · N, F]`, row step · N + n.
    pub(crate) fn ahead(&self, frame: &Frame, origins: &[usize]) -> Vec<f32> {
        let width = frame.ahead_width;
        let mut ahead = Vec::with_capacity(origins.len() * self.horizon * width);
        for step in 1..=self.horizon {
            for &origin in origins {
                let row = origin + step;
                ahead.extend_from_slice(&frame.ahead[row * width..(row + 1) * width]);
            }
        }
        ahead
    }

    /// What the network should return at `origins`, `[N, horizon, C]`.
    pub(crate) fn outputs(&self, frame: &Frame, origins: &[usize]) -> Vec<f32> {
        let mut outputs = Vec::with_capacity(origins.len() * self.horizon * self.targets.len());
        for &origin in origins {
            for step in 1..=self.horizon {
                for (target, levels) in self.targets.iter().zip(&frame.levels) {
                    outputs.push(self.output(target, levels, origin, step, levels[origin + step]));
                }
            }
        }
        outputs
    }

    /// The places in [`outputs`](Self::outputs) that count: those whose value was read. `None` where all of them do.
    pub(crate) fn answerable(&self, frame: &Frame, origins: &[usize]) -> Option<Vec<usize>> {
        if !frame.has_holes() {
            return None;
        }
        let (count, per_origin) = (self.targets.len(), self.horizon * self.targets.len());
        let counts = |&place: &usize| {
            let row = origins[place / per_origin] + 1 + place % per_origin / count;
            frame.is_answerable(place % count, row)
        };
        let all = origins.len() * per_origin;
        let places: Vec<usize> = (0..all).filter(counts).collect();
        (places.len() < all).then_some(places)
    }

    /// What the network would have to return to forecast `values`, `[horizon, C]` in the units of the series.
    /// A value whose logarithm does not exist gives a number that is not finite.
    pub(crate) fn outputs_for(&self, frame: &Frame, origin: usize, values: &[f64], into: &mut Vec<f32>) {
        for (step, row) in values.chunks_exact(self.targets.len()).enumerate() {
            for ((target, levels), &value) in self.targets.iter().zip(&frame.levels).zip(row) {
                let level = if target.log { value.ln() } else { value };
                into.push(self.output(target, levels, origin, step + 1, level));
            }
        }
    }

    fn output(&self, target: &Target, levels: &Filled, origin: usize, step: usize, level: f64) -> f32 {
        target.change.transform(level - reference(&self.difference, levels, origin, step)) as f32
    }

    /// The forecast in the units of the series from the network's output at `origin`: both `[horizon, C]`. Undoes
    /// scaling, difference and logarithm, and keeps to the least value; only rows up to the origin are looked at.
    pub(crate) fn forecast(&self, frame: &Frame, origin: usize, output: &[f32], into: &mut [f64]) {
        let count = self.targets.len();
        for (k, (to, &output)) in into.iter_mut().zip(output).enumerate() {
            let (target, levels) = (&self.targets[k % count], &frame.levels[k % count]);
            let reference = reference(&self.difference, levels, origin, k / count + 1);
            let level = reference + target.change.inverse(f64::from(output));
            *to = target.bounded(target.transform(self.difference).unlevel(level));
        }
    }

    /// Error unless every number can be calculated with: for a model file that nobody vouches for.
    pub(crate) fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(Error::Model(format!("the model's preprocessing is damaged: {what}")));
        let sound = Scaler::is_sound;
        if self.targets.is_empty() {
            return bad("it has no target");
        }
        if self.window == 0 || self.horizon == 0 || self.difference == Difference::Season(0) {
            return bad("the window, the horizon or the season is 0");
        }
        if !self.targets.iter().all(|t| sound(&t.level) && sound(&t.change))
            || !self.features.iter().chain(&self.known).all(|i| sound(&i.scaler))
        {
            return bad("a scaler is not a finite number above 0");
        }
        if self.targets.iter().any(|t| t.mase_scale.is_some_and(|s| !(s.is_finite() && s > 0.0))) {
            return bad("the scale of the MASE is not a finite number above 0");
        }
        if self.targets.iter().any(|t| t.min.is_some_and(|min| !min.is_finite())) {
            return bad("the least value that is forecast is not finite");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROWS: usize = 40;

    /// Two targets, the second with a trend, a feature and a known column.
    fn columns() -> [Vec<Filled>; 3] {
        let column = |k: f64, trend: f64, rows: usize| -> Filled {
            let wave = |t: f64| 20.0 + 3.0 * (1.0 + k + t * (1.0 + k)).sin() + t * trend;
            (0..rows).map(|t| wave(t as f64)).collect::<Vec<f64>>().into()
        };
        let targets = vec![column(0.15, 0.0, ROWS), column(0.4, 0.8, ROWS)];
        [targets, vec![column(0.7, 0.0, ROWS)], vec![column(0.9, 0.1, ROWS + 5)]]
    }

    fn preprocessing(difference: Difference, log: bool, scale: ScaleKind) -> (Preprocessing, Frame) {
        fitted(columns(), difference, log, scale)
    }

    fn fitted(
        [targets, features, known]: [Vec<Filled>; 3],
        difference: Difference,
        log: bool,
        scale: ScaleKind,
    ) -> (Preprocessing, Frame) {
        let train = 0..28;
        let fit = |(k, values): (usize, &Filled)| {
            let log = log && k == 0;
            Target::fit("y", values, &train, Transform { log, difference }, 3, scale, None).unwrap()
        };
        let input = |values: &Filled| Input::fit("x", values, &train, scale).unwrap();
        let p = Preprocessing {
            targets: targets.iter().enumerate().map(fit).collect(),
            features: features.iter().map(input).collect(),
            known: known.iter().map(input).collect(),
            calendar: None,
            difference,
            window: 4,
            horizon: 3,
        };
        let all =
            Columns { targets: &targets, features: &features, known: &known, times: None, format: None };
        let frame = p.frame(all).unwrap();
        (p, frame)
    }

    /// Every number of the window and of the steps ahead, against its definition.
    #[test]
    fn rows_hold_what_they_should() {
        let [targets, features, known] = columns();
        for difference in [Difference::None, Difference::Last, Difference::Season(5)] {
            let (p, frame) = preprocessing(difference, false, ScaleKind::Standard);
            assert_eq!(p.rows_needed(), if difference == Difference::Season(5) { 9 } else { 4 });
            let origins = [12, 30, 9];
            let (x, ahead) = (p.windows(&frame, &origins), p.ahead(&frame, &origins));
            for t in 0..p.window {
                for (n, &origin) in origins.iter().enumerate() {
                    let row = origin + 1 + t - p.window;
                    let mut expected = Vec::new();
                    for (target, values) in p.targets.iter().zip(&targets) {
                        let level = |row: usize| target.level.transform(values[row]);
                        match difference {
                            Difference::Season(m) => {
                                expected.push(target.change.transform(values[row] - values[row - m]));
                            }
                            Difference::Last => {
                                expected.push(level(row) - level(origin));
                                if target.steady {
                                    expected.push(level(row));
                                }
                            }
                            Difference::None => expected.extend([level(row), level(row) - level(origin)]),
                        }
                    }
                    expected.push(p.features[0].scaler.transform(features[0][row]));
                    expected.push(p.known[0].scaler.transform(known[0][row]));
                    let width = p.input_width();
                    assert_eq!(expected.len(), width, "{difference:?}");
                    let found = &x[(t * origins.len() + n) * width..][..width];
                    for (&found, expected) in found.iter().zip(expected) {
                        assert!((f64::from(found) - expected).abs() < 1e-5, "{difference:?} {t} {origin}");
                    }
                    for step in 0..p.horizon {
                        let expected = p.known[0].scaler.transform(known[0][origin + 1 + step]);
                        assert!((f64::from(ahead[step * origins.len() + n]) - expected).abs() < 1e-5);
                    }
                }
            }
        }
        let (p, _) = preprocessing(Difference::Last, false, ScaleKind::Standard);
        assert_eq!(p.targets.iter().map(|t| t.steady).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_level_that_has_moved_on_has_drifted() {
        let line: Vec<f64> = (0..100).map(f64::from).collect();
        let wave: Vec<f64> = (0..100).map(|t| (f64::from(t) * 0.7).sin()).collect();
        assert!(drift(&line) > 1.5 && drift(&wave).abs() < 0.5);
        let down: Vec<f64> = line.iter().map(|v| -v).collect();
        assert!((drift(&down) + drift(&line)).abs() < 1e-12);
        assert_eq!((drift(&[3.0; 20]), drift(&[1.0]), drift(&[])), (0.0, 0.0, 0.0));
    }

    proptest! {
        /// What the network should return, inverted, is what came; and only rows up to the origin are needed.
        #[test]
        fn forecasts_undo_outputs(
            origin in 8_usize..36, season in 1_usize..6, log: bool, kind in 0_usize..4, which in 0_usize..3,
        ) {
            let difference = [Difference::None, Difference::Last, Difference::Season(season)][which];
            let kind = [ScaleKind::Standard, ScaleKind::Minmax, ScaleKind::Robust, ScaleKind::None][kind];
            let (p, frame) = preprocessing(difference, log, kind);
            let outputs = p.outputs(&frame, &[origin]);
            let mut values = [0.0; 6];
            p.forecast(&frame, origin, &outputs, &mut values);
            for (k, &value) in values.iter().enumerate() {
                let expected = frame.values[k % 2][origin + 1 + k / 2];
                // Answers are single precision.
                prop_assert!((value - expected).abs() < 1e-5 * expected.abs(), "{value} for {expected}");
            }
            let mut again = Vec::new();
            p.outputs_for(&frame, origin, &values, &mut again);
            for (a, b) in again.iter().zip(&outputs) {
                prop_assert!((a - b).abs() < 1e-4);
            }
        }

        /// What is read after an origin, and what a hole before it was filled with from there, changes nothing that is forecast
        /// from it: the window, what is known ahead less the known columns, and what a forecast is added to.
        #[test]
        fn no_window_sees_what_comes_after_its_origin(
            holes in prop::collection::vec((0_usize..3, 1_usize..ROWS, 1_usize..9), 0..8),
            straight: bool, origin in 8_usize..36, season in 1_usize..6, log: bool, which in 0_usize..3,
            other in 5.0_f64..50.0,
        ) {
            let difference = [Difference::None, Difference::Last, Difference::Season(season)][which];
            let with_holes = |changed: bool| -> [Vec<Filled>; 3] {
                let [targets, features, known] = columns();
                let mut all: Vec<Vec<Option<f64>>> = targets
                    .iter()
                    .chain(&features)
                    .map(|column| column.iter().copied().map(Some).collect())
                    .collect();
                for &(column, from, length) in &holes {
                    all[column][from..(from + length).min(ROWS)].fill(None);
                }
                if changed {
                    for value in all.iter_mut().flat_map(|column| column[origin + 1..].iter_mut()) {
                        *value = value.map(|_| other);
                    }
                }
                let mut all: Vec<Filled> =
                    all.iter().map(|column| Filled::fill(column, straight, (0.0, 1))).collect();
                let features = all.split_off(2);
                [all, features, known]
            };
            let (p, frame) = fitted(with_holes(false), difference, log, ScaleKind::Standard);
            let [targets, features, known] = with_holes(true);
            let changed = p.frame(Columns {
                targets: &targets, features: &features, known: &known, times: None, format: None,
            }).unwrap();
            prop_assert_eq!(p.windows(&frame, &[origin]), p.windows(&changed, &[origin]));
            let output = [0.3; 6];
            let (mut then, mut now) = ([0.0; 6], [0.0; 6]);
            p.forecast(&frame, origin, &output, &mut then);
            p.forecast(&changed, origin, &output, &mut now);
            prop_assert_eq!(then, now);
            for (before, after) in frame.values.iter().zip(&changed.values) {
                let known =
                    |values: &Filled| (0..=origin).map(|row| values.at(row, origin)).collect::<Vec<_>>();
                prop_assert_eq!(known(before), known(after));
            }
        }
    }
}
