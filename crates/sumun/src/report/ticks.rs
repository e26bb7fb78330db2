//! Where axes put their ticks: round steps (1, 2, 5), powers of ten, and calendar boundaries.

use super::text;

/// A tick: where it stands, what it says, and the wider context below it (the year under a month), where that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
    pub(super) context: Option<String>,
}

/// Round values from `low` to `high`, at most `max` or so, at steps of 1, 2 or 5 times a power of ten.
pub(super) fn linear(low: f64, high: f64, max: usize) -> Vec<f64> {
    let step = round_step((high - low) / max.max(1) as f64);
    if !(step.is_finite() && step > 0.0 && high >= low) {
        return vec![low];
    }
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let amount = (last - first).clamp(0.0, 200.0) as usize + 1;
    (0..amount).map(|i| (first + i as f64) * step).collect()
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `x`.
pub(super) fn round_step(x: f64) -> f64 {
    if !(x.is_finite() && x > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(x.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|s| *s >= x * (1.0 - 1e-9)).unwrap_or(x)
}

/// Ticks of a logarithmic axis: powers of ten, with 2 and 5 between them where they fit.
pub(super) fn logarithmic(low: f64, high: f64, max: usize) -> Vec<f64> {
    let power = |x: f64| x.clamp(f64::MIN_POSITIVE, 1e300).log10();
    let decades = power(low).floor() as i32..=power(high).ceil() as i32;
    let of = |multiples: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|d| multiples.iter().map(move |m| m * 10f64.powi(d)));
        all.filter(|v| *v >= low * 0.999 && *v <= high * 1.001).collect()
    };
    let fine = of(&[1.0, 2.0, 5.0]);
    if fine.len() <= max {
        return fine;
    }
    let whole = of(&[1.0]);
    let stride = whole.len().div_ceil(max.max(1)).max(1);
    whole.into_iter().step_by(stride).collect()
}

/// Labels that all show the same decimals and, from a million up, the same suffix.
pub(super) fn labels(values: &[f64]) -> Vec<String> {
    let largest = values.iter().fold(0f64, |m, v| m.max(v.abs()));
    let (divisor, suffix) = match largest {
        m if m >= 1e15 => (1.0, ""),
        m if m >= 1e12 => (1e12, " T"),
        m if m >= 1e9 => (1e9, " G"),
        m if m >= 1e6 => (1e6, " M"),
        _ => (1.0, ""),
    };
    let smallest_step =
        values.windows(2).map(|w| (w[1] - w[0]).abs()).fold(f64::INFINITY, f64::min) / divisor;
    if largest >= 1e15 || (largest > 0.0 && largest < 1e-4) {
        return values.iter().map(|v| if *v == 0.0 { "0".into() } else { format!("{v:.1e}") }).collect();
    }
    let step =
        if smallest_step.is_finite() && smallest_step > 0.0 { smallest_step } else { largest.max(1e-3) };
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 8.0) as usize;
    let label = |v: &f64| {
        let text = text::fixed(v / divisor, decimals);
        if *v == 0.0 { "0".into() } else { format!("{text}{suffix}") }
    };
    values.iter().map(label).collect()
}

/// Labels of a logarithmic axis: each with as many decimals as it needs.
pub(super) fn logarithmic_labels(values: &[f64]) -> Vec<String> {
    let label = |v: &f64| match v {
        v if *v >= 1e6 || *v < 1e-4 => format!("{v:.0e}"),
        v => text::fixed(*v, (-(v.log10() + 1e-9).floor()).max(0.0) as usize),
    };
    values.iter().map(label).collect()
}

