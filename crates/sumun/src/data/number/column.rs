//! How the numbers of a whole column are written, and what they are.

use std::collections::HashMap;

use super::cell::{Cell, Negative};
use super::form::{Mark, NumberForm};
use crate::data::quoted;
use crate::message::{Message, key, text};

/// What the kind of a file says about marks that its cells leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Convention {
    /// Values are separated by commas: a decimal comma would have been quoted by a program that seldom writes one.
    Commas,
    /// Numbers of programs, where `.` stands before decimals.
    Programs,
    /// Numbers of a workbook, which knows them as numbers.
    Typed,
    /// Semicolons: files of countries with decimal commas, and others.
    Unknown,
}

/// What is said of numbers before they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// What stands before decimals.
    pub(crate) decimal: Option<Mark>,
    /// What stands between thousands.
    pub(crate) thousands: Option<Mark>,
    /// How the column was written when a model learnt from it.
    pub(crate) learnt: Option<&'a NumberForm>,
    pub(crate) convention: Convention,
}

/// The numbers of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    /// One a cell, not always finite; None where there is no cell.
    pub(crate) values: Vec<Option<f64>>,
    pub(crate) form: NumberForm,
    /// How they are written, where people should know.
    pub(crate) written: Option<Written>,
}

/// A form that is not a program's, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// `with ',' before decimals`.
    pub(crate) how: String,
    /// `'1,5' is 1.5`.
    pub(crate) example: String,
}

/// A cell that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// Its place in the column.
    pub(crate) place: usize,
    /// Whether it holds something else than a number.
    pub(crate) no_number: bool,
    /// What is wrong, after the cell itself.
    pub(crate) why: String,
    /// What to do.
    pub(crate) advice: Option<Message>,
}

/// Reads a column; None is a value that is not there. Errors: a cell that is no number, is written in another way than
/// most, or may be either of two numbers.
pub(crate) fn read<'a, I>(cells: I, asked: &Asked<'_>) -> Result<Numbers, Refusal>
where
    I: Iterator<Item = Option<&'a str>> + Clone,
{
    if let Some(numbers) = read_plain(cells.clone(), asked) {
        return Ok(numbers);
    }
    let mut values = Vec::new();
    let mut column: Vec<(usize, &str, Cell<'_>)> = Vec::new();
    for (place, cell) in cells.enumerate() {
        values.push(None);
        let Some(text) = cell else { continue };
        match (Cell::of(text), text.parse::<f64>()) {
            (Some(cell), _) => column.push((place, text, cell)),
            // `inf` and `nan`, which only the caller can judge.
            (None, Ok(number)) => values[place] = Some(number),
            (None, Err(_)) => return Err(no_number(place)),
        }
    }
    let unit = one_unit(&column)?;
    same_unit(&column, &unit, asked)?;
    let negative = one_negative(&column)?;
    let (decimal, thousands) = marks(&column, asked)?;
    for (place, _, cell) in &column {
        values[*place] = Some(cell.value(decimal));
    }
    let mut how = Vec::new();
    if let Some(mark) = thousands {
        how.push(format!("{} between thousands", mark.described()));
    }
    if let Some(mark) = decimal.filter(|&mark| mark != Mark::Point || thousands.is_some()) {
        how.push(format!("{} before decimals", mark.described()));
    }
    if let Some(unit) = &unit {
        how.push(format!("{}, which is left out", quoted(unit)));
    }
    match negative {
        Negative::Parentheses => how.push("parentheses around negative numbers".into()),
        Negative::Trailing => how.push("the minus after the number".into()),
        Negative::No | Negative::Leading => {}
    }
    if column.iter().any(|(.., cell)| cell.odd_minus) {
        how.push("a typographic minus".into());
    }
    let form = NumberForm { decimal, thousands, unit };
    // The cell that shows most of it.
    let telling = |cell: &Cell<'_>| {
        let all: Vec<Mark> = cell.marks().collect();
        let of = |mark: Option<Mark>| usize::from(mark.is_some_and(|mark| all.contains(&mark)));
        let negative = matches!(cell.negative, Negative::Parentheses | Negative::Trailing) || cell.odd_minus;
        of(decimal) + of(thousands) + usize::from(negative)
    };
    let mut example: Option<&(usize, &str, Cell<'_>)> = None;
    for one in &column {
        if example.is_none_or(|(.., best)| telling(&one.2) > telling(best)) {
            example = Some(one);
        }
    }
    let written = example.filter(|_| !how.is_empty()).map(|(_, text, cell)| Written {
        how: format!("with {}", how.join(" and ")),
        example: format!("{} is {}", quoted(text), cell.value(decimal)),
    });
    Ok(Numbers { values, form, written })
}

/// Numbers as programs write them, of which no cell could be another number; None where there is more to decide.
fn read_plain<'a>(cells: impl Iterator<Item = Option<&'a str>>, asked: &Asked<'_>) -> Option<Numbers> {
    let said = asked.decimal.is_some_and(|mark| mark != Mark::Point) || asked.thousands.is_some();
    if said || asked.learnt.is_some_and(|learnt| *learnt != NumberForm::default()) {
        return None;
    }
    let (mut values, mut points) = (Vec::new(), false);
    let (mut proven, mut open) = (asked.decimal.is_some(), false);
    for cell in cells {
        let Some(text) = cell else {
            values.push(None);
            continue;
        };
        if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')) {
            return None;
        }
        values.push(Some(text.parse::<f64>().ok()?));
        if let Some((whole, fraction)) = text.split_once('.') {
            points = true;
            let whole = whole.trim_start_matches(['-', '+']);
            let thousands = fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
            proven |= !thousands;
            open |= thousands;
        }
    }
    let form = NumberForm { decimal: points.then_some(Mark::Point), ..NumberForm::default() };
    (proven || !open).then_some(Numbers { values, form, written: None })
}

