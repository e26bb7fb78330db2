//! Columns of words as columns of zeros and ones.

use serde::{Deserialize, Serialize};

use super::names::{listed, quoted};
use super::number::is_number;
use super::table::Table;
use crate::{Error, Result};

/// The most categories of a column: each becomes a column that a network reads, and needs rows to learn from.
const MOST_CATEGORIES: usize = 50;

/// The categories of a column of words, each of which becomes a column that holds 1 where the word stands and else 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Categories {
    /// The column's name.
    pub column: String,
    /// The words, in the order of their characters.
    pub names: Vec<String>,
}

impl Categories {
    /// What the column of a word is called: `weather=rain`.
    pub fn column_of(&self, name: &str) -> String {
        format!("{}={name}", self.column)
    }

    /// The names of all its columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| self.column_of(name))
    }
}

impl Table {
    /// The categories of the column `name`; None where it holds numbers for the most part. Errors: no such column; more
    /// words than can be told apart.
    pub fn categories(&self, name: &str) -> Result<Option<Categories>> {
        let column = self.column_index(name)?;
        let mut names: Vec<&str> = Vec::new();
        let (mut words, mut numbers) = (0, 0);
        let mut seen = std::collections::HashSet::new();
        for row in 0..self.rows() {
            let cell = self.cell(row, column);
            if self.is_missing(cell) {
                continue;
            }
            if is_number(cell) {
                numbers += 1;
            } else {
                words += 1;
            }
            if seen.insert(cell) {
                names.push(cell);
            }
        }
        if words <= numbers {
            return Ok(None);
        }
        if names.len() > MOST_CATEGORIES {
            return Err(Error::Data(format!(
                "{}: column {} holds {} different texts, and at most {MOST_CATEGORIES} can be told apart as categories; leave \
                 it out, or write it as numbers or with fewer words",
                self.name(),
                quoted(name),
                names.len()
            )));
        }
        names.sort_unstable();
        Ok(Some(Categories {
            column: name.to_owned(),
            names: names.into_iter().map(str::to_owned).collect(),
        }))
    }

    /// The table with columns of zeros and ones in the place of those of `all`; what is none of the categories is zero in
    /// each of them, and a note says so. Errors: a column that is not there, or is there twice then.
    pub fn with_categories(&self, all: &[Categories]) -> Result<Self> {
        let mut table = self.clone();
        for categories in all {
            let column = table.column_index(&categories.column)?;
            let mut unseen: Vec<&str> = Vec::new();
            let mut rows = 0;
            let mut coded = Vec::with_capacity(self.rows());
            for row in 0..self.rows() {
                let cell = table.cell(row, column);
                if table.is_missing(cell) {
                    coded.push(None);
                    continue;
                }
                let place = categories.names.iter().position(|name| name == cell);
                if place.is_none() {
                    rows += 1;
                    if !unseen.contains(&cell) && unseen.len() < MOST_CATEGORIES {
                        unseen.push(cell);
                    }
                }
                coded.push(Some(place));
            }
            let note = (rows > 0).then(|| {
                format!(
                    "column {} holds words that were not learnt ({} in {rows} row{}); they are coded as none of {}",
                    quoted(&categories.column),
                    listed(&unseen),
                    if rows == 1 { "" } else { "s" },
                    listed(&categories.names)
                )
            });
            let columns: Vec<String> = categories.columns().collect();
            let cell = |row: usize, k: usize| match coded[row] {
                None => String::new(),
                Some(place) => String::from(if place == Some(k) { "1" } else { "0" }),
            };
            table = table.replaced(column, &columns, cell)?;
            table.note(note);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::from_reader("f.csv", text.as_bytes()).unwrap()
    }

    #[test]
    fn words_become_columns() {
        let table = table("y,weather,x\n1,sun,5\n2,rain,6\n3,,7\n4,sun,8\n");
        assert_eq!(table.categories("x").unwrap(), None);
        let categories = table.categories("weather").unwrap().unwrap();
        assert_eq!(categories.names, ["rain", "sun"]);
        let coded = table.with_categories(std::slice::from_ref(&categories)).unwrap();
        assert_eq!(coded.header(), ["y", "weather=rain", "weather=sun", "x"]);
        assert_eq!(coded.numeric("weather=sun").unwrap(), [Some(1.0), Some(0.0), None, Some(1.0)]);
        assert_eq!(coded.numeric("x").unwrap(), table.numeric("x").unwrap());
        assert!(coded.notes().is_empty());
        let newer = self::table("weather\nsnow\nsun\n").with_categories(&[categories]).unwrap();
        assert_eq!(newer.numeric("weather=rain").unwrap(), [Some(0.0), Some(0.0)]);
        assert_eq!(
            newer.notes(),
            [
                "column 'weather' holds words that were not learnt ('snow' in 1 row); they are coded as none of 'rain', 'sun'"
            ]
        );
    }

    #[test]
    fn too_many_words_are_refused() {
        let text: String = (0..60).map(|i| format!("w{i},1\n")).collect();
        let message = table(&format!("a,b\n{text}")).categories("a").unwrap_err().to_string();
        assert!(
            message.starts_with("f.csv: column 'a' holds 60 different texts, and at most 50"),
            "{message}"
        );
    }
}
