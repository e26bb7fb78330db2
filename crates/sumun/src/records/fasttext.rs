//! fastText's form of labelled texts: <https://fasttext.cc/docs/en/supervised-tutorial.html>.

use super::lines::numbered_lines;
use super::lists;
use super::record::{Fields, Found, Input, Record, RecordSpec};
use super::record::{no_such, several};
use crate::data::quoted;
use crate::{Error, Result};

/// What labels begin with.
const LABEL: &str = "__label__";
/// What the fields of such a file are called, which has no names for them.
const NAMES: [&str; 2] = ["text", "label"];
const LABELS: &str = "labels";

/// As many lines may come before the first label, where a text may have none.
const WITHOUT: usize = 100;

/// Whether the first line that is not blank begins with a label; where a text may have no label, whether one of the first.
pub(super) fn is_one(text: &str, spec: &RecordSpec<'_>) -> bool {
    let lines = numbered_lines(text).map(|(_, line)| line.trim_start()).filter(|line| !line.is_empty());
    lines.take(if spec.lists.is_some() { WITHOUT } else { 1 }).any(|line| line.starts_with(LABEL))
}

/// Reads a text a line, with a label before or behind it.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Found> {
    // Labels of which a text may have several go by either name.
    let label = spec.label.filter(|&label| spec.lists.is_none() || label != LABELS);
    for (named, name) in [(spec.text.or(spec.x), NAMES[0]), (label, NAMES[1])] {
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
        if let Some(nameless) = labels.iter().find(|label| label.len() == LABEL.len()) {
            return bad(format!("{nameless} has no name behind it"));
        }
        let label = match labels[..] {
            ref labels if spec.lists.is_some() => {
                let names: Vec<&str> = labels.iter().map(|label| &label[LABEL.len()..]).collect();
                (!names.is_empty()).then(|| lists::written(&names))
            }
            [] if spec.require_label => {
                return bad(format!("there is no label; write {LABEL}NAME before the text"));
            }
            [] => None,
            [label] => Some(label[LABEL.len()..].to_owned()),
            [first, second, ..] => {
                let problem = format!(
                    "{file}: line {line}: the text has {} labels, {} and {}; a classifier learns one of each text",
                    labels.len(),
                    quoted(first),
                    quoted(second)
                );
                return Err(Error::Data(problem).advise(several()));
            }
        };
        match words.is_empty() && !spec.to_predict {
            true => bad("the text is empty; leave such lines out".into()),
            false => Ok(Record { line, input: Input::Text(words.join(" ")), label, labels: Vec::new() }),
        }
    };
    let records: Vec<Record> = lines.map(record).collect::<Result<_>>()?;
    let name = spec.label.unwrap_or(NAMES[1]);
    let fields = Fields { input: NAMES[0].into(), label: Some(name.into()) };
    let notes = vec![format!("{file}: fastText's form, a text a line with {LABEL}NAME for its label")];
    Ok(Found { notes, ..Found::of(fields, records) })
}
