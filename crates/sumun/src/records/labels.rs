//! Labels as classes and as numbers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::labelled::Records;
use super::record::Record;
use super::tagged::Tagged;
use crate::data::{Asked, Convention, NumberForm, ReadOptions, did_you_mean, quoted, read};
use crate::message::{key, text};
use crate::{Error, Result};

/// The largest magnitude of a label that is a number: its square is still finite in `f32`.
const LARGEST: f64 = 1e18;

/// The most classes that a message lists.
const LISTED: usize = 8;

/// The names of all classes in a fixed order; the place of a name is its id.
///
/// As data it is the list of names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Classes {
    names: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Classes {
    /// The classes that occur in `labels`: in the order of their numbers where all are numbers, else of their
    /// characters. Error: no labels at all.
    pub fn of<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for label in labels {
            let label = label.as_ref();
            if !seen.contains(label) {
                seen.insert(label.to_owned());
                names.push(label.to_owned());
            }
        }
        let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        match numbers {
            Some(numbers) => {
                let mut order: Vec<usize> = (0..names.len()).collect();
                order.sort_by(|&a, &b| {
                    numbers[a].total_cmp(&numbers[b]).then_with(|| names[a].cmp(&names[b]))
                });
                Self::try_from(order.into_iter().map(|index| names[index].clone()).collect::<Vec<_>>())
            }
            None => {
                names.sort();
                Self::try_from(names)
            }
        }
    }

    /// The two classes that a threshold makes of a number: `≤ V`, with id 0, and `> V`. A threshold that is not finite
    /// is an error.
    pub fn of_threshold(threshold: f64) -> Result<Self> {
        if !threshold.is_finite() {
            return Err(Error::Invalid(format!("the threshold is {threshold}; it must be a finite number")));
        }
        Self::try_from(vec![format!("≤ {threshold}"), format!("> {threshold}")])
    }

    /// The names, in the order of the ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The id of a name; None for a name that is no class.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// These classes and behind them the labels that are none, in the order in which they are met: figures count them as
    /// classes that are never predicted.
    pub(crate) fn with_unseen<'a>(&self, labels: impl Iterator<Item = &'a str>) -> Self {
        let mut all = self.clone();
        for label in labels.filter(|label| !label.is_empty()) {
            if !all.ids.contains_key(label) {
                // As many names as there are ids, or there would have been an error before.
                all.ids.insert(label.to_owned(), all.names.len() as u32);
                all.names.push(label.to_owned());
            }
        }
        all
    }

    /// What to say of the labels of `part` that are none of these classes; None where all are.
    pub(crate) fn unseen_note<'a>(
        &self,
        part: &str,
        what: &str,
        labels: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        let mut unseen: Vec<(&str, usize)> = Vec::new();
        let mut total = 0;
        for label in labels {
            total += 1;
            match unseen.iter_mut().find(|(name, _)| *name == label) {
                Some((_, count)) => *count += 1,
                None if self.id(label).is_none() => unseen.push((label, 1)),
                None => {}
            }
        }
        let count: usize = unseen.iter().map(|(_, count)| count).sum();
        let shown: Vec<String> =
            unseen.iter().take(LISTED).map(|(name, count)| format!("{} ({count})", quoted(name))).collect();
        let more = if unseen.len() > LISTED { ", …" } else { "" };
        (count > 0).then(|| {
            format!(
                "{part}: {count} of {total} {what}s are none that were learnt, and count as wrong: {}{more}",
                shown.join(", ")
            )
        })
    }

    /// The names that differ in nothing but case, blanks or the way in which their letters are composed, a list each.
    pub(crate) fn alike(&self) -> Vec<Vec<&str>> {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        let mut places = HashMap::new();
        for name in &self.names {
            let blanks: Vec<&str> = name.split_whitespace().collect();
            let plain: String = blanks.join(" ").nfkc().collect::<String>().to_lowercase();
            let place = *places.entry(plain.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((plain, Vec::new()));
            }
            groups[place].1.push(name);
        }
        groups.into_iter().map(|(_, names)| names).filter(|names| names.len() > 1).collect()
    }

    /// The id of a label in a file, which the message names where it is no class.
    fn known(&self, file: &str, line: usize, label: &str) -> Result<u32> {
        self.id(label).ok_or_else(|| {
            let shown: Vec<String> = self.names.iter().take(LISTED).map(|name| quoted(name)).collect();
            let more = if self.len() > LISTED { ", …" } else { "" };
            Error::Data(format!(
                "{file}: line {line}: the label {} is none of the {} classes that were trained;{} they are {}{more}; \
                 learn from such records too, or leave them out",
                quoted(label),
                self.len(),
                did_you_mean(label, &self.names),
                shown.join(", ")
            ))
        })
    }
}

