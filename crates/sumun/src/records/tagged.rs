//! Sentences with a tag on every token.

use std::io::Read;
use std::path::Path;

use super::conll::{self, Columns, Found};
use super::jsonl::{self, Object, Value, Want};
use super::lines::numbered_lines;
use super::open::{extension, open_with};
use super::raw::{self, Known};
use super::record::no_such;
use super::sentence::{Sentence, TaggedSpec};
use super::word_table;
use crate::data::{ReadOptions, TextFile, listed, quoted};
use crate::message::{Key, key, text};
use crate::{Error, Result};

/// What messages ask for.
const KIND: &str = "JSONL, CoNLL or CSV";

/// All sentences of a file, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The file's name as messages show it.
    pub name: String,
    /// SHA-256 of the file in hexadecimal.
    pub hash: String,
    /// The sentences, in the order of the file.
    pub sentences: Vec<Sentence>,
    /// The columns that were read, of a CoNLL file.
    pub columns: Option<Columns>,
    /// What was noticed and chosen, a sentence each.
    pub notes: Vec<String>,
}

impl Tagged {
    /// Reads a file, or standard input where `path` is `-`. `.jsonl`, `.ndjson` and `.json` files, and others that
    /// begin with an object, are JSON lines with two lists each. `.csv` files, and others whose first line names columns of
    /// words and tags, are tables: a row a token and a column that says which sentence it is of, on every row or on the
    /// first of each sentence, or else blank lines between sentences; or a row a sentence, of as many tags as words with
    /// blanks between them. The rest is CoNLL: a token a line, its columns separated by tabs or blanks, blank lines between
    /// sentences; comments (`# …`) and `-DOCSTART-` lines are passed over, and in CoNLL-U multiword ranges (`1-2`) and
    /// empty nodes (`1.1`) too.
    ///
    /// Errors, each with the line: a file that is missing, empty or no UTF-8 text; no such key or column; tokens and
    /// tags of different number; empty sentences, tokens or tags; lines of unequal columns; JSON that is none.
    pub fn read(path: impl AsRef<Path>, spec: &TaggedSpec<'_>) -> Result<Self> {
        Self::read_with(path, spec, &ReadOptions::default())
    }

    /// As [`read`](Self::read), with what is known about how the file is written.
    pub fn read_with(path: impl AsRef<Path>, spec: &TaggedSpec<'_>, options: &ReadOptions) -> Result<Self> {
        Self::from_file(&open_with(path.as_ref(), KIND, options)?, spec, None)
    }

    /// As [`read`](Self::read) from anything; `name` stands for the file and says by its extension what it is.
    pub fn from_reader(name: &str, reader: impl Read, spec: &TaggedSpec<'_>) -> Result<Self> {
        Self::from_file(&TextFile::from_reader(name, reader, KIND)?, spec, None)
    }

    /// As [`read`](Self::read) for a model that knows some tokens and tags: from a CoNLL file of as many columns the same
    /// are read, and where no tags are required a line of words is a sentence.
    pub(crate) fn read_for(
        path: &Path,
        spec: &TaggedSpec<'_>,
        known: &Known<'_>,
        options: &ReadOptions,
    ) -> Result<Self> {
        Self::from_file(&open_with(path, KIND, options)?, spec, Some(known))
    }

    fn from_file(file: &TextFile, spec: &TaggedSpec<'_>, known: Option<&Known<'_>>) -> Result<Self> {
        let (name, text) = (file.name(), file.text());
        let extension = extension(name);
        let first = || numbered_lines(text).map(|(_, line)| line).find(|line| !line.trim().is_empty());
        let json = match extension.as_str() {
            "jsonl" | "ndjson" | "json" => true,
            _ => first().is_some_and(is_object),
        };
        let raw = || known.filter(|known| !spec.require_tags && raw::is_raw(text, known));
        let Found { sentences, columns, notes } = if json {
            Found { sentences: from_jsonl(name, text, spec)?, ..Found::default() }
        } else if extension == "csv" || first().is_some_and(|line| word_table::is_header(line, spec)) {
            word_table::read(file, spec)?
        } else if let Some(known) = raw() {
            raw::read(name, text, known)
        } else {
            conll::read(name, text, spec, known.and_then(|known| known.columns))?
        };
        if sentences.is_empty() {
            return Err(Error::Data(format!("{name}: the file is empty; it needs sentences")));
        }
        let notes = file.notes().iter().cloned().chain(notes).collect();
        Ok(Self { name: name.to_owned(), hash: file.hash(), sentences, columns, notes })
    }

    /// The sentences of some places, in that order.
    pub fn select(&self, places: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            hash: self.hash.clone(),
            sentences: places.iter().map(|&place| self.sentences[place].clone()).collect(),
            columns: self.columns,
            notes: Vec::new(),
        }
    }
}

fn is_object(line: &str) -> bool {
    line.trim().starts_with('{') && line.trim().ends_with('}')
}

