//! Where text goes: colours, widths and numbers as people read them.

use std::io::IsTerminal;

/// Colours, where they are welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    /// No colour at all.
    pub(crate) const PLAIN: Self = Self { coloured: false };

    /// Colours only if stderr is a terminal that has them and `NO_COLOR` (no-color.org) does not forbid them.
    pub(crate) fn for_stderr() -> Self {
        Self { coloured: std::io::stderr().is_terminal() && colours_welcome() }
    }

    /// As [`Style::for_stderr`], for stdout.
    pub(crate) fn for_stdout() -> Self {
        Self { coloured: std::io::stdout().is_terminal() && colours_welcome() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn colours_welcome() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// The columns that `text` takes on a terminal: two for the wide characters of East Asia, none for marks that sit on
/// the character before (Unicode Standard Annex 11).
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F | 0x1160..=0x11FF | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F900..=0x1F9FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// `text` as it may stand on a line: control characters gone, cut to `most` columns.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if width(&clean) <= most {
        return clean;
    }
    let mut short = String::new();
    for c in clean.chars() {
        if width(&short) + char_width(c) + 1 > most {
            break;
        }
        short.push(c);
    }
    short + "…"
}

/// A path's last part, for places where the whole may be too long.
pub(crate) fn file_name(path: &str) -> &str {
    std::path::Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

/// `text` broken into lines of at most `columns`, at blanks.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && width(line) + 1 + width(word) > columns {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// `text` filled up to `columns` on the right.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` filled up to `columns` on the left.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A number with four significant digits, without an exponent where people would not write one; `–` if undefined.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
    if decimals == 0 { grouped(value.round() as i64) } else { format!("{value:.decimals$}") }
}

/// A whole number with a thin mark between thousands: `12,345`.
pub(crate) fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as [`grouped`].
pub(crate) fn count(value: usize) -> String {
    grouped(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A span of time: `47 ms`, `0.8 s`, `42 s`, `3 min 5 s`, `2 h 4 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 0.1 => format!("{:.0} ms", 1000.0 * seconds),
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A word as a shell reads it, quoted where it must be.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A text from outside on one line, without characters that would move a cursor or hide others: controls, and marks of
/// direction.
pub(crate) fn one_line(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hides(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.49932, "0.4993"),
            (131.8712, "131.9"),
            (7926.52, "7,927"),
            (1_234_567.8, "1,234,568"),
            (-0.001234, "-0.001234"),
            (1e-7, "1.000e-7"),
            (1e12, "1.000e12"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!([count(0), count(999), count(1000), count(1_000_000)], ["0", "999", "1,000", "1,000,000"]);
        for (seconds, expected) in [
            (0.04, "40 ms"),
            (0.84, "0.8 s"),
            (9.96, "10 s"),
            (59.7, "1 min 0 s"),
            (185.0, "3 min 5 s"),
            (7440.0, "2 h 4 min"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn wide_names_line_up() {
        assert_eq!(width("수요 MW"), 7);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(left("수요", 6), "수요  ");
        assert_eq!(right("수요", 6), "  수요");
        assert_eq!(shortened("전력수요량", 7), "전력수…");
        assert_eq!(shortened("a\nb", 7), "a b");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn plain_style_has_no_codes() {
        assert_eq!(Style::PLAIN.bold("x"), "x");
        assert_eq!(Style { coloured: true }.bold("x"), "\x1b[1mx\x1b[0m");
    }

    #[test]
    fn words_of_a_shell() {
        for (word, expected) in
            [("a", "a"), ("수요,b", "수요,b"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")]
        {
            assert_eq!(shell_word(word), expected);
        }
    }
}
