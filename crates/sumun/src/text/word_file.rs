//! Files of word vectors, read one word at a time: GloVe, fastText and word2vec.

use std::io::{BufRead, Read};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a file of word vectors is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorFormat {
    /// GloVe's text: a line a word, the word and its numbers with blanks between them, no header. Words may have
    /// blanks in them, as some of the 840B file have: the last numbers of the line are the vector.
    Glove,
    /// fastText's `.vec` text: a header with the number of words and of features, then as GloVe.
    FastText,
    /// word2vec's text, which is written as fastText's.
    Word2VecText,
    /// word2vec's binary: the same header, then for each word its bytes, a blank and its features as little-endian
    /// `f32`, with or without a line end.
    Word2VecBinary,
}

/// No published vectors have a tenth of this; a larger number is a damaged header.
const MAX_FEATURES: usize = 65_536;
/// The longest line that is read: more than `MAX_FEATURES` numbers of 30 digits need.
const MAX_LINE_BYTES: usize = 4 << 20;
/// The longest word of a binary file.
const MAX_WORD_BYTES: usize = 1 << 16;
/// The longest header: two numbers of 20 digits, and spare bytes.
const MAX_HEADER_BYTES: usize = 256;

/// A file of word vectors, read from front to back. Never holds more than a line or a word, whatever a header says.
pub(super) struct WordFile<R> {
    name: String,
    reader: R,
    format: VectorFormat,
    features: usize,
    /// How many words the header says there are.
    promised: Option<u64>,
    /// How many words were read.
    words: u64,
    /// The line in `bytes`, counted from 1.
    line: u64,
    bytes: Vec<u8>,
    /// Whether `bytes` holds a line that has not been returned yet.
    pending: bool,
}

impl<R: BufRead> WordFile<R> {
    /// Reads as far as it takes to know the number of features; another number than `expected` is an error.
    pub(super) fn open(
        name: &str,
        mut reader: R,
        format: VectorFormat,
        expected: Option<usize>,
    ) -> Result<Self> {
        let name = name.to_owned();
        let start = reader.fill_buf().map_err(|source| Error::Io { path: name.clone().into(), source })?;
        let compressed = start.starts_with(&[0x1F, 0x8B]) || start.starts_with(b"PK\x03\x04");
        let mut file = Self {
            name,
            reader,
            format,
            features: 0,
            promised: None,
            words: 0,
            line: 0,
            bytes: Vec::new(),
            pending: false,
        };
        if compressed {
            return file.bad("the file is compressed; unpack it first");
        }
        if format == VectorFormat::Glove {
            file.begin_without_header(expected)?;
        } else {
            file.begin_with_header(expected)?;
        }
        Ok(file)
    }

    /// How many numbers each word has.
    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// The next word, its numbers in `vector`; `Some(None)` for a word that is not UTF-8 text or is empty, and
    /// `None` at the end of the file.
    pub(super) fn next(&mut self, vector: &mut Vec<f32>) -> Result<Option<Option<&str>>> {
        let more = match self.format {
            VectorFormat::Word2VecBinary => self.next_binary(vector)?,
            _ => self.next_line(vector)?,
        };
        if !more {
            return Ok(None);
        }
        Ok(Some(std::str::from_utf8(&self.bytes).ok().filter(|word| !word.is_empty())))
    }

    fn begin_without_header(&mut self, expected: Option<usize>) -> Result<()> {
        if !self.read_line()? {
            return self.bad("the file is empty; it needs a word and its numbers on each line");
        }
        self.pending = true;
        if header(&self.bytes).is_some() && expected != Some(1) {
            return self.bad(
                "line 1 is a header of two numbers, which GloVe files lack; read it as word2vec or fastText text",
            );
        }
        let fields: Vec<&[u8]> = fields(&self.bytes).collect();
        let numbers = fields.iter().rev().take_while(|field| number(field).is_some()).count();
        let found = expected.unwrap_or(numbers.min(fields.len().saturating_sub(1)));
        self.set_features(found, None)
    }

