//! Timestamps as people write them, and printed back the same way.

use super::names::quoted;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A moment on the wall clock, without a time zone.
pub type Timestamp = jiff::civil::DateTime;

/// The smallest unit that a timestamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// `2010`
    Year,
    /// `2010-03`
    Month,
    /// `2010-03-14`
    Day,
    /// `2010-03-14 01:00`
    Minute,
    /// `2010-03-14 01:00:00`, with or without a fraction.
    Second,
}

/// Which part of a date is written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// `2010-03-14`
    #[default]
    Year,
    /// `14.03.2010`
    Day,
    /// `3/14/2010`
    Month,
}

/// How a time column is written, so that new timestamps are printed in the very same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFormat {
    /// The smallest unit shown.
    pub resolution: Resolution,
    /// The order of year, month and day.
    #[serde(default)]
    pub order: DateOrder,
    /// Between year, month and day: `-`, `/` or `.`.
    pub separator: char,
    /// Between day and hour: a blank or `T`.
    pub joiner: char,
    /// Digits of the fraction of a second, 0 for none.
    pub fraction_digits: u8,
    /// What ends every timestamp: nothing, `Z`, or an offset such as `+09:00`. It is kept, never converted.
    pub offset: String,
    /// Whether months and days have a leading zero.
    pub padded_date: bool,
    /// Whether hours have a leading zero.
    pub padded_hour: bool,
}

impl TimeFormat {
    /// Writes `time` in this form. Parts finer than the resolution are left out.
    pub fn print(&self, time: &Timestamp) -> String {
        let s = self.separator;
        let two = |value: i8, padded: bool| if padded { format!("{value:02}") } else { value.to_string() };
        let year = format!("{:04}", time.year());
        let month = two(time.month(), self.padded_date);
        let day = two(time.day(), self.padded_date);
        let mut text = match (self.order, self.resolution) {
            (DateOrder::Day, _) => format!("{day}{s}{month}{s}{year}"),
            (DateOrder::Month, _) => format!("{month}{s}{day}{s}{year}"),
            (DateOrder::Year, Resolution::Year) => year,
            (DateOrder::Year, Resolution::Month) => format!("{year}{s}{month}"),
            (DateOrder::Year, _) => format!("{year}{s}{month}{s}{day}"),
        };
        if matches!(self.resolution, Resolution::Minute | Resolution::Second) {
            text += &format!("{}{}:{:02}", self.joiner, two(time.hour(), self.padded_hour), time.minute());
        }
        if self.resolution == Resolution::Second {
            text += &format!(":{:02}", time.second());
            if self.fraction_digits > 0 {
                let nanoseconds = format!("{:09}", time.subsec_nanosecond());
                text += &format!(".{}", &nanoseconds[..usize::from(self.fraction_digits).min(9)]);
            }
        }
        text + &self.offset
    }
}

/// Reads a whole time column; `cells` are the row numbers and texts, `source` and `column` are for messages.
///
/// Accepted: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, and with a blank or `T` also `HH:MM`, `HH:MM:SS` and a fraction;
/// slashes or dots may stand for the dashes; `Z` or an offset may follow if it is the same on every row.
/// `DD.MM.YYYY` is read too, and so are days and months between slashes or dashes if a number above 12 somewhere in
/// the column says which is which.
/// Errors: a cell of another form, days and months that could be either, a date that the calendar lacks, and rows
/// written in different forms.
pub fn parse_times<'a>(
    source: &str,
    column: &str,
    cells: impl IntoIterator<Item = (usize, &'a str)>,
) -> Result<(Vec<Timestamp>, TimeFormat)> {
    let cells: Vec<(usize, &str)> = cells.into_iter().collect();
    let order = find_order(&cells);
    let mut times = Vec::new();
    let mut first: Option<(usize, &str, TimeFormat)> = None;
    for (row, text) in cells {
        let fail = |why: &str| {
            Error::Data(format!("{source}: row {row}, column {}: {} {why}", quoted(column), quoted(text)))
        };
        let (time, format) = parse(text, order).map_err(|problem| fail(problem.text()))?;
        times.push(time);
        let Some((first_row, first_text, whole)) = &mut first else {
            first = Some((row, text, format));
            continue;
        };
        if format.offset != whole.offset {
            let why = format!(
                "has another offset from UTC than row {first_row} ({}); write all times with one offset",
                quoted(first_text)
            );
            return Err(fail(&why));
        }
        let shape = |f: &TimeFormat| (f.resolution, f.separator, f.joiner);
        if shape(&format) != shape(whole) {
            let why = format!(
                "is written in another form than row {first_row} ({}); use one form",
                quoted(first_text)
            );
            return Err(fail(&why));
        }
        whole.fraction_digits = whole.fraction_digits.max(format.fraction_digits);
        whole.padded_date &= format.padded_date;
        whole.padded_hour &= format.padded_hour;
    }
    match first {
        Some((.., format)) => Ok((times, format)),
        None => Err(Error::Data(format!("{source}: column {} has no rows", quoted(column)))),
    }
}