fn from_jsonl(file: &str, content: &str, spec: &TaggedSpec<'_>) -> Result<Vec<Sentence>> {
    let Some(look) = jsonl::first(file, content)? else { return Ok(Vec::new()) };
    let find = |named: Option<&str>, usual: &str, required: bool, what: Key| {
        let place = format!("line {}", look.line);
        match named {
            Some(name) if required && !look.keys.iter().any(|key| key == name) => {
                Err(no_such(file, &place, name, &look.keys))
            }
            Some(name) => Ok(Some(name.to_owned())),
            None if look.keys.iter().any(|key| key == usual) => Ok(Some(usual.to_owned())),
            None if required => Err(Error::Data(format!(
                "{file}: which field holds the {what}? {place} names {}",
                listed(&look.keys)
            ))
            .advise(text(format!("call it '{usual}', or train with ")) + what.to("NAME"))),
            None => Ok(None),
        }
    };
    let tokens = find(spec.tokens, "tokens", true, key("tokens"))?.unwrap_or_default();
    let tags = find(spec.tags, "tags", spec.require_tags, key("tags"))?;
    let want = |key: &str| {
        if key == tokens || Some(key) == tags.as_deref() { Want::Words } else { Want::Nothing }
    };
    let words = |object: &mut Object, key: &str| {
        let line = object.line;
        let bad = |message: String| Err(Error::Data(format!("{file}: line {line}: {message}")));
        match object.take(file, key)? {
            Value::Words(words) => {
                let place = words.iter().position(|word| word.as_deref().is_none_or(|w| w.trim().is_empty()));
                match place {
                    Some(place) => bad(format!(
                        "{key}[{place}] is empty or no text; every token needs one (leave the sentence out)"
                    )),
                    None => Ok(words.into_iter().flatten().collect::<Vec<String>>()),
                }
            }
            value => bad(format!("{key} is {}; it must be a list of texts", value.kind())),
        }
    };
    let sentence = |object: Result<Object>| {
        let mut object = object?;
        let line = object.line;
        let bad = |message: String| Err(Error::Data(format!("{file}: line {line}: {message}")));
        let found = words(&mut object, &tokens)?;
        if found.is_empty() {
            return bad(format!("{tokens} is an empty list; leave such sentences out"));
        }
        let found_tags = match &tags {
            Some(tags) if spec.require_tags || object.keys.contains(tags) => Some(words(&mut object, tags)?),
            _ => None,
        };
        if let (Some(found_tags), Some(tags)) = (&found_tags, &tags)
            && found_tags.len() != found.len()
        {
            return bad(format!(
                "{} has {} but {} has {}; every token needs one tag",
                quoted(&tokens),
                found.len(),
                quoted(tags),
                found_tags.len()
            ));
        }
        Ok(Sentence { line, tokens: found, tags: found_tags })
    };
    jsonl::objects(file, content, want).map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str, spec: &TaggedSpec<'_>) -> Result<Tagged> {
        Tagged::from_reader(name, text.as_bytes(), spec)
    }

    const NAMED: TaggedSpec<'_> = TaggedSpec { tokens: None, tags: Some("upos"), require_tags: true };

    #[test]
    fn two_lists_are_a_sentence() {
        let text = "{\"tokens\": [\"fly\", 2, \"수문\"], \"upos\": [\"VERB\", \"NUM\", \"X\"], \"head\": [0]}\r\n\r\n\
                    {\"upos\": [0], \"tokens\": [true]}\r\n";
        let tagged = read("f.jsonl", text, &NAMED).unwrap();
        let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        assert_eq!(
            tagged.sentences,
            [
                Sentence {
                    line: 1,
                    tokens: words(&["fly", "2", "수문"]),
                    tags: Some(words(&["VERB", "NUM", "X"]))
                },
                Sentence { line: 3, tokens: words(&["true"]), tags: Some(words(&["0"])) },
            ]
        );
        let untagged =
            read("f", "{\"tokens\": [\"a\"]}", &TaggedSpec { require_tags: false, ..NAMED }).unwrap();
        assert_eq!(untagged.sentences[0].tags, None);
        let classes = tagged.classes().unwrap();
        assert_eq!(tagged.tag_ids(&classes).unwrap(), [vec![2, 1, 3], vec![0]]);
        let message = untagged.tag_ids(&classes).unwrap_err().to_string();
        assert_eq!(message, "f: line 1: the sentence has no tags");
    }

    #[test]
    fn bad_sentences_are_explained() {
        let cases = [
            ("", "f.jsonl: the file is empty"),
            (
                r#"{"tokens": ["a", "b"], "upos": ["X"]}"#,
                "f.jsonl: line 1: 'tokens' has 2 but 'upos' has 1; every",
            ),
            (r#"{"tokens": [], "upos": []}"#, "f.jsonl: line 1: tokens is an empty list"),
            (
                r#"{"tokens": ["a", ""], "upos": ["X", "Y"]}"#,
                "f.jsonl: line 1: tokens[1] is empty or no text",
            ),
            (r#"{"tokens": ["a"], "upos": [null]}"#, "f.jsonl: line 1: upos[0] is empty or no text"),
            (r#"{"tokens": "a b", "upos": ["X"]}"#, "f.jsonl: line 1: tokens is a text; it must be a list"),
            (
                r#"{"tokens": ["a"], "pos": ["X"]}"#,
                "f.jsonl: there is no field 'upos'; did you mean 'pos'? line 1",
            ),
            (
                r#"{"token": ["a"], "upos": ["X"]}"#,
                "f.jsonl: which field holds the tokens? line 1 names 'token', 'upos'",
            ),
            (
                "{\"tokens\": [\"a\"], \"upos\": [\"X\"]}\n{\"tokens\": [\"a\"]}",
                "f.jsonl: there is no field 'upos'; line 2",
            ),
        ];
        for (text, expected) in cases {
            let message = read("f.jsonl", text, &NAMED).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
        let message = read("f", r#"{"tokens": ["a"]}"#, &TaggedSpec { tags: None, ..NAMED }).unwrap_err();
        assert!(
            message.to_string().starts_with("f: which field holds the tags? line 1 names 'tokens'"),
            "{message}"
        );
    }
}
