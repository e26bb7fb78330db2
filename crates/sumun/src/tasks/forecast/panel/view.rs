//! From the columns of one of many series to the numbers that the network sees, and back.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::super::network::Sizes;
use super::super::preprocessing::{Input, known_rows, marks, width_of};
use super::head::Head;
use super::source::Member;
use crate::data::{Calendar, Difference, Filled, Scaler};

/// How the series of a panel become the network's numbers: the same for all of them, known or new.
///
/// Each window is seen on its own scale, so that a small series and a large one look alike: z is the value or its logarithm, and
/// a row of the window has (z − level) / spread, its change by one row and, where there is a season, by one season, both over the
/// spread. The level is the last value, or the mean of the window where nothing is subtracted; the spread is the mean size of
/// what the reference leaves inside the window. Outputs are multiplied by the spread and added to the reference. Smyl 2020 ("A
/// hybrid method of exponential smoothing and recurrent neural networks for time series forecasting") and Hewamalage, Bergmeir
/// and Bandara 2021 ("Recurrent neural networks for time series forecasting") scale windows alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The column that is forecast.
    pub target: String,
    /// Columns known up to the present.
    pub features: Vec<Input>,
    /// Columns known ahead.
    pub known: Vec<Input>,
    /// Columns with one value a series.
    pub statics: Vec<Input>,
    /// The calendar features of each step, if there are any.
    pub calendar: Option<Calendar>,
    /// Whether z is the logarithm of the value.
    pub log: bool,
    /// The period of the season in rows; 1 for none.
    pub season: usize,
    /// What is subtracted from z.
    pub reference: Difference,
    /// Whether target values of the training parts were missing, so that channels say which of a window are.
    pub marked: bool,
    /// T: the most rows of a window; series that begin later have fewer.
    pub window: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// Scales the logarithm of the spread, which the network sees.
    pub spread: Scaler,
    /// The least value that is forecast, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
}

/// A series as the network sees it, from which windows are cut.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// `[rows]`, in the unit of the series.
    pub(super) values: Filled,
    /// `[rows]`: z. A value without a logarithm counts as missing.
    z: Filled,
    /// `[features][rows]`.
    features: Vec<Filled>,
    /// `[rows + ahead, width]`: known columns and calendar.
    known: Vec<f32>,
    /// What the statics say, scaled.
    statics: Vec<f32>,
}

/// On which scale a forecast from one origin is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// What is subtracted from the z of a window's rows.
    pub(super) level: f64,
    /// What they are divided by; above 0.
    pub(super) spread: f64,
}

/// The least spread, as a share of the size of z in the window, and for logarithms alone: changes below it are rounding.
const LEAST_SPREAD: f64 = 1e-3;
/// The largest number that the network sees of a target: one jump in a window that is otherwise still.
const MOST: f64 = 30.0;

/// The last row at or before `origin` that is whole seasons before the row `step` steps ahead; `None` where the series begins
/// later.
fn a_season_before(origin: usize, step: usize, period: usize) -> Option<usize> {
    (origin + step).checked_sub(period * step.div_ceil(period))
}

impl View {
    /// How many numbers a window's row has: I.
    pub(super) fn input_width(&self) -> usize {
        let season = if self.season > 1 { 2 } else { 0 };
        let marks = if self.marked { 2 } else { 0 };
        // Level, change and spread.
        3 + season + marks + width_of(&self.features) + self.statics.len() + self.known_width()
    }

    /// How many numbers are known of each step ahead: F.
    pub(super) fn ahead_width(&self) -> usize {
        self.known_width() + if self.season > 1 { 2 } else { 0 }
    }

    fn known_width(&self) -> usize {
        width_of(&self.known) + self.calendar.as_ref().map_or(0, Calendar::width)
    }

    /// The sizes of a network with this head.
    pub(super) fn sizes(&self, head: &Head) -> Sizes {
        Sizes {
            input: self.input_width(),
            ahead: self.ahead_width(),
            horizon: self.horizon,
            targets: head.width(),
            own_ahead: true,
        }
    }

    /// The rows that a forecast looks back on: a window and a season before it.
    pub(super) fn rows_seen(&self) -> usize {
        self.window + if self.season > 1 { self.season } else { 1 }
    }