/// Why a cell is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Empty,
    DayOrMonthFirst,
    NotInCalendar,
    Unknown,
}

impl Problem {
    fn text(self) -> &'static str {
        match self {
            Self::Empty => "is empty; every row needs a time",
            Self::DayOrMonthFirst => "does not say which number is the day; write dates as YYYY-MM-DD",
            Self::NotInCalendar => "is no date or time of the calendar; correct it",
            Self::Unknown => "is not a time; write YYYY-MM-DD, with HH:MM or HH:MM:SS if needed",
        }
    }
}

/// The order of the dates in a column; year first where nothing says otherwise.
fn find_order(cells: &[(usize, &str)]) -> DateOrder {
    let told = |&(_, text): &(usize, &str)| match small_numbers_first(text)? {
        (b'.', _, _) => Some(DateOrder::Day),
        (_, first, _) if first > 12 => Some(DateOrder::Day),
        (_, _, second) if second > 12 => Some(DateOrder::Month),
        _ => None,
    };
    cells.iter().find_map(told).unwrap_or_default()
}

fn parse(text: &str, order: DateOrder) -> Result<(Timestamp, TimeFormat), Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if order == DateOrder::Year && small_numbers_first(text).is_some() {
        return Err(Problem::DayOrMonthFirst);
    }
    let mut rest = Scanner(text.as_bytes());
    let mut format = TimeFormat {
        resolution: Resolution::Year,
        order,
        separator: '-',
        joiner: ' ',
        fraction_digits: 0,
        offset: String::new(),
        padded_date: true,
        padded_hour: true,
    };
    let (year, month, day) = parse_date(&mut rest, &mut format)?;
    let (mut hour, mut minute, mut second, mut nanosecond) = (0, 0, 0, 0);
    if format.resolution == Resolution::Day
        && let Some(joiner) = rest.one_of(b" T")
    {
        format.joiner = joiner as char;
        let width;
        (hour, width) = rest.number(1, 2)?;
        format.padded_hour = width == 2;
        rest.one_of(b":").ok_or(Problem::Unknown)?;
        minute = rest.number(2, 2)?.0;
        format.resolution = Resolution::Minute;
        if rest.one_of(b":").is_some() {
            second = rest.number(2, 2)?.0;
            format.resolution = Resolution::Second;
            if rest.one_of(b".").is_some() {
                let (fraction, width) = rest.number(1, 9)?;
                nanosecond = fraction * 10_i32.pow(9 - width);
                format.fraction_digits = width as u8;
            }
        }
        format.offset = rest.offset()?;
    }
    if !rest.0.is_empty() {
        return Err(Problem::Unknown);
    }
    // Every number has at most four digits here, so that the narrowing keeps them.
    let time = Timestamp::new(
        year as i16,
        month as i8,
        day as i8,
        hour as i8,
        minute as i8,
        second as i8,
        nanosecond,
    )
    .map_err(|_| Problem::NotInCalendar)?;
    Ok((time, format))
}

