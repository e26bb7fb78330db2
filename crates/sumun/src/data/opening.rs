//! Steps that leave out nights, weekends or other weekdays: opening hours and working days.

use super::closed::Closed;
use super::time::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

const DAY: i64 = 86_400_000_000_000;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const ALL_DAYS: u8 = 0x7f;

/// Rows on some weekdays, on each of them at the same times of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// A bit for each weekday that has rows, the lowest for Monday.
    days: u8,
    /// The time of day of the first row, in nanoseconds after midnight.
    first: i64,
    /// From row to row within a day, in nanoseconds.
    step: i64,
    /// Rows a day, at least 1.
    rows: u32,
}

/// A row on one working day, Monday to Friday, of every so many months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingMonths {
    /// How many months a step has, above 0.
    months: u32,
    /// Whether it is the last working day of the month, or the first.
    last: bool,
}

/// The fewest rows that show a rule.
const FEWEST: usize = 10;
/// Of the rows that a rule expects, the share that may be missing: holidays.
const MISSING: usize = 10;
/// The most times of day that a rule has: every second.
const MOST_TIMES: usize = 86_400;

impl Opening {
    /// The rule that `times`, rising, follow; `None` where they go on through nights and weekends, or follow none. `fixed` is
    /// their most common spacing in nanoseconds, and no row of the days `closed` is missing.
    pub(super) fn infer(times: &[Timestamp], fixed: i64, closed: &Closed) -> Option<Self> {
        if times.len() < FEWEST || fixed >= 7 * DAY || fixed <= 0 {
            return None;
        }
        let mut of_day = BTreeMap::new();
        let mut of_week = [0_usize; 7];
        for time in times {
            *of_day.entry(nanosecond_of_day(time)).or_insert(0_usize) += 1;
            of_week[weekday(time)] += 1;
            if of_day.len() > MOST_TIMES {
                return None;
            }
        }
        let (&first, &last) = (of_day.keys().next()?, of_day.keys().next_back()?);
        let step = if fixed >= DAY { DAY } else { fixed };
        let aligned = of_day.keys().all(|time| (time - first) % step == 0);
        // A rare row, such as one on a Saturday, is no rule.
        let usual = |counts: &mut dyn Iterator<Item = usize>| {
            let counts: Vec<usize> = counts.collect();
            let most = counts.iter().max().copied().unwrap_or(0);
            counts.iter().all(|&count| 2 * count >= most)
        };
        if !aligned
            || !usual(&mut of_day.values().copied())
            || !usual(&mut of_week.into_iter().filter(|&n| n > 0))
        {
            return None;
        }
        let days = (0..7).filter(|&day| of_week[day] > 0).fold(0, |days, day| days | 1 << day);
        let rows = u32::try_from((last - first) / step + 1).ok()?;
        let rule = Self { days, first, step, rows };
        if rule.is_always() {
            return None;
        }
        let (from, to) = (rule.place(times.first()?)?, rule.place(times.last()?)?);
        let days_between = closed.since(times.first()?.date()).iter();
        let days_between = days_between.take_while(|day| **day <= times[times.len() - 1].date());
        let open = |day: &&Date| rule.days >> day.weekday().to_monday_zero_offset() & 1 == 1;
        let without = i64::try_from(days_between.filter(open).count()).ok()? * i64::from(rule.rows);
        let expected = usize::try_from(to - from + 1 - without).ok()?;
        // Two of every weekday, or of every time of day.
        let seen = expected >= 2 * usize::try_from(rule.rows_a_week()).ok()?
            || days == ALL_DAYS && expected >= 2 * rows as usize;
        (seen && expected.saturating_sub(times.len()) * MISSING <= expected).then_some(rule)
    }

    /// Whether there is a row at all times, so that it is no rule.
    fn is_always(&self) -> bool {
        self.days == ALL_DAYS && i64::from(self.rows) * self.step >= DAY
    }