    fn begin_with_header(&mut self, expected: Option<usize>) -> Result<()> {
        self.read_until(b'\n', MAX_HEADER_BYTES)?;
        self.line = 1;
        strip_mark(&mut self.bytes);
        let Some((words, features)) = header(&self.bytes) else {
            return self.bad(&format!(
                "line 1 is no header of two numbers, words and features, but {}; check the file's format",
                quoted(&self.bytes)
            ));
        };
        self.promised = Some(words);
        self.set_features(usize::try_from(features).unwrap_or(usize::MAX), expected)
    }

    fn set_features(&mut self, found: usize, expected: Option<usize>) -> Result<()> {
        if let Some(expected) = expected.filter(|&expected| expected != found) {
            return self.bad(&format!(
                "the vectors have {found} numbers, but the embedding has {expected} features; make them equal"
            ));
        }
        if found == 0 || found > MAX_FEATURES {
            return self.bad(&format!("vectors of {found} numbers; 1 to {MAX_FEATURES} can be read"));
        }
        self.features = found;
        Ok(())
    }

    fn next_line(&mut self, vector: &mut Vec<f32>) -> Result<bool> {
        loop {
            if !std::mem::take(&mut self.pending) && !self.read_line()? {
                return self.end();
            }
            if fields(&self.bytes).next().is_some() {
                break;
            }
        }
        if self.promised == Some(self.words) {
            return self.too_much(&format!("line {}", self.line));
        }
        self.words += 1;
        vector.resize(self.features, 0.0);
        let mut rest = trim_end(&self.bytes);
        for k in (0..self.features).rev() {
            let start = rest.iter().rposition(|&b| is_blank(b)).map_or(0, |blank| blank + 1);
            if start == 0 {
                return self.wrong_count();
            }
            let field = &rest[start..];
            match number(field) {
                Some(value) if value.is_finite() => vector[k] = value,
                found => {
                    let why = if found.is_some() { "not finite" } else { "no number" };
                    return self.bad(&format!(
                        "line {}: expected a word and {} numbers, but number {} is {}, {why}",
                        self.line,
                        self.features,
                        k + 1,
                        quoted(field)
                    ));
                }
            }
            rest = trim_end(&rest[..start]);
        }
        // "at 0.1 0.2 0.3" may be a word with a blank and two numbers, or a word and three: no published word ends
        // in a number after a blank.
        let last = fields(rest).skip(1).last();
        if last.is_some_and(|last| last.iter().any(u8::is_ascii_digit) && number(last).is_some()) {
            return self.wrong_count();
        }
        let (start, end) = (rest.iter().take_while(|&&b| is_blank(b)).count(), rest.len());
        self.bytes.truncate(end);
        self.bytes.drain(..start.min(end));
        Ok(true)
    }

    fn next_binary(&mut self, vector: &mut Vec<f32>) -> Result<bool> {
        if self.promised == Some(self.words) {
            return self.end_binary();
        }
        // Line ends between words are optional, and not counted.
        loop {
            self.read_until(b' ', MAX_WORD_BYTES)?;
            let ends = self.bytes.iter().take_while(|&&b| b == b'\n').count();
            self.bytes.drain(..ends);
            if ends == 0 || !self.bytes.is_empty() {
                break;
            }
        }
        if self.bytes.pop_if(|&mut b| b == b' ').is_none() {
            if self.bytes.len() < MAX_WORD_BYTES {
                return self.end();
            }
            return self.bad(&format!(
                "word {} is over {MAX_WORD_BYTES} bytes long; the file is damaged or of another format",
                self.words + 1
            ));
        }
        self.words += 1;
        let mut numbers = vec![0; self.features * 4];
        match self.reader.read_exact(&mut numbers) {
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.words -= 1;
                return self.end();
            }
            other => other.map_err(|source| self.io(source))?,
        }
        vector.clear();
        vector.extend(numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        if let Some(k) = vector.iter().position(|value| !value.is_finite()) {
            return self.bad(&format!(
                "word {} ({}): number {} is {}, not finite",
                self.words,
                quoted(&self.bytes),
                k + 1,
                vector[k]
            ));
        }
        Ok(true)
    }

