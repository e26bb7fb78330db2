//! A cell becomes a time by the pieces of a form.

use super::clock::shifted;
use super::format::{Piece, Span};
use super::moment::Timestamp;
use super::names::{Half, months, weekdays};
use super::offset::offset_of;

/// Why a cell is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    Empty,
    NotInCalendar,
    Unknown,
}

impl Problem {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Empty => "is empty; every row needs a time",
            Self::NotInCalendar => "is no date or time of the calendar; correct it",
            Self::Unknown => "is not a time; write YYYY-MM-DD, with HH:MM or HH:MM:SS if needed",
        }
    }
}

/// A cell as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// The wall clock, or UTC for a number of seconds.
    pub(super) time: Timestamp,
    /// East of UTC, in seconds, where the cell says it.
    pub(super) offset: Option<i32>,
    /// Digits of the fraction of a second.
    pub(super) fraction: u8,
    /// Whether numbers of one digit stand without a leading zero: month or day, and hour.
    pub(super) single: (bool, bool),
    /// Whether it is a midnight written as 24:00.
    pub(super) midnight_24: bool,
    /// Whether the time of day is left out.
    pub(super) bare: bool,
}

/// Reads `text`, which must have exactly the pieces, apart from leading zeros and the fraction of a second. A date
/// alone is read where the pieces have a time of day too, as its midnight.
pub(super) fn read(text: &str, pieces: &[Piece]) -> Result<Cell, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    let mut rest = Scanner(text);
    let mut parts = Parts::default();
    for (place, piece) in pieces.iter().enumerate() {
        let tight =
            place > 0 && is_number(&pieces[place - 1]) || pieces.get(place + 1).is_some_and(is_number);
        if rest.0.is_empty() && parts.has_date() && place > 0 && ends_a_date(&pieces[place..]) {
            parts.bare = true;
            break;
        }
        parts.take(&mut rest, piece, tight)?;
    }
    if !rest.0.is_empty() {
        return Err(Problem::Unknown);
    }
    parts.finish()
}

/// Whether a time of day and nothing of a date follows.
fn ends_a_date(pieces: &[Piece]) -> bool {
    let date = |piece: &Piece| {
        matches!(
            piece,
            Piece::Year
                | Piece::ShortYear
                | Piece::Month(_)
                | Piece::MonthName(_)
                | Piece::Day(_)
                | Piece::Quarter
                | Piece::Week
                | Piece::WeekDay
                | Piece::WeekdayName(_)
        )
    };
    let hour = |piece: &Piece| matches!(piece, Piece::Hour(_) | Piece::Hour12(_));
    matches!(pieces.first(), Some(Piece::Text(_))) && pieces.iter().any(hour) && !pieces.iter().any(date)
}

fn is_number(piece: &Piece) -> bool {
    matches!(
        piece,
        Piece::Year
            | Piece::ShortYear
            | Piece::Month(_)
            | Piece::Week
            | Piece::WeekDay
            | Piece::Day(_)
            | Piece::Hour(_)
            | Piece::Hour12(_)
            | Piece::Minute
            | Piece::Second
    )
}

#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    week: Option<i32>,
    week_day: Option<i32>,
    named_day: Option<i8>,
    hour: i32,
    half: Option<bool>,
    minute: i32,
    second: i32,
    nanosecond: i32,
    fraction: u8,
    offset: Option<i32>,
    whole: Option<Timestamp>,
    single: (bool, bool),
    bare: bool,
}

impl Parts {
    fn has_date(&self) -> bool {
        self.year.is_some()
    }

