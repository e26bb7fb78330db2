//! How a time column is written, piece by piece: what reads a cell also prints new ones in the very same form.

use serde::{Deserialize, Deserializer, Serialize};

use super::clock::{Clock, shifted};
use super::moment::Timestamp;
use super::names::{Half, NameStyle};
use super::offset::{OffsetStyle, offset_of, print_offset};
use crate::{Error, Result};

/// The longest cell that may be a time, in bytes, and the most pieces of one.
pub(super) const LONGEST: usize = 64;

/// A piece of a written time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text that is the same in every row.
    Text(String),
    /// A year of four digits.
    Year,
    /// The last two digits of a year: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068, as in POSIX.
    ShortYear,
    /// A quarter, 1 to 4.
    Quarter,
    /// A month as a number; `true` with a leading zero.
    Month(bool),
    /// A month by its name.
    MonthName(NameStyle),
    /// The number of a week of ISO 8601, two digits; the year beside it is the week's.
    Week,
    /// The number of a day in a week of ISO 8601, 1 for Monday.
    WeekDay,
    /// A weekday by its name.
    WeekdayName(NameStyle),
    /// The day of a month; `true` with a leading zero.
    Day(bool),
    /// `st`, `nd`, `rd` or `th` after the day of a month.
    Ordinal,
    /// An hour, 0 to 24; `true` with a leading zero.
    Hour(bool),
    /// An hour, 1 to 12; `true` with a leading zero.
    Hour12(bool),
    /// Which half of the day an hour from 1 to 12 is in.
    Half(Half),
    /// A minute, two digits.
    Minute,
    /// A second, two digits.
    Second,
    /// Digits of the fraction of a second behind a mark; rows without it are whole seconds.
    Fraction {
        /// `.` or `,`
        mark: char,
        /// How many digits are written.
        digits: u8,
    },
    /// The offset from UTC.
    Offset(OffsetStyle),
    /// Seconds since 1970 in UTC, times ten to the power of this.
    Epoch(u8),
    /// A year with a fraction of so many digits.
    DecimalYear {
        /// Digits behind the point.
        digits: u8,
        /// What a row stands for.
        of: Span,
    },
}

/// What a decimal year stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// A day.
    Day,
    /// A month, by its beginning: `1958.0000`
    MonthStart,
    /// A month, by its middle: `1958.0417`
    MonthMiddle,
}

impl Span {
    /// Where in its month a row stands, from 0 to 1; `None` for days.
    pub(super) fn within_month(self) -> Option<f64> {
        match self {
            Self::Day => None,
            Self::MonthStart => Some(0.0),
            Self::MonthMiddle => Some(0.5),
        }
    }
}

/// How a time column is written, so that new timestamps are printed in the very same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeFormat {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// How the wall clock of the file and the axis of the timestamps belong together.
    #[serde(default)]
    pub clock: Clock,
    /// Whether midnight is written as 24:00 of the day before.
    #[serde(default)]
    pub midnight_24: bool,
}

