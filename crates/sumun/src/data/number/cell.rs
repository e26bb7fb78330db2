//! One cell taken apart: sign, currency, digits and marks, exponent, unit.

use super::form::{Mark, is_blank};

/// The longest unit in characters; what is longer is a text.
const LONGEST_UNIT: usize = 12;

/// How a cell says that its number is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Negative {
    #[default]
    No,
    /// `-5`
    Leading,
    /// `5-`, as some accounting systems write it.
    Trailing,
    /// `(5)`, as accountants write it.
    Parentheses,
}

/// The parts of a cell that holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cell<'a> {
    pub(super) negative: Negative,
    /// Whether the minus is none that a keyboard has.
    pub(super) odd_minus: bool,
    /// What stands before and after the number.
    pub(super) unit: (&'a str, &'a str),
    /// Digits and marks.
    pub(super) body: &'a str,
    /// `e5`, `E-3`; mostly empty.
    pub(super) exponent: &'a str,
}

/// Codes of currencies that stand before or after amounts.
const CODES: [&str; 40] = [
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP",
    "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "RUB",
    "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
];

/// Abbreviations of currencies that stand before amounts.
const SHORT: [&str; 8] = ["Rs.", "Rs", "Fr.", "kr.", "kr", "Rp", "RM", "S/"];

/// Signs that stand directly at a number.
fn is_sign(c: char) -> bool {
    matches!(c, '%' | '‰' | '$' | '¢' | '£' | '¤' | '¥' | '￥' | '￦' | '฿' | '﷼' | '\u{20a0}'..='\u{20cf}')
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '−' | '–' | '‐' | '‑' | '－')
}

/// The length in bytes of a currency at the beginning.
fn currency(text: &str) -> Option<usize> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let sign = text[letters..].chars().next().filter(|&c| is_sign(c));
    if let Some(sign) = sign.filter(|_| letters <= 3) {
        return Some(letters + sign.len_utf8());
    }
    if letters == 3 && CODES.contains(&&text[..3]) {
        return Some(3);
    }
    SHORT.iter().find(|short| text.starts_with(**short)).map(|short| short.len())
}

/// Whether a text after a number may be its unit: letters and signs, and digits only as powers.
fn is_unit(text: &str) -> bool {
    let mut before = ' ';
    text.chars().count() <= LONGEST_UNIT
        && text.chars().all(|c| {
            let fits = c.is_alphabetic()
                || is_sign(c)
                || matches!(
                    c,
                    '°' | 'µ'
                        | '/'
                        | '·'
                        | '²'
                        | '³'
                        | '⁻'
                        | '¹'
                        | '^'
                        | '.'
                        | '℃'
                        | '℉'
                        | ' '
                        | '\''
                        | '"'
                        | '″'
                        | '′'
                )
                || (matches!(c, '2' | '3') && matches!(before, 'm' | '^' | 'O'));
            before = c;
            fits
        })
}

