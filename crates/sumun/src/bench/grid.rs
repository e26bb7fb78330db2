//! A file of cases, and choosing among them.

use std::path::Path;

use serde::Deserialize;

use super::Case;
use crate::data::{TextFile, did_you_mean, listed, quoted};
use crate::message::{key, text};
use crate::{Error, Result};

/// The grid that comes with the project.
const OWN: &str = include_str!("grid.json");

/// Cases in the order in which they are timed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseGrid {
    /// What the cases mean, for readers of the file.
    #[serde(default)]
    pub about: String,
    /// The cases; their names differ.
    pub cases: Vec<Case>,
}

impl CaseGrid {
    /// The project's own grid, `grid.json` beside this file. Error: none, as long as its test passes.
    pub fn own() -> Result<Self> {
        Self::parse("grid.json", OWN)
    }

    /// Reads a file. Errors: it cannot be read, and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        let file = TextFile::open(path, "JSON")?;
        Self::parse(file.name(), file.text())
    }

    /// The grid that `text` holds as JSON; `name` stands for it in messages. Errors: text of another form, no cases,
    /// two of one name, and cases that make no sense or are too large for memory.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let bad = |message: String| Error::Data(format!("{name}: {message}"));
        let grid: Self = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        if grid.cases.is_empty() {
            return Err(bad("there are no cases; give at least one".into()));
        }
        let mut names: Vec<&str> = grid.cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(bad(format!("two cases are named {}; give each its own name", quoted(twice[0]))));
        }
        grid.cases.iter().try_for_each(|case| case.check().map_err(|error| bad(error.to_string())))?;
        Ok(grid)
    }

    /// The cases that are asked for, in the grid's order: those of the names in `only`, slow ones too, or all but the
    /// slow ones, or with `slow` all. Errors: a name that no case has (the message has the nearest), and nothing to do.
    pub fn choose(&self, only: Option<&[String]>, slow: bool) -> Result<Vec<&Case>> {
        let names: Vec<&str> = self.cases.iter().map(|case| case.name.as_str()).collect();
        if let Some(unknown) = only.unwrap_or_default().iter().find(|name| !names.contains(&name.as_str())) {
            return Err(Error::Invalid(format!(
                "there is no case {};{} there are {}",
                quoted(unknown),
                did_you_mean(unknown, &names),
                listed(&names)
            )));
        }
        let wanted = |case: &&Case| match only {
            Some(only) => only.contains(&case.name),
            None => slow || !case.slow,
        };
        let chosen: Vec<&Case> = self.cases.iter().filter(wanted).collect();
        if chosen.is_empty() {
            return Err(Error::Invalid("every case is slow".into())
                .advise(text("ask for slow ones with ") + key("slow") + " or by name"));
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cases: &[&Case]) -> Vec<String> {
        cases.iter().map(|case| case.name.clone()).collect()
    }

    #[test]
    fn the_own_grid_is_whole() {
        let grid = CaseGrid::own().unwrap();
        let fast = grid.choose(None, false).unwrap();
        let all = grid.choose(None, true).unwrap();
        assert!(fast.len() < all.len() && all.len() == grid.cases.len());
        assert!(fast.iter().all(|case| !case.slow));
        let only = ["step_gru_16", "imdb_lstm"].map(String::from);
        assert_eq!(names(&grid.choose(Some(&only), false).unwrap()), ["imdb_lstm", "step_gru_16"]);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let grid = CaseGrid::own().unwrap();
        let error = grid.choose(Some(&["sine_lsmt".into()]), false).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no case 'sine_lsmt'; did you mean 'sine_lstm'? there are "),
            "{error}"
        );
        let error = grid.choose(Some(&["".into()]), false).unwrap_err().to_string();
        assert!(error.starts_with("there is no case '';"), "{error}");
    }

    #[test]
    fn files_of_another_form_are_refused() {
        let case = r#"{"name": "a", "kind": "step", "cell": "rnn", "input": 1, "hidden": 1, "slow": true}"#;
        for (text, expected) in [
            (String::new(), "g: EOF while parsing a value at line 1 column 0"),
            ("[]".into(), "g: "),
            ("{}".into(), "g: missing field `cases`"),
            (r#"{"cases": []}"#.into(), "g: there are no cases"),
            (
                format!(r#"{{"cases": [{case}, {case}]}}"#),
                "g: two cases are named 'a'; give each its own name",
            ),
            (format!(r#"{{"cases": [{case}], "more": 1}}"#), "g: unknown field `more`"),
            ("[".repeat(100_000), "g: "),
        ] {
            let error = CaseGrid::parse("g", &text).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
        let grid = CaseGrid::parse("g", &format!(r#"{{"about": "one", "cases": [{case}]}}"#)).unwrap();
        assert!(grid.choose(None, false).unwrap_err().to_string().contains("ask for slow ones with slow"));
        assert_eq!(grid.choose(None, true).unwrap().len(), 1);
    }
}
