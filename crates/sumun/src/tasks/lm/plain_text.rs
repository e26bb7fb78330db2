//! A text as a language model reads it, and its parts.

use std::borrow::Cow;
use std::path::Path;

use super::super::options::HeldOut;
use super::super::parts::{Parts, shares};
use crate::data::{ReadOptions, TextFile};
use crate::records::open_with;
use crate::settings::Level;
use crate::text::composed;
use crate::{Error, Result};

/// What messages ask for.
const KIND: &str = "text";

/// A text with its file's name. A byte order mark is left out, and lines that end as Windows ends them (CR LF)
/// end with LF, so that all texts have one kind of line end.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainText {
    /// The file's name as messages show it.
    pub name: String,
    /// What it says.
    pub text: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub hash: String,
    /// What was found in the file that people should know, a sentence each.
    pub notes: Vec<String>,
}

impl PlainText {
    /// Reads a file, or standard input for `-`; what is not UTF-8 is decoded where its encoding is certain. Errors: there
    /// is no such file; it is in no encoding that is known, with the place of the first byte that is not UTF-8; it is empty
    /// or nothing but white space.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with(path, &ReadOptions::default())
    }

    /// As [`read`](Self::read), with what is known about how the file is written.
    pub fn read_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        Self::of(&open_with(path.as_ref(), KIND, options)?)
    }

    fn of(file: &TextFile) -> Result<Self> {
        let name = file.name().to_owned();
        let text = unix_lines(file.text());
        if text.trim().is_empty() {
            return Err(Error::Data(format!("{name}: there is no text in it; give a file that has some")));
        }
        Ok(Self { name, text, hash: file.hash(), notes: file.notes().to_vec() })
    }

    /// The text in Unicode's composed form, NFC, with LF for every line end, and what that changed; None where nothing.
    pub(super) fn normalized(self) -> (Self, Option<String>) {
        let ends = self.text.matches('\r').count();
        let text = if ends > 0 { self.text.replace('\r', "\n") } else { self.text };
        let before = text.chars().count();
        let text = match composed(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(composed) => composed,
        };
        let letters = before.abs_diff(text.chars().count());
        let said = match (ends, letters) {
            (0, 0) => None,
            (0, letters) => {
                Some(format!("{letters} accents that stood apart are one character with their letters"))
            }
            (ends, 0) => Some(format!("{ends} lines end with CR alone, which is read as the end of a line")),
            (ends, letters) => Some(format!(
                "{ends} lines end with CR alone, which is read as the end of a line, and {letters} accents that stood apart \
                 are one character with their letters"
            )),
        };
        let note = said.map(|said| format!("{}: {said} (normalize none keeps them)", self.name));
        (Self { text, ..self }, note)
    }
}

/// The text with LF for CR LF.
pub(super) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The parts of a text: its end for the test, what is before that for the validation, the rest for the training. Shares
/// are of its characters; no word is cut where words or their pieces are tokens. None for a part that is another file, or none.
pub(super) fn split<'a>(
    text: &'a PlainText,
    valid: &HeldOut,
    test: &HeldOut,
    level: Level,
) -> Result<Parts<&'a str>> {
    let (valid, test) = shares(valid, test)?;
    let whole = text.text.as_str();
    let characters = whole.chars().count();
    let place = |held: f64| {
        let place = characters - (characters as f64 * held).round() as usize;
        let byte = whole.char_indices().nth(place).map_or(whole.len(), |(byte, _)| byte);
        match level {
            Level::Char | Level::Jamo => byte,
            Level::Word | Level::Space | Level::Subword => {
                byte + whole[byte..].find(char::is_whitespace).unwrap_or(whole.len() - byte)
            }
        }
    };
    let (first, second) = (place(valid + test), place(test));
    let part = |name: &str, share: f64, part: &'a str| match () {
        () if share == 0.0 => Ok(None),
        () if part.trim().is_empty() => Err(Error::Data(format!(
            "{}: the {name} part, {share} of {characters} characters, has no text; hold out a larger share, or 0",
            text.name
        ))),
        () => Ok(Some(part)),
    };
    Ok(Parts {
        valid: part("valid", valid, &whole[first..second])?,
        test: part("test", test, &whole[second..])?,
        train: &whole[..first],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<PlainText> {
        PlainText::of(&TextFile::from_reader("t.txt", bytes, KIND)?)
    }

    #[test]
    fn marks_and_line_ends_are_made_one_kind() {
        assert_eq!(read(b"\xef\xbb\xbfa\r\nb\rc\n").unwrap().text, "a\nb\rc\n");
        for (bytes, expected) in [
            (b"".as_slice(), "t.txt: there is no text in it; give a file that has some"),
            (b"\xef\xbb\xbf \r\n", "t.txt: there is no text in it; give a file that has some"),
            (
                b"a\nb\xff\xff\xff\xff",
                "t.txt: line 2 is not UTF-8 text (byte 0xFF at offset 3); save the file as UTF-8; or name its encoding, such as \
                 windows-1252, euc-kr or gbk",
            ),
            (
                b"\xef\xbb\xbf\xed\x95\x9cab\xe9",
                "t.txt: line 1 is not UTF-8 text (byte 0xE9 at offset 8), though the rest is; correct it; or name its \
                 encoding, such as windows-1252, euc-kr or gbk",
            ),
        ] {
            assert_eq!(read(bytes).unwrap_err().to_string(), expected);
        }
        let (text, note) = read("e\u{301}te\u{301}\ra\r\nb".as_bytes()).unwrap().normalized();
        assert_eq!(text.text, "été\na\nb");
        let expected = "t.txt: 1 lines end with CR alone, which is read as the end of a line, and 2 accents that stood apart \
                        are one character with their letters (normalize none keeps them)";
        assert_eq!(note.as_deref(), Some(expected));
        assert_eq!(read(b"a\nb").unwrap().normalized().1, None);
        let missing = PlainText::read("no/such/file").unwrap_err().to_string();
        assert_eq!(missing, "no/such/file: there is no such file; check the path");
    }

    #[test]
    fn the_end_is_held_out() {
        let check = |text: &str, level, (valid, test): (f64, f64), expected: [Option<&str>; 3]| {
            let text = read(text.as_bytes()).unwrap();
            let parts = split(&text, &HeldOut::Share(valid), &HeldOut::Share(test), level).unwrap();
            assert_eq!([Some(parts.train), parts.valid, parts.test], expected, "{level} {valid} {test}");
        };
        let text = "가bcdefghij";
        check(text, Level::Char, (0.1, 0.2), [Some("가bcdefg"), Some("h"), Some("ij")]);
        check(text, Level::Jamo, (0.9, 0.0), [Some("가"), Some("bcdefghij"), None]);
        check(text, Level::Char, (0.0, 0.1), [Some("가bcdefghi"), None, Some("j")]);
        check(text, Level::Char, (0.0, 0.0), [Some(text), None, None]);
        let words = "one two three four five";
        check(words, Level::Word, (0.4, 0.3), [Some("one two"), Some(" three four"), Some(" five")]);

        let text = read(b"one two").unwrap();
        for (valid, test, level, expected) in [
            (
                0.5,
                0.5,
                Level::Char,
                "valid = 0.5 and test = 0.5 leave nothing to train on; they must be below 1 together",
            ),
            (
                0.1,
                0.0,
                Level::Word,
                "t.txt: the valid part, 0.1 of 7 characters, has no text; hold out a larger share, or 0",
            ),
        ] {
            let error = split(&text, &HeldOut::Share(valid), &HeldOut::Share(test), level).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
