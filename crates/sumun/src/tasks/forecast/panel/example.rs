//! Windows of many series as the network reads them: the last of one of them, for those who look inside, and some of all.

use std::path::Path;

use super::super::network::{KNOWN_AHEAD, first_alone, first_shown};
use super::super::predict::finite;
use super::super::preprocessing::Input;
use super::super::wishes::read_table;
use super::fit::Place;
use super::forecaster::{PanelForecaster, PanelForecasterConfig};
use super::predict::{FEWEST_ROWS, left_out, set_aside};
use super::source::Members;
use super::view::{Frame, View};
use crate::data::quoted;
use crate::report::text::count;
use crate::tasks::example::{Answers, Example, ExampleOf, Given, IntervalAhead, file_name, some_of};
use crate::tasks::inputs::Sequences;
use crate::{Error, Result};

impl PanelForecaster {
    /// With its first network alone; None where it has no other. Error: a model that does not have it.
    pub(super) fn first_alone(&self) -> Result<Option<Self>> {
        let networks = self.config.views.len();
        if networks < 2 {
            return Ok(None);
        }
        let views = self.config.views[..1].to_vec();
        let config = PanelForecasterConfig { views, ..self.config.clone() };
        Ok(Some(Self { config, model: first_alone(&self.model, networks)? }))
    }

    /// The last window of the series of a file that is asked for, or of the first, and what is forecast after it.
    pub(super) fn example_of(&self, file: &Path, of: ExampleOf<'_>) -> Result<Example> {
        let networks = self.config.views.len();
        let alone = self.first_alone()?;
        let Self { config, model } = alone.as_ref().unwrap_or(self);
        let view = config.view();
        let table = read_table(file, &config.reading)?;
        let Members { name, mut members, mut notes, .. } =
            self.members(&table, config.missing, None, Some(view.rows_seen()))?;
        let one_series = config.columns.is_empty();
        if one_series {
            of.is_whole()?;
        }
        let place = of.place(members.len())?;
        if !one_series && members.len() > 1 && matches!(of, ExampleOf::Record(_, None)) {
            notes.push(format!("the first of {} series is shown, as none was chosen", count(members.len())));
        }
        let mut members = vec![members.swap_remove(place)];
        if let Some(problem) =
            left_out(&set_aside(&mut members, FEWEST_ROWS), "no forecast is made", FEWEST_ROWS)
        {
            return Err(Error::Data(format!("{name}: {problem}")));
        }
        let member = &mut members[0];
        let labels = self.ahead(&name, member, view.horizon, view.horizon)?;
        let what = match one_series {
            true => format!("the last window of {}", file_name(file)),
            false => format!("the last window of series {} of {}", quoted(&member.name()), file_name(file)),
        };
        notes.extend(first_shown(networks));
        if view.log {
            notes.push("the series is learnt as logarithms, and what counted is told in them".into());
        }
        if config.of_counts() {
            notes.push(
                "what counted is told of the output that the mean of the counts follows from, before it is made positive"
                    .into(),
            );
        }
        let (frame, origin) = (view.frame(member), member.source.rows - 1);
        let forecasts = config.forecasts(model, &[&frame], &[origin])?;
        let (columns, usual) = config.columns(forecasts.spreads[0]);
        let forecast: Vec<Vec<f64>> = match config.distribution {
            Some(_) => vec![config.medians(&forecasts)],
            None => (0..columns.len()).map(|at| config.quantile(&forecasts, at)).collect(),
        };
        let levels = config.levels.iter().enumerate();
        let interval = |(at, &level)| IntervalAhead { level, ends: config.intervals(&forecasts, at) };
        let intervals: Vec<IntervalAhead> = levels.map(interval).collect();
        let ends = intervals.iter().flat_map(|interval| interval.ends.iter().flatten());
        finite(&name, forecast.iter().flatten().chain(ends).copied())?;
        let answers = Answers::Ahead { steps: labels, columns, forecast, intervals, usual };
        let window = window(view, &frame, origin, answers);
        let first = origin + 1 - window.steps.len();
        let steps = (first..=origin).map(|row| member.source.label(row)).collect();
        Ok(Example { what, steps, notes, ..window })
    }
}

/// The window that ends at `origin` as a network with this view reads it, and what its outputs are.
fn window(view: &View, frame: &Frame, origin: usize, answers: Answers) -> Example {
    let mut values = Vec::new();
    let rows = view.window(frame, origin, &mut values);
    let mut given = Vec::new();
    if view.ahead_width() > 0 {
        let mut values = Vec::new();
        view.ahead(frame, origin, &mut values);
        let (steps, features) = (view.horizon, view.ahead_width());
        given.push(Given { name: KNOWN_AHEAD.into(), steps, features, values });
    }
    let steps = (1..=rows).map(|step| step.to_string()).collect();
    let sequences = Sequences::Numbers { features: view.input_width(), values: vec![values] };
    Example { features: view.row_names(), given, ..Example::new(steps, sequences, answers) }
}

impl PanelForecasterConfig {
    /// The numbers that an output of a step stands for, with what they are multiplied by in a window with this spread; and which of them
    /// is told where none is asked for. A distribution is told by its first output, quantiles each by its own.
    fn columns(&self, spread: f64) -> (Vec<(String, f64)>, usize) {
        let target = &self.view().target;
        if self.distribution.is_some() {
            let scale = if self.of_counts() { 1.0 } else { spread };
            return (vec![(target.clone(), scale)], 0);
        }
        let middle = self.levels.len();
        let named = |(at, level): (usize, &f64)| match at == middle {
            true => (target.clone(), spread),
            false => (format!("{target}, {} %", (1e4 * level).round() / 100.0), spread),
        };
        (self.head().levels().iter().enumerate().map(named).collect(), middle)
    }

    /// Some windows of places in series, as each of the networks reads them: those that say how far back it listens.
    pub(super) fn heard(&self, frames: &[Frame], places: &[Place]) -> Vec<Vec<Example>> {
        let of_view = |view: &View| {
            let at = |at: usize| {
                let Place { series, origin, .. } = places[at];
                let frame = &frames[series];
                let (columns, usual) = self.columns(view.scale(frame, origin).spread);
                let steps = (1..=view.horizon).map(|step| step.to_string()).collect();
                let (forecast, intervals) = (Vec::new(), Vec::new());
                window(view, frame, origin, Answers::Ahead { steps, columns, forecast, intervals, usual })
            };
            some_of(places.len()).map(at).collect()
        };
        self.views.iter().map(of_view).collect()
    }
}

impl View {
    /// What the numbers of a window's row are called, in their order.
    fn row_names(&self) -> Vec<String> {
        let target = &self.target;
        let mut names =
            vec![format!("{target}, level"), format!("{target}, change"), format!("{target}, spread")];
        if self.season > 1 {
            names
                .extend([format!("{target}, change by season"), format!("{target}, season before is there")]);
        }
        let marks = |name: &str| [format!("{name}, there"), format!("{name}, since")];
        if self.marked {
            names.extend(marks(target));
        }
        let inputs = |inputs: &[Input], names: &mut Vec<String>| {
            for input in inputs {
                names.push(input.name.clone());
                if input.marked {
                    names.extend(marks(&input.name));
                }
            }
        };
        inputs(&self.features, &mut names);
        names.extend(self.statics.iter().map(|input| input.name.clone()));
        inputs(&self.known, &mut names);
        names.extend(self.calendar.iter().flat_map(|calendar| calendar.names()));
        names
    }
}
