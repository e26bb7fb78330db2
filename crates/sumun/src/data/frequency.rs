//! How far apart rows are: the step from one timestamp to the next.

use super::closed::{self, Closed};
use super::opening::{Opening, WorkingMonths};
use super::time::Timestamp;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The step between neighbouring rows of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    /// A fixed length of time: hours, days, weeks.
    Fixed {
        /// The length in nanoseconds, above 0.
        nanoseconds: i64,
    },
    /// Calendar months; twelve are a year.
    Months {
        /// How many months a step has, above 0.
        months: u32,
        /// The day of the month that every timestamp has, 1 to 31; in shorter months the last day stands for it,
        /// so that 31 means month ends.
        day: i8,
    },
    /// Rows on some weekdays or at some hours.
    Opening(Opening),
    /// A row on one working day of the month.
    Working(WorkingMonths),
}

impl Frequency {
    /// Every `k` seconds.
    pub fn seconds(k: u32) -> Self {
        Self::Fixed { nanoseconds: i64::from(k) * SECOND }
    }

    /// Every `k` minutes.
    pub fn minutes(k: u32) -> Self {
        Self::Fixed { nanoseconds: i64::from(k) * MINUTE }
    }

    /// Every `k` hours.
    pub fn hours(k: u16) -> Self {
        Self::Fixed { nanoseconds: i64::from(k) * HOUR }
    }

    /// Every `k` days.
    pub fn days(k: u16) -> Self {
        Self::Fixed { nanoseconds: i64::from(k) * DAY }
    }

    /// Every `k` weeks.
    pub fn weeks(k: u8) -> Self {
        Self::Fixed { nanoseconds: i64::from(k) * WEEK }
    }

    /// The first day of every `k`-th month.
    pub fn months(k: u32) -> Self {
        Self::Months { months: k, day: 1 }
    }

    /// The first of January of every `k`-th year.
    pub fn years(k: u32) -> Self {
        Self::months(12 * k)
    }

    /// The most common spacing of `times`, or `None` if fewer than two of them go forward.
    ///
    /// Spacings that go back or stand still are not counted. If the common spacing is four weeks or more and all
    /// timestamps share a day of the month (or are month ends, or the first or last working day of their months) and a time
    /// of day, the step is in months. If no timestamp is on some weekdays, or at some hours of the day, and at most a tenth of
    /// the others is missing, these are left out.
    pub fn infer(times: &[Timestamp]) -> Option<Self> {
        Self::infer_without(times, &closed::NONE)
    }

    /// As [`infer`](Self::infer), where no row of the days `closed` is missing.
    pub(super) fn infer_without(times: &[Timestamp], closed: &Closed) -> Option<Self> {
        let forward = || times.windows(2).filter(|pair| pair[1] > pair[0]);
        let fixed = most_common(forward().map(|pair| nanoseconds_between(&pair[0], &pair[1])))?;
        if fixed >= i128::from(4 * WEEK)
            && let Some(day) = shared_day(times)
            && let Some(months) =
                most_common(forward().map(|pair| i128::from(months_between(&pair[0], &pair[1]))))
            && let Ok(months) = u32::try_from(months)
        {
            return Some(Self::Months { months, day });
        }
        if fixed >= i128::from(4 * WEEK)
            && let Some(months) =
                most_common(forward().map(|pair| i128::from(months_between(&pair[0], &pair[1]))))
            && let Some(rule) =
                u32::try_from(months).ok().and_then(|months| WorkingMonths::infer(times, months, closed))
        {
            return Some(Self::Working(rule));
        }
        let nanoseconds = i64::try_from(fixed).ok()?;
        Some(Opening::infer(times, nanoseconds, closed).map_or(Self::Fixed { nanoseconds }, Self::Opening))
    }

    /// The most common spacing of `times` as a length of time, whatever rule they follow.
    pub(super) fn most_common(times: &[Timestamp]) -> Option<Self> {
        let forward = times.windows(2).filter(|pair| pair[1] > pair[0]);
        let fixed = most_common(forward.map(|pair| nanoseconds_between(&pair[0], &pair[1])))?;
        i64::try_from(fixed).ok().map(|nanoseconds| Self::Fixed { nanoseconds })
    }

