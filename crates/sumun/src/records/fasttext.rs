//! fastText's form of labelled texts: <https://fasttext.cc/docs/en/supervised-tutorial.html>.

use super::lines::numbered_lines;
use super::record::no_such;
use super::record::{Fields, Found, Input, Record, RecordSpec};
use crate::data::quoted;
use crate::{Error, Result};

/// What labels begin with.
const LABEL: &str = "__label__";
/// What the fields of such a file are called, which has no names for them.
const NAMES: [&str; 2] = ["text", "label"];

/// Whether the first line that is not blank begins with a label.
pub(super) fn is_one(text: &str) -> bool {
    let mut lines = numbered_lines(text).map(|(_, line)| line.trim_start()).filter(|line| !line.is_empty());
    lines.next().is_some_and(|line| line.starts_with(LABEL))
}

/// Reads a text a line, with a label before or behind it.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Found> {
    for (named, name) in [(spec.text.or(spec.x), NAMES[0]), (spec.label, NAMES[1])] {
        if let Some(named) = named.filter(|&named| named != name) {
            return Err(no_such(
                file,
                "a file with __label__ before its texts",
                named,
                &NAMES.map(str::to_owned),
            ));
        }
    }
    let lines = numbered_lines(text).filter(|(_, line)| !line.trim().is_empty());
    let record = |(line, content): (usize, &str)| {
        let bad = |problem: String| Err(Error::Data(format!("{file}: line {line}: {problem}")));
        let (labels, words): (Vec<&str>, Vec<&str>) =
            content.split_whitespace().partition(|word| word.starts_with(LABEL));
        let label = match labels[..] {
            [] if spec.require_label => {
                return bad(format!("there is no label; write {LABEL}NAME before the text"));
            }
            [] => None,
            [label] => Some(label[LABEL.len()..].to_owned()),
            [first, second, ..] => {
                return bad(format!(
                    "the text has {} labels, {} and {}; a classifier learns one of each text",
                    labels.len(),
                    quoted(first),
                    quoted(second)
                ));
            }
        };
        match (label.as_deref(), words.is_empty()) {
            (Some(""), _) => bad(format!("{LABEL} has no name behind it")),
            (_, true) if !spec.to_predict => bad("the text is empty; leave such lines out".into()),
            _ => Ok(Record { line, input: Input::Text(words.join(" ")), label }),
        }
    };
    let records: Vec<Record> = lines.map(record).collect::<Result<_>>()?;
    let fields = Fields { input: NAMES[0].into(), label: Some(NAMES[1].into()) };
    let notes = vec![format!("{file}: fastText's form, a text a line with {LABEL}NAME for its label")];
    Ok(Found { notes, ..Found::of(fields, records) })
}
