//! Whether timestamps stand on a regular grid: repeats, steps back, gaps and odd spacings.

use super::names::quoted;
use super::steps::Steps;
use super::time::{TimeFormat, Timestamp};
use crate::{Error, Result};

/// Steps that are missing between two neighbouring rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The place of the first row after the gap, counted from 0.
    pub before: usize,
    /// How many steps are missing.
    pub missing: usize,
}

/// What was found when timestamps were laid on the grid of a frequency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grid {
    /// Where steps are missing.
    pub gaps: Vec<Gap>,
    /// Places (counted from 0, the later of two rows) where the spacing is no whole number of steps.
    pub odd: Vec<usize>,
}

impl Grid {
    /// Lays `times` on the grid of `steps`. `lines` are their row numbers in the file, for messages.
    ///
    /// Errors: a timestamp that repeats or goes back. Gaps and odd spacings are reported in the result, because
    /// some policies accept them.
    pub fn inspect(
        source: &str,
        column: &str,
        format: &TimeFormat,
        lines: &[usize],
        times: &[Timestamp],
        steps: &Steps<'_>,
    ) -> Result<Self> {
        check_order(source, column, format, lines, times)?;
        let mut grid = Self::default();
        for (i, pair) in times.windows(2).enumerate() {
            match steps.steps_between(&pair[0], &pair[1]) {
                Some(1) => {}
                Some(steps) if steps > 1 => {
                    grid.gaps.push(Gap { before: i + 1, missing: (steps - 1) as usize })
                }
                _ => grid.odd.push(i + 1),
            }
        }
        Ok(grid)
    }

    /// How many steps are missing in all.
    pub fn missing(&self) -> usize {
        self.gaps.iter().fold(0, |sum, gap| sum.saturating_add(gap.missing))
    }
}

/// Error if a timestamp repeats or goes back; the message names the first place and how many there are.
pub(crate) fn check_order(
    source: &str,
    column: &str,
    format: &TimeFormat,
    lines: &[usize],
    times: &[Timestamp],
) -> Result<()> {
    let all =
        |wrong: fn(&[Timestamp]) -> bool| times.windows(2).enumerate().filter(move |(_, pair)| wrong(pair));
    let places = |n: usize| if n == 1 { String::new() } else { format!(" (and {} more such places)", n - 1) };
    if let Some((i, pair)) = all(|p| p[1] < p[0]).next() {
        let count = all(|p| p[1] < p[0]).count();
        return Err(Error::Data(format!(
            "{source}: time goes back from row {} ({}) to row {} ({}){}; sort the rows by {}, oldest first",
            lines[i],
            format.print(&pair[0]),
            lines[i + 1],
            format.print(&pair[1]),
            places(count),
            quoted(column),
        )));
    }
    if let Some((i, pair)) = all(|p| p[1] == p[0]).next() {
        let count = all(|p| p[1] == p[0]).count();
        return Err(Error::Data(format!(
            "{source}: rows {} and {} have the same time ({}){}; remove the repeats",
            lines[i],
            lines[i + 1],
            format.print(&pair[0]),
            places(count),
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::closed::NONE;
    use super::super::frequency::Frequency;
    use super::super::time::parse_times;
    use super::*;

    fn inspect(hours: &[&str]) -> Result<Grid> {
        let cells: Vec<_> = hours.iter().map(|h| format!("2010-03-14 {h}")).collect();
        let (times, format) = parse_times("f.csv", "date", cells.iter().map(|c| (2, c.as_str()))).unwrap();
        let lines: Vec<_> = (2..2 + times.len()).collect();
        Grid::inspect(
            "f.csv",
            "date",
            &format,
            &lines,
            &times,
            &Steps::new(Frequency::hours(1), &format.clock, &NONE),
        )
    }

    #[test]
    fn gaps_and_odd_spacings_are_found() {
        let gap = |before, missing| Gap { before, missing };
        assert_eq!(inspect(&["00:00", "01:00", "02:00"]).unwrap(), Grid::default());
        let grid = inspect(&["00:00", "02:00", "03:00", "06:00", "06:30", "07:30"]).unwrap();
        assert_eq!(grid, Grid { gaps: vec![gap(1, 1), gap(3, 2)], odd: vec![4] });
        assert_eq!(grid.missing(), 3);
    }

    #[test]
    fn repeats_and_steps_back_are_errors() {
        let cases: [(&[&str], &str); 3] = [
            (
                &["01:00", "03:00", "02:00"],
                "f.csv: time goes back from row 3 (2010-03-14 03:00) to row 4 (2010-03-14 02:00); sort the rows by 'date'",
            ),
            (
                &["01:00", "02:00", "02:00"],
                "f.csv: rows 3 and 4 have the same time (2010-03-14 02:00); remove",
            ),
            (
                &["01:00", "01:00", "01:00"],
                "f.csv: rows 2 and 3 have the same time (2010-03-14 01:00) (and 1 more such places)",
            ),
        ];
        for (hours, expected) in cases {
            let message = inspect(hours).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
