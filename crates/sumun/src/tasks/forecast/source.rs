//! The columns of a file that a forecaster reads.

use std::ops::Range;

use super::preprocessing::Columns;
use super::time_axis::TimeAxis;
use crate::Result;
use crate::data::{
    Categories, Closed, Column, DateOrder, Filled, Frequency, Loaded, Missing, NONE_CLOSED, NumberForm,
    Resample, Series, SeriesSpec, Split, Table, TimeColumn, TimeFormat, Timestamp, listed, quoted,
};

/// The columns of a series, the known ones with what lies ahead.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Where it came from, as messages name it.
    pub(crate) name: String,
    /// Rows of the past.
    pub(crate) rows: usize,
    /// Rows before the first of these that are not kept.
    pub(crate) first_row: usize,
    /// `[C][rows]`.
    pub(crate) targets: Vec<Filled>,
    /// `[features][rows]`.
    pub(crate) features: Vec<Filled>,
    /// `[known][rows + ahead]`.
    pub(crate) known: Vec<Filled>,
    /// `[rows + ahead]`.
    pub(crate) times: Option<Vec<Timestamp>>,
    /// The time column, if there is one.
    pub(crate) axis: Option<TimeAxis>,
    /// The names of the targets, of the features, and of the known columns.
    pub(crate) target_names: Vec<String>,
    pub(crate) feature_names: Vec<String>,
    pub(crate) known_names: Vec<String>,
    /// The columns of words, which are features or known columns of zeros and ones.
    pub(crate) categories: Vec<Categories>,
    /// How the columns are written, by name.
    pub(crate) forms: Vec<(String, NumberForm)>,
    /// What was noticed.
    pub(crate) notes: Vec<String>,
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// What to say of the values of a target that have no logarithm, where one is taken.
pub(crate) fn unreadable(name: &str, values: &Filled) -> Option<String> {
    let observed = values.observed(0..values.len());
    let count = observed.iter().filter(|&&value| value <= 0.0).count();
    let [are, have, them] =
        if count == 1 { ["value is", "has", "it"] } else { ["values are", "have", "them"] };
    (count > 0).then(|| {
        format!(
            "column {}: {count} {are} at or below 0 and {have} no logarithm, which the model takes; it reads {them} as missing \
             and puts a straight line there",
            quoted(name)
        )
    })
}

/// Which columns to read.
pub(crate) struct Wanted<'a> {
    pub(crate) targets: Vec<&'a str>,
    pub(crate) features: Vec<&'a str>,
    pub(crate) known: Vec<&'a str>,
    /// Those of them in which values may be missing anywhere.
    pub(crate) sparse: &'a [&'a str],
    pub(crate) time: TimeColumn<'a>,
    pub(crate) missing: Missing,
    pub(crate) last: Option<usize>,
    pub(crate) resample: Option<Resample>,
    pub(crate) forms: &'a [(String, NumberForm)],
    pub(crate) expected_frequency: Option<Frequency>,
    pub(crate) date_order: Option<DateOrder>,
    pub(crate) timezone: Option<&'a str>,
    pub(crate) expected_format: Option<&'a TimeFormat>,
    pub(crate) series: Option<&'a str>,
    pub(crate) closed: &'a Closed,
}

/// What a model keeps of how the file was read that it learnt from.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsLearnt<'a> {
    pub(super) time: Option<&'a TimeAxis>,
    /// Whether its network reads the calendar.
    pub(super) calendar: bool,
    pub(super) resample: Option<Resample>,
    pub(super) forms: &'a [(String, NumberForm)],
    pub(super) series: Option<&'a str>,
}

impl<'a> AsLearnt<'a> {
    /// The same of another table: its targets, features and known columns; of interest are the `last` rows, or all.
    pub(super) fn wanted(
        &self,
        table: &Table,
        [targets, features, known]: [Vec<&'a str>; 3],
        missing: Missing,
        last: Option<usize>,
    ) -> Wanted<'a> {
        // Without a calendar the times only name the rows, and a file may do without.
        let axis = self.time.filter(|axis| self.calendar || has_columns(table, &axis.column));
        Wanted {
            targets,
            features,
            known,
            sparse: &[],
            time: axis.map_or(TimeColumn::None, |axis| TimeColumn::Named(&axis.column)),
            missing,
            last,
            resample: self.resample,
            forms: self.forms,
            expected_frequency: axis.and_then(|axis| axis.frequency),
            date_order: None,
            timezone: None,
            expected_format: self.time.map(|axis| &axis.format),
            // A file of this series alone needs no column that says so.
            series: self.series.filter(|series| {
                series.split_once('=').is_some_and(|(column, _)| has_columns(table, column.trim()))
            }),
            closed: axis.map_or(&NONE_CLOSED, |axis| &axis.closed),
        }
    }
}

/// Whether a table has a column, or all of those with `+` between their names.
fn has_columns(table: &Table, names: &str) -> bool {
    let has = |name: &str| table.header().iter().any(|header| header == name);
    has(names) || names.split('+').all(|name| has(name.trim()))
}

impl Wanted<'_> {
    /// The columns that are known up to the present.
    pub(super) fn columns(&self) -> Vec<&str> {
        self.targets.iter().chain(&self.features).copied().collect()
    }

    /// What to read of a table, with those columns.
    pub(super) fn spec<'b>(&'b self, columns: &'b [&'b str]) -> SeriesSpec<'b> {
        let wanted = self;
        SeriesSpec {
            time: wanted.time,
            columns,
            known: &wanted.known,
            sparse: wanted.sparse,
            missing: wanted.missing,
            last: wanted.last,
            resample: wanted.resample,
            forms: wanted.forms,
            expected_frequency: wanted.expected_frequency,
            date_order: wanted.date_order,
            timezone: wanted.timezone,
            expected_format: wanted.expected_format,
            series: wanted.series,
            closed: wanted.closed,
        }
    }
}

