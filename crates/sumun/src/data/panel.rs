//! Many series in one table ("long" form): which row belongs to which series is said by one column or more.

use std::collections::HashMap;

use super::frequency::Frequency;
use super::names::quoted;
use super::series::{Loaded, Read, SeriesSpec};
use super::table::Table;
use crate::{Error, Result};

/// The series of a table.
#[derive(Debug, Clone)]
pub struct Panel {
    /// The columns that tell the series apart.
    pub columns: Vec<String>,
    /// The series, in the order in which the file begins them.
    pub members: Vec<Member>,
    /// What was detected, filled or dropped, one sentence each, for people.
    pub notes: Vec<String>,
}

/// One of several series.
#[derive(Debug, Clone)]
pub struct Member {
    /// What stands in the columns that tell the series apart, `[columns]`.
    pub id: Vec<String>,
    /// Its rows in the table, in the order of the file.
    pub rows: Vec<usize>,
    /// The series by itself.
    pub loaded: Loaded,
}

/// What messages call the series of these cells.
pub(crate) fn named(id: &[String]) -> String {
    id.join(" / ")
}

/// How many series are named in a note that holds for several.
const NAMED: usize = 3;

impl Panel {
    /// Reads the columns that `spec` names for each of the series that the `columns` tell apart; `taken` are columns that are
    /// read for something else, and so hold no times. The forms of numbers and times are those of whole columns, and all
    /// series have the step between rows that most of them have. Errors as [`Series::from_table`](super::Series::from_table),
    /// with the name of the series; a row that names none.
    pub fn from_table(
        table: &Table,
        spec: &SeriesSpec<'_>,
        columns: &[&str],
        taken: &[&str],
    ) -> Result<Self> {
        let groups = groups(table, columns)?;
        let not_times: Vec<&str> = columns.iter().chain(taken).copied().collect();
        let all = Read::new(table, spec, (0..table.rows()).collect(), &not_times)?;
        let parts: Vec<Read<'_>> = groups.iter().map(|(_, rows)| all.part(rows)).collect();
        let common = spec.expected_frequency.or_else(|| most_common(&parts));
        let spec = SeriesSpec { expected_frequency: common, series: None, ..*spec };
        let mut notes = all.notes.clone();
        notes.extend(all.doubts.iter().cloned());
        // Of a large file, the rows of all series together and one by one are much.
        drop(all);
        let (mut members, mut said) = (Vec::with_capacity(parts.len()), Vec::new());
        for (part, (id, rows)) in parts.into_iter().zip(groups) {
            let source = format!("{}, series {}", table.name(), quoted(&named(&id)));
            let mut loaded = part.settle(&source, &spec)?;
            said.push(std::mem::take(&mut loaded.notes));
            members.push(Member { id, rows, loaded });
        }
        notes.extend(together(&members, said));
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { columns, members, notes })
    }
}

