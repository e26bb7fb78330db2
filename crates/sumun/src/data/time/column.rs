//! A whole column becomes times in the one form that reads all of it.

use super::clock::{Clock, instants, zone};
use super::format::{Piece, TimeFormat};
use super::guess::{guesses, same_but_for_names};
use super::moment::{DateOrder, Timestamp};
use super::read::{Cell, Problem, read};
use crate::data::frequency::Frequency;
use crate::data::names::quoted;
use crate::message::{key, text};
use crate::{Error, Result};

/// What is known of a time column before it is read.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::data) struct TimeHints<'a> {
    /// Which part of its dates comes first.
    pub(in crate::data) order: Option<DateOrder>,
    /// The time zone of its wall clock.
    pub(in crate::data) zone: Option<&'a str>,
    /// The form that a model learnt.
    pub(in crate::data) form: Option<&'a TimeFormat>,
}

/// A column that was read, before its clock is looked at.
#[derive(Debug, Clone)]
pub(in crate::data) struct ColumnTimes {
    cells: Vec<Cell>,
    format: TimeFormat,
    notes: Vec<String>,
}

impl ColumnTimes {
    /// Whether all times are so, by their own clock.
    pub(in crate::data) fn all(&self, so: impl Fn(&Timestamp) -> bool) -> bool {
        self.cells.iter().all(|cell| so(&cell.time))
    }
}

/// What a column is.
#[derive(Debug)]
pub(in crate::data) enum Verdict {
    /// Times.
    Times(ColumnTimes),
    /// Times, most of them, or what looks like times; why it cannot be used.
    Broken(Error),
    /// No times; why the first row is none.
    Unlike(Error),
}

/// Rows whose forms are collected.
const SAMPLED: usize = 200;

/// The most forms that are tried on a whole column.
const MOST_FORMS: usize = 24;

/// Rows from which on even steps decide between two readings of dates.
const ROWS_TO_DECIDE: usize = 13;

/// A form that was tried on all rows.
struct Attempt {
    format: TimeFormat,
    cells: Vec<Cell>,
    /// The first row that it cannot read, and why.
    failed: Option<(usize, Problem)>,
    /// How many rows it reads.
    reads: usize,
}

impl Attempt {
    fn of(pieces: Vec<Piece>, cells: &[(usize, &str)]) -> Self {
        let mut attempt = Self { format: TimeFormat::new(pieces), cells: Vec::new(), failed: None, reads: 0 };
        for (place, (_, text)) in cells.iter().enumerate() {
            match read(text, &attempt.format.pieces) {
                Ok(cell) => {
                    attempt.cells.push(cell);
                    attempt.reads += 1;
                }
                Err(problem) => {
                    attempt.failed.get_or_insert((place, problem));
                }
            }
        }
        attempt
    }

    fn times(&self) -> impl Iterator<Item = Timestamp> {
        self.cells.iter().map(|cell| cell.time)
    }

    /// Whether all rows rise or all fall, none standing still more than the hour that autumn repeats.
    fn one_way(&self) -> bool {
        self.cells.windows(2).all(|pair| pair[0].time <= pair[1].time)
            || self.cells.windows(2).all(|pair| pair[0].time >= pair[1].time)
    }

    /// Whether no two rows have the same time.
    fn distinct(&self) -> bool {
        let mut times: Vec<Timestamp> = self.times().collect();
        times.sort_unstable();
        times.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// Whether all rows, in order of time, are one step apart.
    fn even(&self) -> bool {
        let mut times: Vec<Timestamp> = self.times().collect();
        times.sort_unstable();
        Frequency::infer(&times).is_some_and(|step| {
            times.windows(2).all(|pair| step.steps_between(&pair[0], &pair[1]) == Some(1))
        })
    }

    /// Which part of a date of numbers comes first; `None` where the form leaves no choice.
    fn order(&self) -> Option<DateOrder> {
        self.format.pieces.iter().find_map(|piece| match piece {
            Piece::Day(_) => Some(DateOrder::Day),
            Piece::Month(_) => Some(DateOrder::Month),
            Piece::Year | Piece::ShortYear => Some(DateOrder::Year),
            _ => None,
        })
    }

    fn dotted(&self) -> bool {
        self.format.pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.trim() == "."))
    }
}