    /// The timestamp `n` steps after `time` (before it if `n` is negative). Months keep the day of the month and
    /// take the last day where a month is too short. Error: the result is outside the years -9999 to 9999.
    pub fn advance(&self, time: &Timestamp, n: i64) -> Result<Timestamp> {
        self.advance_without(time, n, &closed::NONE)
    }

    /// As [`advance`](Self::advance), where the days `closed` are no working days; other steps do not ask.
    pub(super) fn advance_without(&self, time: &Timestamp, n: i64, closed: &Closed) -> Result<Timestamp> {
        let outside = || Error::Invalid(format!("{n} steps ({self}) after {time} lie outside the calendar"));
        match *self {
            Self::Fixed { nanoseconds } => {
                let total = i128::from(nanoseconds) * i128::from(n);
                let second = i128::from(SECOND);
                let seconds = i64::try_from(total.div_euclid(second)).map_err(|_| outside())?;
                let duration = jiff::SignedDuration::new(seconds, total.rem_euclid(second) as i32);
                time.checked_add(duration).map_err(|_| outside())
            }
            Self::Opening(rule) => rule.advance(time, n).ok_or_else(outside),
            Self::Working(rule) => {
                let first = month_after(time, rule.months(), n).ok_or_else(outside)?;
                let date = rule.day_of(first, closed).ok_or_else(outside)?;
                Ok(date.to_datetime(time.time()))
            }
            Self::Months { months, day } => {
                let first = month_after(time, months, n).ok_or_else(outside)?;
                let day = day.clamp(1, first.days_in_month());
                let date = first.with().day(day).build().map_err(|_| outside())?;
                Ok(date.to_datetime(time.time()))
            }
        }
    }

    /// How many whole steps lead from `a` to `b`, or `None` if no number of steps meets `b` exactly.
    pub fn steps_between(&self, a: &Timestamp, b: &Timestamp) -> Option<i64> {
        self.steps_between_without(a, b, &closed::NONE)
    }

    /// As [`steps_between`](Self::steps_between), where the days `closed` are no working days.
    pub(super) fn steps_between_without(&self, a: &Timestamp, b: &Timestamp, closed: &Closed) -> Option<i64> {
        let steps = match *self {
            Self::Fixed { nanoseconds } => {
                let total = nanoseconds_between(a, b);
                (total % i128::from(nanoseconds) == 0).then(|| total / i128::from(nanoseconds))?
            }
            Self::Months { months, .. } => months_apart(a, b, months)?,
            Self::Working(rule) => months_apart(a, b, rule.months())?,
            Self::Opening(rule) => i128::from(rule.steps_between(a, b)?),
        };
        let steps = i64::try_from(steps).ok()?;
        (self.advance_without(a, steps, closed).ok()? == *b).then_some(steps)
    }

    /// How many steps lead from the row at `time` to the first row at or after `end`; `None` for months.
    pub(super) fn steps_until(&self, time: &Timestamp, end: &Timestamp) -> Option<i64> {
        match *self {
            Self::Fixed { nanoseconds } => {
                let past = nanoseconds_between(end, time).div_euclid(i128::from(nanoseconds));
                i64::try_from(-past).ok()
            }
            Self::Opening(rule) => Some(rule.rows_until(time, end)),
            Self::Months { .. } | Self::Working(_) => None,
        }
    }

    /// Whether a day may be without its rows: whether steps are shorter than a week, or working days.
    pub(super) fn has_days(&self) -> bool {
        match *self {
            Self::Fixed { nanoseconds } => nanoseconds < WEEK,
            Self::Months { .. } => false,
            Self::Opening(_) | Self::Working(_) => true,
        }
    }

    /// The length of a step in seconds; a month counts as a twelfth of 365.2425 days.
    pub fn approximate_seconds(&self) -> f64 {
        match *self {
            Self::Fixed { nanoseconds } => nanoseconds as f64 / SECOND as f64,
            Self::Months { months, .. } => month_seconds(months),
            Self::Working(rule) => month_seconds(rule.months()),
            Self::Opening(rule) => rule.seconds(),
        }
    }