/// The rows of each series, in the order in which the file begins them.
fn groups(table: &Table, columns: &[&str]) -> Result<Vec<(Vec<String>, Vec<usize>)>> {
    let places = columns.iter().map(|name| table.column_index(name)).collect::<Result<Vec<_>>>()?;
    let mut of: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for row in 0..table.rows() {
        let cells: Vec<&str> = places.iter().map(|&column| table.cell(row, column)).collect();
        if let Some(place) = cells.iter().position(|cell| cell.is_empty()) {
            return Err(Error::Data(format!(
                "{}: row {} names no series: its cell in column {} is empty; fill it in or take the row out",
                table.name(),
                table.line(row),
                quoted(columns[place])
            )));
        }
        let group = *of.entry(cells).or_insert_with_key(|cells| {
            groups.push((cells.iter().map(|&cell| cell.to_owned()).collect(), Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(row);
    }
    Ok(groups)
}

/// The step between rows that most series have; of two alike, that of the earlier series.
fn most_common(parts: &[Read<'_>]) -> Option<Frequency> {
    let mut counts: Vec<(Frequency, usize)> = Vec::new();
    for part in parts {
        let Some(times) = &part.times else { continue };
        let mut sorted = times.values.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let Some(found) = Frequency::infer(&sorted) else { continue };
        match counts.iter_mut().find(|(frequency, _)| *frequency == found) {
            Some((_, count)) => *count += 1,
            None => counts.push((found, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(frequency, _)| frequency)
}

/// What was said of each series as few sentences: one that all have is said once; of those that differ in their numbers alone,
/// the first few are said with the names of their series.
fn together(members: &[Member], said: Vec<Vec<String>>) -> Vec<String> {
    let kind = |note: &str| note.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let mut kinds: Vec<(String, Vec<(usize, String)>)> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for (member, notes) in said.into_iter().enumerate() {
        for note in notes {
            let at = *place.entry(kind(&note)).or_insert_with_key(|kind| {
                kinds.push((kind.clone(), Vec::new()));
                kinds.len() - 1
            });
            kinds[at].1.push((member, note));
        }
    }
    let mut notes = Vec::new();
    for (_, of_kind) in kinds {
        let same = of_kind.iter().all(|(_, note)| *note == of_kind[0].1);
        if same && of_kind.len() == members.len() {
            notes.push(of_kind[0].1.clone());
            continue;
        }
        for (member, note) in of_kind.iter().take(NAMED) {
            notes.push(format!("series {}: {note}", quoted(&named(&members[*member].id))));
        }
        if of_kind.len() > NAMED {
            notes.push(format!("so it is with {} more series", of_kind.len() - NAMED));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(text: &str, columns: &[&str]) -> Result<Panel> {
        let table = Table::from_reader("f.csv", text.as_bytes())?;
        Panel::from_table(&table, &SeriesSpec::new(&["y"]), columns, &[])
    }

    #[test]
    fn rows_go_to_their_series() {
        let text =
            "id,ds,y\nB,2024-01-01,1\nA,2024-01-01,5\nB,2024-01-02,2\nA,2024-01-02,6\nA,2024-01-03,7\n";
        let panel = panel(text, &["id"]).unwrap();
        let found: Vec<(&str, &[f64])> = (panel.members.iter())
            .map(|member| (member.id[0].as_str(), member.loaded.series.columns[0].values.as_slice()))
            .collect();
        assert_eq!(found, [("B", &[1.0, 2.0][..]), ("A", &[5.0, 6.0, 7.0])]);
        assert_eq!(panel.notes, ["time column 'ds', daily"]);
        assert_eq!(panel.members[1].rows, [1, 3, 4]);
    }

    #[test]
    fn several_columns_name_a_series() {
        let text = "shop,item,t,y\n1,a,2024-01,1\n1,b,2024-01,2\n1,a,2024-02,3\n1,b,2024-02,4\n";
        let panel = panel(text, &["shop", "item"]).unwrap();
        let ids: Vec<String> = panel.members.iter().map(|member| named(&member.id)).collect();
        assert_eq!(ids, ["1 / a", "1 / b"]);
    }

    /// `01/02/2024` alone may be two dates; another series says which.
    #[test]
    fn forms_are_those_of_the_whole_column() {
        let text = "id,ds,y\nA,01/02/2024,1\nA,02/02/2024,2\nB,12/02/2024,3\nB,13/02/2024,4\n";
        let panel = panel(text, &["id"]).unwrap();
        let series = &panel.members[0].loaded.series;
        assert_eq!(series.frequency.unwrap().to_string(), "daily");
        assert_eq!(series.future_labels(1).unwrap(), ["03/02/2024"]);
    }

    #[test]
    fn what_is_wrong_names_the_series() {
        let gap = "id,ds,y\nA,2024-01-01,1\nA,2024-01-02,2\nA,2024-01-03,2\nB,2024-01-01,1\nB,2024-01-02,2\nB,2024-01-04,3\n";
        let message = panel(gap, &["id"]).unwrap_err().to_string();
        assert!(message.starts_with("f.csv, series 'B': "), "{message}");
        let empty = "id,ds,y\nA,2024-01-01,1\n,2024-01-02,2\n";
        let message = panel(empty, &["id"]).unwrap_err().to_string();
        assert!(message.starts_with("f.csv: row 3 names no series"), "{message}");
    }
}