/// Ticks for positions that bear timestamps as text: the finest calendar unit of which at most `max` boundaries are
/// passed. Text that is not an ISO-like timestamp is shown as it is, at even distances.
pub(super) fn calendar(labels: &[String], max: usize) -> Vec<Tick> {
    let max = max.max(1);
    let moments: Option<Vec<Moment>> = labels.iter().map(|l| Moment::parse(l)).collect();
    let found = moments.and_then(|moments| {
        let of_unit = |unit: &Unit| {
            let starts = |i: &usize| {
                let bucket = unit.bucket(&moments[*i]);
                if *i == 0 { unit.opens(&moments[0]) } else { bucket != unit.bucket(&moments[*i - 1]) }
            };
            (0..moments.len()).filter(starts).collect::<Vec<_>>()
        };
        // A unit that never begins within the range says nothing about when we are: then plain labels are better.
        // Nor does one by which all look alike, as the hours of labels that are years apart.
        let alike = |unit: &Unit, at: &[usize]| {
            let label = |place: &usize| unit.label(&moments[*place]).0;
            at.len() > 1 && at[1..].iter().all(|place| label(place) == label(&at[0]))
        };
        let fits = |unit: &'static Unit| {
            let of_unit = Some((unit, of_unit(unit)));
            of_unit.filter(|(unit, at)| !at.is_empty() && at.len() <= max && !alike(unit, at))
        };
        UNITS.iter().find_map(fits).map(|(unit, at)| {
            let mut context = String::new();
            let tick = |i: usize| {
                let (label, wider) = unit.label(&moments[i]);
                let changed = wider != context;
                context.clone_from(&wider);
                Tick { at: i as f64, label, context: (changed && !wider.is_empty()).then_some(wider) }
            };
            at.into_iter().map(tick).collect()
        })
    });
    found.unwrap_or_else(|| {
        let longest = labels.len().div_ceil(max).max(1);
        let tick = |i: usize| Tick { at: i as f64, label: text::shortened(&labels[i], 16), context: None };
        (0..labels.len()).step_by(longest).map(tick).collect()
    })
}

/// A point of time as its calendar fields; the zone, if any, is not looked at since all rows share it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    seconds: i64,
}

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
        let mut fields = date.split(['-', '/', '.']).map(|f| f.parse::<i64>().ok());
        let year = fields.next()?.filter(|y| (1000..=9999).contains(y))?;
        let month = fields.next().unwrap_or(Some(1)).filter(|m| (1..=12).contains(m))?;
        let day = fields.next().unwrap_or(Some(1)).filter(|d| (1..=31).contains(d))?;
        if fields.next().is_some() {
            return None;
        }
        let clock: String = time.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
        let mut seconds = 0;
        for (field, size) in clock.split(':').filter(|f| !f.is_empty()).zip([3600, 60, 1]) {
            seconds += field.parse::<i64>().ok().filter(|f| *f < 100)? * size;
        }
        Some(Self { year, month, day, seconds })
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn days(&self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year - era * 400;
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }
}

/// A calendar unit and how many of it are between ticks.
enum Unit {
    Seconds(i64),
    Days(i64),
    /// Weeks begin on Monday (ISO 8601).
    Weeks(i64),
    Months(i64),
    Years(i64),
}