impl TryFrom<Vec<String>> for Classes {
    type Error = Error;

    /// Classes in an order of one's own. None at all, an empty name and one that occurs twice are errors.
    fn try_from(names: Vec<String>) -> Result<Self> {
        if names.is_empty() {
            return Err(Error::Invalid("there are no labels, so there are no classes".into()));
        }
        let mut ids = HashMap::with_capacity(names.len());
        for (id, name) in (0_u32..).zip(&names) {
            if name.is_empty() {
                return Err(Error::Invalid(format!("class {id} has no name")));
            }
            if ids.insert(name.clone(), id).is_some() {
                return Err(Error::Invalid(format!("two classes are named {}", quoted(name))));
            }
        }
        Ok(Self { names, ids })
    }
}

impl From<Classes> for Vec<String> {
    fn from(classes: Classes) -> Self {
        classes.names
    }
}

impl Records {
    /// Writes labels that are numbers as programs do, where they are written in another way: `1.234,5` as `1234.5`. How
    /// they are written is decided over all of them, by what is said and by how those were that a model learnt from.
    /// Returns it, with a sentence where it is another way. Labels that are
    /// no numbers stay as they are. Error: one that is written in another way than the others, or may be either of two
    /// numbers.
    pub fn plain_labels(
        &mut self,
        options: &ReadOptions,
        learnt: Option<&NumberForm>,
    ) -> Result<(NumberForm, Option<String>)> {
        let asked = Asked {
            decimal: options.decimal,
            thousands: options.thousands,
            learnt,
            convention: match self.delimiter {
                Some(',') => Convention::Commas,
                Some(';') => Convention::Unknown,
                _ => Convention::Programs,
            },
        };
        let numbers = match read(self.records.iter().map(|record| record.label.as_deref()), &asked) {
            Ok(numbers) => numbers,
            Err(refusal) if refusal.no_number => return Ok((NumberForm::default(), None)),
            Err(refusal) => {
                let record = &self.records[refusal.place];
                let label = quoted(record.label.as_deref().unwrap_or_default());
                let why = format!("{}: line {}: the label {label} {}", self.name, record.line, refusal.why);
                return Err(match refusal.advice {
                    Some(advice) => Error::Data(why).advise(advice),
                    None => Error::Data(why),
                });
            }
        };
        if let Some(written) = &numbers.written {
            for (record, value) in self.records.iter_mut().zip(&numbers.values) {
                record.label = value.map(|value| value.to_string());
            }
            let note = format!("labels are written {}: {}", written.how, written.example);
            return Ok((numbers.form, Some(note)));
        }
        Ok((numbers.form, None))
    }

    /// The classes of all labels, of which there must be two at least.
    pub fn classes(&self) -> Result<Classes> {
        let classes = Classes::of(self.records.iter().filter_map(|record| record.label.as_deref()))
            .map_err(|error| Error::Data(format!("{}: {error}", self.name)))?;
        if classes.len() == 1 {
            return Err(Error::Data(format!(
                "{}: every label is {}; a classifier needs at least two classes",
                self.name,
                quoted(&classes.names[0])
            )));
        }
        Ok(classes)
    }

    /// The class of each record. Errors, with the line: a record without a label, a label that is none of `classes`.
    pub fn class_ids(&self, classes: &Classes) -> Result<Vec<u32>> {
        let id = |record: &Record| classes.known(&self.name, record.line, self.label(record)?);
        self.records.iter().map(id).collect()
    }

    /// The labels of each record that may have several, in increasing order. Error, with the line: a label that is none of
    /// `classes`.
    pub fn label_sets(&self, classes: &Classes) -> Result<Vec<Vec<u32>>> {
        let ids = |record: &Record| {
            let id = |label: &String| classes.known(&self.name, record.line, label);
            let mut ids = record.labels.iter().map(id).collect::<Result<Vec<u32>>>()?;
            ids.sort_unstable();
            Ok(ids)
        };
        self.records.iter().map(ids).collect()
    }