    fn take(&mut self, rest: &mut Scanner<'_>, piece: &Piece, tight: bool) -> Result<(), Problem> {
        let least = if tight { 2 } else { 1 };
        match piece {
            Piece::Text(text) => rest.text(text)?,
            Piece::Year => self.year = Some(rest.number(4, 4, tight)?.0),
            Piece::ShortYear => {
                let (year, _) = rest.number(2, 2, tight)?;
                self.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            Piece::Quarter => {
                let (quarter, _) = rest.number(1, 1, tight)?;
                if !(1..=4).contains(&quarter) {
                    return Err(Problem::NotInCalendar);
                }
                self.month = Some(3 * quarter - 2);
            }
            Piece::Month(_) => self.month = Some(self.small(rest.number(least, 2, tight)?)),
            Piece::Day(_) => self.day = Some(self.small(rest.number(least, 2, tight)?)),
            Piece::MonthName(style) => {
                let word = rest.word();
                let found = months(word).find(|(_, found)| found.language == style.language);
                self.month = Some(i32::from(found.ok_or(Problem::Unknown)?.0));
            }
            Piece::WeekdayName(style) => {
                let word = rest.word();
                let found = weekdays(word).find(|(_, found)| found.language == style.language);
                self.named_day = Some(found.ok_or(Problem::Unknown)?.0);
            }
            Piece::Week => self.week = Some(rest.number(least, 2, tight)?.0),
            Piece::WeekDay => self.week_day = Some(rest.number(1, 1, tight)?.0),
            Piece::Ordinal => match rest.word().to_lowercase().as_str() {
                "st" | "nd" | "rd" | "th" => {}
                _ => return Err(Problem::Unknown),
            },
            Piece::Hour(_) | Piece::Hour12(_) => {
                let (hour, width) = rest.number(least, 2, tight)?;
                self.single.1 |= width == 1;
                if matches!(piece, Piece::Hour12(_)) && !(1..=12).contains(&hour) {
                    return Err(Problem::NotInCalendar);
                }
                self.hour = hour;
            }
            Piece::Half(half) => {
                let names = half.names();
                let same =
                    |name: &&&str| rest.0.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
                let found = names.iter().find(same).ok_or(Problem::Unknown)?;
                self.half = Some(*found == names[1]);
                rest.0 = &rest.0[found.len()..];
            }
            Piece::Minute => self.minute = rest.number(2, 2, tight)?.0,
            Piece::Second => self.second = rest.number(2, 2, tight)?.0,
            Piece::Fraction { mark, .. } => {
                if let Some(after) = rest.0.strip_prefix(*mark) {
                    rest.0 = after;
                    let (fraction, width) = rest.number(1, 9, false)?;
                    self.nanosecond = fraction * 10_i32.pow(9 - width);
                    self.fraction = width as u8;
                }
            }
            Piece::Offset(_) => {
                let end = rest.0.find(|c: char| !matches!(c, '+' | '-' | ':' | '0'..='9' | 'Z' | 'z'));
                let (text, after) = rest.0.split_at(end.unwrap_or(rest.0.len()));
                self.offset = Some(offset_of(text).ok_or(Problem::Unknown)?.1);
                rest.0 = after;
            }
            Piece::Epoch(power) => self.whole = Some(rest.epoch(*power)?),
            Piece::DecimalYear { of, .. } => self.whole = Some(rest.decimal_year(*of)?),
        }
        Ok(())
    }

    /// A month or day, and whether it has a leading zero where it needs one.
    fn small(&mut self, (value, width): (i32, u32)) -> i32 {
        self.single.0 |= width == 1;
        value
    }

    fn finish(self) -> Result<Cell, Problem> {
        let cell = |time, midnight_24| Cell {
            time,
            offset: self.offset,
            fraction: self.fraction,
            single: self.single,
            midnight_24,
            bare: self.bare,
        };
        if let Some(time) = self.whole {
            return Ok(cell(time, false));
        }
        let year = self.year.ok_or(Problem::Unknown)? as i16;
        let date = if let Some(week) = self.week {
            let day = jiff::civil::Weekday::from_monday_one_offset(self.week_day.unwrap_or(1) as i8)
                .map_err(|_| Problem::NotInCalendar)?;
            let week = jiff::civil::ISOWeekDate::new(year, week as i8, day);
            week.map_err(|_| Problem::NotInCalendar)?.date()
        } else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            jiff::civil::Date::new(year, month as i8, day as i8).map_err(|_| Problem::NotInCalendar)?
        };
        if self.named_day.is_some_and(|day| day != date.weekday().to_monday_one_offset()) {
            return Err(Problem::NotInCalendar);
        }
        let hour = match self.half {
            Some(second) => self.hour % 12 + if second { 12 } else { 0 },
            None => self.hour,
        };
        let late = hour == 24 && self.minute == 0 && self.second == 0 && self.nanosecond == 0;
        let hour = if late { 0 } else { hour };
        let time = jiff::civil::Time::new(hour as i8, self.minute as i8, self.second as i8, self.nanosecond)
            .map_err(|_| Problem::NotInCalendar)?;
        let time = date.to_datetime(time);
        let time = if late { shifted(&time, 86_400).ok_or(Problem::NotInCalendar)? } else { time };
        Ok(cell(time, late))
    }
}

struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    /// A run of digits whose length is in `least..=most`, with that length; of digits that stand close together with
    /// others, the first `most`.
    fn number(&mut self, least: usize, most: usize, tight: bool) -> Result<(i32, u32), Problem> {
        let all = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let width = if tight { all.min(most) } else { all };
        if !(least..=most).contains(&width) {
            return Err(Problem::Unknown);
        }
        let value = self.0.as_bytes()[..width].iter().fold(0, |value, b| value * 10 + i32::from(b - b'0'));
        self.0 = &self.0[width..];
        Ok((value, width as u32))
    }

    /// This text; a blank stands for any number of them.
    fn text(&mut self, text: &str) -> Result<(), Problem> {
        for wanted in text.chars() {
            if wanted == ' ' {
                let trimmed = self.0.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
                if trimmed.len() == self.0.len() {
                    return Err(Problem::Unknown);
                }
                self.0 = trimmed;
            } else {
                let mut chars = self.0.chars();
                let found = chars.next().ok_or(Problem::Unknown)?;
                if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
                    return Err(Problem::Unknown);
                }
                self.0 = chars.as_str();
            }
        }
        Ok(())
    }

    fn word(&mut self) -> &'a str {
        let end = self.0.find(|c: char| !c.is_alphabetic()).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    /// A whole number of seconds since 1970, times ten to the power of `power`.
    fn epoch(&mut self, power: u8) -> Result<Timestamp, Problem> {
        let width = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = self.0[..width].parse().map_err(|_| Problem::Unknown)?;
        // Numbers of a data frame with a missing value elsewhere end with `.0`.
        let rest = &self.0[width..];
        self.0 = rest.strip_prefix('.').map_or(rest, |zeros| zeros.trim_start_matches('0'));
        let unit = 10_i64.pow(u32::from(power));
        let (seconds, part) = (number.div_euclid(unit), number.rem_euclid(unit));
        let nanoseconds = part * 10_i64.pow(9 - u32::from(power));
        let epoch = Timestamp::constant(1970, 1, 1, 0, 0, 0, 0);
        epoch
            .checked_add(jiff::SignedDuration::new(seconds, nanoseconds as i32))
            .map_err(|_| Problem::NotInCalendar)
    }

    fn decimal_year(&mut self, of: Span) -> Result<Timestamp, Problem> {
        let end = self.0.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.0.len());
        let (number, rest) = self.0.split_at(end);
        let value: f64 = number.parse().map_err(|_| Problem::Unknown)?;
        self.0 = rest;
        let first = |year: f64| jiff::civil::Date::new(year as i16, 1, 1).map_err(|_| Problem::NotInCalendar);
        if !(1000.0..=9998.0).contains(&value) {
            return Err(Problem::Unknown);
        }
        match of.within_month() {
            Some(into) => {
                let months = value * 12.0 - into;
                let whole = months.round();
                // Half the days of a month of 28 and of one of 31 are not the same part of a year.
                if (months - whole).abs() > if into > 0.0 { 0.2 } else { 0.07 } {
                    return Err(Problem::Unknown);
                }
                let (year, month) = ((whole / 12.0).floor(), whole.rem_euclid(12.0));
                let date = jiff::civil::Date::new(year as i16, month as i8 + 1, 1);
                Ok(date.map_err(|_| Problem::NotInCalendar)?.to_datetime(jiff::civil::Time::midnight()))
            }
            None => {
                let year = value.floor();
                let first = first(year)?;
                let seconds = (value - year) * f64::from(first.days_in_year()) * 86_400.0;
                // A day, because fractions of four digits say no more.
                let days = (seconds / 86_400.0).round() as i64;
                let midnight = first.to_datetime(jiff::civil::Time::midnight());
                shifted(&midnight, days * 86_400).ok_or(Problem::NotInCalendar)
            }
        }
    }
}

/// Which way the halves of the day are written at the beginning of `text`.
pub(super) fn half_of(text: &str) -> Option<(Half, usize)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start == name);
    Half::ALL.into_iter().find_map(|half| {
        let name = half.names().into_iter().find(|name| starts(name))?;
        // `a` of `August` is no half of the day.
        let next = text[name.len()..].chars().next();
        next.is_none_or(|c| !c.is_alphabetic()).then_some((half, name.len()))
    })
}
