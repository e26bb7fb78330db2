//! Files of closed days: a date in each line, or a table with a column of dates.

use super::axis::{self, Asked, TimeColumn};
use super::closed::Closed;
use super::text_file::TextFile;
use super::time::{DateOrder, TimeFormat, TimeHints, Timestamp, Verdict, clocked, judge};
use super::{ReadOptions, Table};
use crate::message::key;
use crate::{Error, Result};
use jiff::civil::Time;
use std::path::Path;

impl Closed {
    /// Reads a file with a date in each line, or a table with a column of dates; numbers such as `01/02/2024` are read in
    /// `order`. Returns the SHA-256 of the file as well. Errors: a file without dates, and one with a line that is none or
    /// a time of day.
    pub(crate) fn read(path: &Path, order: Option<DateOrder>) -> Result<(Self, TextFile)> {
        if path == Path::new("-") {
            return Err(Error::setting(key("closed"), "-", "the name of a file with a date in each line"));
        }
        let file = TextFile::open_with(path, "CSV", &ReadOptions::default())?;
        Ok((Self::from_text(&file, order)?, file))
    }

    fn from_text(file: &TextFile, order: Option<DateOrder>) -> Result<Self> {
        let name = file.name();
        let lines = file.text().lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let cells: Vec<(usize, &str)> =
            lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
        if cells.is_empty() {
            return Err(Error::Data(format!(
                "{name}: the file is empty; give a date in each line, such as 2024-12-25"
            )));
        }
        let hints = TimeHints { order, ..TimeHints::default() };
        let no_list = match judge(name, "date", &cells, &hints) {
            Verdict::Times(found) => {
                let (times, format, _) = clocked(name, "date", &cells, found, &hints)?;
                return Self::of_times(name, &times, &format);
            }
            Verdict::Broken(error) | Verdict::Unlike(error) => error,
        };
        let Ok(table) = Table::from_text(file, None) else { return Err(no_list) };
        let rows: Vec<usize> = (0..table.rows()).collect();
        let asked = Asked { time: TimeColumn::Auto, taken: &[], rows: &rows, hints };
        match axis::find(&table, &asked, &mut Vec::new()) {
            Ok(Some(times)) => Self::of_times(name, &times.values, &times.format),
            Err(error) if table.header().len() > 1 => Err(error),
            Ok(None) if table.header().len() > 1 => Err(Error::Data(format!(
                "{name}: no column has dates in every row; give a date in each line, such as 2024-12-25"
            ))),
            _ => Err(no_list),
        }
    }

