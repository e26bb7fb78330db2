//! Fields that hold several labels, or none.

use serde_json::Value;

use super::record::{Lists, Record, whole};
use crate::data::quoted;
use crate::{Error, Result};

/// What may separate labels, the likelier first: what stands in labels themselves is behind.
const SEPARATED: [Lists; 3] = [Lists::Bar, Lists::Semicolon, Lists::Comma];

impl Lists {
    fn is_in(self, field: &str) -> bool {
        self.separator().is_some_and(|separator| field.contains(separator))
    }
}

/// A list of labels as a reader hands it on that has read one.
pub(super) fn written<S: AsRef<str>>(labels: &[S]) -> String {
    Value::from_iter(labels.iter().map(|label| label.as_ref())).to_string()
}

/// Cuts what stands in the field `name` of each record into labels: each once, without blanks around it. Gives how they are
/// separated, and what to say of it. Error, with the line: a list in brackets that is none.
pub(super) fn cut(
    file: &str,
    name: &str,
    records: &mut [Record],
    said: Lists,
) -> Result<(Lists, Option<String>)> {
    let fields = || records.iter().filter_map(|record| record.label.as_deref());
    let brackets = |field: &str| field.starts_with('[') && field.ends_with(']');
    let lists = 2 * fields().filter(|field| brackets(field)).count() > fields().count();
    let (found, note) = match said {
        _ if lists => (said, None),
        Lists::Found => {
            let found = separation(fields());
            (found, Some(note(file, name, found, fields())))
        }
        said => (said, None),
    };
    for record in records {
        let Some(field) = record.label.take() else { continue };
        let all: Vec<String> = match found.separator() {
            _ if lists => in_brackets(&field).ok_or_else(|| {
                Error::Data(format!(
                    "{file}: line {}: {} is no list of labels, such as [\"a\", \"b\"]",
                    record.line,
                    quoted(&field)
                ))
            })?,
            Some(separator) => field.split(separator).map(str::to_owned).collect(),
            None => vec![field],
        };
        for label in all.iter().map(|label| whole(label.trim())).filter(|label| !label.is_empty()) {
            if !record.labels.iter().any(|other| other == label) {
                record.labels.push(label.to_owned());
            }
        }
    }
    Ok((found, note))
}

/// What separates labels: the first that is in half as many fields as the one that is in most.
fn separation<'a>(fields: impl Iterator<Item = &'a str> + Clone) -> Lists {
    let counts = SEPARATED.map(|lists| fields.clone().filter(|field| lists.is_in(field)).count());
    let most = counts.into_iter().max().unwrap_or(0);
    let found = SEPARATED.into_iter().zip(counts).find(|&(_, count)| count > 0 && 2 * count >= most);
    found.map_or(Lists::Whole, |(lists, _)| lists)
}

fn note<'a>(file: &str, name: &str, found: Lists, fields: impl Iterator<Item = &'a str> + Clone) -> String {
    let name = quoted(name);
    let Some((separator, example)) = found.separator().zip(fields.clone().find(|field| found.is_in(field)))
    else {
        return format!("{file}: no cell of {name} has '|', ';' or ',' between labels; each is one label");
    };
    let with = fields.clone().filter(|field| found.is_in(field)).count();
    let labels: Vec<String> =
        example.split(separator).map(str::trim).filter(|label| !label.is_empty()).map(quoted).collect();
    format!(
        "{file}: the labels in {name} are separated by '{separator}', in {with} of {} cells: {} is {}",
        fields.count(),
        quoted(example),
        labels.join(" and ")
    )
}

/// The texts, numbers and booleans of a list in brackets; None where it is none.
fn in_brackets(field: &str) -> Option<Vec<String>> {
    let label = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    match serde_json::from_str::<Vec<Value>>(field) {
        Ok(all) => all.into_iter().map(label).collect(),
        Err(_) => of_python(field.strip_prefix('[')?.strip_suffix(']')?),
    }
}

