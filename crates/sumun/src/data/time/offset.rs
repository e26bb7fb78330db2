//! Offsets from UTC as they are written.

use serde::{Deserialize, Serialize};

/// How an offset from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OffsetStyle {
    /// `Z`; another offset than UTC as `+09:00`.
    Z,
    /// `+09`
    #[serde(rename = "+09")]
    Hours,
    /// `+0900`
    #[serde(rename = "+0900")]
    Digits,
    /// `+09:00`
    #[serde(rename = "+09:00")]
    Colon,
}

/// An offset from UTC as it is written, in seconds: `Z`, `+HH`, `+HHMM` or `+HH:MM`.
pub(super) fn offset_of(text: &str) -> Option<(OffsetStyle, i32)> {
    if matches!(text, "Z" | "z") {
        return Some((OffsetStyle::Z, 0));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let number = &text[1..];
    let (style, hours, minutes) = match (number.len(), number.as_bytes().get(2)) {
        (2, _) => (OffsetStyle::Hours, number, "00"),
        (4, _) => (OffsetStyle::Digits, number.get(..2)?, number.get(2..)?),
        (5, Some(b':')) => (OffsetStyle::Colon, number.get(..2)?, number.get(3..)?),
        _ => return None,
    };
    let read =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i32>().ok())?;
    let (hours, minutes) = (read(hours)?, read(minutes)?);
    // The widest offsets in use are UTC−12 and UTC+14.
    (hours <= 18 && minutes < 60).then_some((style, sign * (hours * 3600 + minutes * 60)))
}

/// An offset in seconds, written.
pub(super) fn print_offset(style: OffsetStyle, seconds: i32) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match style {
        OffsetStyle::Z if seconds == 0 => "Z".into(),
        OffsetStyle::Hours if minutes == 0 => format!("{sign}{hours:02}"),
        OffsetStyle::Digits => format!("{sign}{hours:02}{minutes:02}"),
        OffsetStyle::Z | OffsetStyle::Hours | OffsetStyle::Colon => format!("{sign}{hours:02}:{minutes:02}"),
    }
}