    /// Whether it can be calculated with: of a model file, which may hold anything.
    pub(crate) fn is_sound(&self) -> bool {
        let length = i64::from(self.rows).checked_sub(1).and_then(|rows| rows.checked_mul(self.step));
        (1..=ALL_DAYS).contains(&self.days)
            && (0..DAY).contains(&self.first)
            && (1..=DAY).contains(&self.step)
            && self.rows > 0
            && length.is_some_and(|length| self.first.saturating_add(length) < DAY)
    }

    fn days_a_week(&self) -> i64 {
        i64::from(self.days.count_ones())
    }

    fn rows_a_week(&self) -> i64 {
        self.days_a_week() * i64::from(self.rows)
    }

    /// Rows in `seconds`, for those lengths that the rule has a whole number of rows for.
    pub(super) fn rows_in(&self, seconds: i64) -> Option<i64> {
        let nanoseconds = seconds.checked_mul(1_000_000_000)?;
        if nanoseconds == 7 * DAY {
            Some(self.rows_a_week())
        } else if nanoseconds == DAY {
            Some(i64::from(self.rows))
        } else {
            (nanoseconds < DAY && nanoseconds % self.step == 0).then_some(nanoseconds / self.step)
        }
    }

    /// The mean length of a step in seconds within a day, or within a week where a day has one row.
    pub(super) fn seconds(&self) -> f64 {
        if self.rows > 1 { self.step as f64 / 1e9 } else { 7.0 * 86_400.0 / self.days_a_week() as f64 }
    }

    /// Days from Monday, 5 January 1970, on.
    fn day(time: &Timestamp) -> i64 {
        const MONDAY: DateTime = DateTime::constant(1970, 1, 5, 0, 0, 0, 0);
        time.date().to_datetime(Time::midnight()).duration_since(MONDAY).as_secs().div_euclid(86_400)
    }

    /// Open days before the day `day`, counted from the same Monday.
    fn open_before(&self, day: i64) -> i64 {
        let within = (self.days & ((1_u8 << day.rem_euclid(7)) - 1)).count_ones();
        day.div_euclid(7) * self.days_a_week() + i64::from(within)
    }

    /// The place of a time among all rows; `None` where no row is.
    fn place(&self, time: &Timestamp) -> Option<i64> {
        let day = Self::day(time);
        let after = nanosecond_of_day(time) - self.first;
        let row = after / self.step;
        let fits = self.days >> day.rem_euclid(7) & 1 == 1
            && after >= 0
            && after % self.step == 0
            && row < i64::from(self.rows);
        fits.then(|| self.open_before(day) * i64::from(self.rows) + row)
    }

    /// The place of the last row at or before a time.
    fn floor(&self, time: &Timestamp) -> i64 {
        let day = Self::day(time);
        let rows = i64::from(self.rows);
        let before = self.open_before(day) * rows;
        let after = nanosecond_of_day(time) - self.first;
        if self.days >> day.rem_euclid(7) & 1 == 0 || after < 0 {
            return before - 1;
        }
        before + (after / self.step).min(rows - 1)
    }

    /// Rows from the one at `time` to the first at or after `end`.
    pub(super) fn rows_until(&self, time: &Timestamp, end: &Timestamp) -> i64 {
        self.place(end).unwrap_or_else(|| self.floor(end) + 1) - self.floor(time)
    }

    /// Whether a row may be at or after `from` and before `to`.
    pub(super) fn has_rows(&self, from: &Timestamp, to: &Timestamp) -> bool {
        self.rows_until(from, to) > self.rows_until(from, from)
    }

    fn time(&self, place: i64) -> Option<Timestamp> {
        let rows = i64::from(self.rows);
        let (open, row) = (place.div_euclid(rows), place.rem_euclid(rows));
        let (week, nth) = (open.div_euclid(self.days_a_week()), open.rem_euclid(self.days_a_week()));
        let weekday = (0..7).filter(|day| self.days >> day & 1 == 1).nth(usize::try_from(nth).ok()?)?;
        let days = week.checked_mul(7)?.checked_add(weekday)?;
        let seconds = days.checked_mul(86_400)?;
        let nanoseconds = self.first + row * self.step;
        DateTime::constant(1970, 1, 5, 0, 0, 0, 0)
            .checked_add(jiff::SignedDuration::from_secs(seconds))
            .ok()?
            .checked_add(jiff::SignedDuration::from_nanos(nanoseconds))
            .ok()
    }