    /// The end of the file: an error if the header says that there are more words.
    fn end(&self) -> Result<bool> {
        match self.promised.filter(|&promised| promised != self.words) {
            None => Ok(false),
            Some(promised) => self.bad(&format!(
                "the file ends after {} of the {promised} words that its header promises; it is cut short",
                self.words
            )),
        }
    }

    fn end_binary(&mut self) -> Result<bool> {
        loop {
            let rest = self.reader.fill_buf();
            let rest = rest.map_err(|source| Error::Io { path: self.name.clone().into(), source })?;
            if rest.is_empty() {
                return Ok(false);
            }
            if !rest.iter().all(u8::is_ascii_whitespace) {
                return self.too_much("there is more");
            }
            let length = rest.len();
            self.reader.consume(length);
        }
    }

    fn too_much<T>(&self, what: &str) -> Result<T> {
        self.bad(&format!(
            "{what} after the {} words that the header promises; the file is damaged or of another format",
            self.words
        ))
    }

    fn wrong_count<T>(&self) -> Result<T> {
        self.bad(&format!(
            "line {}: expected a word and {} numbers, found a word and {} numbers",
            self.line,
            self.features,
            fields(&self.bytes).count().saturating_sub(1)
        ))
    }

    /// The next line without its end; false at the end of the file.
    fn read_line(&mut self) -> Result<bool> {
        let read = self.read_until(b'\n', MAX_LINE_BYTES)?;
        self.line += 1;
        if self.bytes.pop_if(|&mut b| b == b'\n').is_none() && read == MAX_LINE_BYTES {
            return self.bad(&format!(
                "line {} is over {MAX_LINE_BYTES} bytes long; the file is damaged or of another format",
                self.line
            ));
        }
        if self.line == 1 {
            strip_mark(&mut self.bytes);
        }
        Ok(read > 0)
    }

    /// Reads into `bytes` to the end byte, which is kept, to the end of the file or to the limit.
    fn read_until(&mut self, end: u8, limit: usize) -> Result<usize> {
        self.bytes.clear();
        let mut limited = Read::take(&mut self.reader, limit as u64);
        limited.read_until(end, &mut self.bytes).map_err(|source| self.io(source))
    }

    fn io(&self, source: std::io::Error) -> Error {
        Error::Io { path: self.name.clone().into(), source }
    }

    fn bad<T>(&self, message: &str) -> Result<T> {
        Err(Error::Data(format!("{}: {message}", self.name)))
    }
}

/// Only ASCII blanks part fields: words may have other spaces in them.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn trim_end(line: &[u8]) -> &[u8] {
    let blanks = line.iter().rev().take_while(|&&b| is_blank(b)).count();
    &line[..line.len() - blanks]
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| is_blank(b)).filter(|field| !field.is_empty())
}

fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The two whole numbers of a header line.
fn header(line: &[u8]) -> Option<(u64, u64)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut numbers = fields(line).map(|field| std::str::from_utf8(field).ok()?.parse::<u64>().ok());
    match (numbers.next()?, numbers.next()?, numbers.next()) {
        (Some(words), Some(features), None) => Some((words, features)),
        _ => None,
    }
}

/// Takes off a byte order mark.
fn strip_mark(line: &mut Vec<u8>) {
    if line.starts_with(b"\xEF\xBB\xBF") {
        line.drain(..3);
    }
}

/// The beginning of a field for a message, on one line whatever it holds.
fn quoted(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes.get(..120).unwrap_or(bytes)).chars().take(30).collect();
    format!("{:?}", text.trim_end())
}
