//! From rows at any times to even steps.

use serde::{Deserialize, Serialize};
use sumun_nn::named;

use super::closed;
use super::frequency::Frequency;
use super::incomplete::Rows;
use super::steps::Steps;
use super::time::{Clock, Timestamp};
use super::times::Times;
use crate::message::{key, text};
use crate::{Error, Result};

/// What the values of one step become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// Their mean: of levels, such as a temperature.
    #[default]
    Mean,
    /// The last of them: of states, such as a price.
    Last,
    /// Their sum: of amounts, such as sales.
    Sum,
}

named!(Combine, "resample_with", Mean = "mean", Last = "last", Sum = "sum");

/// Even steps that rows are gathered into.
///
/// A step begins at a round time (a whole hour for `1h`) and has the rows from there to before the next. Days and months are
/// those of the clock on the wall: in the time zone that was given, else as the file writes its times, and in UTC where it
/// writes seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resample {
    /// The step.
    pub step: Frequency,
    /// What the values of one step become.
    pub with: Combine,
}

/// The units of a step: how they are written, and their length.
const UNITS: [(&[&str], Unit); 6] = [
    (&["s", "sec", "second", "seconds"], Unit::Seconds(1)),
    (&["min", "minute", "minutes"], Unit::Seconds(60)),
    (&["h", "hour", "hours"], Unit::Seconds(3600)),
    (&["d", "day", "days"], Unit::Seconds(86_400)),
    (&["w", "week", "weeks"], Unit::Seconds(604_800)),
    (&["month", "months"], Unit::Months),
];

#[derive(Clone, Copy)]
enum Unit {
    Seconds(i64),
    Months,
}

/// The step that suits rows so far apart on average, as it is written.
const ROUND: [(f64, &str); 16] = [
    (1.0, "1s"),
    (5.0, "5s"),
    (10.0, "10s"),
    (30.0, "30s"),
    (60.0, "1min"),
    (300.0, "5min"),
    (600.0, "10min"),
    (900.0, "15min"),
    (1800.0, "30min"),
    (3600.0, "1h"),
    (10_800.0, "3h"),
    (21_600.0, "6h"),
    (43_200.0, "12h"),
    (86_400.0, "1d"),
    (604_800.0, "1w"),
    (2_678_400.0, "1month"),
];

impl Resample {
    /// Steps as people write them: `15min`, `1h`, `1d`, `1month`. Error: anything else, and steps of no length.
    pub fn new(step: &str, with: Combine) -> Result<Self> {
        let written = step.trim();
        let digits = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
        let (count, unit) = written.split_at(digits);
        let unit = UNITS.iter().find(|(names, _)| names.contains(&unit.trim().to_lowercase().as_str()));
        let frequency = || {
            let count: u32 =
                if count.is_empty() { Some(1) } else { count.parse().ok() }.filter(|&n| n > 0)?;
            Some(match unit?.1 {
                Unit::Months => Frequency::months(count),
                Unit::Seconds(seconds) => {
                    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_mul(i64::from(count))?;
                    Frequency::Fixed { nanoseconds }
                }
            })
        };
        match frequency() {
            Some(step) => Ok(Self { step, with }),
            None => Err(Error::setting(
                key("resample"),
                format!("{step:?}"),
                "a number and s, min, h, d, w or month, such as 15min or 1h",
            )),
        }
    }