    /// The row `n` rows after `time`; `None` outside the calendar.
    pub(super) fn advance(&self, time: &Timestamp, n: i64) -> Option<Timestamp> {
        self.time(self.floor(time).checked_add(n)?)
    }

    /// Rows from `a` to `b`, both of which are rows.
    pub(super) fn steps_between(&self, a: &Timestamp, b: &Timestamp) -> Option<i64> {
        Some(self.place(b)? - self.place(a)?)
    }
}

impl Opening {
    /// From row to row within a day, in nanoseconds.
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// What follows the step in words: `, Mon–Fri`; `, 09:00–16:00, Mon–Fri`.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows > 1 && i64::from(self.rows) * self.step < DAY {
            let time = |nanoseconds: i64| {
                let minutes = nanoseconds / 60_000_000_000;
                format!("{:02}:{:02}", minutes / 60, minutes % 60)
            };
            write!(
                f,
                ", {}–{}",
                time(self.first),
                time(self.first + (i64::from(self.rows) - 1) * self.step)
            )?;
        }
        if self.days == ALL_DAYS {
            return Ok(());
        }
        let open: Vec<usize> = (0..7).filter(|day| self.days >> day & 1 == 1).collect();
        let (first, last) = (open[0], open[open.len() - 1]);
        if open.len() > 2 && last - first + 1 == open.len() {
            return write!(f, ", {}–{}", WEEKDAYS[first], WEEKDAYS[last]);
        }
        let names: Vec<&str> = open.into_iter().map(|day| WEEKDAYS[day]).collect();
        write!(f, ", {}", names.join(" "))
    }
}

impl WorkingMonths {
    /// The rule that `times` follow, each `months` after the one before; the days `closed` are no working days.
    pub(super) fn infer(times: &[Timestamp], months: u32, closed: &Closed) -> Option<Self> {
        let time = times.first()?.time();
        [true, false].into_iter().map(|last| Self { months, last }).find(|rule| {
            times.len() >= FEWEST
                && times.iter().all(|t| {
                    t.time() == time && rule.day_of(t.date().first_of_month(), closed) == Some(t.date())
                })
        })
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.months > 0
    }

    pub(crate) fn months(&self) -> u32 {
        self.months
    }

    /// The working day of the month that begins at `first`; `None` where all are `closed`.
    pub(super) fn day_of(&self, first: Date, closed: &Closed) -> Option<Date> {
        let working = |date: &Date| date.weekday().to_monday_zero_offset() < 5 && !closed.contains(*date);
        let days = first.days_in_month();
        let date = |day: i8| Date::new(first.year(), first.month(), day).ok();
        if self.last {
            (1..=days).rev().filter_map(date).find(working)
        } else {
            (1..=days).filter_map(date).find(working)
        }
    }

    /// Which working day it is, in words.
    pub(super) fn which(&self) -> &'static str {
        if self.last { "on the last working day" } else { "on the first working day" }
    }
}

fn nanosecond_of_day(time: &Timestamp) -> i64 {
    time.duration_since(time.date().to_datetime(Time::midnight())).as_nanos() as i64
}

fn weekday(time: &Timestamp) -> usize {
    time.date().weekday().to_monday_zero_offset() as usize
}

#[cfg(test)]
mod tests {
    use super::super::frequency::Frequency;
    use super::*;
    use proptest::prelude::*;

    /// All times every `minutes` from Monday, 4 January 2021, that `open` takes.
    fn rows(minutes: i64, count: usize, open: impl Fn(&Timestamp) -> bool) -> Vec<Timestamp> {
        let start = DateTime::constant(2021, 1, 4, 0, 0, 0, 0);
        (0_i64..)
            .map(|k| start + jiff::SignedDuration::from_mins(k * minutes))
            .filter(open)
            .take(count)
            .collect()
    }

