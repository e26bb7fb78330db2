//! Which step of a series, or of many, each row of a table is of: so that a table can be cut where a forecast begins.

use super::axis;
use super::panel::Panel;
use super::series::{Read, Series, SeriesSpec};
use super::table::Table;
use super::time::Timestamp;
use crate::Result;

/// The steps of a table's rows.
#[derive(Debug, Clone)]
pub(crate) struct RowPlaces {
    /// The step of each row of the table, counted from 0; `None` of rows of other series, and of those after the end, where only
    /// what is known ahead stands.
    of_row: Vec<Option<usize>>,
    /// The rows of each of several series; one entry where there is one.
    series: Vec<Vec<usize>>,
    /// What each step is called.
    pub(crate) labels: Vec<String>,
}

impl RowPlaces {
    /// Of the series that `columns` tell apart, or of one. Steps of several series with times are those of the calendar; without
    /// times they are counted from the end of each. `taken` are columns that hold no times. Errors as
    /// [`Series::from_table`] and [`Panel::from_table`].
    pub(crate) fn of(table: &Table, spec: &SeriesSpec<'_>, columns: &[&str], taken: &[&str]) -> Result<Self> {
        let mut of_row = vec![None; table.rows()];
        let loaded = if columns.is_empty() {
            let rows = match spec.series {
                Some(wanted) => axis::rows_of(table, wanted)?,
                None => (0..table.rows()).collect(),
            };
            vec![(rows, Series::from_table(table, spec)?.series)]
        } else {
            let panel = Panel::from_table(table, spec, columns, taken)?;
            panel.members.into_iter().map(|member| (member.rows, member.loaded.series)).collect()
        };
        let not_times: Vec<&str> = columns.iter().chain(taken).copied().collect();
        let mut grid: Vec<Timestamp> = Vec::new();
        for (_, series) in &loaded {
            grid.extend(series.timestamps.iter().flatten());
        }
        grid.sort_unstable();
        grid.dedup();
        let most = loaded.iter().map(|(_, series)| series.len()).max().unwrap_or(0);
        for (rows, series) in &loaded {
            let times = Read::new(table, spec, rows.clone(), &not_times)?.times;
            let Some((times, own)) = times.zip(series.timestamps.as_ref()) else {
                let before = most - series.len();
                let within = rows.iter().take(series.len()).enumerate();
                within.for_each(|(rank, &row)| of_row[row] = Some(before + rank));
                continue;
            };
            let end = series.future_timestamps(1)?.and_then(|next| next.first().copied());
            for (&row, time) in rows.iter().zip(&times.values) {
                let after = end.map_or(own.last() < Some(time), |end| *time >= end);
                of_row[row] = grid.partition_point(|step| step <= time).checked_sub(1).filter(|_| !after);
            }
        }
        let labels = match loaded.first().and_then(|(_, series)| series.format.as_ref()) {
            Some(format) if !grid.is_empty() => grid.iter().map(|time| format.print(time)).collect(),
            _ => (1..=most).map(|step| step.to_string()).collect(),
        };
        Ok(Self { of_row, series: loaded.into_iter().map(|(rows, _)| rows).collect(), labels })
    }

    /// How many steps there are.
    pub(crate) fn steps(&self) -> usize {
        self.labels.len()
    }

    /// The rows up to and with a step.
    pub(crate) fn until(&self, table: &Table, step: usize) -> Table {
        let rows: Vec<usize> = (0..self.of_row.len()).filter(|&row| self.is_until(row, step)).collect();
        table.with_rows(&rows)
    }

    /// The same of the series that have a row at that step alone, and how many these are.
    pub(crate) fn reaching(&self, table: &Table, step: usize) -> (Table, usize) {
        let reaches = |rows: &&Vec<usize>| rows.iter().any(|&row| self.of_row[row] == Some(step));
        let reaching: Vec<&Vec<usize>> = self.series.iter().filter(reaches).collect();
        let count = reaching.len();
        let mut rows: Vec<usize> =
            reaching.into_iter().flatten().copied().filter(|&row| self.is_until(row, step)).collect();
        rows.sort_unstable();
        (table.with_rows(&rows), count)
    }

    fn is_until(&self, row: usize, step: usize) -> bool {
        self.of_row[row].is_some_and(|place| place <= step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(table: &Table) -> Vec<usize> {
        (0..table.rows()).map(|row| table.line(row)).collect()
    }

    fn places(text: &str, columns: &[&str], known: &[&str]) -> (Table, RowPlaces) {
        let table = Table::from_reader("f.csv", text.as_bytes()).unwrap();
        let spec = SeriesSpec { known, ..SeriesSpec::new(&["y"]) };
        let places = RowPlaces::of(&table, &spec, columns, &[]).unwrap();
        (table, places)
    }

    #[test]
    fn rows_are_cut_by_their_times_in_any_order() {
        let (table, places) =
            places("ds,y\n2024-01-04,4\n2024-01-03,3\n2024-01-02,2\n2024-01-01,1\n", &[], &[]);
        assert_eq!((places.steps(), places.labels[1].as_str()), (4, "2024-01-02"));
        assert_eq!(lines(&places.until(&table, 1)), [4, 5]);
        let (table, places) = self::places("y\n4\n3\n2\n", &[], &[]);
        assert_eq!((lines(&places.until(&table, 1)), places.labels[1].as_str()), (vec![2, 3], "2"));
    }

    #[test]
    fn rows_that_only_know_what_is_ahead_are_no_steps() {
        let text = "ds,y,k\n2024-01-01,1,0\n2024-01-02,2,0\n2024-01-03,3,1\n2024-01-04,,1\n";
        let (table, places) = places(text, &[], &["k"]);
        assert_eq!(places.steps(), 3);
        assert_eq!(lines(&places.until(&table, 2)), [2, 3, 4]);
    }

    #[test]
    fn several_series_are_cut_on_one_calendar_or_from_their_ends() {
        let text = "id,ds,y\nA,2024-01-01,1\nA,2024-01-02,2\nA,2024-01-03,3\nB,2024-01-02,5\nB,2024-01-03,6\nB,2024-01-04,7\n";
        let (table, places) = places(text, &["id"], &[]);
        assert_eq!(places.steps(), 4);
        assert_eq!(lines(&places.until(&table, 1)), [2, 3, 5]);
        // A has no row at the last step.
        let (cut, count) = places.reaching(&table, 3);
        assert_eq!((lines(&cut), count), (vec![5, 6, 7], 1));
        let (table, places) = self::places("id,y\nA,1\nA,2\nA,3\nB,5\n", &["id"], &[]);
        assert_eq!(lines(&places.until(&table, 1)), [2, 3]);
        assert_eq!(places.reaching(&table, 2).1, 2);
    }
}