    /// The labels that are there.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.records.iter().flat_map(|record| record.label.iter().chain(&record.labels)).map(String::as_str)
    }

    /// The label of each record as a number. Errors, with the line: a record without a label, a label that is no
    /// number, or not a finite one of at most 10¹⁸.
    pub fn numeric_labels(&self) -> Result<Vec<f64>> {
        self.records.iter().map(|record| self.numeric(record, self.label(record)?)).collect()
    }

    /// Turns labels that are numbers into the two classes of [`Classes::of_threshold`]: strictly above is `> V`.
    /// Records without a label stay so. Errors: those of [`numeric_labels`](Self::numeric_labels).
    pub fn threshold(&mut self, threshold: f64) -> Result<Classes> {
        let classes = Classes::of_threshold(threshold)?;
        let above = |record: &Record| match &record.label {
            Some(label) => Ok(Some(self.numeric(record, label)? > threshold)),
            None => Ok(None),
        };
        let above = self.records.iter().map(above).collect::<Result<Vec<Option<bool>>>>()?;
        for (record, above) in self.records.iter_mut().zip(above) {
            record.label = above.map(|above| classes.names[usize::from(above)].clone());
        }
        Ok(classes)
    }

    fn numeric(&self, record: &Record, label: &str) -> Result<f64> {
        let why = match label.parse::<f64>() {
            Ok(number) if number.abs() <= LARGEST => return Ok(number),
            Ok(number) if number.is_finite() => "is too large to calculate with; divide the labels",
            Ok(_) => "is not finite; leave the record out",
            Err(_) => "is not a number",
        };
        let error =
            Error::Data(format!("{}: line {}: the label {} {why}", self.name, record.line, quoted(label)));
        let numeric = label.parse::<f64>().is_ok();
        let another =
            || text("leave the record out, or train with another ") + key("label") + ", or to classify";
        Err(if numeric { error } else { error.advise(another()) })
    }

    fn label<'a>(&self, record: &'a Record) -> Result<&'a str> {
        record.label.as_deref().ok_or_else(|| {
            Error::Data(format!("{}: line {}: the record has no label", self.name, record.line))
        })
    }
}

impl Tagged {
    /// The classes of all tags. Error: no sentence has tags.
    pub fn classes(&self) -> Result<Classes> {
        Classes::of(self.sentences.iter().filter_map(|sentence| sentence.tags.as_ref()).flatten())
            .map_err(|error| Error::Data(format!("{}: {error}", self.name)))
    }

