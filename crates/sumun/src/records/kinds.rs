//! What the cells of a column hold, as far as it says whether they are texts to learn from.

use super::choose::Holds;

/// Words that times are written with, beside their digits: months and weekdays are known by their first three letters.
const TIME_WORDS: [&str; 13] =
    ["t", "z", "am", "pm", "utc", "gmt", "w", "년", "월", "일", "시", "오전", "오후"];
const NAMES: [&str; 38] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed",
    "thu", "fri", "sat", "sun", "mär", "mai", "okt", "dez", "fév", "avr", "jui", "aoû", "déc", "ene", "abr",
    "ago", "dic", "die", "mit", "don", "fre", "sam", "son",
];

/// Fewer rows do not tell names that come again and again from words that happen to.
const FEWEST_ROWS: usize = 10;

/// What a column holds. Empty cells say nothing.
pub(super) fn kind<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Holds {
    let cells = cells.filter(|cell| !cell.is_empty());
    let total = cells.clone().count();
    let with = |of: &dyn Fn(&str) -> bool| cells.clone().filter(|cell| of(cell)).count();
    // A marker of what is missing among numbers makes no text of them.
    if total == 0 || 2 * with(&|cell| !has_letters(cell)) > total && with(&is_time) < total {
        return Holds::Other;
    }
    if with(&is_time) == total {
        return Holds::Times;
    }
    if total > 1 && is_identifier(cells.clone()) {
        return Holds::Identifiers;
    }
    let different: std::collections::HashSet<&str> = cells.clone().collect();
    let words = cells.clone().all(|cell| !cell.contains(char::is_whitespace));
    if words && total >= FEWEST_ROWS && different.len() * 2 <= total { Holds::Names } else { Holds::Text }
}

fn has_letters(cell: &str) -> bool {
    cell.parse::<f64>().is_err() && cell.chars().any(char::is_alphabetic)
}

/// Whether a cell is digits with the signs and words that times are written with.
fn is_time(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    let words = cell.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let known = |word: &str| {
        let word = word.to_lowercase();
        if word == "q" {
            return is_quarter(cell);
        }
        let first: String = word.chars().take(3).collect();
        TIME_WORDS.contains(&word.as_str()) || word.chars().count() >= 3 && NAMES.contains(&first.as_str())
    };
    let signs = |c: char| c.is_alphanumeric() || " -/.:,+'".contains(c);
    digits >= 2
        && cell.parse::<f64>().is_err()
        && cell.chars().all(signs)
        && cell.contains(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
        && words.clone().count() <= 5
        && { words }.all(known)
        // A letter before the first digit makes a name of it: T01.
        && !cell.starts_with(|c: char| c.is_ascii_alphabetic() && !cell[1..].starts_with(char::is_alphabetic) && !is_quarter(cell))
}

/// Whether a cell is a quarter of a year: `2010Q1`, `Q1 2010`.
fn is_quarter(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    digits == 5 && cell.chars().filter(|c| c.is_alphabetic()).eq(['Q'])
}

/// Whether all cells differ only in their numbers, or are long hexadecimal numbers of one form, each another one.
fn is_identifier<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> bool {
    let without_digits = |cell: &str| {
        cell.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("0")
    };
    let hexadecimal = |cell: &str| cell.len() >= 8 && cell.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let mut seen = std::collections::HashSet::new();
    let numbered =
        |cell: &str| cell.contains(|c: char| c.is_ascii_digit()) && !cell.contains(char::is_whitespace);
    if !cells.clone().all(|cell| numbered(cell) && seen.insert(cell)) {
        return false;
    }
    let mut forms = cells.clone().map(without_digits);
    let first = forms.next();
    let same_length = |first: usize| cells.clone().all(|cell| cell.len() == first && hexadecimal(cell));
    forms.all(|form| Some(&form) == first.as_ref())
        || cells.clone().next().is_some_and(|cell| same_length(cell.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_their_cells() {
        use Holds::{Identifiers, Other, Text, Times};
        for (cells, expected) in [
            ("1 2|a b||c", Text),
            ("5|7|NA|2.5", Other),
            ("||", Other),
            ("12-b|good|bad", Text),
            ("2020-01-01|2020-01-02", Times),
            ("2020-01-01T10:00:00Z|2020-01-01T11:00:00+09:00", Times),
            ("3 March 2020|14 Mai 2021", Times),
            ("Jan 5, 2020 10:30 PM|Feb 7, 2020 1:00 AM", Times),
            ("2022년 1월 1일|2022년 1월 2일 오전 10:00", Times),
            ("01/02/2020|13/02/2020", Times),
            ("2010Q1|2010Q2", Times),
            ("Q1 2010|Q2 2010", Times),
            ("2010-W05|2010-W06", Times),
            ("T001|T002|T003", Identifiers),
            ("u0001|u0002|u0013", Identifiers),
            ("review-1-a|review-2-a", Identifiers),
            ("3f2504e0-4f89-11d3|6fa459ea-ee8a-3ca4", Identifiers),
            ("ACGT1|TTGA2", Text),
            ("google.com|example.org", Text),
            ("Smith|Jones", Text),
            ("seen in 1999|seen in 2000", Text),
            ("10 out of 10|9 out of 10", Text),
            ("P01|P01|P01|P01|P01|P02|P02|P02|P02|P02", Holds::Names),
            ("yes|no|yes", Text),
        ] {
            assert_eq!(kind(cells.split('|')), expected, "{cells}");
        }
    }
}