impl TimeFormat {
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces, clock: Clock::Written, midnight_24: false }
    }

    /// What the wall clock of the file shows at `time`: the hour and the weekday that people live by.
    pub fn local(&self, time: &Timestamp) -> Timestamp {
        self.clock.local(time)
    }

    /// Writes `time` in this form. Parts finer than the form shows are left out.
    pub fn print(&self, time: &Timestamp) -> String {
        let mut local = self.clock.local(time);
        let late = self.midnight_24 && local.time() == jiff::civil::Time::midnight();
        if late {
            local = shifted(&local, -86_400).unwrap_or(local);
        }
        let iso = local.date().iso_week_date();
        let weekly = self.pieces.contains(&Piece::Week);
        let year = if weekly { iso.year() } else { local.year() };
        let two = |value: i8, padded: bool| if padded { format!("{value:02}") } else { value.to_string() };
        let hour12 = (local.hour() + 11) % 12 + 1;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(same) => text += same,
                Piece::Year => text += &format!("{year:04}"),
                Piece::ShortYear => text += &format!("{:02}", year.rem_euclid(100)),
                Piece::Quarter => text += &((local.month() + 2) / 3).to_string(),
                Piece::Month(padded) => text += &two(local.month(), *padded),
                Piece::MonthName(style) => text += &style.month(local.month()),
                Piece::Week => text += &format!("{:02}", iso.week()),
                Piece::WeekDay => text += &iso.weekday().to_monday_one_offset().to_string(),
                Piece::WeekdayName(style) => {
                    text += &style.weekday(local.weekday().to_monday_one_offset());
                }
                Piece::Day(padded) => text += &two(local.day(), *padded),
                Piece::Ordinal => text += ordinal(local.day()),
                Piece::Hour(padded) => text += &two(if late { 24 } else { local.hour() }, *padded),
                Piece::Hour12(padded) => text += &two(hour12, *padded),
                Piece::Half(half) => text += half.names()[usize::from(local.hour() >= 12)],
                Piece::Minute => text += &format!("{:02}", local.minute()),
                Piece::Second => text += &format!("{:02}", local.second()),
                Piece::Fraction { mark, digits } => {
                    let nanoseconds = format!("{:09}", local.subsec_nanosecond());
                    text.push(*mark);
                    text += &nanoseconds[..usize::from(*digits).min(9)];
                }
                Piece::Offset(style) => text += &print_offset(*style, self.clock.offset(time).unwrap_or(0)),
                Piece::Epoch(power) => text += &print_epoch(time, *power),
                Piece::DecimalYear { digits, of } => {
                    text += &format!("{:.*}", usize::from(*digits), decimal_year(&local, *of));
                }
            }
        }
        text
    }

    /// Error unless it can be read and printed with: for a model file, which may hold anything.
    pub(crate) fn check(&self) -> Result<()> {
        let sound = |piece: &Piece| match piece {
            Piece::Epoch(digits) | Piece::Fraction { digits, .. } | Piece::DecimalYear { digits, .. } => {
                *digits <= 9
            }
            Piece::Text(text) => text.len() <= LONGEST,
            _ => true,
        };
        if self.pieces.len() <= LONGEST && self.pieces.iter().all(sound) && self.clock.is_sound() {
            return Ok(());
        }
        Err(Error::Model("the form of the model's times is damaged; use the file that training wrote".into()))
    }

    /// Whether rows that differ in nothing finer than a day are written alike.
    pub(crate) fn shows_hours(&self) -> bool {
        let hours = |piece: &Piece| matches!(piece, Piece::Hour(_) | Piece::Hour12(_) | Piece::Epoch(_));
        self.pieces.iter().any(hours)
    }

    /// Whether every time names a day, and not only a month, a quarter or a week.
    pub(crate) fn names_days(&self) -> bool {
        let day = |piece: &Piece| match piece {
            Piece::Day(_) | Piece::WeekDay | Piece::Epoch(_) => true,
            Piece::DecimalYear { of, .. } => *of == Span::Day,
            _ => false,
        };
        self.pieces.iter().any(day)
    }

    /// Whether it is only a number: a year, or digits without anything between them.
    pub(crate) fn is_plain_number(&self) -> bool {
        let number = |piece: &Piece| match piece {
            Piece::Text(text) => text == ".",
            Piece::MonthName(_)
            | Piece::WeekdayName(_)
            | Piece::Half(_)
            | Piece::Offset(_)
            | Piece::Ordinal => false,
            _ => true,
        };
        self.pieces.iter().all(number)
    }

    /// Whether it is a plain number of eight digits or more, which few numbers but times have.
    pub(crate) fn is_long_number(&self) -> bool {
        use Piece::{Day, Epoch, Month, Year};
        matches!(self.pieces[..], [Year, Month(_), Day(_), ..] | [Epoch(_)])
    }

    /// Whether both read the same cells the same way.
    pub(super) fn reads_as(&self, other: &Self) -> bool {
        let plain = |piece: &Piece| match piece {
            Piece::Month(_) => Piece::Month(true),
            Piece::Day(_) => Piece::Day(true),
            Piece::Hour(_) => Piece::Hour(true),
            Piece::Hour12(_) => Piece::Hour12(true),
            Piece::Fraction { mark, .. } => Piece::Fraction { mark: *mark, digits: 0 },
            Piece::DecimalYear { of, .. } => Piece::DecimalYear { digits: 0, of: *of },
            Piece::Offset(_) => Piece::Offset(OffsetStyle::Z),
            other => other.clone(),
        };
        self.pieces.iter().map(plain).eq(other.pieces.iter().map(plain))
    }
}