/// The forms that a column may be written in: those of some rows from all over it.
fn forms(cells: &[(usize, &str)], hints: &TimeHints<'_>) -> Vec<Vec<Piece>> {
    let mut forms: Vec<Vec<Piece>> = Vec::new();
    if let Some(form) = hints.form {
        forms.push(form.pieces.clone());
    }
    let step = cells.len().div_ceil(SAMPLED).max(1);
    let ends = cells.iter().take(20).chain(cells.iter().rev().take(3));
    for (_, text) in ends.chain(cells.iter().step_by(step)) {
        for pieces in guesses(text) {
            let new = TimeFormat::new(pieces);
            if forms.iter().any(|known| new.reads_as(&TimeFormat::new(known.clone()))) {
                continue;
            }
            let place = forms.iter().position(|known| same_but_for_names(known, &new.pieces));
            match place {
                // `May` is short and long; `Jun` elsewhere in the column says which is meant.
                Some(place) if shorter(&new.pieces, &forms[place]) => forms[place] = new.pieces,
                None if forms.len() < MOST_FORMS => forms.push(new.pieces),
                _ => {}
            }
        }
    }
    forms
}

fn shorter(a: &[Piece], b: &[Piece]) -> bool {
    let short =
        |piece: &Piece| matches!(piece, Piece::MonthName(style) | Piece::WeekdayName(style) if style.short);
    a.iter().filter(|piece| short(piece)).count() > b.iter().filter(|piece| short(piece)).count()
}

/// Reads a column as times, or says why it is none.
pub(in crate::data) fn judge(
    source: &str,
    column: &str,
    cells: &[(usize, &str)],
    hints: &TimeHints<'_>,
) -> Verdict {
    let Some(&(first_row, first_text)) = cells.first() else {
        return Verdict::Unlike(Error::Data(format!("{source}: column {} has no rows", quoted(column))));
    };
    let mut attempts: Vec<Attempt> =
        forms(cells, hints).into_iter().map(|pieces| Attempt::of(pieces, cells)).collect();
    if let Some(order) = hints.order {
        attempts.retain(|attempt| attempt.order().is_none_or(|found| found == order));
    }
    let whole = |attempt: &Attempt| attempt.failed.is_none();
    if attempts.iter().any(whole) {
        attempts.retain(whole);
        return match decide(attempts, hints) {
            Ok((attempt, notes)) => Verdict::Times(finish(attempt, notes)),
            Err(()) => Verdict::Broken(
                fail(source, first_row, column, first_text, "does not say which number is the day")
                    .advise(text("say so with ") + key("date_order").to("day, month or year")),
            ),
        };
    }
    let Some(best) =
        attempts.iter().max_by(|a, b| a.reads.cmp(&b.reads).then(a.failed_at().cmp(&b.failed_at())))
    else {
        let problem = if first_text.is_empty() { Problem::Empty } else { Problem::Unknown };
        return Verdict::Unlike(fail(source, first_row, column, first_text, problem.text()));
    };
    let Some((place, problem)) = best.failed else {
        return Verdict::Unlike(fail(source, first_row, column, first_text, Problem::Unknown.text()));
    };
    let (row, cell) = cells[place];
    // A date of the calendar in another form is a matter of form.
    let other = attempts.iter().any(|attempt| read(cell, &attempt.format.pieces).is_ok());
    let error = if other && problem != Problem::NotInCalendar && place > 0 {
        let why = format!(
            "is written in another form than row {} ({}); use one form",
            cells[0].0,
            quoted(cells[0].1)
        );
        fail(source, row, column, cell, &why)
    } else {
        fail(source, row, column, cell, problem.text())
    };
    let begins = read(first_text, &best.format.pieces).is_ok();
    if begins || 2 * best.reads > cells.len() { Verdict::Broken(error) } else { Verdict::Unlike(error) }
}

impl Attempt {
    fn failed_at(&self) -> usize {
        self.failed.map_or(usize::MAX, |(place, _)| place)
    }
}

/// The one attempt that holds, of those that read all rows; the error if days and months could be either.
fn decide(
    mut attempts: Vec<Attempt>,
    hints: &TimeHints<'_>,
) -> std::result::Result<(Attempt, Vec<String>), ()> {
    if let Some(form) = hints.form
        && let Some(place) = attempts.iter().position(|attempt| attempt.format.reads_as(form))
    {
        return Ok((attempts.swap_remove(place), Vec::new()));
    }
    let same = |a: &Attempt, b: &Attempt| a.times().eq(b.times());
    let rows = attempts[0].cells.len();
    let mut notes = Vec::new();
    // Dots stand between the parts of dates that begin with the day, or with a year of four digits.
    if attempts.iter().any(|attempt| attempt.dotted() && attempt.order() == Some(DateOrder::Day)) {
        attempts.retain(|attempt| !attempt.dotted() || attempt.order() == Some(DateOrder::Day));
    }
    // A number that is finer than the form can tell is another form.
    if attempts.iter().any(Attempt::distinct) {
        attempts.retain(Attempt::distinct);
    }
    if attempts.len() > 1 && rows >= ROWS_TO_DECIDE {
        let before = attempts.len();
        for holds in [Attempt::one_way, Attempt::even] {
            if attempts.iter().any(holds) {
                attempts.retain(holds);
            }
        }
        if attempts.len() < before && attempts.len() == 1 && attempts[0].order() != Some(DateOrder::Year) {
            let first = match attempts[0].order() {
                Some(DateOrder::Day) => "the day",
                _ => "the month",
            };
            notes.push(format!("dates begin with {first}: only so do the rows follow each other"));
        }
    }
    let numbers = |attempt: &Attempt| {
        attempt.format.pieces.iter().any(|piece| matches!(piece, Piece::Month(_)))
            && attempt.format.pieces.iter().any(|piece| matches!(piece, Piece::Day(_)))
    };
    let either = attempts.iter().any(|other| {
        numbers(other)
            && numbers(&attempts[0])
            && other.order() != attempts[0].order()
            && !same(other, &attempts[0])
    });
    if either {
        return Err(());
    }
    Ok((attempts.swap_remove(0), notes))
}