impl<'a> Cell<'a> {
    /// Takes a cell apart; None where it holds something else than a number.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let mut cell = Self::default();
        let (mut signed, mut open) = (false, false);
        let mut rest = text.trim();
        loop {
            rest = rest.trim_start_matches(is_blank);
            let c = rest.chars().next()?;
            let after = &rest[c.len_utf8()..];
            if c.is_ascii_digit() || matches!(c, '.' | ',') {
                break;
            } else if !signed && !open && (is_minus(c) || c == '+') {
                signed = true;
                if c != '+' {
                    (cell.negative, cell.odd_minus) = (Negative::Leading, c != '-');
                }
                rest = after;
            } else if !signed && !open && c == '(' {
                open = true;
                rest = after;
            } else if cell.unit.0.is_empty() {
                let length = currency(rest)?;
                cell.unit.0 = &rest[..length];
                rest = &rest[length..];
            } else {
                return None;
            }
        }
        let end = body_end(rest)?;
        (cell.body, rest) = rest.split_at(end);
        (cell.exponent, rest) = rest.split_at(exponent_end(rest));
        let parentheses = open;
        loop {
            rest = rest.trim_start_matches(is_blank);
            let Some(c) = rest.chars().next() else { break };
            let after = &rest[c.len_utf8()..];
            if c == ')' && open {
                (open, cell.negative) = (false, Negative::Parentheses);
                rest = after;
            } else if is_minus(c) && !signed && !parentheses && after.is_empty() {
                (cell.negative, cell.odd_minus) = (Negative::Trailing, c != '-');
                rest = after;
            } else if cell.unit.1.is_empty() {
                let until = if open { rest.find(')')? } else { rest.len() };
                cell.unit.1 = rest[..until].trim_end_matches(is_blank);
                if !is_unit(cell.unit.1) {
                    return None;
                }
                rest = &rest[until..];
            } else {
                return None;
            }
        }
        (!open).then_some(cell)
    }

    /// Whether the marks of the cell can be these.
    pub(super) fn fits(&self, decimal: Option<Mark>, thousands: Option<Mark>) -> bool {
        let (whole, fraction) = split(self.body, decimal);
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !digits(fraction) {
            return false;
        }
        let groups: Vec<&str> = whole.split(|c| thousands.is_some() && Mark::of(c) == thousands).collect();
        if !groups.iter().all(|group| digits(group)) {
            return false;
        }
        match groups.as_slice() {
            [] => false,
            [only] => !only.is_empty() || !fraction.is_empty(),
            [first, inner @ .., last] => {
                // `0,123` is no thousands, and neither is `1,234e5`. India counts in pairs above the first three.
                let pairs =
                    !inner.is_empty() && inner.iter().all(|group| group.len() == 2) && first.len() <= 2;
                let threes = inner.iter().all(|group| group.len() == 3);
                (1..=3).contains(&first.len())
                    && !first.starts_with('0')
                    && last.len() == 3
                    && (threes || pairs)
                    && self.exponent.is_empty()
            }
        }
    }

    /// The number, of a cell that [`fits`](Self::fits) the marks.
    pub(super) fn value(&self, decimal: Option<Mark>) -> f64 {
        let (whole, fraction) = split(self.body, decimal);
        let mut plain = String::with_capacity(self.body.len() + self.exponent.len() + 1);
        plain.extend(whole.chars().filter(char::is_ascii_digit));
        plain.push('.');
        plain.push_str(fraction);
        plain.extend(self.exponent.chars().map(|c| if is_minus(c) { '-' } else { c }));
        // What is made of digits alone always reads.
        let number = plain.parse().unwrap_or(f64::NAN);
        match self.negative {
            Negative::No => number,
            // `-0` is what a program wrote; nobody means less than nothing by `(0)`.
            Negative::Trailing | Negative::Parentheses if number == 0.0 => 0.0,
            _ => -number,
        }
    }

    /// The marks of the cell, in order.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> + use<'a> {
        self.body.chars().filter(|c| !c.is_ascii_digit()).filter_map(Mark::of)
    }
}

/// What stands before and after the first `mark`.
fn split(body: &str, mark: Option<Mark>) -> (&str, &str) {
    let at = body.char_indices().find(|&(_, c)| mark.is_some() && Mark::of(c) == mark);
    at.map_or((body, ""), |(at, c)| (&body[..at], &body[at + c.len_utf8()..]))
}

/// Where digits and the marks between them end; None where there is no digit.
fn body_end(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    let (mut end, mut any, mut after_digit) = (0, false, false);
    while let Some((at, c)) = characters.next() {
        let before_digit = characters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let belongs = match Mark::of(c) {
            _ if c.is_ascii_digit() => true,
            Some(Mark::Point) => before_digit || after_digit,
            Some(Mark::Comma) => before_digit,
            Some(_) => before_digit && after_digit,
            None => false,
        };
        if !belongs {
            break;
        }
        after_digit = c.is_ascii_digit();
        any |= after_digit;
        end = at + c.len_utf8();
    }
    any.then_some(end)
}

