//! Features of a moment that are known for any time ahead: hour, weekday, time of year.

use super::frequency::Frequency;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// How a place in a cycle becomes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Sine and cosine of the place in the cycle: two numbers, and the end meets the beginning.
    #[default]
    Cyclic,
    /// One number for each place, 1 for the present one: more numbers, and no shape assumed.
    OneHot,
    /// What forecasts best for its size: for weekdays one number each, because a Saturday is not between its neighbours
    /// in what people do; for the smooth cycles sine and cosine of the cycle and of its half, so that two peaks a day
    /// have a shape too.
    Mixed,
}

/// A cycle of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalendarPart {
    /// The minute within the hour.
    Minute,
    /// The hour within the day; cyclic, minutes count as fractions.
    Hour,
    /// The day within the week, from Monday.
    Weekday,
    /// The month within the year; cyclic, for steps below a month, the day within the year instead.
    Month,
}

/// Which cycles are encoded, and how. A pure function from timestamps to numbers.
///
/// ```
/// use sumun::data::{Calendar, Encoding, Frequency};
/// let calendar = Calendar::new(&Frequency::hours(1), Encoding::Cyclic);
/// assert_eq!(calendar.names()[..2], ["hour sin", "hour cos"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    parts: Vec<CalendarPart>,
    encoding: Encoding,
    /// Whether the time of year is that of the day rather than the month.
    days_of_year: bool,
}

const MINUTE_S: f64 = 60.0;
const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 86_400.0;

impl Calendar {
    /// The cycles longer than one step: minutes below an hour, hours below a day, weekdays below a week, months
    /// below a year.
    pub fn new(frequency: &Frequency, encoding: Encoding) -> Self {
        let step = frequency.approximate_seconds();
        let parts = CalendarPart::ALL.into_iter().filter(|part| step < part.seconds()).collect();
        Self { parts, encoding, days_of_year: step < 28.0 * DAY_S }
    }

    /// As [`Calendar::new`], less the cycles that do not pass twice between `first` and `last`: a network that was
    /// trained on summers only has learnt nothing about winter.
    pub fn covered(frequency: &Frequency, encoding: Encoding, first: &Timestamp, last: &Timestamp) -> Self {
        let mut calendar = Self::new(frequency, encoding);
        // The last row stands for a whole step, so that January to December is a whole year.
        let span = last.duration_since(*first).as_secs_f64() + frequency.approximate_seconds();
        // Two years of months or days can be a little below 730.485 days.
        calendar.parts.retain(|part| span >= 1.99 * part.seconds());
        calendar
    }

    /// The cycles in use.
    pub fn parts(&self) -> &[CalendarPart] {
        &self.parts
    }

    /// How many numbers a timestamp becomes.
    pub fn width(&self) -> usize {
        let width = |part: &CalendarPart| match self.encoding_of(*part) {
            Encoding::Cyclic => 2,
            Encoding::OneHot => part.places(),
            Encoding::Mixed => 4,
        };
        self.parts.iter().map(width).sum()
    }

    /// The name of each number, `[width]`.
    pub fn names(&self) -> Vec<String> {
        let names = |part: &CalendarPart| -> Vec<String> {
            let name = part.name();
            match self.encoding_of(*part) {
                Encoding::Cyclic => vec![format!("{name} sin"), format!("{name} cos")],
                Encoding::Mixed => {
                    ["sin", "cos", "sin 2", "cos 2"].iter().map(|s| format!("{name} {s}")).collect()
                }
                Encoding::OneHot => {
                    (0..part.places()).map(|i| format!("{name} {}", part.first() + i)).collect()
                }
            }
        };
        self.parts.iter().flat_map(names).collect()
    }

    /// The numbers of `time`, `[width]`, each within −1 and 1.
    pub fn features(&self, time: &Timestamp) -> Vec<f32> {
        let mut features = Vec::with_capacity(self.width());
        for part in &self.parts {
            let angle = || TAU * self.place(*part, time);
            match self.encoding_of(*part) {
                Encoding::Cyclic => {
                    let angle = angle();
                    features.extend([angle.sin() as f32, angle.cos() as f32]);
                }
                Encoding::Mixed => {
                    let angle = angle();
                    let double = 2.0 * angle;
                    features.extend([angle.sin(), angle.cos(), double.sin(), double.cos()].map(|v| v as f32));
                }
                Encoding::OneHot => {
                    let present = part.index(time);
                    features.extend((0..part.places()).map(|i| f32::from(u8::from(i == present))));
                }
            }
        }
        features
    }

    /// Whether the time of year is that of the day rather than the month.
    pub(crate) fn counts_days_of_year(&self) -> bool {
        self.days_of_year
    }

    /// Weekdays are never mixed: each has its own number.
    pub(crate) fn encoding_of(&self, part: CalendarPart) -> Encoding {
        match (self.encoding, part) {
            (Encoding::Mixed, CalendarPart::Weekday) => Encoding::OneHot,
            (encoding, _) => encoding,
        }
    }

