//! How rows follow one another: by the rule of a frequency, on the clock on the wall, less the days that are closed.

use super::closed::Closed;
use super::frequency::Frequency;
use super::time::{Clock, Timestamp};
use crate::{Error, Result};
use jiff::civil::{Date, Time};

const DAY: i64 = 86_400_000_000_000;

/// The steps of a series.
///
/// Steps below a day are lengths of time. Days, months, opening hours and working days are those of the clock on the wall,
/// where it is told apart from the axis by a time zone.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a> {
    frequency: Frequency,
    clock: &'a Clock,
    closed: &'a Closed,
}

impl<'a> Steps<'a> {
    /// The steps of a frequency by a clock, less the days `closed`.
    pub fn new(frequency: Frequency, clock: &'a Clock, closed: &'a Closed) -> Self {
        Self { frequency, clock, closed }
    }

    /// The step.
    pub fn frequency(&self) -> &Frequency {
        &self.frequency
    }

    /// The frequency of rows at `times`, rising, as [`Frequency::infer`] finds it; days that are closed are not missing.
    pub(super) fn infer(times: &[Timestamp], clock: &Clock, closed: &Closed) -> Option<Frequency> {
        if !matches!(clock, Clock::Zone { .. }) {
            return Frequency::infer_without(times, closed);
        }
        let local: Vec<Timestamp> = times.iter().map(|time| clock.local(time)).collect();
        let found = Frequency::infer_without(&local, closed)?;
        let by_wall = Steps::new(found, clock, closed).is_by_wall() && !clock.changes_within(times, &found);
        if by_wall { Some(found) } else { Frequency::most_common(times) }
    }

    /// Whether the rule is one of the clock on the wall and not of the axis.
    pub(super) fn is_by_wall(&self) -> bool {
        let length = match self.frequency {
            Frequency::Fixed { nanoseconds } => nanoseconds % DAY == 0,
            _ => true,
        };
        length && matches!(self.clock, Clock::Zone { .. })
    }

    /// A time as the rule sees it.
    fn seen(&self, time: &Timestamp) -> Timestamp {
        if self.is_by_wall() { self.clock.local(time) } else { *time }
    }

    /// As [`advance`](Self::advance), over days that are closed as over others.
    fn advance_any(&self, time: &Timestamp, n: i64) -> Result<Timestamp> {
        let there = self.frequency.advance_without(&self.seen(time), n, self.closed)?;
        Ok(if self.is_by_wall() { self.clock.axis(&there) } else { there })
    }

    /// How many steps of the rule lead from `time` to the first row on the day `day` or after it.
    fn steps_to(&self, time: &Timestamp, day: Date) -> Option<i64> {
        let midnight = day.to_datetime(Time::midnight());
        let from = if self.is_by_wall() { midnight } else { self.clock.axis(&midnight) };
        self.frequency.steps_until(&self.seen(time), &from)
    }

    /// The steps of the rule from `time` whose rows would be on a closed day, first and behind the last.
    fn closed_steps(&self, time: &Timestamp, day: Date) -> Option<(i64, i64)> {
        // The last day of the calendar has none after it.
        let next = day.tomorrow().ok()?;
        Some((self.steps_to(time, day)?, self.steps_to(time, next)?))
    }

    /// The timestamp `n` rows after `time` (before it if `n` is negative). Error: it lies outside the calendar.
    pub fn advance(&self, time: &Timestamp, n: i64) -> Result<Timestamp> {
        let outside = || {
            Error::Invalid(format!("{n} steps ({}) after {time} lie outside the calendar", self.frequency))
        };
        let day = self.clock.local(time).date();
        let mut steps = n;
        if n >= 0 {
            for &closed in self.closed.since(day) {
                let Some((first, end)) = self.closed_steps(time, closed) else { break };
                if first > steps || n == 0 {
                    break;
                }
                steps = steps.checked_add((end - first.max(1)).max(0)).ok_or_else(outside)?;
            }
        } else {
            for &closed in self.closed.until(day).iter().rev() {
                let Some((first, end)) = self.closed_steps(time, closed) else { continue };
                if end - 1 < steps {
                    break;
                }
                steps = steps.checked_sub((end.min(0) - first).max(0)).ok_or_else(outside)?;
            }
        }
        self.advance_any(time, steps)
    }

