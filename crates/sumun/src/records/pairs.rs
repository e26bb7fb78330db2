//! Pairs of texts: a source and what it becomes.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::jsonl::{self, Object, Value, Want, looks_like_json};
use super::open::{KIND, extension, open_with};
use super::record::no_such;
use crate::data::{ReadOptions, Table, TextFile, is_json, listed, quoted};
use crate::message::{Key, key, text};
use crate::{Error, Result};

/// A source and its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The line of the file that it starts on, counted from 1.
    pub line: usize,
    /// What is read, without blanks around it; never empty.
    pub source: String,
    /// What it should become, in the same way; None where the file has none.
    pub target: Option<String>,
}

/// Which fields of a file (columns of a table, keys of JSON objects) are read: `source` and `target` where nothing is
/// named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairSpec<'a> {
    /// The field with the source.
    pub source: Option<&'a str>,
    /// The field with the target.
    pub target: Option<&'a str>,
    /// Whether a pair without a target is an error.
    pub require_target: bool,
}

/// The fields that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairFields {
    /// The field with the source.
    pub source: String,
    /// The field with the target.
    pub target: String,
}

/// All pairs of a file, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// The file's name as messages show it.
    pub name: String,
    /// SHA-256 of the file in hexadecimal.
    pub hash: String,
    /// What was found in the file that people should know, a sentence each.
    pub notes: Vec<String>,
    /// Which fields were read.
    pub fields: PairFields,
    /// The pairs, in the order of the file.
    pub pairs: Vec<Pair>,
}

impl Pairs {
    /// Reads a file, or standard input where `path` is `-`; what kind it is shows as for
    /// [`Records::read`](super::Records::read).
    ///
    /// Errors, each with the line: a file that is missing, empty or no UTF-8 text; a field that is not there, with the
    /// nearest name; a pair without its source or (if required) target; JSON that is none, or a key that holds no text.
    pub fn read(path: impl AsRef<Path>, spec: &PairSpec<'_>) -> Result<Self> {
        Self::read_with(path, spec, &ReadOptions::default())
    }

    /// As [`read`](Self::read), with what is known about how the file is written.
    pub fn read_with(path: impl AsRef<Path>, spec: &PairSpec<'_>, options: &ReadOptions) -> Result<Self> {
        Self::from_file(&open_with(path.as_ref(), KIND, options)?, spec)
    }

    /// As [`read`](Self::read) from anything; `name` stands for the file and says by its extension what it is.
    pub fn from_reader(name: &str, reader: impl Read, spec: &PairSpec<'_>) -> Result<Self> {
        Self::from_file(&TextFile::from_reader(name, reader, KIND)?, spec)
    }

    fn from_file(file: &TextFile, spec: &PairSpec<'_>) -> Result<Self> {
        let content = file.text();
        if content.trim().is_empty() {
            return Err(Error::Data(format!("{}: the file is empty; it needs pairs of texts", file.name())));
        }
        let json = || {
            lines(file.name(), content, spec).map(|(fields, pairs)| (fields, pairs, file.notes().to_vec()))
        };
        let (fields, pairs, notes) = match extension(file.name()).as_str() {
            "csv" => table(file, None, spec)?,
            "tsv" | "tab" => table(file, Some(b'\t'), spec)?,
            "jsonl" | "ndjson" | "json" => json()?,
            _ if looks_like_json(content) => json()?,
            _ => table(file, None, spec)?,
        };
        Ok(Self { name: file.name().to_owned(), hash: file.hash(), notes, fields, pairs })
    }
}

/// Finds the fields among those of a file; `place` is what names them in messages. The target may be missing where none
/// is required.
fn fields(file: &str, place: &str, names: &[String], spec: &PairSpec<'_>) -> Result<PairFields> {
    let find = |which: Key, named: Option<&str>, required: bool| {
        let name = named.unwrap_or(which.name());
        if !required || names.iter().any(|other| other == name) {
            return Ok(name.to_owned());
        }
        Err(match named {
            Some(name) => no_such(file, place, name, names),
            None => Error::Data(format!(
                "{file}: which field is the {}? {place} names {}",
                which.name(),
                listed(names)
            ))
            .advise(text("name it with ") + which),
        })
    };
    let source = find(key("source"), spec.source, true)?;
    let target = find(key("target"), spec.target, spec.require_target)?;
    if source == target {
        return Err(Error::Settings(
            key("source")
                + " and "
                + key("target")
                + format!(" are both {}; name two fields", quoted(&source)),
        ));
    }
    Ok(PairFields { source, target })
}