/// The form as all cells together have it.
fn finish(attempt: Attempt, mut notes: Vec<String>) -> ColumnTimes {
    let Attempt { mut format, cells, .. } = attempt;
    let any = |wrong: fn(&Cell) -> bool| cells.iter().any(wrong);
    let (single_date, single_hour) = (any(|cell| cell.single.0), any(|cell| cell.single.1));
    let fraction = cells.iter().map(|cell| cell.fraction).max().unwrap_or(0);
    for piece in &mut format.pieces {
        match piece {
            Piece::Month(padded) | Piece::Day(padded) => *padded = !single_date,
            Piece::Hour(padded) | Piece::Hour12(padded) => *padded = !single_hour,
            Piece::Fraction { digits, .. } => *digits = fraction.max(1),
            _ => {}
        }
    }
    let midnight = |cell: &&Cell| cell.time.time() == jiff::civil::Time::midnight();
    format.midnight_24 =
        any(|cell| cell.midnight_24) && cells.iter().filter(midnight).all(|cell| cell.midnight_24);
    let bare = cells.iter().filter(|cell| cell.bare).count();
    if bare > 0 {
        notes.push(format!("{bare} dates without a time of day were read as midnight"));
    }
    ColumnTimes { cells, format, notes }
}

/// The times of a column on one axis, its form and what is worth saying. Errors: a time zone that there is none of, and a
/// time that its clock skips.
pub(in crate::data) fn clocked(
    source: &str,
    column: &str,
    cells: &[(usize, &str)],
    found: ColumnTimes,
    hints: &TimeHints<'_>,
) -> Result<(Vec<Timestamp>, TimeFormat, Vec<String>)> {
    let ColumnTimes { cells: read, mut format, mut notes } = found;
    let learnt = match hints.form.map(|form| &form.clock) {
        Some(Clock::Zone { name }) => Some(name.as_str()),
        _ => None,
    };
    let zone_name = hints.zone.or(learnt);
    let mut times: Vec<Timestamp> = read.iter().map(|cell| cell.time).collect();
    let epoch = format.pieces.iter().any(|piece| matches!(piece, Piece::Epoch(_)));
    let offsets: Option<Vec<i32>> = read.iter().map(|cell| cell.offset).collect();
    match (offsets, zone_name) {
        (Some(offsets), name) => {
            let same = offsets.windows(2).all(|pair| pair[0] == pair[1]);
            if !same || name.is_some() {
                for (time, offset) in times.iter_mut().zip(&offsets) {
                    *time = super::clock::shifted(time, -i64::from(*offset)).unwrap_or(*time);
                }
            }
            format.clock = match name {
                Some(name) => {
                    zone(name)?;
                    Clock::Zone { name: name.to_owned() }
                }
                None => {
                    // The last moment is nearest to what is written next.
                    let last = (0..times.len()).max_by_key(|&place| times[place]).unwrap_or(0);
                    let seconds = offsets.get(last).copied().unwrap_or(0);
                    if !same {
                        for time in &mut times {
                            *time = super::clock::shifted(time, i64::from(seconds)).unwrap_or(*time);
                        }
                    }
                    Clock::Offset { seconds }
                }
            };
            if !same {
                notes.push(format!(
                    "column {} has several offsets from UTC; rows are ordered by instants",
                    quoted(column)
                ));
            }
        }
        (None, Some(name)) => {
            let zone = zone(name)?;
            if !epoch {
                times = instants(&times, &zone).map_err(|place| {
                    let (row, cell) = cells[place];
                    let why = format!(
                        "does not exist in {name}, where clocks were put forward over it; correct it"
                    );
                    fail(source, row, column, cell, &why)
                })?;
            }
            format.clock = Clock::Zone { name: name.to_owned() };
        }
        (None, None) => {}
    }
    Ok((times, format, notes))
}

fn fail(source: &str, row: usize, column: &str, text: &str, why: &str) -> Error {
    Error::Data(format!("{source}: row {row}, column {}: {} {why}", quoted(column), quoted(text)))
}
