//! The series of a panel with the columns that a forecaster reads.

use super::super::source::{Source, Wanted};
use crate::data::{Panel, Table, panel_id, quoted};
use crate::{Error, Result};

/// Many series of a table, or one.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Members {
    /// Where they came from, as messages name it.
    pub(in crate::tasks) name: String,
    /// The columns that tell them apart; none where there is one series.
    pub(super) columns: Vec<String>,
    /// The series, in the order in which the file begins them; at least one.
    pub(in crate::tasks) members: Vec<Member>,
    /// What was noticed.
    pub(in crate::tasks) notes: Vec<String>,
}

/// One of several series.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Member {
    /// What stands in the columns that tell the series apart.
    pub(in crate::tasks) id: Vec<String>,
    pub(in crate::tasks) source: Source,
    /// One value a static column; `None` where it is missing.
    pub(in crate::tasks) statics: Vec<Option<f64>>,
}

impl Member {
    /// What messages call it.
    pub(super) fn name(&self) -> String {
        panel_id(&self.id)
    }
}

impl Members {
    /// Reads them. `columns` tell the series apart, `statics` have one value in each. Errors as
    /// [`Panel::from_table`]; a static column that changes within a series.
    pub(in crate::tasks) fn read(
        table: &Table,
        wanted: &Wanted<'_>,
        columns: &[&str],
        statics: &[String],
    ) -> Result<Self> {
        let of_target = wanted.columns();
        if columns.is_empty() {
            let mut source = Source::read(table, wanted)?;
            let notes = std::mem::take(&mut source.notes);
            let all: Vec<usize> = (0..table.rows()).collect();
            let statics = statics.iter().map(|name| fixed(table, name, &all, "")).collect::<Result<_>>()?;
            let members = vec![Member { id: Vec::new(), source, statics }];
            return Ok(Self { name: table.name().to_owned(), columns: Vec::new(), members, notes });
        }
        let taken: Vec<&str> = statics.iter().map(String::as_str).collect();
        let Panel { columns, members, notes } =
            Panel::from_table(table, &wanted.spec(&of_target), columns, &taken)?;
        let numbers = statics
            .iter()
            .map(|name| table.numbers(name, None).map(|column| column.values))
            .collect::<Result<Vec<_>>>()?;
        let mut all = Vec::with_capacity(members.len());
        for member in members {
            let series = format!(" of series {}", quoted(&panel_id(&member.id)));
            let of = statics.iter().zip(&numbers);
            let statics = of
                .map(|(name, values)| one_value(table, name, values, &member.rows, &series))
                .collect::<Result<_>>()?;
            all.push(Member { id: member.id, source: Source::of(member.loaded, wanted), statics });
        }
        Ok(Self { name: table.name().to_owned(), columns, members: all, notes })
    }

    /// The first series: what all have alike stands there.
    pub(super) fn first(&self) -> &Source {
        &self.members[0].source
    }

    /// How many rows all series have.
    pub(super) fn rows(&self) -> usize {
        self.members.iter().map(|member| member.source.rows).sum()
    }
}

fn fixed(table: &Table, name: &str, rows: &[usize], series: &str) -> Result<Option<f64>> {
    one_value(table, name, &table.numbers(name, None)?.values, rows, series)
}

/// The one value that a static column has in these rows; `None` where it has none.
fn one_value(
    table: &Table,
    name: &str,
    values: &[Option<f64>],
    rows: &[usize],
    series: &str,
) -> Result<Option<f64>> {
    let mut found: Option<(usize, f64)> = None;
    for &row in rows {
        let Some(value) = values[row] else { continue };
        match found {
            None => found = Some((row, value)),
            Some((first, other)) if other != value => {
                let rows = [first, row].map(|row| table.line(row).to_string());
                return Err(Error::Data(format!(
                    "{}: column {} is {other} in row {} and {value} in row {}{series}; a static column has one value a \
                     series, one that changes is a feature or known ahead",
                    table.name(),
                    quoted(name),
                    rows[0],
                    rows[1],
                )));
            }
            Some(_) => {}
        }
    }
    Ok(found.map(|(_, value)| value))
}