fn table(
    file: &TextFile,
    delimiter: Option<u8>,
    spec: &PairSpec<'_>,
) -> Result<(PairFields, Vec<Pair>, Vec<String>)> {
    if is_json(file.text()) {
        let name = file.name();
        return Err(Error::Data(format!(
            "{name}: this is JSON and no table; call the file .jsonl, an object a line"
        )));
    }
    let table = Table::from_text(file, delimiter)?;
    let fields = fields(table.name(), "the header", table.header(), spec)?;
    let source = table.column_index(&fields.source)?;
    let target = table.header().iter().position(|name| *name == fields.target);
    let pair = |row: usize| {
        let line = table.line(row);
        let empty = |field: &str, what: &str| {
            Error::Data(format!(
                "{}: row {line}, column {}: the {what} is empty; fill it in or leave the row out",
                table.name(),
                quoted(field)
            ))
        };
        let read = table.cell(row, source);
        if read.is_empty() {
            return Err(empty(&fields.source, "source"));
        }
        let target = target.map(|column| table.cell(row, column)).filter(|cell| !cell.is_empty());
        if target.is_none() && spec.require_target {
            return Err(empty(&fields.target, "target"));
        }
        Ok(Pair { line, source: read.to_owned(), target: target.map(str::to_owned) })
    };
    let pairs = (0..table.rows()).map(pair).collect::<Result<_>>()?;
    Ok((fields, pairs, table.notes().to_vec()))
}

fn lines(file: &str, content: &str, spec: &PairSpec<'_>) -> Result<(PairFields, Vec<Pair>)> {
    let Some(look) = jsonl::first(file, content)? else {
        return Err(Error::Data(format!("{file}: the file is empty; it needs pairs of texts")));
    };
    let fields = fields(file, &format!("line {}", look.line), &look.keys, spec)?;
    let want = |name: &str| match name == fields.source || name == fields.target {
        true => Want::Scalar,
        false => Want::Nothing,
    };
    let pair = |object: Result<Object>| pair(file, object?, &fields, spec);
    let pairs = jsonl::objects(file, content, want).map(pair).collect::<Result<_>>()?;
    Ok((fields, pairs))
}