    /// How many steps make `seconds`, if that is a whole number of them.
    pub(crate) fn steps_in(&self, seconds: i64) -> Option<usize> {
        let rows = match *self {
            Self::Fixed { nanoseconds } => {
                let whole = seconds.checked_mul(SECOND)?;
                (whole % nanoseconds == 0).then(|| whole / nanoseconds)?
            }
            Self::Opening(rule) => rule.rows_in(seconds)?,
            Self::Months { .. } | Self::Working(_) => return None,
        };
        usize::try_from(rows).ok()
    }

    /// `n` steps in words: `1 hour`, `5 days`, `3 steps (every 15 minutes)`.
    pub fn count(&self, n: usize) -> String {
        match self.unit() {
            _ if matches!(self, Self::Opening(_)) => {
                format!("{n} row{} ({self})", if n == 1 { "" } else { "s" })
            }
            (1, unit) => format!("{n} {unit}{}", if n == 1 { "" } else { "s" }),
            _ => format!("{n} step{} ({self})", if n == 1 { "" } else { "s" }),
        }
    }

    /// The step as a number of the largest unit that divides it.
    fn unit(&self) -> (i64, &'static str) {
        match *self {
            Self::Months { months, .. } if months % 12 == 0 => (i64::from(months / 12), "year"),
            Self::Months { months, .. } => (i64::from(months), "month"),
            Self::Working(rule) => (i64::from(rule.months()), "month"),
            Self::Opening(_) => (1, "row"),
            Self::Fixed { nanoseconds } => [
                (WEEK, "week"),
                (DAY, "day"),
                (HOUR, "hour"),
                (MINUTE, "minute"),
                (SECOND, "second"),
                (1_000_000, "millisecond"),
                (1_000, "microsecond"),
            ]
            .into_iter()
            .find(|(length, _)| nanoseconds % length == 0)
            .map_or((nanoseconds, "nanosecond"), |(length, name)| (nanoseconds / length, name)),
        }
    }
}

impl fmt::Display for Frequency {
    /// `hourly`, `daily`, `every 15 minutes`, `quarterly`, `every second`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(rule) => {
                write!(f, "{}", Self::Fixed { nanoseconds: rule.step() })?;
                return rule.write(f);
            }
            Self::Working(rule) => {
                let monthly = Self::Months { months: rule.months(), day: 1 };
                return write!(f, "{monthly}, {}", rule.which());
            }
            Self::Fixed { .. } | Self::Months { .. } => {}
        }
        match self.unit() {
            (1, "hour") => f.write_str("hourly"),
            (1, "day") => f.write_str("daily"),
            (1, "week") => f.write_str("weekly"),
            (1, "month") => f.write_str("monthly"),
            (3, "month") => f.write_str("quarterly"),
            (1, "year") => f.write_str("yearly"),
            (1, unit) => write!(f, "every {unit}"),
            (count, unit) => write!(f, "every {count} {unit}s"),
        }
    }
}

fn nanoseconds_between(a: &Timestamp, b: &Timestamp) -> i128 {
    b.duration_since(*a).as_nanos()
}

/// The first day of the month `n` times `months` after that of `time`.
fn month_after(time: &Timestamp, months: u32, n: i64) -> Option<jiff::civil::Date> {
    let count = i128::from(month_number(time)) + i128::from(months) * i128::from(n);
    let year = i16::try_from(count.div_euclid(12)).ok()?;
    jiff::civil::Date::new(year, (count.rem_euclid(12) + 1) as i8, 1).ok()
}

/// How many times `months` lie between two months, if that is a whole number.
fn months_apart(a: &Timestamp, b: &Timestamp, months: u32) -> Option<i128> {
    let total = months_between(a, b);
    (total % i64::from(months) == 0).then(|| i128::from(total / i64::from(months)))
}

fn month_seconds(months: u32) -> f64 {
    f64::from(months) * 365.2425 * 86_400.0 / 12.0
}

fn month_number(time: &Timestamp) -> i64 {
    i64::from(time.year()) * 12 + i64::from(time.month()) - 1
}

fn months_between(a: &Timestamp, b: &Timestamp) -> i64 {
    month_number(b) - month_number(a)
}