    /// How many rows lead from `a` to `b`, or `None` if no number of steps meets `b` exactly, or either is on a day that is
    /// closed.
    pub fn steps_between(&self, a: &Timestamp, b: &Timestamp) -> Option<i64> {
        if b < a {
            return self.steps_between(b, a).map(|steps| -steps);
        }
        let steps = self.frequency.steps_between_without(&self.seen(a), &self.seen(b), self.closed)?;
        if self.closed.is_empty() {
            return Some(steps);
        }
        let (from, to) = (self.clock.local(a).date(), self.clock.local(b).date());
        if self.closed.contains(from) || self.closed.contains(to) {
            return None;
        }
        let days = self.closed.since(from).iter().take_while(|day| **day < to);
        let rows = days.filter_map(|&day| self.closed_steps(a, day)).map(|(first, end)| end - first);
        Some(steps - rows.sum::<i64>())
    }
}

#[cfg(test)]
mod tests {
    use super::super::closed;
    use super::*;
    use crate::data::{Combine, Missing, Resample, Series, SeriesSpec, Table};
    use proptest::prelude::*;

    fn days(texts: &[&str]) -> Closed {
        Closed::new(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn berlin() -> Clock {
        Clock::Zone { name: "Europe/Berlin".into() }
    }

    /// Rows every `minutes` of the clock on the wall from Monday, 15 March 2021, as moments of the axis.
    fn rows(clock: &Clock, minutes: i64, count: i64, open: impl Fn(&Timestamp) -> bool) -> Vec<Timestamp> {
        let start: Timestamp = "2021-03-15T00:00".parse().unwrap();
        let local = (0..count).map(|k| start + jiff::SignedDuration::from_mins(k * minutes));
        local.filter(open).map(|time| clock.axis(&time)).collect()
    }

    fn weekday(time: &Timestamp) -> i8 {
        time.date().weekday().to_monday_zero_offset()
    }

    /// The clock is put forward on 28 March; days, months and opening hours go on by the wall, hours by the axis.
    #[test]
    fn rules_of_the_wall_are_found_in_a_time_zone() {
        let clock = berlin();
        let none = &closed::NONE;
        let shop = |t: &Timestamp| (9..=16).contains(&t.hour()) && weekday(t) < 5;
        for (times, name, next) in [
            (rows(&clock, 1440, 30, |_| true), "daily", "2021-04-14 00:00"),
            (rows(&clock, 60, 24 * 33, shop), "hourly, 09:00–16:00, Mon–Fri", "2021-04-19 09:00"),
            // These hours have the one that the clock skips: no rule, but even steps.
            (rows(&clock, 60, 24 * 30, |t| t.hour() < 5), "hourly", ""),
            (rows(&clock, 60, 24 * 5, |_| true), "hourly", "2021-03-20 00:00"),
        ] {
            let frequency = Steps::infer(&times, &clock, none).unwrap();
            assert_eq!(frequency.to_string(), name);
            let steps = Steps::new(frequency, &clock, none);
            if !next.is_empty() {
                let ahead = steps.advance(times.last().unwrap(), 1).unwrap();
                assert_eq!(clock.local(&ahead).strftime("%Y-%m-%d %H:%M").to_string(), next);
                assert!(
                    times.windows(2).all(|pair| steps.steps_between(&pair[0], &pair[1]) == Some(1)),
                    "{name}"
                );
            }
        }
    }

    /// Days and months of gathered rows begin at midnight of the time zone that was given, on both sides of a change.
    #[test]
    fn days_are_gathered_by_the_time_zone() {
        let rows: Vec<String> = (0..24 * 5)
            .map(|k| {
                let time: Timestamp = "2021-03-25T23:30".parse().unwrap();
                format!("{}Z,{k}", time + jiff::SignedDuration::from_hours(k))
            })
            .collect();
        let text = format!("t,y\n{}\n", rows.join("\n"));
        let table = Table::from_reader("f.csv", text.as_bytes()).unwrap();
        let read = |step: &str, timezone| {
            let resample = Some(Resample::new(step, Combine::Last).unwrap());
            let spec = SeriesSpec { resample, timezone, missing: Missing::Error, ..SeriesSpec::new(&["y"]) };
            Series::from_table(&table, &spec).unwrap().series
        };
        // The first day is that of 00:30 in Berlin; on 28 March it has 23 hours.
        let zone = read("1d", Some("Europe/Berlin"));
        assert_eq!(zone.columns[0].values, [23.0, 47.0, 70.0, 94.0, 118.0, 119.0]);
        assert_eq!(zone.label(3), "2021-03-29T00:00:00+02:00");
        assert_eq!(zone.future_labels(1).unwrap(), ["2021-04-01T00:00:00+02:00"]);
        assert_eq!(read("1d", None).columns[0].values, [0.0, 24.0, 48.0, 72.0, 96.0, 119.0]);
        assert_eq!(read("1month", Some("Europe/Berlin")).label(0), "2021-03-01T00:00:00+01:00");
    }

    #[test]
    fn last_working_days_go_over_closed_ones() {
        let closed = days(&["2021-12-31", "2022-04-29", "2022-12-30"]);
        let ends = [
            "2021-09-30",
            "2021-10-29",
            "2021-11-30",
            "2021-12-30",
            "2022-01-31",
            "2022-02-28",
            "2022-03-31",
            "2022-04-28",
            "2022-05-31",
            "2022-06-30",
            "2022-07-29",
            "2022-08-31",
        ];
        let times: Vec<Timestamp> = ends.iter().map(|end| format!("{end}T00:00").parse().unwrap()).collect();
        let frequency = Steps::infer(&times, &Clock::Written, &closed).unwrap();
        assert_eq!(frequency.to_string(), "monthly, on the last working day");
        let steps = Steps::new(frequency, &Clock::Written, &closed);
        assert_eq!(steps.advance(&times[11], 4).unwrap().to_string(), "2022-12-29T00:00:00");
        assert_eq!(steps.steps_between(&times[0], &times[11]), Some(11));
    }

    /// Working days of which every fourth is closed are the rule still: a tenth may be missing, and these are not.
    #[test]
    fn closed_days_are_not_missing() {
        let all = rows(&Clock::Written, 1440, 100, |t| weekday(t) < 5);
        let shut: Vec<Date> = all.iter().skip(2).step_by(4).map(|time| time.date()).collect();
        let open: Vec<Timestamp> = all.iter().filter(|time| !shut.contains(&time.date())).copied().collect();
        let closed = Closed::new([shut, vec!["2030-01-01".parse().unwrap()]].concat());
        assert_eq!(Steps::infer(&open, &Clock::Written, &closed).unwrap().to_string(), "daily, Mon–Fri");
    }

    proptest! {
        /// Against a list of all rows, less those on closed days.
        #[test]
        fn steps_count_the_open_rows(
            rule in 0_usize..5,
            zone: bool,
            shut in prop::collection::vec(0_i64..40, 0..12),
            (a, b) in (0_usize..1000, 0_usize..1000),
        ) {
            let clock = if zone { berlin() } else { Clock::Written };
            let hours = |t: &Timestamp| (9..=16).contains(&t.hour());
            let (minutes, name) = [(1440, "daily"), (60, "hourly"), (1440, "Mon–Fri"), (60, "Mon–Fri"), (2880, "2 days")][rule];
            let local = rows(&Clock::Written, minutes, 40 * 1440 / minutes, |t| match rule {
                2 => weekday(t) < 5,
                3 => weekday(t) < 5 && hours(t),
                _ => true,
            });
            // Hours are even on the axis, the others on the wall.
            let all: Vec<Timestamp> = if rule == 1 { local } else { local.iter().map(|t| clock.axis(t)).collect() };
            let frequency = Steps::infer(&all, &clock, &closed::NONE).unwrap();
            prop_assert!(frequency.to_string().contains(name), "{}", frequency);
            let first: Date = "2021-03-15".parse().unwrap();
            let closed = Closed::new(shut.iter().map(|&k| first + jiff::Span::new().days(k)).collect());
            let open: Vec<Timestamp> =
                all.iter().filter(|time| !closed.contains(clock.local(time).date())).copied().collect();
            prop_assume!(!open.is_empty());
            let steps = Steps::new(frequency, &clock, &closed);
            let (a, b) = (a % open.len(), b % open.len());
            let n = b as i64 - a as i64;
            prop_assert_eq!(steps.advance(&open[a], n).unwrap(), open[b]);
            prop_assert_eq!(steps.steps_between(&open[a], &open[b]), Some(n));
            if let Some(shut) = all.iter().find(|time| !open.contains(time)) {
                prop_assert_eq!(steps.steps_between(&open[a], shut), None);
            }
        }
    }
}