fn no_number(place: usize) -> Refusal {
    Refusal {
        place,
        no_number: true,
        why: "is not a number (leave the cell empty if it is missing)".into(),
        advice: None,
    }
}

fn unit_of(cell: &Cell<'_>) -> Option<String> {
    match cell.unit {
        ("", "") => None,
        (before, "") => Some(before.to_owned()),
        ("", after) => Some(after.to_owned()),
        (before, after) => Some(format!("{before} {after}")),
    }
}

/// The unit that most cells have, and so must all.
fn one_unit(column: &[(usize, &str, Cell<'_>)]) -> Result<Option<String>, Refusal> {
    let mut counts: HashMap<(&str, &str), (usize, usize)> = HashMap::new();
    for (order, (.., cell)) in column.iter().enumerate() {
        counts.entry(cell.unit).or_insert((0, order)).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|&(_, (count, first))| (count, std::cmp::Reverse(first)));
    let Some((most, _)) = most else { return Ok(None) };
    let Some((place, _, odd)) = column.iter().find(|(.., cell)| cell.unit != most) else {
        return Ok(column.first().and_then(|(.., cell)| unit_of(cell)));
    };
    if most == ("", "") {
        return Err(no_number(*place));
    }
    let example = column.iter().find(|(.., cell)| cell.unit == most).map_or("", |(_, text, _)| text);
    let has = unit_of(odd).map_or("no unit".into(), |unit| format!("the unit {}", quoted(&unit)));
    Err(Refusal {
        place: *place,
        no_number: false,
        why: format!(
            "has {has}, unlike others of the column such as {}; write all of them one way",
            quoted(example)
        ),
        advice: None,
    })
}

/// A newer file must not measure in another unit than the one that was learnt.
fn same_unit(
    column: &[(usize, &str, Cell<'_>)],
    unit: &Option<String>,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(learnt) = asked.learnt else { return Ok(()) };
    let Some((place, ..)) = column.first() else { return Ok(()) };
    let word = |unit: &Option<String>| unit.as_ref().map_or("none".into(), |unit| quoted(unit));
    // Without a sign an amount is the same amount; a share of 0.45 and 45 % are not the same number.
    let differs = match (&learnt.unit, unit) {
        (Some(learnt), Some(found)) => learnt != found,
        (Some(one), None) | (None, Some(one)) => one.contains(['%', '‰']),
        (None, None) => false,
    };
    if !differs {
        return Ok(());
    }
    Err(Refusal {
        place: *place,
        no_number: false,
        why: format!(
            "has the unit {}, but the model learnt from numbers with {}; write them as in the training file",
            word(unit),
            word(&learnt.unit)
        ),
        advice: None,
    })
}

/// How the column writes negative numbers: in one way.
fn one_negative(column: &[(usize, &str, Cell<'_>)]) -> Result<Negative, Refusal> {
    let mut style = None;
    for (place, _, cell) in column.iter().filter(|(.., cell)| cell.negative != Negative::No) {
        match style {
            None => style = Some((cell.negative, *place)),
            Some((first, _)) if first == cell.negative => {}
            Some((_, first)) => {
                let other = column.iter().find(|(place, ..)| *place == first).map_or("", |(_, text, _)| text);
                return Err(Refusal {
                    place: *place,
                    no_number: false,
                    why: format!(
                        "says that it is negative in another way than {}; write all negative numbers one way",
                        quoted(other)
                    ),
                    advice: None,
                });
            }
        }
    }
    Ok(style.map_or(Negative::No, |(style, _)| style))
}

/// Marks before decimals and between thousands.
type Pair = (Option<Mark>, Option<Mark>);

const MARKS: [Mark; 5] = [Mark::Point, Mark::Comma, Mark::Apostrophe, Mark::Space, Mark::Underscore];

/// What the marks of the column mean.
fn marks(column: &[(usize, &str, Cell<'_>)], asked: &Asked<'_>) -> Result<Pair, Refusal> {
    let mut used: Vec<Mark> = Vec::new();
    for (.., cell) in column {
        cell.marks().for_each(|mark| {
            if !used.contains(&mark) {
                used.push(mark);
            }
        });
    }
    let decimal = |mark: Mark| matches!(mark, Mark::Point | Mark::Comma);
    let pairs: Vec<Pair> = match used.as_slice() {
        [] => vec![(None, None)],
        &[mark] if decimal(mark) => vec![(Some(mark), None), (None, Some(mark))],
        &[mark] => vec![(None, Some(mark))],
        &[one, other] => [(one, other), (other, one)]
            .into_iter()
            .filter(|&(before, _)| decimal(before))
            .map(|(before, between)| (Some(before), Some(between)))
            .collect(),
        _ => Vec::new(),
    };
    // What is said must hold: of a mark that the column lacks, that there is no other in its place.
    let said = |found: Option<Mark>, said: Option<Mark>, other: Option<Mark>| match said {
        Some(mark) if used.contains(&mark) => found == Some(mark),
        Some(mark) => found.is_none() && other != Some(mark),
        None => true,
    };
    let agrees = |&(before, between): &Pair| {
        said(before, asked.decimal, between) && said(between, asked.thousands, before)
    };
    let fits = |pair: &Pair| column.iter().all(|(.., cell)| cell.fits(pair.0, pair.1));
    let fitting: Vec<Pair> = pairs.iter().copied().filter(|pair| agrees(pair) && fits(pair)).collect();
    match fitting.as_slice() {
        [] => Err(unfit(column, &pairs, asked)),
        &[pair] if proven(column, pair, asked) => Ok(pair),
        &[(Some(before), Some(between))] | &[(Some(before), Some(between)), _] => {
            Err(mixed(column, before, between))
        }
        &[pair] => Ok(pair),
        // One mark, and every cell that has it has three digits after it.
        _ => open_mark(column, used[0], asked),
    }
}

/// Whether no other reading of two marks could have been meant: one cell shows their order, or something else says it.
fn proven(column: &[(usize, &str, Cell<'_>)], pair: Pair, asked: &Asked<'_>) -> bool {
    let (Some(before), Some(between)) = pair else { return true };
    let said = asked.decimal.is_some() || asked.thousands.is_some();
    let learnt = asked
        .learnt
        .is_some_and(|learnt| learnt.decimal == Some(before) || learnt.thousands == Some(between));
    let shows = |cell: &Cell<'_>| {
        let marks: Vec<Mark> = cell.marks().collect();
        marks.contains(&before) && marks.contains(&between)
            || marks.iter().filter(|&&mark| mark == between).count() > 1
    };
    !matches!(between, Mark::Point | Mark::Comma)
        || said
        || learnt
        || column.iter().any(|(.., cell)| shows(cell))
}

/// What one mark means that may stand before decimals or between thousands.
fn open_mark(column: &[(usize, &str, Cell<'_>)], mark: Mark, asked: &Asked<'_>) -> Result<Pair, Refusal> {
    let (decimals, thousands) = ((Some(mark), None), (None, Some(mark)));
    if let Some(learnt) = asked.learnt {
        if learnt.decimal == Some(mark) || learnt.thousands.is_some_and(|other| other != mark) {
            return Ok(decimals);
        }
        if learnt.thousands == Some(mark) || learnt.decimal.is_some() {
            return Ok(thousands);
        }
    }
    let has = |cell: &Cell<'_>| cell.marks().next().is_some();
    // A number of thousands without its mark, which nobody writes who writes the mark.
    let bare = |cell: &Cell<'_>| !has(cell) && cell.body.len() > 3;
    match (asked.convention, mark) {
        (Convention::Typed, Mark::Point) => return Ok(decimals),
        (Convention::Commas | Convention::Programs, Mark::Point)
            if column.iter().all(|(.., cell)| has(cell)) =>
        {
            return Ok(decimals);
        }
        (Convention::Commas, Mark::Comma) if !column.iter().any(|(.., cell)| bare(cell)) => {
            return Ok(thousands);
        }
        _ => {}
    }
    let Some((place, _, cell)) = column.iter().find(|(.., cell)| has(cell)) else { return Ok((None, None)) };
    Err(Refusal {
        place: *place,
        no_number: false,
        why: format!(
            "may be {} or {}, as {} may stand before decimals or between thousands",
            cell.value(Some(mark)),
            cell.value(None),
            mark.described(),
        ),
        advice: Some(
            text("choose ")
                + key("decimal").to(mark)
                + " or "
                + key("thousands").to(mark)
                + " (or write the numbers without marks between thousands)",
        ),
    })
}

/// Two marks of which no cell shows the order.
fn mixed(column: &[(usize, &str, Cell<'_>)], before: Mark, between: Mark) -> Refusal {
    let with = |mark: Mark| column.iter().find(move |(.., cell)| cell.marks().any(|other| other == mark));
    let (one, other) = (with(before), with(between));
    let later = one
        .zip(other)
        .map(|(one, other)| if one.0 > other.0 { (one, before, other) } else { (other, between, one) });
    let Some(((place, ..), mark, (_, first, _))) = later else { return no_number(0) };
    Refusal {
        place: *place,
        no_number: false,
        why: format!(
            "mixes {} into a column of numbers such as {}, and no cell has both marks to show what they mean; write all \
             numbers one way",
            mark.described(),
            quoted(first)
        ),
        advice: Some(text("or choose ") + key("decimal").to(before) + " or " + key("decimal").to(between)),
    }
}

/// The first cell that does not fit what most cells fit.
fn unfit(column: &[(usize, &str, Cell<'_>)], pairs: &[Pair], asked: &Asked<'_>) -> Refusal {
    let said = asked.decimal.is_some() || asked.thousands.is_some();
    let fitting = |pair: &Pair| column.iter().filter(|(.., cell)| cell.fits(pair.0, pair.1)).count();
    // Three marks, or two that stand between thousands: each with what most cells are written with.
    let alone_pairs = MARKS.map(|mark| (None, Some(mark)));
    let pairs = if pairs.is_empty() { &alone_pairs[..] } else { pairs };
    let best = pairs.iter().rev().copied().max_by_key(fitting);
    let alone = |cell: &Cell<'_>| {
        let marks = MARKS.map(Some);
        let decimals = [None, Some(Mark::Point), Some(Mark::Comma)];
        decimals.iter().any(|&d| cell.fits(d, None) || marks.iter().any(|&t| t != d && cell.fits(d, t)))
    };
    if let Some((place, ..)) = column.iter().find(|(.., cell)| !alone(cell)) {
        return no_number(*place);
    }
    let marked = |cell: &Cell<'_>| cell.marks().next().is_some();
    if said {
        let wrong = |cell: &Cell<'_>| !cell.fits(asked.decimal, asked.thousands);
        let odd =
            column.iter().find(|(.., cell)| wrong(cell)).or(column.iter().find(|(.., cell)| marked(cell)));
        return Refusal {
            place: odd.map_or(0, |(place, ..)| *place),
            no_number: false,
            why: "is not written with the marks that were said".into(),
            advice: Some(text("choose another ") + key("decimal") + " or " + key("thousands")),
        };
    }
    let wrong = |cell: &Cell<'_>| match best {
        Some((before, between)) => !cell.fits(before, between),
        None => marked(cell),
    };
    let odd = column.iter().find(|(.., cell)| wrong(cell));
    let odd = odd.or(column.first());
    let place = odd.map_or(0, |(place, ..)| *place);
    let other = column
        .iter()
        .find(|(other, _, cell)| *other != place && marked(cell) && !(best.is_some() && wrong(cell)));
    Refusal {
        place,
        no_number: false,
        why: match other {
            Some((_, other, _)) => format!(
                "is written with other marks than {}; write all numbers of the column one way",
                quoted(other)
            ),
            None => "is not written as the other numbers of the column; write all of them one way".into(),
        },
        advice: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FREE: Asked<'static> =
        Asked { decimal: None, thousands: None, learnt: None, convention: Convention::Commas };
    const SEMICOLONS: Asked<'static> = Asked { convention: Convention::Unknown, ..FREE };

    fn values(cells: &[&str], asked: &Asked<'_>) -> Result<Vec<f64>, Refusal> {
        let numbers = read(cells.iter().map(|cell| Some(*cell)), asked)?;
        Ok(numbers.values.into_iter().flatten().collect())
    }

    #[test]
    fn columns_are_read_as_a_whole() {
        let decimal = |mark| Asked { decimal: Some(mark), ..FREE };
        let thousands = |mark| Asked { thousands: Some(mark), ..SEMICOLONS };
        let cases: [(&[&str], Asked<'_>, &[f64]); 28] = [
            (&["1", "-2.5", "3e2"], FREE, &[1.0, -2.5, 300.0]),
            (&["1.234", "2.345"], FREE, &[1.234, 2.345]),
            (&["1.020", "950", "0.5"], SEMICOLONS, &[1.02, 950.0, 0.5]),
            (&["1.020", "12345.678"], SEMICOLONS, &[1.02, 12345.678]),
            (&["1.020", "950"], Asked { convention: Convention::Typed, ..FREE }, &[1.02, 950.0]),
            (&["0.123", "5"], SEMICOLONS, &[0.123, 5.0]),
            (&["1.020", "950"], thousands(Mark::Point), &[1020.0, 950.0]),
            (&["1.020", "950"], decimal(Mark::Point), &[1.02, 950.0]),
            (&["1,020", "950"], decimal(Mark::Comma), &[1.02, 950.0]),
            (&["1,020", "950"], FREE, &[1020.0, 950.0]),
            (&["100,782", "99,570"], FREE, &[100_782.0, 99_570.0]),
            (&["1.000,00", "960,61"], FREE, &[1000.0, 960.61]),
            (&["1,000.00", "1960.5"], SEMICOLONS, &[1000.0, 1960.5]),
            (&["2,0", "2,8"], FREE, &[2.0, 2.8]),
            (&["1.234.567", "5,5"], SEMICOLONS, &[1_234_567.0, 5.5]),
            (&["12,34,567"], SEMICOLONS, &[1_234_567.0]),
            (&["1'234.5", "5"], SEMICOLONS, &[1234.5, 5.0]),
            (&["1 234,5", "5"], SEMICOLONS, &[1234.5, 5.0]),
            (&["1\u{a0}234", "5"], SEMICOLONS, &[1234.0, 5.0]),
            (&["1_000", "5"], SEMICOLONS, &[1000.0, 5.0]),
            (&["45%", "5 %"], FREE, &[45.0, 5.0]),
            (&["$1,000.50", "$5"], FREE, &[1000.5, 5.0]),
            (&["5 kW", "7.5 kW"], FREE, &[5.0, 7.5]),
            (&["(5)", "6"], FREE, &[-5.0, 6.0]),
            (&["5-", "6"], FREE, &[-5.0, 6.0]),
            (&["−5", "6"], FREE, &[-5.0, 6.0]),
            (&["1.234", "1,5"], decimal(Mark::Comma), &[1234.0, 1.5]),
            (&["1e999"], FREE, &[f64::INFINITY]),
        ];
        for (cells, asked, expected) in cases {
            assert_eq!(values(cells, &asked).as_deref(), Ok(expected), "{cells:?}");
        }
    }

    #[test]
    fn what_is_uncertain_is_refused() {
        let cases: [(&[&str], Asked<'_>, usize, &str); 17] = [
            (&["950", "1.020"], FREE, 1, "may be 1.02 or 1020, as '.' may stand"),
            (&["1500", "1.020"], FREE, 1, "may be 1.02 or 1020"),
            (&["1.020", "1.030"], SEMICOLONS, 0, "may be 1.02 or 1020"),
            (&["1,020", "1,030"], SEMICOLONS, 0, "may be 1.02 or 1020"),
            (&["1500", "1,020"], FREE, 1, "may be 1.02 or 1020"),
            (&["1,5", "1.234"], SEMICOLONS, 1, "mixes '.' into a column of numbers such as '1,5'"),
            (&["1,020", "1.020"], SEMICOLONS, 1, "mixes"),
            (&["1", "abc"], FREE, 1, "is not a number"),
            (&["1", "2", "3%"], FREE, 2, "is not a number"),
            (&["1%", "2%", "3"], FREE, 2, "has no unit, unlike others of the column such as '1%'"),
            (&["1 €", "2 €", "$3"], FREE, 2, "has the unit '$'"),
            (&["-1", "(2)"], FREE, 1, "says that it is negative in another way than '-1'"),
            (&["1", "1.2.3"], FREE, 1, "is not a number"),
            (&["1.5", "2,5"], SEMICOLONS, 1, "is written with other marks than '1.5'"),
            (&["1'000", "1 000"], FREE, 1, "is written with other marks"),
            (
                &["1.5"],
                Asked { decimal: Some(Mark::Comma), ..FREE },
                0,
                "is not written with the marks that were said",
            ),
            (&["1.5"], Asked { thousands: Some(Mark::Point), ..FREE }, 0, "is not written with the marks"),
        ];
        for (cells, asked, place, why) in cases {
            let refusal = values(cells, &asked).unwrap_err();
            assert!(refusal.why.starts_with(why), "{cells:?}: {}", refusal.why);
            assert_eq!(refusal.place, place, "{cells:?}: {}", refusal.why);
        }
    }

    #[test]
    fn a_model_remembers_the_form() {
        let form = |decimal, thousands, unit: Option<&str>| NumberForm {
            decimal,
            thousands,
            unit: unit.map(str::to_owned),
        };
        for (cells, learnt, expected) in [
            (["1.020", "950"], form(None, Some(Mark::Point), None), Some([1020.0, 950.0])),
            (["1.020", "950"], form(Some(Mark::Comma), None, None), Some([1020.0, 950.0])),
            (["1.020", "950"], form(Some(Mark::Point), None, None), Some([1.02, 950.0])),
            (["1.020", "1.030"], form(None, Some(Mark::Point), None), Some([1020.0, 1030.0])),
            (["1.020", "950"], form(None, None, None), None),
            (["45%", "5%"], form(None, None, Some("%")), Some([45.0, 5.0])),
            (["45", "5"], form(None, None, Some("%")), None),
            (["45%", "5%"], form(None, None, None), None),
            (["5 MW", "6 MW"], form(None, None, Some("kW")), None),
            (["5", "6"], form(None, None, Some("€")), Some([5.0, 6.0])),
        ] {
            let found = values(&cells, &Asked { learnt: Some(&learnt), ..SEMICOLONS }).ok();
            assert_eq!(found.as_deref(), expected.as_ref().map(|all| &all[..]), "{cells:?} {learnt:?}");
        }
    }

    #[test]
    fn what_is_not_plain_is_said() {
        let written =
            |cells: &[&str]| read(cells.iter().map(|cell| Some(*cell)), &SEMICOLONS).unwrap().written;
        for (cells, how, example) in [
            (
                ["5,0", "1.079,18"],
                "with '.' between thousands and ',' before decimals",
                "'1.079,18' is 1079.18",
            ),
            (["45 %", "5 %"], "with '%', which is left out", "'45 %' is 45"),
            (["1", "(2)"], "with parentheses around negative numbers", "'(2)' is -2"),
        ] {
            assert_eq!(written(&cells), Some(Written { how: how.into(), example: example.into() }));
        }
        assert_eq!(written(&["1", "-2.5"]), None);
    }

    /// A number as somebody writes it, who has one way.
    fn print(value: f64, decimals: usize, decimal: char, thousands: Option<char>) -> String {
        let plain = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut text = String::from(if value.is_sign_negative() { "-" } else { "" });
        for (i, digit) in whole.chars().enumerate() {
            let after = whole.len() - i;
            if i > 0 && after % 3 == 0 {
                text.extend(thousands);
            }
            text.push(digit);
        }
        if decimals > 0 {
            text.push(decimal);
            text += fraction;
        }
        text
    }

    proptest! {
        /// Whatever the way of writing: the same numbers, or none.
        #[test]
        fn printed_numbers_are_read_back_or_refused(
            values in prop::collection::vec(prop_oneof![-9999.0_f64..9999.0, -1e7_f64..1e7, -1.0_f64..1.0, 0.0_f64..1000.0], 1..12),
            decimals in prop::collection::vec(0_usize..5, 12),
            same: bool,
            way in prop::sample::select(vec![
                ('.', None), ('.', Some(',')), ('.', Some(' ')), ('.', Some('\'')), ('.', Some('_')), ('.', Some('\u{a0}')),
                (',', None), (',', Some('.')), (',', Some(' ')), (',', Some('\'')), (',', Some('\u{202f}')),
            ]),
            unit in prop::sample::select(vec!["", "%", " €", " kW"]),
        ) {
            let (decimal, thousands) = way;
            let places = |i: usize| if same { decimals[0] } else { decimals[i] };
            let cells: Vec<String> =
                values.iter().enumerate().map(|(i, &v)| print(v, places(i), decimal, thousands) + unit).collect();
            let truth: Vec<f64> =
                values.iter().enumerate().map(|(i, v)| format!("{:.*}", places(i), v).parse().unwrap()).collect();
            let written = cells.iter().map(|cell| Some(cell.as_str()));
            let said = Asked {
                decimal: Some(if decimal == '.' { Mark::Point } else { Mark::Comma }),
                thousands: thousands.and_then(Mark::of),
                ..SEMICOLONS
            };
            // What is said is always read, and read back exactly.
            prop_assert_eq!(&read(written.clone(), &said).unwrap().values, &truth.iter().map(|&v| Some(v)).collect::<Vec<_>>());
            // A decimal comma in a file of commas that looks like thousands everywhere cannot be told from them, and
            // neither can thousands with points where every number is a thousand.
            if let Ok(numbers) = read(written, &SEMICOLONS) {
                prop_assert_eq!(numbers.values, truth.into_iter().map(Some).collect::<Vec<_>>(), "{:?}", cells);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(cells in prop::collection::vec("[-+0-9.,'() eE%$€a_]{0,8}", 0..6)) {
            for asked in [FREE, SEMICOLONS] {
                let _ = read(cells.iter().map(|cell| Some(cell.as_str())), &asked);
            }
        }
    }
}