/// The length in bytes of an exponent at the beginning.
fn exponent_end(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let digits = rest.strip_prefix(|c| c == '+' || is_minus(c)).unwrap_or(rest);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let ends = !digits[count..].starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == ',');
    if count > 0 && ends { text.len() - digits.len() + count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_taken_apart() {
        use Negative::*;
        for (text, negative, unit, body, exponent) in [
            ("12.5", No, ("", ""), "12.5", ""),
            ("-1e5", Leading, ("", ""), "1", "e5"),
            ("+.5E-03", No, ("", ""), ".5", "E-03"),
            ("5.", No, ("", ""), "5.", ""),
            ("−5,5", Leading, ("", ""), "5,5", ""),
            ("(1,234.5)", Parentheses, ("", ""), "1,234.5", ""),
            ("$(5)", Parentheses, ("$", ""), "5", ""),
            ("($5)", Parentheses, ("$", ""), "5", ""),
            ("(5 %)", Parentheses, ("", "%"), "5", ""),
            ("-$5.00", Leading, ("$", ""), "5.00", ""),
            ("€ -5", Leading, ("€", ""), "5", ""),
            ("US$5", No, ("US$", ""), "5", ""),
            ("EUR 5", No, ("EUR", ""), "5", ""),
            ("5-", Trailing, ("", ""), "5", ""),
            ("1\u{202f}234,5 €", No, ("", "€"), "1\u{202f}234,5", ""),
            ("1'234", No, ("", ""), "1'234", ""),
            ("45%", No, ("", "%"), "45", ""),
            ("3 kg/m3", No, ("", "kg/m3"), "3", ""),
            ("1000원", No, ("", "원"), "1000", ""),
            ("20.5°C", No, ("", "°C"), "20.5", ""),
            ("1e5kW", No, ("", "e5kW"), "1", ""),
        ] {
            let cell = Cell::of(text);
            if text == "1e5kW" {
                assert_eq!(cell, None);
                continue;
            }
            let cell = cell.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (cell.negative, cell.unit, cell.body, cell.exponent),
                (negative, unit, body, exponent),
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            ".",
            ",",
            "abc",
            "x5",
            "0x1F",
            "2020-01-01",
            "12:30",
            "1/2",
            "5-10",
            "--5",
            "(5",
            "5)",
            "<5",
            "5x10",
            "-(5)",
            "A 5",
            "1 2 3 go on and on and on",
            "5,",
            "1e5e5",
            "5 (est.)",
        ] {
            let cell = Cell::of(text);
            assert!(cell.is_none(), "{text}: {cell:?}");
        }
    }

    #[test]
    fn marks_fit_or_not() {
        use Mark::*;
        for (text, decimal, thousands, fits) in [
            ("1.234", Some(Point), None, true),
            ("1.234", None, Some(Point), true),
            ("0.234", None, Some(Point), false),
            ("1234.567", None, Some(Point), false),
            ("1.23", None, Some(Point), false),
            ("1.234.567", None, Some(Point), true),
            ("1.234.567", Some(Point), None, false),
            ("1.234.567,8", Some(Comma), Some(Point), true),
            ("1,23,45,678", None, Some(Comma), true),
            ("123,45,678", None, Some(Comma), false),
            ("1 234", None, Some(Space), true),
            ("2020 100", None, Some(Space), false),
            ("1.234e5", None, Some(Point), false),
            (".5", Some(Point), None, true),
            ("5.", Some(Point), None, true),
            ("1,234.5", Some(Comma), Some(Point), false),
        ] {
            assert_eq!(Cell::of(text).unwrap().fits(decimal, thousands), fits, "{text}");
        }
    }
}