    fn to_z(&self, value: f64) -> f64 {
        if self.log { value.ln() } else { value }
    }

    fn of_z(&self, z: f64) -> f64 {
        if self.log { z.exp() } else { z }
    }

    /// A series as the network sees it.
    pub(super) fn frame(&self, member: &Member) -> Frame {
        let source = &member.source;
        let values = &source.targets[0];
        let z = if self.log && values.iter().any(|&value| value <= 0.0) {
            let read = |row: usize| (values.is_observed(row) && values[row] > 0.0).then(|| values[row].ln());
            let all: Vec<Option<f64>> = (0..values.len()).map(read).collect();
            let first = all.iter().flatten().next().copied().unwrap_or(0.0);
            Filled::fill(&all, true, (first, 1))
        } else {
            values.map(|value| self.to_z(value))
        };
        let statics = self.statics.iter().zip(&member.statics);
        Frame {
            values: values.clone(),
            z,
            features: source.features.clone(),
            known: known_rows(&self.known, self.calendar.as_ref(), source.columns()),
            // A static value that is missing is the mean.
            statics: statics
                .map(|(input, value)| value.map_or(0.0, |value| input.scaler.transform(value) as f32))
                .collect(),
        }
    }

    /// The rows of the window that ends at `origin`.
    fn rows(&self, origin: usize) -> Range<usize> {
        (origin + 1).saturating_sub(self.window)..origin + 1
    }