    /// A round step that suits rows at these times.
    pub(crate) fn advice(times: &[Timestamp]) -> Option<&'static str> {
        let (first, last) = (times.first()?, times.last()?);
        let mean = last.duration_since(*first).as_secs_f64() / (times.len() - 1) as f64;
        // Steps that hold a row on average are often empty; twice as long ones seldom.
        let (_, step) = ROUND.iter().find(|(seconds, _)| *seconds >= 2.0 * mean)?;
        Some(step)
    }

    /// Gathers rows that are in order of time. Returns what to say of it. Errors: there are no times, and a step that leaves
    /// the calendar.
    pub(crate) fn apply(&self, rows: &mut Rows) -> Result<String> {
        let Some(times) = &mut rows.times else {
            return Err(Error::Data(format!("{}: there are no times to gather rows by", rows.source))
                .advise(
                    text("name their column with ") + key("time") + ", or leave out " + key("resample"),
                ));
        };
        let starts: Vec<Timestamp> =
            times.values.iter().map(|time| self.start(time, &times.format.clock)).collect::<Result<_>>()?;
        let mut first_of: Vec<usize> = (0..starts.len())
            .filter(|&row| row == 0 || starts[row] != starts[row - 1])
            .chain([starts.len()])
            .collect();
        let mut note = format!("{} rows are gathered into {} steps", starts.len(), first_of.len() - 1);
        if self.with == Combine::Sum {
            note += &self.leave_out_parts(times, &starts, &mut first_of)?;
        }
        note += &format!(" ({}, {})", self.step, self.with);
        let steps = || first_of.windows(2).map(|pair| pair[0]..pair[1]);
        for (_, values) in &mut rows.columns {
            *values = steps().map(|step| self.combined(&values[step])).collect();
        }
        rows.lines = steps().map(|step| rows.lines[step.start]).collect();
        times.values = steps().map(|step| starts[step.start]).collect();
        times.frequency = Some(self.step);
        Ok(note)
    }

    /// The first and the last step of a sum are left out where rows may be missing from it: the file begins or ends within.
    fn leave_out_parts(
        &self,
        times: &Times,
        starts: &[Timestamp],
        first_of: &mut Vec<usize>,
    ) -> Result<String> {
        let all = &times.values;
        let (Some(first), Some(last)) = (all.first(), all.last()) else { return Ok(String::new()) };
        let spacing = last.duration_since(*first).as_secs_f64() / (all.len().max(2) - 1) as f64;
        let mut left_out = 0;
        let steps = Steps::new(self.step, &times.format.clock, &times.closed);
        let next = steps.advance(&starts[starts.len() - 1], 1)?;
        if first_of.len() > 2 && next.duration_since(*last).as_secs_f64() > 1.5 * spacing {
            first_of.pop();
            left_out += 1;
        }
        if first_of.len() > 2 && first.duration_since(starts[0]).as_secs_f64() > 1.5 * spacing {
            first_of.remove(0);
            left_out += 1;
        }
        Ok(match left_out {
            0 => String::new(),
            1 => ", one at an end left out, as the file has a part of it".into(),
            _ => ", the first and the last left out, as the file has a part of them".into(),
        })
    }

    fn combined(&self, values: &[Option<f64>]) -> Option<f64> {
        let there: Vec<f64> = values.iter().copied().flatten().collect();
        match self.with {
            Combine::Last => there.last().copied(),
            _ if there.is_empty() => None,
            Combine::Mean => Some(there.iter().sum::<f64>() / there.len() as f64),
            // What is missing from a sum makes it too small.
            Combine::Sum => (there.len() == values.len()).then(|| there.iter().sum()),
        }
    }

    /// Where the step of a time begins.
    fn start(&self, time: &Timestamp, clock: &Clock) -> Result<Timestamp> {
        match Steps::new(self.step, clock, &closed::NONE).is_by_wall() {
            true => self.start_in(&clock.local(time)).map(|start| clock.axis(&start)),
            false => self.start_in(time),
        }
    }

    /// Where the step of a time begins by the same clock.
    fn start_in(&self, time: &Timestamp) -> Result<Timestamp> {
        // A Monday.
        let origin = jiff::civil::date(1970, 1, 5).at(0, 0, 0, 0);
        match self.step {
            Frequency::Fixed { nanoseconds } => {
                let since = time.duration_since(origin).as_nanos();
                let back = since.rem_euclid(i128::from(nanoseconds));
                let back = jiff::SignedDuration::from_nanos(i64::try_from(back).unwrap_or(0));
                time.checked_sub(back)
                    .map_err(|_| Error::Invalid(format!("{time} is at the end of the calendar")))
            }
            _ => {
                let month = time.date().first_of_month().at(0, 0, 0, 0);
                let origin = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
                let months = i64::from(month.year() - 1970) * 12 + i64::from(month.month()) - 1;
                let whole = match self.step {
                    Frequency::Months { months, .. } => i64::from(months),
                    _ => 1,
                };
                Frequency::months(1).advance(&origin, months - months.rem_euclid(whole))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Missing, Series, SeriesSpec, Table};

    const EVENTS: &str = "t,y\n2020-02-28 10:30,1\n2020-02-28 10:50,2\n2020-02-28 11:10,3\n2020-02-28 11:30,NA\n\
                          2020-02-28 11:50,5\n2020-02-28 13:00,6\n2020-02-28 13:20,7\n2020-02-28 13:40,8\n\
                          2020-02-28 14:00,9\n";

    /// Values by hand; a step without a row is a gap like any other.
    #[test]
    fn steps_and_what_they_become() {
        let part = ", one at an end left out, as the file has a part of it";
        for (step, with, first, values, part) in [
            ("1h", Combine::Mean, "2020-02-28 10:00", &[1.5, 4.0, 4.0, 7.0, 9.0][..], ""),
            ("1h", Combine::Last, "2020-02-28 10:00", &[2.0, 5.0, 5.0, 8.0, 9.0], ""),
            ("h", Combine::Sum, "2020-02-28 10:00", &[3.0, 3.0, 3.0, 21.0], part),
            ("2 hours", Combine::Mean, "2020-02-28 10:00", &[2.75, 7.0, 9.0], ""),
            ("1d", Combine::Last, "2020-02-28 00:00", &[9.0], ""),
            ("1month", Combine::Last, "2020-02-01 00:00", &[9.0], ""),
            ("12month", Combine::Last, "2020-01-01 00:00", &[9.0], ""),
            ("1w", Combine::Last, "2020-02-24 00:00", &[9.0], ""),
        ] {
            let resample = Some(Resample::new(step, with).unwrap());
            let table = Table::from_reader("f.csv", EVENTS.as_bytes()).unwrap();
            let spec = SeriesSpec { resample, missing: Missing::Ffill, ..SeriesSpec::new(&["y"]) };
            let loaded = Series::from_table(&table, &spec).unwrap();
            assert_eq!(loaded.series.columns[0].values, values, "{step} {with}");
            assert_eq!(loaded.series.label(0), first, "{step} {with}");
            assert!(
                loaded.notes.iter().any(|note| note.contains(&format!("steps{part} ("))),
                "{:?}",
                loaded.notes
            );
        }
    }

    #[test]
    fn rows_without_times_cannot_be_gathered() {
        let resample = Some(Resample::new("1h", Combine::Mean).unwrap());
        let table = Table::from_reader("f.csv", &b"y\n1\n2\n"[..]).unwrap();
        let error =
            Series::from_table(&table, &SeriesSpec { resample, ..SeriesSpec::new(&["y"]) }).unwrap_err();
        assert!(error.to_string().starts_with("f.csv: there are no times to gather rows by"), "{error}");
    }
}