fn ordinal(day: i8) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

fn print_epoch(time: &Timestamp, power: u8) -> String {
    let epoch = Timestamp::constant(1970, 1, 1, 0, 0, 0, 0);
    let nanoseconds = time.duration_since(epoch).as_nanos();
    nanoseconds.div_euclid(10_i128.pow(9 - u32::from(power.min(9)))).to_string()
}

fn decimal_year(time: &Timestamp, of: Span) -> f64 {
    let year = f64::from(time.year());
    match of.within_month() {
        Some(into) => year + (f64::from(time.month() - 1) + into) / 12.0,
        None => {
            let seconds = f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0;
            let days = f64::from(time.day_of_year() - 1) + (seconds + f64::from(time.second())) / 86_400.0;
            year + days / f64::from(time.days_in_year())
        }
    }
}

/// A form as model files of earlier versions have it.
#[derive(Deserialize)]
struct Earlier {
    resolution: Resolution,
    #[serde(default)]
    order: Order,
    separator: char,
    joiner: char,
    fraction_digits: u8,
    offset: String,
    padded_date: bool,
    padded_hour: bool,
}

#[derive(Deserialize, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
enum Resolution {
    Year,
    Month,
    Day,
    Minute,
    Second,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Year,
    Day,
    Month,
}

impl From<Earlier> for TimeFormat {
    fn from(form: Earlier) -> Self {
        let between = || Piece::Text(form.separator.to_string());
        let (month, day) = (Piece::Month(form.padded_date), Piece::Day(form.padded_date));
        let mut pieces = match form.order {
            Order::Day => vec![day, between(), month, between(), Piece::Year],
            Order::Month => vec![month, between(), day, between(), Piece::Year],
            Order::Year if form.resolution == Resolution::Year => vec![Piece::Year],
            Order::Year if form.resolution == Resolution::Month => vec![Piece::Year, between(), month],
            Order::Year => vec![Piece::Year, between(), month, between(), day],
        };
        if form.resolution >= Resolution::Minute {
            let colon = || Piece::Text(":".into());
            pieces.extend([
                Piece::Text(form.joiner.to_string()),
                Piece::Hour(form.padded_hour),
                colon(),
                Piece::Minute,
            ]);
            if form.resolution == Resolution::Second {
                pieces.extend([colon(), Piece::Second]);
                if form.fraction_digits > 0 {
                    pieces.push(Piece::Fraction { mark: '.', digits: form.fraction_digits.min(9) });
                }
            }
        }
        let mut format = Self::new(pieces);
        if let Some((style, seconds)) = offset_of(&form.offset) {
            format.pieces.push(Piece::Offset(style));
            format.clock = Clock::Offset { seconds };
        }
        format
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Now {
            pieces: Vec<Piece>,
            #[serde(default)]
            clock: Clock,
            #[serde(default)]
            midnight_24: bool,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Now(Now),
            Earlier(Earlier),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Now(Now { pieces, clock, midnight_24 }) => Self { pieces, clock, midnight_24 },
            Either::Earlier(earlier) => earlier.into(),
        })
    }
}
