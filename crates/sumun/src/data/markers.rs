//! Cells that stand for a missing value, and numbers that probably do.

use super::number::{Asked, Convention, read};

/// What means "no value" in a numeric column, in lower case: what spreadsheets, databases and statistics packages write.
const MARKERS: [&str; 46] = [
    "",
    "na",
    "n/a",
    "nan",
    "null",
    "none",
    "?",
    "-",
    "#n/a",
    "#na",
    "#n/a n/a",
    "<na>",
    "nat",
    "<nat>",
    ".",
    "..",
    "...",
    "…",
    "--",
    "---",
    "–",
    "—",
    "-nan",
    "+nan",
    "nan(ind)",
    "-nan(ind)",
    "1.#qnan",
    "-1.#qnan",
    "1.#ind",
    "-1.#ind",
    "n.a.",
    "n. a.",
    "n.a",
    "k.a.",
    "nil",
    "missing",
    "\\n",
    "(null)",
    "<null>",
    "#null",
    "not available",
    "no data",
    "nodata",
    "(na)",
    "[na]",
    "없음",
];

/// Whether a cell says that there is no value; `more` are further markers, in any case.
pub(super) fn is_missing(cell: &str, more: &[String]) -> bool {
    let lower = cell.to_lowercase();
    MARKERS.contains(&lower.as_str()) || more.iter().any(|marker| marker.trim().to_lowercase() == lower)
}

/// Those of the further markers that are numbers.
pub(super) fn numbers_of(more: &[String]) -> Vec<f64> {
    let asked = Asked { decimal: None, thousands: None, learnt: None, convention: Convention::Programs };
    let number = |marker: &String| {
        let cell = std::iter::once(Some(marker.trim()));
        read(cell, &asked).ok().and_then(|numbers| numbers.values[0]).filter(|number| number.is_finite())
    };
    more.iter().filter_map(number).collect()
}

/// A number that stands for a missing value, by all appearance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sentinel {
    pub(super) value: f64,
    /// How often it stands there.
    pub(super) count: usize,
    /// The least and the most of all other values.
    pub(super) others: (f64, f64),
}

/// How often a number must stand there to be taken for a marker; one made of four nines or more once.
const REPEATED: usize = 2;

/// Numbers that instruments and databases write where they have none: nines, and the ends of integers.
fn is_code(value: f64) -> bool {
    let whole = format!("{}", value.abs());
    let nines = whole.bytes().filter(|&b| b == b'9').count();
    let only_nines = whole.bytes().all(|b| matches!(b, b'9' | b'.'));
    (only_nines && nines >= 2)
        || [32767.0, 32768.0, 65535.0, 2_147_483_647.0, 2_147_483_648.0, 8888.0, 88888.0]
            .contains(&value.abs())
        || value.abs() >= 1e20
        || matches!(whole.as_str(), "999.25" | "9999.25" | "9999.9" | "99.99")
}

/// The number that stands for a missing value: a code, far outside of all other values.
pub(super) fn sentinel(values: &[Option<f64>]) -> Option<Sentinel> {
    let mut codes: Vec<f64> = Vec::new();
    for &value in values.iter().flatten() {
        if !codes.contains(&value) && is_code(value) {
            codes.push(value);
            if codes.len() > MOST_CODES {
                return None;
            }
        }
    }
    codes.into_iter().find_map(|code| {
        let count = values.iter().flatten().filter(|&&value| value == code).count();
        let others = values.iter().flatten().copied().filter(|&value| value != code && !is_code(value));
        let (least, most) = others.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let range = most - least;
        let far = code > most + range.max(most.abs() * 0.5) || code < least - range.max(least.abs() * 0.5);
        let long = format!("{}", code.abs()).bytes().filter(|b| b.is_ascii_digit()).count() >= 4;
        let often = count >= REPEATED || long;
        (least.is_finite() && far && often && count * 2 < values.len()).then_some(Sentinel {
            value: code,
            count,
            others: (least, most),
        })
    })
}

/// A column with more codes than this is made of them.
const MOST_CODES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_known_in_any_case() {
        for cell in ["", "NA", "#N/A", "<NA>", "NaT", ".", "--", "-nan", "NULL", "None", "\\N", "-1.#IND"] {
            assert!(is_missing(cell, &[]), "{cell}");
        }
        let more = ["gone".to_owned(), "-9999".to_owned(), "1,5".to_owned(), "inf".to_owned()];
        assert!(is_missing("Gone", &more) && is_missing("-9999", &more) && !is_missing("0", &more));
        assert_eq!(numbers_of(&more), [-9999.0, 1.5]);
    }

    #[test]
    fn sentinels_stand_far_outside() {
        let with = |code: f64, count: usize, others: &[f64]| {
            let values =
                others.iter().chain(std::iter::repeat_n(&code, count)).map(|&v| Some(v)).collect::<Vec<_>>();
            sentinel(&values).map(|sentinel| (sentinel.value, sentinel.count))
        };
        let week: Vec<f64> = (0..28).map(|i| f64::from(i % 7)).collect();
        for (code, count, expected) in [
            (-9999.0, 3, true),
            (-9999.0, 1, true),
            (-999.0, 2, true),
            (99999.0, 2, true),
            (99.0, 2, true),
            (99.0, 1, false),
            (-999.9, 2, true),
            (9.0, 5, false),
            (100.0, 5, false),
            (32767.0, 2, true),
            (1e20, 2, true),
        ] {
            assert_eq!(with(code, count, &week), expected.then_some((code, count)), "{code} {count}");
        }
        // A value among its like is none.
        let thousands: Vec<f64> = (0..40).map(|i| 9000.0 + 30.0 * f64::from(i)).collect();
        assert_eq!(with(9999.0, 2, &thousands), None);
        assert_eq!(with(99.0, 2, &thousands[..0]), None);
    }
}
