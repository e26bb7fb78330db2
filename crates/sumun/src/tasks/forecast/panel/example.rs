//! The last window of one of many series as the network reads it.

use std::path::Path;

use super::super::network::{KNOWN_AHEAD, first_alone, first_shown};
use super::super::predict::finite;
use super::super::preprocessing::Input;
use super::super::wishes::read_table;
use super::forecaster::{PanelForecaster, PanelForecasterConfig};
use super::predict::{FEWEST_ROWS, left_out, set_aside};
use super::source::Members;
use super::view::View;
use crate::data::quoted;
use crate::report::text::count;
use crate::tasks::example::{Answers, Example, ExampleOf, Given, file_name};
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
        let spread = forecasts.spreads[0];
        // A distribution is told by its first output, quantiles each by its own.
        let (columns, forecast, usual) = match config.distribution {
            Some(_) => {
                let scale = if config.of_counts() { 1.0 } else { spread };
                (vec![(view.target.clone(), scale)], vec![config.medians(&forecasts)], 0)
            }
            None => {
                let (head, middle) = (config.head(), config.levels.len());
                let named = |(at, level): (usize, &f64)| match at == middle {
                    true => (view.target.clone(), spread),
                    false => (format!("{}, {} %", view.target, (1e4 * level).round() / 100.0), spread),
                };
                let columns: Vec<(String, f64)> = head.levels().iter().enumerate().map(named).collect();
                let forecast = (0..columns.len()).map(|at| config.quantile(&forecasts, at)).collect();
                (columns, forecast, middle)
            }
        };
        finite(&name, forecast.iter().flatten().copied())?;
        let mut values = Vec::new();
        let rows = view.window(&frame, origin, &mut values);
        let mut given = Vec::new();
        if view.ahead_width() > 0 {
            let mut values = Vec::new();
            view.ahead(&frame, origin, &mut values);
            let (steps, features) = (view.horizon, view.ahead_width());
            given.push(Given { name: KNOWN_AHEAD.into(), steps, features, values });
        }
        let steps = (origin + 1 - rows..=origin).map(|row| member.source.label(row)).collect();
        let answers = Answers::Ahead { steps: labels, columns, forecast, usual };
        let sequences = Sequences::Numbers { features: view.input_width(), values: vec![values] };
        let features = view.row_names();
        Ok(Example { what, features, notes, given, ..Example::new(steps, sequences, answers) })
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