    /// The tags that are there.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        self.sentences.iter().filter_map(|sentence| sentence.tags.as_ref()).flatten().map(String::as_str)
    }

    /// The class of each token of each sentence. Errors, with the line: a sentence without tags, a tag that is none of
    /// `classes`.
    pub fn tag_ids(&self, classes: &Classes) -> Result<Vec<Vec<u32>>> {
        let ids = |sentence: &super::Sentence| {
            let tags = sentence.tags.as_ref().ok_or_else(|| {
                Error::Data(format!("{}: line {}: the sentence has no tags", self.name, sentence.line))
            })?;
            tags.iter().map(|tag| classes.known(&self.name, sentence.line, tag)).collect()
        };
        self.sentences.iter().map(ids).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::whole;
    use super::*;
    use crate::data::Mark;
    use crate::records::RecordSpec;

    fn records(labels: &[&str]) -> Records {
        let lines: String = labels.iter().map(|label| format!("a text,{label}\n")).collect();
        Records::from_reader("f.csv", format!("text,label\n{lines}").as_bytes(), &RecordSpec::default())
            .unwrap()
    }

    #[test]
    fn classes_have_one_order_whatever_that_of_the_records() {
        for (labels, expected) in [
            (["b", "a", "10", "b"].as_slice(), ["10", "a", "b"].as_slice()),
            (&["10", "9", "-1", "10"], &["-1", "9", "10"]),
            (&["나", "가", "Z", "a"], &["Z", "a", "가", "나"]),
            (&["1", "1.5", "01"], &["01", "1", "1.5"]),
        ] {
            for turn in 0..labels.len() {
                let mut labels = labels.to_vec();
                labels.rotate_left(turn);
                assert_eq!(Classes::of(&labels).unwrap().names(), expected);
            }
        }
    }

    #[test]
    fn classes_are_the_list_of_their_names() {
        let classes = Classes::of(["neg", "pos"]).unwrap();
        let json = serde_json::to_string(&classes).unwrap();
        assert_eq!(json, r#"["neg","pos"]"#);
        let read: Classes = serde_json::from_str(&json).unwrap();
        assert_eq!((read.id("pos"), read.id("neg"), read.id("Pos"), read.len()), (Some(1), Some(0), None, 2));
        assert_eq!(read, classes);
        for bad in ["[]", r#"["a","a"]"#, r#"["a",""]"#] {
            assert!(serde_json::from_str::<Classes>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_threshold_splits_strictly_above() {
        let mut records = records(&["0", "-1.5", "", "1e-3", "+2"]);
        let classes = records.threshold(0.0).unwrap();
        assert_eq!(classes.names(), ["≤ 0", "> 0"]);
        let labels: Vec<_> = records.records.iter().map(|record| record.label.as_deref()).collect();
        assert_eq!(labels, [Some("≤ 0"), Some("≤ 0"), None, Some("> 0"), Some("> 0")]);
        assert_eq!(Classes::of_threshold(-2.5).unwrap().names(), ["≤ -2.5", "> -2.5"]);
        assert!(Classes::of_threshold(f64::NAN).is_err());
    }

    #[test]
    fn bad_labels_are_explained() {
        let classes = Classes::of(["good", "bad"]).unwrap();
        let message = |result: Result<()>| result.unwrap_err().to_string();
        let cases = [
            (
                message(records(&["1", "x"]).numeric_labels().map(drop)),
                "f.csv: line 3: the label 'x' is not a number",
            ),
            (
                message(records(&["1", "inf"]).numeric_labels().map(drop)),
                "f.csv: line 3: the label 'inf' is not finite",
            ),
            (
                message(records(&["1e19"]).numeric_labels().map(drop)),
                "f.csv: line 2: the label '1e19' is too large",
            ),
            (
                message(records(&["1", ""]).numeric_labels().map(drop)),
                "f.csv: line 3: the record has no label",
            ),
            (
                message(records(&["x"]).threshold(0.0).map(drop)),
                "f.csv: line 2: the label 'x' is not a number",
            ),
            (
                message(records(&["x", "x"]).classes().map(drop)),
                "f.csv: every label is 'x'; a classifier needs at least",
            ),
            (message(records(&[""]).classes().map(drop)), "f.csv: there are no labels"),
            (
                message(records(&["good", "godo"]).class_ids(&classes).map(drop)),
                "f.csv: line 3: the label 'godo' is none of the 2 classes that were trained; did you mean 'good'? they \
                 are 'bad', 'good'",
            ),
        ];
        for (message, expected) in cases {
            assert!(message.starts_with(expected), "{message}");
        }
        assert_eq!(records(&["bad", "good"]).class_ids(&classes).unwrap(), [0, 1]);
        assert_eq!(records(&["-1.50", "2"]).numeric_labels().unwrap(), [-1.5, 2.0]);
    }

    #[test]
    fn labels_are_read_as_columns_are() {
        let read = |labels: &[&str], learnt: Option<&NumberForm>| {
            let labels: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
            let mut records = records(&labels.iter().map(String::as_str).collect::<Vec<_>>());
            let (_, note) = records.plain_labels(&ReadOptions::default(), learnt)?;
            Ok::<_, Error>((records.numeric_labels()?, note))
        };
        let (values, note) = read(&["0,5", "1,25"], None).unwrap();
        assert_eq!(values, [0.5, 1.25]);
        assert_eq!(note.unwrap(), "labels are written with ',' before decimals: '0,5' is 0.5");
        let learnt = NumberForm { decimal: Some(Mark::Comma), ..NumberForm::default() };
        assert_eq!(read(&["0,125", "7"], Some(&learnt)).unwrap().0, [0.125, 7.0]);
        assert_eq!(read(&["2,125", "1007"], Some(&learnt)).unwrap().0, [2.125, 1007.0]);
        assert_eq!(read(&["-1.50", "2"], None).unwrap(), (vec![-1.5, 2.0], None));
        let message = read(&["1.020", "950"], None).unwrap_err().to_string();
        assert!(message.starts_with("f.csv: line 2: the label '1.020' may be 1.02 or 1020"), "{message}");
        let message = read(&["x", "950"], None).unwrap_err().to_string();
        assert!(message.starts_with("f.csv: line 2: the label 'x' is not a number"), "{message}");
    }

    #[test]
    fn only_a_fraction_of_zeros_is_left_out() {
        for (label, expected) in [
            ("3.0", "3"),
            ("-3.00", "-3"),
            ("3.", "3."),
            (".0", ".0"),
            ("-.0", "-.0"),
            ("1.10", "1.10"),
            ("v1.0", "v1.0"),
            ("1.0.0", "1.0.0"),
            ("a.0", "a.0"),
        ] {
            assert_eq!(whole(label), expected);
        }
    }
}