    fn of_times(name: &str, times: &[Timestamp], format: &TimeFormat) -> Result<Self> {
        if !format.names_days() {
            return Err(Error::Data(format!(
                "{name}: {} is no day; give whole dates, such as 2024-12-25",
                times.first().map_or_else(String::new, |time| format.print(time))
            )));
        }
        let local = |time: &Timestamp| format.local(time);
        if let Some(time) = times.iter().find(|time| local(time).time() != Time::midnight()) {
            return Err(Error::Data(format!(
                "{name}: {} is a time of day, and what is closed are whole days; give dates, such as 2024-12-25",
                format.print(time)
            )));
        }
        Ok(Self::new(times.iter().map(|time| local(time).date()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Series, SeriesSpec};

    fn read(text: &str, order: Option<DateOrder>) -> Result<Closed> {
        let file = TextFile::from_reader_with("c.txt", text.as_bytes(), "CSV", &ReadOptions::default())?;
        Closed::from_text(&file, order)
    }

    #[test]
    fn lists_and_tables_of_dates() {
        for text in [
            "2024-12-26\n2024-12-25\n2024-12-25\n",
            "# holidays\n\n2024-12-25\r\n2024-12-26",
            "date\n2024-12-25\n2024-12-26\n",
            "holiday,date,state\n\"Christmas, first\",2024-12-25,all\nBoxing Day,2024-12-26,all\n",
            "date;name\n25.12.2024;a\n26.12.2024;b\n",
            "20241225\n20241226\n",
            "2024-12-25 00:00:00\n2024-12-26 00:00:00\n",
            "12/25/2024\n12/26/2024\n",
        ] {
            let days: Vec<String> =
                read(text, None).unwrap().days().iter().map(ToString::to_string).collect();
            assert_eq!(days, ["2024-12-25", "2024-12-26"], "{text:?}");
        }
        assert_eq!(read("2024-12-25\n", None).unwrap().days().len(), 1);
        let day = read("01/02/2024\n", Some(DateOrder::Day)).unwrap();
        assert_eq!(day.days()[0].to_string(), "2024-02-01");
    }

    #[test]
    fn what_names_no_days_is_one_error() {
        for (text, expected) in [
            ("", "c.txt: the file is empty; give a date in each line"),
            ("# none\n", "c.txt: the file is empty"),
            ("2024-12-25\nChristmas\n", "c.txt: row 2, column 'date': 'Christmas' is not"),
            ("2024-12-25\n2024-02-30\n", "c.txt: row 2, column 'date': '2024-02-30' is no date"),
            ("10000-01-01\n", "c.txt: row 1, column 'date': '10000-01-01' is not a time"),
            (
                "01/02/2024\n",
                "c.txt: row 1, column 'date': '01/02/2024' does not say which number is the day",
            ),
            ("2024-11\n2024-12\n", "c.txt: 2024-11 is no day; give whole dates"),
            ("2024\n2025\n", "c.txt: 2024 is no day"),
            ("2024-12-24 14:00\n", "c.txt: 2024-12-24 14:00 is a time of day"),
            ("name,state\na,b\nc,d\n", "c.txt: no column has dates in every row"),
            (
                "name,date\na,2024-12-25\nb,2024-12-32\n",
                "c.txt: row 3, column 'date': '2024-12-32' is no date",
            ),
        ] {
            let error = read(text, None).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{text:?}: {error}");
        }
    }

    fn series(text: &str, closed: &Closed) -> Result<(Series, Vec<String>)> {
        let table = Table::from_reader("f.csv", text.as_bytes())?;
        let loaded = Series::from_table(&table, &SeriesSpec { closed, ..SeriesSpec::new(&["y"]) })?;
        Ok((loaded.series, loaded.notes))
    }

    #[test]
    fn rows_on_closed_days_are_left_out_and_said() {
        let closed = read("2024-01-03\n2024-01-06\n", None).unwrap();
        // Newest first, with rows on both days.
        let days = ["07", "06", "05", "04", "03", "02", "01"];
        let rows: String = days.iter().map(|day| format!("2024-01-{day},{day}\n")).collect();
        let (series, notes) = self::series(&format!("date,y\n{rows}"), &closed).unwrap();
        assert_eq!(series.columns[0].values, [1.0, 2.0, 4.0, 5.0, 7.0]);
        for said in [
            "2 days are closed and have no rows, 2024-01-03 … 2024-01-06",
            "2 rows on days that are closed are left out, the first of them that of 2024-01-03",
            "no day after the end of the data (2024-01-07) is named as closed",
        ] {
            assert!(notes.iter().any(|note| note == said), "{notes:?}");
        }
        assert_eq!(series.future_labels(1).unwrap(), ["2024-01-08"]);
    }

    #[test]
    fn closed_days_need_days() {
        let closed = read("2024-01-03\n", None).unwrap();
        for (text, expected) in [
            ("y\n1\n2\n", "f.csv: there are no times; name their column with time, or leave out closed"),
            (
                "m,y\n2024-01,1\n2024-02,2\n",
                "closed names days, but the rows of f.csv are monthly; leave it out",
            ),
            ("d,y\n2024-01-01,1\n2024-01-08,2\n", "closed names days, but the rows of f.csv are weekly"),
            ("d,y\n2024-01-03,1\n", "f.csv: all 1 rows are on days that are closed"),
        ] {
            let error = series(text, &closed).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