fn pair(file: &str, mut object: Object, fields: &PairFields, spec: &PairSpec<'_>) -> Result<Pair> {
    let line = object.line;
    let bad = |message: String| Error::Data(format!("{file}: line {line}: {message}"));
    let text_of = |field: &str, value: Value| match value {
        Value::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Value::Text(_) => Err(bad(format!("{field} is an empty text; fill it in or leave the line out"))),
        value => Err(bad(format!("{field} is {}; it must be a text", value.kind()))),
    };
    let source = text_of(&fields.source, object.take(file, &fields.source)?)?;
    let target = match spec.require_target || object.keys.contains(&fields.target) {
        false => None,
        true => match object.take(file, &fields.target)? {
            Value::Null if !spec.require_target => None,
            Value::Text(text) if !spec.require_target && text.trim().is_empty() => None,
            value => Some(text_of(&fields.target, value)?),
        },
    };
    Ok(Pair { line, source, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: PairSpec<'_> = PairSpec { source: None, target: None, require_target: true };

    fn read(name: &str, content: &str, spec: &PairSpec<'_>) -> Result<Pairs> {
        Pairs::from_reader(name, content.as_bytes(), spec)
    }

    fn named<'a>(source: &'a str, target: &'a str) -> PairSpec<'a> {
        PairSpec { source: Some(source), target: Some(target), ..BOTH }
    }

    #[test]
    fn the_same_pairs_in_every_kind_of_file() {
        let jsonl = "{\"n\": 1, \"source\": \" 3 March \\u2019, 1998\", \"target\": \"98\"}\n\n\
                     {\"target\": \"1998-03-03\", \"source\": \"1998년 3월 3일\"}";
        for (name, content, at) in [
            ("f.csv", "source,n,target\n\"3 March ’, 1998\",1,98\n\n1998년 3월 3일,2,1998-03-03\n", [2, 4]),
            ("f", "n;target;source\r\n1;98;3 March ’, 1998\r\n2;1998-03-03;1998년 3월 3일\r\n", [2, 3]),
            ("f.tsv", "source\ttarget\n3 March ’, 1998\t98\n1998년 3월 3일\t1998-03-03", [2, 3]),
            ("f.jsonl", jsonl, [1, 3]),
            ("standard input", jsonl, [1, 3]),
        ] {
            let found = read(name, content, &BOTH).unwrap();
            let pair = |line, source: &str, target: &str| Pair {
                line,
                source: source.into(),
                target: Some(target.into()),
            };
            let expected =
                [pair(at[0], "3 March ’, 1998", "98"), pair(at[1], "1998년 3월 3일", "1998-03-03")];
            assert_eq!(found.pairs, expected, "{name}");
            let again = PairSpec { require_target: false, ..BOTH };
            assert_eq!(read(name, content, &again).unwrap().pairs, expected, "{name}");
            assert_eq!((found.name.as_str(), found.hash.len()), (name, 64));
        }
    }

    #[test]
    fn targets_may_be_missing_where_none_is_required() {
        let spec = PairSpec { require_target: false, ..named("ko", "en") };
        for (name, content) in [
            ("f.csv", "ko,en\n나,I\n너,\n"),
            ("f.jsonl", "{\"ko\": \"나\", \"en\": \"I\"}\n{\"ko\": \"너\", \"en\": null}"),
            ("f.jsonl", "{\"ko\": \"나\", \"en\": \"I\"}\n{\"ko\": \"너\"}"),
        ] {
            let found: Vec<_> =
                read(name, content, &spec).unwrap().pairs.into_iter().map(|pair| pair.target).collect();
            assert_eq!(found, [Some("I".to_owned()), None], "{content}");
        }
        assert_eq!(read("f.csv", "ko,x\n나,1\n", &spec).unwrap().pairs[0].target, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases: [(&str, &str, PairSpec<'_>, &str); 14] = [
            ("f.csv", " \n", BOTH, "f.csv: the file is empty; it needs pairs of texts"),
            ("f.csv", "source,target\n", BOTH, "f.csv: there is a header but no row below it"),
            (
                "f.csv",
                "a,b\n1,2\n",
                BOTH,
                "f.csv: which field is the source? the header names 'a', 'b'; name it with source",
            ),
            ("f.csv", "source,b\n1,2\n", BOTH, "which field is the target? the header names 'source', 'b'"),
            (
                "f.csv",
                "english,b\n1,2\n",
                named("englsh", "b"),
                "there is no field 'englsh'; did you mean 'english'?",
            ),
            ("f.csv", "a,b\n1,2\n", named("a", "a"), "source and target are both 'a'; name two fields"),
            (
                "f.csv",
                "a,b\n ,2\n",
                named("a", "b"),
                "f.csv: row 2, column 'a': the source is empty; fill it in",
            ),
            ("f.tsv", "a\tb\n1\t2\n3\t\n", named("a", "b"), "f.tsv: row 3, column 'b': the target is empty"),
            ("f.csv", "{\"a\": 1}", BOTH, "f.csv: this is JSON and no table"),
            ("f.jsonl", "{\"a\": \"x\"}", BOTH, "f.jsonl: which field is the source? line 1 names 'a'"),
            (
                "f.jsonl",
                "{\"a\": 3, \"b\": \"x\"}",
                named("a", "b"),
                "f.jsonl: line 1: a is a number; it must be a text",
            ),
            (
                "f.jsonl",
                "{\"a\": \" \", \"b\": \"x\"}",
                named("a", "b"),
                "f.jsonl: line 1: a is an empty text",
            ),
            (
                "f.jsonl",
                "{\"a\": \"x\", \"b\": \"y\"}\n{\"a\": \"x\"}",
                named("a", "b"),
                "f.jsonl: there is no field 'b'; line 2 names 'a'",
            ),
            (
                "f.jsonl",
                "{\"a\": \"x\", \"b\": null}",
                named("a", "b"),
                "f.jsonl: line 1: b is null; it must be a text",
            ),
        ];
        for (name, content, spec, expected) in cases {
            let message = read(name, content, &spec).unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{content}: {message}");
        }
    }
}
