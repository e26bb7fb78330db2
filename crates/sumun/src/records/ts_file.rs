//! Labelled sequences of numbers in the `.ts` files of the UEA and UCR archives:
//! <https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html>.

use super::lines::numbered_lines;
use super::numbers::NumberList;
use super::record::no_such;
use super::record::{Fields, Found, Record, RecordSpec, XLayout, whole};
use crate::data::quoted;
use crate::{Error, Result};

/// What the fields are called.
const NAMES: [&str; 2] = ["x", "label"];

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let trimmed = numbered_lines(text).map(|(number, line)| (number, line.trim()));
    trimmed.filter(|(_, line)| !line.is_empty() && !line.starts_with('#') && !line.starts_with('%'))
}

fn is_data(line: &str) -> bool {
    line.eq_ignore_ascii_case("@data")
}

/// Whether a file begins with such a header.
pub(super) fn is_one(text: &str) -> bool {
    let mut header = lines(text).map(|(_, line)| line).take_while(|line| line.starts_with('@'));
    header.any(is_data)
}

/// Reads a sequence a line: channels between colons, their values between commas, the label behind the last colon.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Found> {
    for (named, name) in [(spec.x.or(spec.text), NAMES[0]), (spec.label, NAMES[1])] {
        if let Some(named) = named.filter(|&named| named != name) {
            return Err(no_such(file, "a .ts file", named, &NAMES.map(str::to_owned)));
        }
    }
    let mut all = lines(text);
    let mut labelled = false;
    for (number, line) in all.by_ref().take_while(|(_, line)| !is_data(line)) {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default().to_lowercase();
        let yes = words.next().is_some_and(|word| word.eq_ignore_ascii_case("true"));
        match key.as_str() {
            "@classlabel" | "@targetlabel" => labelled |= yes,
            "@timestamps" if yes => {
                return Err(Error::Data(format!(
                    "{file}: line {number}: the values have times of their own, which are not read; write one value for \
                     each of equal steps"
                )));
            }
            "@attribute" | "@relation" => {
                return Err(Error::Data(format!(
                    "{file}: line {number}: this is ARFF, which is not read; take the .ts file of the data set"
                )));
            }
            _ => {}
        }
    }
    if spec.require_label && !labelled {
        return Err(Error::Data(format!(
            "{file}: its header has no @classLabel or @targetLabel that is true"
        )));
    }
    let record = |(line, content): (usize, &str)| {
        let bad = |problem: String| Error::Data(format!("{file}: line {line}: {problem}"));
        let (channels, label) = match content.rsplit_once(':') {
            Some((channels, label)) if labelled => (channels, Some(label.trim())),
            None if labelled => return Err(bad("there is no colon, and so no label behind it".into())),
            _ => (content, None),
        };
        let mut list = NumberList::default();
        for channel in channels.split(':') {
            for value in channel.split(',').map(str::trim) {
                let number = value.parse::<f32>().ok().filter(|number| number.is_finite()).ok_or_else(|| {
                    bad(format!(
                        "{} is no finite number; every value must be one (fill the gap or leave the sequence out)",
                        quoted(value)
                    ))
                })?;
                list.push(number);
            }
            list.end_inner();
        }
        let layout = XLayout::ChannelTime;
        let input =
            list.sequence(NAMES[0], layout).map_err(|error| error.of(format!("{file}: line {line}")))?;
        let label = label.map(whole).filter(|label| !label.is_empty() && *label != "?").map(str::to_owned);
        match label {
            None if spec.require_label && spec.lists.is_none() => {
                Err(bad("there is no label; give it one or leave it out".into()))
            }
            label => Ok(Record { line, input, label, labels: Vec::new() }),
        }
    };
    let records: Vec<Record> = all.map(record).collect::<Result<_>>()?;
    Ok(Found::of(Fields { input: NAMES[0].into(), label: Some(NAMES[1].into()) }, records))
}