/// Year, month and day in the order that `format` names; the rest of the form is written into `format`.
fn parse_date(rest: &mut Scanner<'_>, format: &mut TimeFormat) -> Result<(i32, i32, i32), Problem> {
    if format.order != DateOrder::Year {
        let (first, first_width) = rest.number(1, 2)?;
        let separator = rest.one_of(b"/.-").ok_or(Problem::Unknown)?;
        let (second, second_width) = rest.number(1, 2)?;
        rest.one_of(&[separator]).ok_or(Problem::Unknown)?;
        let (year, _) = rest.number(4, 4).map_err(|_| Problem::DayOrMonthFirst)?;
        format.separator = separator as char;
        format.padded_date = first_width == 2 && second_width == 2;
        format.resolution = Resolution::Day;
        let (month, day) = if format.order == DateOrder::Month { (first, second) } else { (second, first) };
        return Ok((year, month, day));
    }
    let (mut month, mut day) = (1, 1);
    let year = rest.number(4, 4)?.0;
    if let Some(separator) = rest.one_of(b"-/.") {
        format.separator = separator as char;
        let width;
        (month, width) = rest.number(1, 2)?;
        format.padded_date &= width == 2;
        format.resolution = Resolution::Month;
        if rest.one_of(&[separator]).is_some() {
            let width;
            (day, width) = rest.number(1, 2)?;
            format.padded_date &= width == 2;
            format.resolution = Resolution::Day;
        } else if width == 1 && separator == b'.' {
            return Err(Problem::Unknown); // 1950.5 is half a year, not May.
        }
    }
    Ok((year, month, day))
}

/// The separator and the first two numbers of a text that begins like `1/2/2010`, `31.12.10` or `01-02-2010`.
fn small_numbers_first(text: &str) -> Option<(u8, i32, i32)> {
    let mut rest = Scanner(text.as_bytes());
    let (first, _) = rest.number(1, 2).ok()?;
    let separator = rest.one_of(b"/.-")?;
    let (second, _) = rest.number(1, 2).ok()?;
    rest.one_of(&[separator])?;
    rest.number(2, 4).ok()?;
    Some((separator, first, second))
}

struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    /// A run of digits whose length is in `least..=most`, with that length.
    fn number(&mut self, least: usize, most: usize) -> Result<(i32, u32), Problem> {
        let width = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(least..=most).contains(&width) {
            return Err(Problem::Unknown);
        }
        let value = self.0[..width].iter().fold(0, |value, b| value * 10 + i32::from(b - b'0'));
        self.0 = &self.0[width..];
        Ok((value, width as u32))
    }

    fn one_of(&mut self, accepted: &[u8]) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        accepted.contains(&byte).then(|| self.0 = rest)?;
        Some(byte)
    }

    /// Nothing, `Z`, `+HH`, `+HHMM` or `+HH:MM`, as written.
    fn offset(&mut self) -> Result<String, Problem> {
        let text = std::mem::take(&mut self.0);
        let digits = |d: &[u8]| d.iter().all(u8::is_ascii_digit);
        let accepted = match text {
            [] | [b'Z'] => true,
            [b'+' | b'-', number @ ..] => match number.len() {
                2 | 4 => digits(number),
                5 => digits(&number[..2]) && number[2] == b':' && digits(&number[3..]),
                _ => false,
            },
            _ => false,
        };
        if accepted { Ok(String::from_utf8_lossy(text).into_owned()) } else { Err(Problem::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(cells: &[&str]) -> Result<(Vec<Timestamp>, TimeFormat)> {
        parse_times("f.csv", "date", cells.iter().enumerate().map(|(i, &c)| (i + 2, c)))
    }

    #[test]
    fn what_is_read_is_printed_back() {
        let columns: [&[&str]; 18] = [
            &["1949", "1950"],
            &["1949-01", "1949-02"],
            &["2010/1/9", "2010/1/10"],
            &["2010.01.09", "2010.12.10"],
            &["2010-02-28", "2012-02-29"],
            &["2010/01/01 00:00", "2010/12/31 23:59"],
            &["2010-01-01 0:00", "2010-12-31 10:15"],
            &["2010-01-01T00:00:00", "2010-12-31T23:59:59"],
            &["2010-01-01 00:00:00.000", "2010-01-01 00:00:00.125"],
            &["2010-01-01T00:00:00Z", "2010-01-01T01:00:00Z"],
            &["2010-01-01 00:00+09:00", "2010-01-01 01:00+09:00"],
            &["2010-01-01 00:00:00-0330", "2010-01-01 01:00:00-0330"],
            &["0001-01-01", "9999-12-31"],
            &["01.02.2010", "31.12.2010"],
            &["1.2.2010 00:00", "2.2.2010 00:00"],
            &["1/2/2010 9:30:00", "13/2/2010 10:30:00"],
            &["1/2/2010", "1/13/2010"],
            &["02-01-2010", "02-28-2010"],
        ];
        for cells in columns {
            let (times, format) = times(cells).unwrap();
            let printed: Vec<_> = times.iter().map(|t| format.print(t)).collect();
            assert_eq!(printed, cells);
        }
    }

    /// `25.01.2024` was once not read as a date, so that German files lost their times.
    #[test]
    fn the_column_tells_days_from_months() {
        for (cells, month, day) in [
            (&["01.02.2010"][..], 2, 1),
            (&["01/02/2010", "13/02/2010"], 2, 1),
            (&["01/02/2010", "01/13/2010"], 1, 2),
            (&["1-2-2010", "2-2-2010", "20-2-2010"], 2, 1),
        ] {
            let (times, _) = times(cells).unwrap();
            assert_eq!((times[0].month(), times[0].day()), (month, day), "{cells:?}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let cases: [(&[&str], &str); 16] = [
            (
                &["01/02/2010"],
                "f.csv: row 2, column 'date': '01/02/2010' does not say which number is the day",
            ),
            (&["31.12.10"], "f.csv: row 2, column 'date': '31.12.10' does not say"),
            (&["1-2-2010 10:00"], "f.csv: row 2, column 'date': '1-2-2010 10:00' does not say"),
            (&["13/02/2010", "02/13/2010"], "f.csv: row 3, column 'date': '02/13/2010' is no date"),
            (&["13.02.2010", "2010.02.14"], "f.csv: row 3, column 'date': '2010.02.14' is not a time"),
            (&["2010-02-30"], "f.csv: row 2, column 'date': '2010-02-30' is no date"),
            (&["2010-13"], "f.csv: row 2, column 'date': '2010-13' is no date"),
            (&["2010-01-01 24:00"], "f.csv: row 2, column 'date': '2010-01-01 24:00' is no date"),
            (&["1950.5"], "f.csv: row 2, column 'date': '1950.5' is not a time"),
            (&["2010-01/01"], "f.csv: row 2, column 'date': '2010-01/01' is not a time"),
            (&["2010-01-01 10"], "f.csv: row 2, column 'date': '2010-01-01 10' is not a time"),
            (&["yesterday"], "f.csv: row 2, column 'date': 'yesterday' is not a time"),
            (&["2010", ""], "f.csv: row 3, column 'date': '' is empty"),
            (
                &["2010", "2010-01"],
                "f.csv: row 3, column 'date': '2010-01' is written in another form than row 2",
            ),
            (
                &["2010-01-01 00:00+01:00", "2010-01-01 00:00+02:00"],
                "f.csv: row 3, column 'date': '2010-01-01 00:00+02:00' has another offset",
            ),
            (&[], "f.csv: column 'date' has no rows"),
        ];
        for (cells, expected) in cases {
            let message = times(cells).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok((times, format)) = times(&[&text]) {
                prop_assert_eq!(format.print(&times[0]), text);
            }
        }

        #[test]
        fn any_digits_are_read_or_refused(text in "[0-9]{4}[-/.][0-9]{1,2}([-/.][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2})?)?") {
            if let Ok((times, format)) = times(&[&text]) {
                let again = parse(&format.print(&times[0]), DateOrder::Year).unwrap().0;
                prop_assert_eq!(again, times[0]);
            }
        }
    }
}