/// The day of the month that all of `times` have, where the last day of a short month stands for a later one.
fn shared_day(times: &[Timestamp]) -> Option<i8> {
    let day = times.iter().map(|t| t.day()).max()?;
    let shared = |t: &Timestamp| t.day() == day.min(t.date().days_in_month()) && t.time() == times[0].time();
    times.iter().all(shared).then_some(day)
}

/// The value that occurs most often; the smallest of several.
fn most_common(values: impl Iterator<Item = i128>) -> Option<i128> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0_usize) += 1;
    }
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::super::time::parse_times;
    use super::*;
    use proptest::prelude::*;

    fn times(cells: &[&str]) -> Vec<Timestamp> {
        parse_times("f.csv", "date", cells.iter().map(|&c| (2, c))).unwrap().0
    }

    #[test]
    fn inferred_and_named() {
        let cases: [(&[&str], &str); 14] = [
            (&["2010-01-01 00:00", "2010-01-01 01:00", "2010-01-01 02:00", "2010-01-01 04:00"], "hourly"),
            (&["2010-01-01 00:00", "2010-01-01 00:15", "2010-01-01 00:30"], "every 15 minutes"),
            (&["2010-01-01 00:00:00", "2010-01-01 00:00:01"], "every second"),
            (&["2010-01-01 00:00:00.0", "2010-01-01 00:00:00.1"], "every 100 milliseconds"),
            (&["2010-01-01", "2010-01-02"], "daily"),
            (&["2010-01-01", "2010-01-15"], "every 2 weeks"),
            (&["1958-03-29", "1958-04-05", "1958-04-12"], "weekly"),
            (&["1949-01", "1949-02", "1949-03"], "monthly"),
            (&["2010-01-15", "2010-02-15", "2010-03-15"], "monthly"),
            (&["2010-01-31", "2010-02-28", "2010-03-31"], "monthly"),
            (&["2010-03-31", "2010-06-30", "2010-09-30", "2010-12-31"], "quarterly"),
            (&["2010", "2011", "2012"], "yearly"),
            (&["2010-06-01", "2012-06-01", "2014-06-01"], "every 2 years"),
            (&["2010-01-01", "2010-01-29", "2010-02-26", "2010-03-26"], "every 4 weeks"),
        ];
        for (cells, expected) in cases {
            assert_eq!(Frequency::infer(&times(cells)).unwrap().to_string(), expected, "{cells:?}");
        }
        assert_eq!(Frequency::infer(&times(&["2010"])), None);
        assert_eq!(Frequency::infer(&times(&["2010", "2010", "2009"])), None);
    }

    #[test]
    fn month_ends_stay_month_ends() {
        let all = times(&["2012-01-31", "2012-02-29", "2012-03-31", "2012-04-30", "2012-05-31"]);
        let monthly = Frequency::infer(&all).unwrap();
        for (a, b) in all.iter().zip(&all[1..]) {
            assert_eq!(monthly.advance(a, 1).unwrap(), *b);
            assert_eq!(monthly.steps_between(a, b), Some(1));
        }
        assert_eq!(monthly.steps_between(&all[0], &times(&["2012-03-30"])[0]), None);
        assert_eq!(Frequency::hours(1).count(1), "1 hour");
        assert_eq!(Frequency::minutes(15).count(3), "3 steps (every 15 minutes)");
        assert!(monthly.advance(&all[0], i64::MAX).is_err());
        assert!(Frequency::weeks(1).advance(&all[0], i64::MAX).is_err());
    }

    proptest! {
        #[test]
        fn advance_and_steps_agree(n in -2000_i64..2000, k in 1_u32..30, unit in 0_usize..4) {
            let frequency =
                [Frequency::minutes(k), Frequency::days(k as u16), Frequency::months(k), Frequency::seconds(k)][unit];
            let start = times(&["2004-02-01"])[0];
            let end = frequency.advance(&start, n).unwrap();
            prop_assert_eq!(frequency.steps_between(&start, &end), Some(n));
            prop_assert_eq!(frequency.advance(&end, -n).unwrap(), start);
        }
    }
}