impl Source {
    /// Reads them. Errors as [`Series::from_table`].
    pub(crate) fn read(table: &Table, wanted: &Wanted<'_>) -> Result<Self> {
        Ok(Self::of(Series::from_table(table, &wanted.spec(&wanted.columns()))?, wanted))
    }

    /// What was read, with the columns in their places.
    pub(super) fn of(loaded: Loaded, wanted: &Wanted<'_>) -> Self {
        let Loaded { series, future, forms, notes } = loaded;
        let mut values = series.columns.into_iter().map(|column| Filled::new(column.values, column.imputed));
        let mut take = |count: usize| values.by_ref().take(count).collect::<Vec<_>>();
        let targets = take(wanted.targets.len());
        let features = take(wanted.features.len());
        let mut known = take(wanted.known.len());
        let mut times = series.timestamps;
        if let Some(future) = future {
            for (all, Column { values, .. }) in known.iter_mut().zip(future.columns) {
                all.append(values.into());
            }
            if let (Some(all), Some(more)) = (&mut times, future.timestamps) {
                all.extend(more);
            }
        }
        let axis = match (series.time_column, series.format) {
            (Some(column), Some(format)) => {
                Some(TimeAxis { column, format, frequency: series.frequency, closed: series.closed })
            }
            _ => None,
        };
        let rows = targets.first().map_or(0, |target| target.len());
        Self {
            name: series.source,
            rows,
            first_row: series.first_row,
            targets,
            features,
            known,
            times,
            axis,
            target_names: owned(&wanted.targets),
            feature_names: owned(&wanted.features),
            known_names: owned(&wanted.known),
            categories: Vec::new(),
            forms,
            notes,
        }
    }

    /// Leaves out the categories that no row of `train` has: nothing can be learnt about them.
    pub(crate) fn forget_unseen(&mut self, train: &Range<usize>) {
        for categories in &mut self.categories {
            let column = categories.column.clone();
            let mut unseen = Vec::new();
            categories.names.retain(|name| {
                let full = format!("{column}={name}");
                for (names, columns) in
                    [(&mut self.feature_names, &mut self.features), (&mut self.known_names, &mut self.known)]
                {
                    if let Some(place) = names.iter().position(|other| *other == full)
                        && columns[place][train.clone()].iter().all(|&value| value == 0.0)
                    {
                        names.remove(place);
                        columns.remove(place);
                        unseen.push(name.clone());
                        return false;
                    }
                }
                true
            });
            if !unseen.is_empty() {
                self.notes.push(format!(
                    "column {}: {} not in the training part and coded as none of the others",
                    quoted(&column),
                    match unseen.as_slice() {
                        [one] => format!("{} is", quoted(one)),
                        several => format!("{} are", listed(several)),
                    }
                ));
            }
        }
    }

    /// Leaves out all columns but the targets.
    pub(crate) fn keep_targets(&mut self) {
        for (names, columns) in
            [(&mut self.feature_names, &mut self.features), (&mut self.known_names, &mut self.known)]
        {
            names.clear();
            columns.clear();
        }
        self.categories.clear();
        let targets = &self.target_names;
        self.forms.retain(|(name, _)| targets.contains(name));
    }

    /// Whether any target value of `rows` was read: whether there is anything to compare a forecast with.
    pub(crate) fn has_values(&self, rows: &Range<usize>) -> bool {
        self.targets.iter().any(|target| target.holes(rows.clone()) < rows.len())
    }

    /// What to say of target values that do not count: how many were filled in, in each part, and which have no logarithm
    /// where one is taken.
    pub(crate) fn left_out(&self, split: &Split, logs: &[bool]) -> Vec<String> {
        let mut notes = Vec::new();
        let parts = [("training", &split.train), ("validation", &split.valid), ("test", &split.test)];
        let filled =
            |rows: &Range<usize>| self.targets.iter().map(|target| target.holes(rows.clone())).sum::<usize>();
        if parts.iter().any(|(_, rows)| filled(rows) > 0) {
            let counts: Vec<String> = parts
                .iter()
                .filter(|(_, rows)| !rows.is_empty())
                .map(|(name, rows)| {
                    format!("{} of {} in the {name} part", filled(rows), rows.len() * self.targets.len())
                })
                .collect();
            notes.push(format!(
                "target values that were filled in count neither in the loss nor in any figure: {}",
                counts.join(", ")
            ));
        }
        let logs = logs.iter().zip(&self.targets).zip(&self.target_names).filter(|((log, _), _)| **log);
        notes.extend(logs.filter_map(|((_, values), name)| unreadable(name, values)));
        notes
    }

    /// How row `row` (counted from 0, ahead ones included) is called: its time as the file writes it, or its number
    /// counted from 1.
    pub(crate) fn label(&self, row: usize) -> String {
        match (&self.times, &self.axis) {
            (Some(times), Some(axis)) if row < times.len() => axis.format.print(&times[row]),
            _ => (self.first_row + row + 1).to_string(),
        }
    }

    /// The step between rows, if there is a time column that shows one.
    pub(crate) fn frequency(&self) -> Option<&Frequency> {
        self.axis.as_ref().and_then(|axis| axis.frequency.as_ref())
    }

    /// Views of all columns.
    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns {
            targets: &self.targets,
            features: &self.features,
            known: &self.known,
            times: self.times.as_deref(),
            format: self.axis.as_ref().map(|axis| &axis.format),
        }
    }
}