const UNITS: [Unit; 35] = [
    Unit::Seconds(1),
    Unit::Seconds(2),
    Unit::Seconds(5),
    Unit::Seconds(10),
    Unit::Seconds(15),
    Unit::Seconds(30),
    Unit::Seconds(60),
    Unit::Seconds(120),
    Unit::Seconds(300),
    Unit::Seconds(600),
    Unit::Seconds(900),
    Unit::Seconds(1800),
    Unit::Seconds(3600),
    Unit::Seconds(7200),
    Unit::Seconds(10_800),
    Unit::Seconds(21_600),
    Unit::Seconds(43_200),
    Unit::Days(1),
    Unit::Days(2),
    Unit::Weeks(1),
    Unit::Weeks(2),
    Unit::Months(1),
    Unit::Months(2),
    Unit::Months(3),
    Unit::Months(6),
    Unit::Years(1),
    Unit::Years(2),
    Unit::Years(5),
    Unit::Years(10),
    Unit::Years(20),
    Unit::Years(50),
    Unit::Years(100),
    Unit::Years(200),
    Unit::Years(500),
    Unit::Years(1000),
];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Unit {
    fn bucket(&self, m: &Moment) -> i64 {
        match self {
            Self::Seconds(n) => (m.days() * 86_400 + m.seconds).div_euclid(*n),
            Self::Days(n) => m.days().div_euclid(*n),
            Self::Weeks(n) => (m.days() + 3).div_euclid(7 * n),
            Self::Months(n) => (m.year * 12 + m.month - 1).div_euclid(*n),
            Self::Years(n) => m.year.div_euclid(*n),
        }
    }

    /// Whether this moment is the very beginning of its bucket, which only the first one of a range has to prove.
    fn opens(&self, m: &Moment) -> bool {
        let midnight = m.seconds == 0;
        match self {
            Self::Seconds(n) => (m.days() * 86_400 + m.seconds).rem_euclid(*n) == 0,
            Self::Days(n) => midnight && m.days().rem_euclid(*n) == 0,
            Self::Weeks(n) => midnight && (m.days() + 3).rem_euclid(7 * n) == 0,
            Self::Months(n) => midnight && m.day == 1 && (m.month - 1) % n == 0,
            Self::Years(n) => midnight && m.day == 1 && m.month == 1 && m.year % n == 0,
        }
    }

    fn label(&self, m: &Moment) -> (String, String) {
        let month = MONTHS[(m.month - 1) as usize];
        match self {
            Self::Seconds(n) => {
                let clock = format!("{:02}:{:02}", m.seconds / 3600, m.seconds / 60 % 60);
                let label = if *n < 60 { format!("{clock}:{:02}", m.seconds % 60) } else { clock };
                (label, format!("{month} {}", m.day))
            }
            Self::Days(_) | Self::Weeks(_) => (format!("{month} {}", m.day), m.year.to_string()),
            Self::Months(_) => (month.into(), m.year.to_string()),
            Self::Years(_) => (m.year.to_string(), String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_far_apart_have_ticks_that_differ() {
        let labels: Vec<String> = ["1956-12", "1957-12", "1958-12", "1959-12"].map(String::from).into();
        let found: Vec<String> = calendar(&labels, 8).into_iter().map(|tick| tick.label).collect();
        assert_eq!(found, ["1957", "1958", "1959"]);
        let labels: Vec<String> = ["2024-03-01", "2024-03-08", "2024-03-15"].map(String::from).into();
        let found: Vec<String> = calendar(&labels, 8).into_iter().map(|tick| tick.label).collect();
        assert_eq!(found.len(), 3);
        assert!(found[0] != found[1] && !found[0].contains(':'), "{found:?}");
    }

    #[test]
    fn linear_ticks_are_round_and_inside() {
        for (low, high, max, expected) in [
            (0.0, 10.0, 5, vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            (-0.3, 0.9, 4, vec![0.0, 0.5]),
            (3812.0, 9218.0, 6, vec![4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0]),
            (7.0, 7.0, 5, vec![7.0]),
        ] {
            assert_eq!(linear(low, high, max), expected, "{low} to {high}");
        }
    }

    #[test]
    fn labels_share_their_decimals() {
        assert_eq!(labels(&[0.0, 0.5, 1.0]), ["0", "0.5", "1.0"]);
        assert_eq!(labels(&[4000.0, 5000.0]), ["4,000", "5,000"]);
        assert_eq!(labels(&[1e6, 1.5e6]), ["1.0 M", "1.5 M"]);
        assert_eq!(
            logarithmic_labels(&logarithmic(0.003, 0.2, 9)),
            ["0.005", "0.01", "0.02", "0.05", "0.1", "0.2"]
        );
    }

    #[test]
    fn calendar_ticks_fall_on_boundaries() {
        let hours: Vec<String> =
            (0..72).map(|h| format!("2014-12-{:02} {:02}:00:00", 30 + h / 24, h % 24)).collect();
        let hours: Vec<String> = hours.iter().map(|h| h.replace("2014-12-32", "2015-01-01")).collect();
        let ticks = calendar(&hours, 6);
        let said: Vec<_> =
            ticks.iter().map(|t| (t.at as usize, t.label.as_str(), t.context.as_deref())).collect();
        let expected = [
            (0, "00:00", Some("Dec 30")),
            (12, "12:00", None),
            (24, "00:00", Some("Dec 31")),
            (36, "12:00", None),
            (48, "00:00", Some("Jan 1")),
            (60, "12:00", None),
        ];
        assert_eq!(said, expected);

        let months: Vec<String> = (0..144).map(|m| format!("{}-{:02}", 1949 + m / 12, 1 + m % 12)).collect();
        let years: Vec<String> = calendar(&months, 8).into_iter().map(|t| t.label).collect();
        assert_eq!(years, ["1950", "1952", "1954", "1956", "1958", "1960"]);
    }

    #[test]
    fn text_that_is_no_timestamp_is_shown_as_it_is() {
        let labels: Vec<String> = (0..10).map(|i| format!("회차 {i}")).collect();
        let said: Vec<String> = calendar(&labels, 5).into_iter().map(|t| t.label).collect();
        assert_eq!(said, ["회차 0", "회차 2", "회차 4", "회차 6", "회차 8"]);
        assert_eq!(calendar(&[], 5), []);
    }

    #[test]
    fn days_count_from_the_unix_epoch() {
        for (text, days) in
            [("1970-01-01", 0), ("2000-03-01", 11_017), ("1969-12-31", -1), ("2024-02-29", 19_782)]
        {
            assert_eq!(Moment::parse(text).map(|m| m.days()), Some(days), "{text}");
        }
    }
}
