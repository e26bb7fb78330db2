//! Whether the first rows of a table hold names, units, or values already.

use super::markers::is_missing;
use super::number::is_number;

/// The longest unit of a row of units, in characters.
const LONGEST_UNIT: usize = 24;

/// What a cell holds, at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Nothing,
    Number,
    Time,
    Text,
}

impl Look {
    fn at(cell: &str) -> Self {
        if is_missing(cell, &[]) {
            Self::Nothing
        } else if is_number(cell) {
            Self::Number
        } else if is_time(cell) {
            Self::Time
        } else {
            Self::Text
        }
    }
}

/// Whether a cell looks like a date or a time of day: digits with marks of dates between them, few letters.
fn is_time(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    let marks = cell.chars().filter(|c| matches!(c, '-' | '/' | '.' | ':')).count();
    let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
    cell.starts_with(|c: char| c.is_ascii_digit())
        && (3..=24).contains(&digits)
        && marks >= 1
        && letters <= 9
        && cell.chars().all(|c| c.is_ascii_digit() || c.is_alphabetic() || " -/.:+,".contains(c))
        && (marks >= 2 || letters == 0)
}

/// What a column holds below its first `skip` rows, if one thing only.
fn below(rows: &[&[String]], column: usize, skip: usize) -> Option<Look> {
    let mut found = None;
    for row in rows.iter().skip(skip) {
        match Look::at(row.get(column)?) {
            Look::Nothing => {}
            look if found.is_none_or(|found| found == look) => found = Some(look),
            _ => return None,
        }
    }
    found
}

/// Whether the first of `rows` holds values and no names: numbers and times alone, among them one that is hardly a name,
/// above its like.
pub(super) fn is_data(rows: &[&[String]]) -> bool {
    let Some(first) = rows.first() else { return false };
    let looks: Vec<Look> = first.iter().map(|cell| Look::at(cell)).collect();
    // `2020` may be a name, `-1.5` and `2020-01-05` hardly.
    let value = |(column, look): (usize, &Look)| {
        let cell = &first[column];
        let telling =
            *look == Look::Time || (*look == Look::Number && !cell.bytes().all(|b| b.is_ascii_digit()));
        telling && below(rows, column, 1) == Some(*look)
    };
    !looks.contains(&Look::Text) && looks.iter().enumerate().any(value)
}

/// Whether the second of `rows` holds units: a text, or nothing, above every column of numbers or times, and no value.
pub(super) fn is_units(rows: &[&[String]]) -> bool {
    let Some(units) = rows.get(1).filter(|_| rows.len() > 3) else { return false };
    let (mut typed, mut named) = (0, 0);
    for (column, cell) in units.iter().enumerate() {
        let unit = Look::at(cell);
        if matches!(unit, Look::Number | Look::Time) || cell.chars().count() > LONGEST_UNIT {
            return false;
        }
        match below(rows, column, 2) {
            Some(Look::Number | Look::Time) => {
                typed += 1;
                named += usize::from(unit == Look::Text);
            }
            // Words above words may be a row of the table.
            Some(Look::Text) | None if unit == Look::Text && !bracketed(cell) => return false,
            _ => {}
        }
    }
    // One word above one column of numbers may be a mistake in it, unless it is written as a unit.
    typed > 0 && named > 0 && (named > 1 || units.iter().any(|cell| bracketed(cell)))
}

/// Whether a row is a line of dashes, as tables in text have it below their header.
pub(super) fn is_rule(cells: &[String]) -> bool {
    let rule = |cell: &String| cell.len() > 1 && cell.bytes().all(|b| matches!(b, b'-' | b':' | b'='));
    cells.iter().any(rule) && cells.iter().all(|cell| cell.is_empty() || rule(cell))
}

/// Whether the first row holds numbers alone, which may be names or not.
pub(super) fn may_be_data(first: &[String]) -> bool {
    let filled = || first.iter().filter(|cell| !cell.is_empty());
    filled().count() > 0 && filled().all(|cell| is_number(cell))
}

/// `[m/s]`, `(°C)`.
fn bracketed(cell: &str) -> bool {
    (cell.starts_with('[') && cell.ends_with(']')) || (cell.starts_with('(') && cell.ends_with(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.split('\n').map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn first_rows_are_told_apart() {
        for (text, data, units) in [
            ("date,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,2", false, false),
            ("2020-01-01,1\n2020-01-02,2", true, false),
            ("01.01.2020 10:00,1\n02.01.2020 11:00,2", true, false),
            ("1.5,2\n2.5,3", true, false),
            // Names may be numbers, or times above numbers.
            ("2019,2020\n1,2\n3,4", false, false),
            ("2019-01,2019-02\n1,2\n3,4", false, false),
            ("2020-01-01,1", false, false),
            ("date,temp\nUTC,degC\n2020-01-01,1\n2020-01-02,2", false, true),
            ("date,temp\n,[degC]\n2020-01-01,1\n2020-01-02,2", false, true),
            ("date,temp\n,degC\n2020-01-01,1\n2020-01-02,2", false, false),
            ("x,y\nabc,2\n1,2\n2,3", false, false),
            ("x,y\nabc,\n1,2\n2,3", false, false),
            ("text,label\ngood,pos\nbad,neg\nfine,pos", false, false),
            ("date,y\nNA,NA\n2020-01-01,1\n2020-01-02,2", false, false),
            ("name,a,b\n,m,s\nx,1,2\ny,2,3", false, true),
            ("name,a,b\nz,m,s\nx,1,2\ny,2,3", false, false),
        ] {
            let rows = rows(text);
            let rows: Vec<&[String]> = rows.iter().map(Vec::as_slice).collect();
            assert_eq!((is_data(&rows), is_units(&rows)), (data, units), "{text:?}");
        }
    }
}