    fn weekday_below(time: &Timestamp, end: usize) -> bool {
        weekday(time) < end
    }

    #[test]
    fn rules_are_found_and_go_on() {
        let hours = |t: &Timestamp| (9..=16).contains(&t.hour());
        let day = 24 * 60;
        let cases: Vec<(Vec<Timestamp>, &str)> = vec![
            (rows(day, 60, |t| weekday_below(t, 5)), "daily, Mon–Fri"),
            (rows(day, 60, |t| weekday_below(t, 6)), "daily, Mon–Sat"),
            (rows(day, 60, |t| [0, 2, 4].contains(&weekday(t))), "daily, Mon Wed Fri"),
            (rows(60, 300, |t| hours(t) && weekday_below(t, 5)), "hourly, 09:00–16:00, Mon–Fri"),
            (rows(60, 300, hours), "hourly, 09:00–16:00"),
            (rows(60, 900, |t| weekday_below(t, 5)), "hourly, Mon–Fri"),
            (rows(15, 900, |t| hours(t) && weekday_below(t, 5)), "every 15 minutes, 09:00–16:45, Mon–Fri"),
            (rows(day, 60, |_| true), "daily"),
            (rows(60, 200, |_| true), "hourly"),
            (rows(day, 5, |t| weekday_below(t, 5)), "daily"),
        ];
        for (times, name) in cases {
            let frequency = Frequency::infer(&times).unwrap();
            assert_eq!(frequency.to_string(), name);
            for (a, b) in times.iter().zip(&times[1..]) {
                assert_eq!(
                    (frequency.advance(a, 1).unwrap(), frequency.steps_between(a, b)),
                    (*b, Some(1)),
                    "{name}"
                );
            }
            let kept = serde_json::to_string(&frequency).unwrap();
            assert_eq!(serde_json::from_str::<Frequency>(&kept).unwrap(), frequency);
        }
        // Holidays are missing rows; a Saturday now and then is no rule.
        let mut holidays = rows(day, 100, |t| weekday_below(t, 5));
        holidays.remove(40);
        assert_eq!(Frequency::infer(&holidays).unwrap().steps_between(&holidays[39], &holidays[40]), Some(2));
        let mixed = rows(day, 100, |t| weekday_below(t, 5) || t.day() == 30);
        assert_eq!(Frequency::infer(&mixed).unwrap().to_string(), "daily");
    }

    #[test]
    fn working_days_of_months() {
        for (last, name) in
            [(true, "monthly, on the last working day"), (false, "monthly, on the first working day")]
        {
            let rule = WorkingMonths { months: 1, last };
            let times: Vec<Timestamp> = (0..30)
                .map(|k| Date::new(2000 + k / 12, (k % 12 + 1) as i8, 1).unwrap())
                .map(|first| rule.day_of(first, &Closed::default()).unwrap().to_datetime(Time::midnight()))
                .collect();
            let frequency = Frequency::infer(&times).unwrap();
            assert_eq!(frequency.to_string(), name);
            for (a, b) in times.iter().zip(&times[1..]) {
                assert_eq!((frequency.advance(a, 1).unwrap(), frequency.steps_between(a, b)), (*b, Some(1)));
            }
        }
    }

    proptest! {
        #[test]
        fn places_and_times_agree(days in 1_u8..=127, first in 0_i64..12, rows in 1_u32..12, n in -5000_i64..5000) {
            let hour = 3_600_000_000_000;
            let rule = Opening { days, first: first * hour, step: hour, rows };
            prop_assert!(rule.is_sound());
            let time = rule.time(n).unwrap();
            prop_assert_eq!(rule.place(&time), Some(n));
            prop_assert_eq!(rule.floor(&time), n);
            let later = time + jiff::SignedDuration::from_mins(30);
            prop_assert_eq!((rule.place(&later), rule.floor(&later)), (None, n));
        }
    }
}