    /// The scale of a forecast from `origin`: what the window's own rows say, as they are known there.
    pub(super) fn scale(&self, frame: &Frame, origin: usize) -> Scale {
        let z = |row: usize| frame.z.at(row, origin);
        let rows = self.rows(origin);
        let observed = |row: &usize| frame.z.is_observed(*row);
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / count as f64)
        };
        let level = match self.reference {
            Difference::None => mean(&mut rows.clone().map(z)).unwrap_or(0.0),
            Difference::Last | Difference::Season(_) => z(origin),
        };
        let changes = |lag: usize| {
            let from = rows.start.max(lag)..rows.end;
            let both = from.filter(observed).filter(|&row| frame.z.is_observed(row - lag));
            mean(&mut both.map(|row| (z(row) - z(row - lag)).abs()))
        };
        let around = || mean(&mut rows.clone().filter(observed).map(|row| (z(row) - level).abs()));
        let spread = match self.reference {
            Difference::None => around(),
            Difference::Last => changes(1),
            Difference::Season(period) => changes(period).or_else(|| changes(1)),
        };
        let size = mean(&mut rows.clone().map(|row| z(row).abs())).unwrap_or(0.0);
        let least = if self.log { LEAST_SPREAD } else { LEAST_SPREAD * size };
        let spread = spread.unwrap_or(0.0).max(least);
        // Nothing but zeros: any scale is as good.
        Scale { level, spread: if spread > 0.0 && spread.is_finite() { spread } else { 1.0 } }
    }

    /// The spread as an input of the network, before it is scaled itself.
    pub(super) fn log_spread(&self, scale: Scale) -> f64 {
        match self.log {
            true => scale.spread.ln(),
            false => (scale.spread / (scale.spread + scale.level.abs())).ln(),
        }
    }

    /// What is subtracted from z `step` steps ahead of `origin`.
    fn reference(&self, frame: &Frame, origin: usize, step: usize, scale: Scale) -> f64 {
        match self.reference {
            Difference::Season(period) => {
                a_season_before(origin, step, period).map_or(scale.level, |row| frame.z.at(row, origin))
            }
            Difference::None | Difference::Last => scale.level,
        }
    }

    /// The window that ends at `origin` as rows, appended to `to`; the number of its rows.
    pub(super) fn window(&self, frame: &Frame, origin: usize, to: &mut Vec<f32>) -> usize {
        let scale = self.scale(frame, origin);
        let z = |row: usize| frame.z.at(row, origin);
        let scaled = |difference: f64| (difference / scale.spread).clamp(-MOST, MOST) as f32;
        let spread = self.spread.transform(self.log_spread(scale)) as f32;
        let rows = self.rows(origin);
        for row in rows.clone() {
            to.push(scaled(z(row) - scale.level));
            to.push(row.checked_sub(1).map_or(0.0, |before| scaled(z(row) - z(before))));
            to.push(spread);
            if self.season > 1 {
                to.extend(match row.checked_sub(self.season) {
                    Some(before) => [scaled(z(row) - z(before)), 1.0],
                    None => [0.0, 0.0],
                });
            }
            if self.marked {
                to.extend(marks(&frame.z, row));
            }
            for (input, values) in self.features.iter().zip(&frame.features) {
                to.push(input.scaler.transform(values.at(row, origin)) as f32);
                if input.marked {
                    to.extend(marks(values, row));
                }
            }
            to.extend(&frame.statics);
            let width = self.known_width();
            to.extend(&frame.known[row * width..][..width]);
        }
        rows.len()
    }

    /// What is known of the steps ahead of `origin`, `[horizon, F]`, appended to `to`: known columns, calendar, and where there is
    /// a season what came one season before.
    pub(super) fn ahead(&self, frame: &Frame, origin: usize, to: &mut Vec<f32>) {
        let scale = self.scale(frame, origin);
        let width = self.known_width();
        for step in 1..=self.horizon {
            let from = (origin + step) * width;
            match frame.known.get(from..from + width) {
                Some(known) => to.extend(known),
                // Behind the end of a series that is learnt from whole, where nothing is compared.
                None => to.extend(std::iter::repeat_n(0.0, width)),
            }
            if self.season > 1 {
                to.extend(match a_season_before(origin, step, self.season) {
                    Some(row) => {
                        let before = (frame.z.at(row, origin) - scale.level) / scale.spread;
                        [before.clamp(-MOST, MOST) as f32, 1.0]
                    }
                    None => [0.0, 0.0],
                });
            }
        }
    }

    /// What the network should return `step` steps ahead of `origin`, where the window has this scale; `None` where no value was
    /// read that it can be compared with.
    pub(super) fn answer(&self, frame: &Frame, origin: usize, step: usize, scale: Scale) -> Option<f32> {
        let row = origin + step;
        let left = frame.z[row] - self.reference(frame, origin, step, scale);
        frame.z.is_observed(row).then_some((left / scale.spread) as f32)
    }

    /// The scale of counts in the window that ends at `origin`: 1 and their mean, as Salinas et al. 2020 (DeepAR) have it.
    pub(super) fn count_scale(&self, frame: &Frame, origin: usize) -> f64 {
        let observed = self.rows(origin).filter(|&row| frame.values.is_observed(row));
        let (sum, count) =
            observed.fold((0.0, 0usize), |(sum, count), row| (sum + frame.values[row], count + 1));
        1.0 + if count > 0 { sum / count as f64 } else { 0.0 }
    }

    /// The z at `levels` of what the outputs `[horizon, width]` of the network at `origin` stand for, `[horizon, levels]`, appended to
    /// `to`; those of a step rise.
    pub(super) fn forecast(
        &self,
        frame: &Frame,
        origin: usize,
        (head, outputs): (&Head, &[f32]),
        levels: &[f64],
        to: &mut Vec<f64>,
    ) {
        let scale = self.scale(frame, origin);
        let counts = head.of_counts().map(|_| self.count_scale(frame, origin));
        for (h, outputs) in outputs.chunks_exact(head.width()).enumerate() {
            let reference = self.reference(frame, origin, h + 1, scale);
            to.extend(match counts {
                Some(of_counts) => head.quantiles(outputs, of_counts, levels, |value| value),
                None => head.quantiles(outputs, 1.0, levels, |value| reference + scale.spread * value),
            });
        }
    }

    /// The value of a z, or the least value that is forecast where it is below that.
    pub(super) fn bounded(&self, z: f64) -> f64 {
        self.at_least(self.of_z(z))
    }

    /// The value, or the least that is forecast where it is below that.
    pub(super) fn at_least(&self, value: f64) -> f64 {
        // A comparison and not `max`, which would turn a NaN into the least value.
        self.min.filter(|&min| value < min).unwrap_or(value)
    }

    /// The z of a value; `None` where it has no logarithm.
    pub(super) fn z_of(&self, value: f64) -> Option<f64> {
        Some(self.to_z(value)).filter(|z| z.is_finite())
    }
}
