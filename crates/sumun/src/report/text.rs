//! Text for pages: escaping, and numbers as people read them.

/// What stands where a number is undefined.
pub(crate) const UNDEFINED: &str = "–";

/// Escapes text for HTML content and for quoted attributes. Control characters that HTML forbids become U+FFFD,
/// so that whatever stands in a file name or column header the page stays well-formed.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A JSON string literal that is safe inside `<script>`: no `<` can end the element early.
pub(crate) fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A JSON number of six significant digits, or `null` where it is not finite.
pub(crate) fn json_number(x: f64) -> String {
    if !x.is_finite() {
        return "null".into();
    }
    if x == 0.0 {
        return "0".into();
    }
    let decimals = (5.0 - x.abs().log10().floor()).clamp(0.0, 12.0);
    if x.abs() >= 1e15 || x.abs() < 1e-6 {
        format!("{x:.5e}")
    } else {
        trimmed(&fixed_raw(x, decimals as usize))
    }
}

/// Four significant digits with thousands separators: `4,661`, `152.3`, `0.4821`, `1.234e-7`.
pub(crate) fn number(x: f64) -> String {
    if !x.is_finite() {
        return UNDEFINED.into();
    }
    if x == 0.0 {
        return "0".into();
    }
    let magnitude = x.abs().log10().floor();
    if !(-4.0..15.0).contains(&magnitude) {
        return minus(format!("{x:.3e}"));
    }
    fixed(x, (3.0 - magnitude).clamp(0.0, 7.0) as usize)
}

/// A number with so many decimals and thousands separators.
pub(crate) fn fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return UNDEFINED.into();
    }
    if x.abs() >= 1e15 {
        return minus(format!("{x:.3e}"));
    }
    let raw = fixed_raw(x, decimals);
    let (sign, digits) = raw.strip_prefix('-').map_or(("", raw.as_str()), |digits| ("−", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = format!("{sign}{}", group(whole));
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A share as a percentage without needless digits: `80`, `99.5`.
pub fn percent(level: f64) -> String {
    format!("{}", (level * 1000.0).round() / 10.0)
}

/// A count with thousands separators.
pub(crate) fn count(n: usize) -> String {
    group(&n.to_string())
}

/// A count with its noun: `1 epoch`, `2 epochs`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A length of time: `850 ms`, `12.4 s`, `2 min 05 s`, `3 h 20 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return UNDEFINED.into();
    }
    let whole = seconds.round().min(1e12) as u64;
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 => format!("{s:.1} s"),
        _ if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A coordinate inside an SVG: at most one decimal, never `-0`, never anything that is not finite.
pub(crate) fn coordinate(x: f64) -> String {
    let x = if x.is_finite() { x.clamp(-1e6, 1e6) } else { 0.0 };
    trimmed(&fixed_raw(x, 1))
}

/// An estimate of how wide text is in pixels at 1 px of font size: wide scripts such as hangul count in full.
pub(crate) fn width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            ' ' | '.' | ',' | ':' | 'i' | 'l' | '|' | '\'' => 0.3,
            'm' | 'w' | 'M' | 'W' | '%' => 0.85,
            c if u32::from(c) >= 0x1100 => 1.0,
            c if c.is_ascii_uppercase() => 0.66,
            _ => 0.56,
        })
        .sum()
}

/// A timestamp without the seconds that say nothing: `2014-05-17 11:00:00` becomes `2014-05-17 11:00`.
pub(crate) fn moment(text: &str) -> &str {
    match text.strip_suffix(":00") {
        Some(start) if start.len() == 16 && start.as_bytes().get(13) == Some(&b':') => start,
        _ => text,
    }
}

/// A token that people can see, where characters are tokens.
pub(crate) fn visible(token: &str) -> &str {
    match token {
        "\n" => "↵",
        blank if blank.trim().is_empty() => "␣",
        token => token,
    }
}

/// Cuts text that is longer than so many characters and says so with an ellipsis.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.into();
    }
    text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}

fn fixed_raw(x: f64, decimals: usize) -> String {
    let raw = format!("{x:.decimals$}");
    match raw.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.into(),
        _ => raw,
    }
}

fn trimmed(raw: &str) -> String {
    if raw.contains('.') { raw.trim_end_matches('0').trim_end_matches('.').into() } else { raw.into() }
}

fn minus(text: String) -> String {
    text.replacen('-', "−", if text.starts_with('-') { 1 } else { 0 })
}

fn group(digits: &str) -> String {
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A shape as people write it: `[N, T, 3]`.
pub(crate) fn shape(sizes: &[Option<usize>]) -> String {
    let size = |(place, size): (usize, &Option<usize>)| match size {
        Some(size) => size.to_string(),
        None => ["N", "T"].get(place).copied().unwrap_or("any").to_owned(),
    };
    format!("[{}]", sizes.iter().enumerate().map(size).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (x, expected) in [
            (0.0, "0"),
            (-0.00001234, "−1.234e-5"),
            (0.4821, "0.4821"),
            (152.34, "152.3"),
            (-4661.4, "−4,661"),
            (1234567.0, "1,234,567"),
            (f64::NAN, UNDEFINED),
            (f64::NEG_INFINITY, UNDEFINED),
            (1e300, "1.000e300"),
        ] {
            assert_eq!(number(x), expected, "{x}");
        }
        assert_eq!(moment("2014-05-17 11:00:00"), "2014-05-17 11:00");
        assert_eq!(moment("2014-05-17 11:00"), "2014-05-17 11:00");
        assert_eq!(fixed(-0.0004, 3), "0.000");
        assert_eq!(coordinate(-0.04), "0");
        assert_eq!(coordinate(12.25), "12.2");
        assert_eq!(coordinate(f64::INFINITY), "0");
    }

    #[test]
    fn durations_change_unit_where_people_do() {
        for (seconds, expected) in [
            (0.85, "850 ms"),
            (0.9999, "1.0 s"),
            (12.44, "12.4 s"),
            (59.97, "1 min 00 s"),
            (125.0, "2 min 05 s"),
            (12_000.0, "3 h 20 min"),
            (f64::NAN, UNDEFINED),
        ] {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn nothing_escapes_from_html_or_json() {
        assert_eq!(escape("<a b='c'>&\"\u{0}"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\u{fffd}");
        assert_eq!(json_string("</script>\"\\\n"), "\"\\u003c/script\\u003e\\\"\\\\\\u000a\"");
        assert_eq!(json_number(f64::NAN), "null");
        for x in [0.0, -12.5, 1234.5678, 1e-9, -3e20] {
            let back: f64 = json_number(x).parse().unwrap();
            assert!((back - x).abs() <= 1e-5 * x.abs(), "{x} became {back}");
        }
    }
}