    /// Where `time` is within the cycle, 0 to below 1.
    fn place(&self, part: CalendarPart, time: &Timestamp) -> f64 {
        let seconds = f64::from(time.second()) + f64::from(time.subsec_nanosecond()) / 1e9;
        let in_hour = f64::from(time.minute()) * MINUTE_S + seconds;
        match part {
            CalendarPart::Minute => in_hour / HOUR_S,
            CalendarPart::Hour => (f64::from(time.hour()) * HOUR_S + in_hour) / DAY_S,
            CalendarPart::Month if self.days_of_year => {
                let date = time.date();
                f64::from(date.day_of_year() - 1) / f64::from(date.days_in_year())
            }
            CalendarPart::Weekday | CalendarPart::Month => part.index(time) as f64 / part.places() as f64,
        }
    }
}

impl CalendarPart {
    const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Weekday, Self::Month];

    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Weekday => "weekday",
            Self::Month => "month",
        }
    }

    /// The length of the whole cycle in seconds; for a year, that of the Gregorian mean.
    fn seconds(self) -> f64 {
        match self {
            Self::Minute => HOUR_S,
            Self::Hour => DAY_S,
            Self::Weekday => 7.0 * DAY_S,
            Self::Month => 365.2425 * DAY_S,
        }
    }

    fn places(self) -> usize {
        match self {
            Self::Minute => 60,
            Self::Hour => 24,
            Self::Weekday => 7,
            Self::Month => 12,
        }
    }

    /// What people call the first place: hour 0, but weekday 1 and month 1.
    fn first(self) -> usize {
        usize::from(matches!(self, Self::Weekday | Self::Month))
    }

    fn index(self, time: &Timestamp) -> usize {
        let index = match self {
            Self::Minute => time.minute(),
            Self::Hour => time.hour(),
            Self::Weekday => time.date().weekday().to_monday_zero_offset(),
            Self::Month => time.month() - 1,
        };
        usize::from(index.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn cycles_longer_than_a_step() {
        use CalendarPart::*;
        for (frequency, parts) in [
            (Frequency::seconds(1), &[Minute, Hour, Weekday, Month][..]),
            (Frequency::minutes(15), &[Minute, Hour, Weekday, Month]),
            (Frequency::hours(1), &[Hour, Weekday, Month]),
            (Frequency::days(1), &[Weekday, Month]),
            (Frequency::weeks(1), &[Month]),
            (Frequency::months(1), &[Month]),
            (Frequency::months(3), &[Month]),
            (Frequency::years(1), &[]),
        ] {
            for (encoding, width) in
                [(Encoding::Cyclic, 2 * parts.len()), (Encoding::OneHot, 0), (Encoding::Mixed, 0)]
            {
                let calendar = Calendar::new(&frequency, encoding);
                assert_eq!(calendar.parts(), parts, "{frequency}");
                let time = datetime(2012, 12, 31, 23, 59, 59, 0);
                assert_eq!(calendar.features(&time).len(), calendar.width());
                assert_eq!(calendar.names().len(), calendar.width());
                assert!(encoding != Encoding::Cyclic || calendar.width() == width);
            }
        }
    }

    #[test]
    fn cycles_must_have_been_seen_twice() {
        use CalendarPart::*;
        let covered =
            |frequency, first, last| Calendar::covered(&frequency, Encoding::Cyclic, &first, &last).parts;
        let start = datetime(2012, 1, 1, 0, 0, 0, 0);
        let hourly = |last| covered(Frequency::hours(1), start, last);
        assert_eq!(hourly(datetime(2012, 1, 2, 22, 0, 0, 0)), []);
        assert_eq!(hourly(datetime(2012, 1, 2, 23, 0, 0, 0)), [Hour]);
        assert_eq!(hourly(datetime(2012, 5, 29, 23, 0, 0, 0)), [Hour, Weekday]);
        let monthly = |last| covered(Frequency::months(1), start, last);
        assert_eq!(monthly(datetime(2013, 11, 1, 0, 0, 0, 0)), []);
        assert_eq!(monthly(datetime(2013, 12, 1, 0, 0, 0, 0)), [Month]);
    }

    #[test]
    fn known_values() {
        let calendar = Calendar::new(&Frequency::hours(1), Encoding::Cyclic);
        // 2024-07-01 is a Monday, and day 183 of 366.
        let features = calendar.features(&datetime(2024, 7, 1, 6, 0, 0, 0));
        let year = TAU * 182.0 / 366.0;
        for (found, expected) in features.iter().zip([1.0, 0.0, 0.0, 1.0, year.sin(), year.cos()]) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{features:?}");
        }
        let calendar = Calendar::new(&Frequency::days(1), Encoding::OneHot);
        let features = calendar.features(&datetime(2024, 7, 7, 0, 0, 0, 0));
        let names: Vec<_> = calendar.names().into_iter().zip(features).filter(|(_, f)| *f == 1.0).collect();
        assert_eq!(names, [("weekday 7".into(), 1.0), ("month 7".into(), 1.0)]);
        let calendar = Calendar::new(&Frequency::months(1), Encoding::Mixed);
        assert_eq!(calendar.names(), ["month sin", "month cos", "month sin 2", "month cos 2"]);
        let april = calendar.features(&datetime(2024, 4, 1, 0, 0, 0, 0));
        for (found, expected) in april.iter().zip([1.0, 0.0, 0.0, -1.0]) {
            assert!((found - expected).abs() < 1e-6, "{april:?}");
        }
    }
}