/// What stands between the brackets of a list as Python and NumPy write it: texts in either quotes with commas or blanks between
/// them, or what is between commas.
fn of_python(list: &str) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    let mut rest = list.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => {
                let mut label = String::new();
                let mut characters = rest.char_indices().skip(1);
                let end = loop {
                    match characters.next()? {
                        (at, c) if c == first => break at + 1,
                        (_, '\\') => label.push(characters.next()?.1),
                        (_, c) => label.push(c),
                    }
                };
                labels.push(label);
                end
            }
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains(['\'', '"', '[', ']']) {
                    return None;
                }
                labels.push(rest[..end].trim().to_owned());
                end
            }
        };
        let behind = rest[end..].trim_start();
        rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Input;

    fn labels(fields: &[&str], said: Lists) -> Result<(Vec<String>, Lists, Option<String>)> {
        let record = |(place, field): (usize, &&str)| Record {
            line: place + 2,
            input: Input::Text("a text".into()),
            label: Some((*field).to_owned()).filter(|field| !field.is_empty()),
            labels: Vec::new(),
        };
        let mut records: Vec<Record> = fields.iter().enumerate().map(record).collect();
        let (found, note) = cut("f.csv", "tags", &mut records, said)?;
        assert!(records.iter().all(|record| record.label.is_none()));
        Ok((records.iter().map(|record| record.labels.join("+")).collect(), found, note))
    }

    #[test]
    fn labels_are_separated_as_most_fields_say() {
        for (fields, expected, found) in [
            (&["a|b", "", "b | c", "c"][..], &["a+b", "", "b+c", "c"][..], Lists::Bar),
            (&["a;b", "b;", ";;", "b;b;1.0"], &["a+b", "b", "", "b+1"], Lists::Semicolon),
            (&["a, b", "나,가", "c"], &["a+b", "나+가", "c"], Lists::Comma),
            // What stands in labels is behind, and what is rare.
            (&["a, x;b", "b;c", "c, y"], &["a, x+b", "b+c", "c, y"], Lists::Semicolon),
            (&["a,b", "b,c", "a,c", "c|d", "b,d"], &["a+b", "b+c", "a+c", "c|d", "b+d"], Lists::Comma),
            (&["a b", "", "c"], &["a b", "", "c"], Lists::Whole),
        ] {
            let (labels, by, note) = labels(fields, Lists::Found).unwrap();
            assert_eq!(
                (labels.iter().map(String::as_str).collect::<Vec<_>>(), by),
                (expected.to_vec(), found),
                "{fields:?}"
            );
            assert!(note.unwrap().starts_with("f.csv: "));
        }
        let (found, _, note) = labels(&["a|b", "c;d"], Lists::Semicolon).unwrap();
        assert_eq!((found, note), (vec!["a|b".to_owned(), "c+d".into()], None));
        let note = labels(&["x", "a|b"], Lists::Found).unwrap().2.unwrap();
        assert_eq!(
            note,
            "f.csv: the labels in 'tags' are separated by '|', in 1 of 2 cells: 'a|b' is 'a' and 'b'"
        );
    }

    #[test]
    fn lists_in_brackets_are_those_of_json_and_python() {
        for (field, expected) in [
            (r#"["a, b", "c", 3.0, true]"#, "a, b+c+3+true"),
            (r#"['a', "it's", 'it\'s', 'a']"#, "a+it's"),
            ("['a' 'b'\n 'c']", "a+b+c"),
            ("[a, b c,]", "a+b c"),
            ("[]", ""),
            ("[ ]", ""),
            ("['', ' ']", ""),
        ] {
            let (labels, found, note) = labels(&[field, "", "['z']"], Lists::Found).unwrap();
            assert_eq!((labels[0].as_str(), found, note), (expected, Lists::Found, None), "{field}");
            assert_eq!(labels[1..], ["", "z"]);
        }
        for field in ["['a]", "[['a']]", "[null]", "['a\\]", "'a', 'b'", "a", "[{\"a\": 1}]"] {
            let message = labels(&["['z']", "['z']", field], Lists::Comma).unwrap_err().to_string();
            assert!(
                message.starts_with("f.csv: line 4: ") && message.contains("is no list of labels"),
                "{message}"
            );
        }
        // A label in brackets is one where not most are.
        assert_eq!(labels(&["[a]", "b"], Lists::Found).unwrap().0, ["[a]", "b"]);
    }
}
