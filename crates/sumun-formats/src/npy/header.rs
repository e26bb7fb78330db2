//! The header of a `.npy` file: a dict as Python writes it, of three entries.

use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};
use crate::tensor::{ElementType, MOST_AXES};

pub(super) const FORMAT: &str = "NumPy file";

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) element: ElementType,
    pub(super) endian: Endian,
    /// Whether the first axis is the innermost.
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads the dict. Errors: anything but the three entries, each once, and types that are not read.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::damaged(FORMAT, "its header is no text"))?;
        let mut words = Words(text);
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        words.expect("{")?;
        while !words.skip("}") {
            let key = words.quoted()?;
            words.expect(":")?;
            let is_first = match key {
                "descr" => descr.replace(element(words.descr()?)?).is_none(),
                "fortran_order" => is_fortran.replace(words.bool()?).is_none(),
                "shape" => shape.replace(words.shape()?).is_none(),
                other => {
                    return Err(Error::damaged(FORMAT, format!("its header has an entry {}", quoted(other))));
                }
            };
            if !is_first {
                return Err(Error::damaged(FORMAT, format!("its header has {} twice", quoted(key))));
            }
            if !words.skip(",") {
                words.expect("}")?;
                break;
            }
        }
        let (Some((element, endian)), Some(is_fortran), Some(shape), "") =
            (descr, is_fortran, shape, words.0.trim())
        else {
            return Err(Error::damaged(FORMAT, "its header is no dict of descr, fortran_order and shape"));
        };
        Ok(Self { element, endian, is_fortran, shape })
    }
}

/// The element type of a `descr`: a byte order, a kind and a width.
fn element(descr: &str) -> Result<(ElementType, Endian)> {
    let (endian, kind) = match descr.split_at_checked(1) {
        Some(("<" | "|" | "=", kind)) => (Endian::Little, kind),
        Some((">", kind)) => (Endian::Big, kind),
        _ => (Endian::Little, descr),
    };
    match ElementType::of_numpy(kind) {
        Some(element) => Ok((element, endian)),
        None => Err(Error::unsupported(FORMAT, format!("elements of type {} are not read", quoted(descr)))),
    }
}

/// What is left of the header.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// Passes over a word, if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        self.0 = self.0.trim_start();
        match self.0.strip_prefix(word) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        match self.skip(word) {
            true => Ok(()),
            false => Err(self.wrong(word)),
        }
    }

    fn wrong(&self, wanted: &str) -> Error {
        Error::damaged(FORMAT, format!("in its header, {} is no {wanted}", quoted(self.0)))
    }

    /// A text in quotes, without escapes.
    fn quoted(&mut self) -> Result<&'a str> {
        let quote = if self.skip("'") { '\'' } else { self.expect("\"").map(|()| '"')? };
        match self.0.split_once(quote) {
            Some((text, rest)) if !text.contains('\\') => {
                self.0 = rest;
                Ok(text)
            }
            _ => Err(self.wrong("text in quotes")),
        }
    }

    /// The type of the elements; a list of fields is told from it.
    fn descr(&mut self) -> Result<&'a str> {
        if self.0.trim_start().starts_with(['[', '(']) {
            return Err(Error::unsupported(FORMAT, "elements of several fields are not read"));
        }
        self.quoted()
    }

    fn bool(&mut self) -> Result<bool> {
        if self.skip("True") {
            return Ok(true);
        }
        match self.skip("False") {
            true => Ok(false),
            false => Err(self.wrong("True or False")),
        }
    }

    fn shape(&mut self) -> Result<Vec<usize>> {
        self.expect("(")?;
        let mut shape = Vec::new();
        while !self.skip(")") {
            if shape.len() == MOST_AXES {
                return Err(Error::too_large(
                    FORMAT,
                    "the number of axes",
                    MOST_AXES as u128 + 1,
                    MOST_AXES as u128,
                ));
            }
            self.0 = self.0.trim_start();
            let digits = self.0.len() - self.0.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let Ok(axis) = self.0[..digits].parse() else { return Err(self.wrong("length of an axis")) };
            shape.push(axis);
            self.0 = &self.0[digits..];
            // Python 2 wrote long integers so.
            self.skip("L");
            if !self.skip(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_programs_write_them() {
        let header = |element, endian, is_fortran, shape: &[usize]| Header {
            element,
            endian,
            is_fortran,
            shape: shape.into(),
        };
        let cases = [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n",
                header(ElementType::F32, Endian::Little, false, &[2, 3]),
            ),
            (
                "{'shape':(),'fortran_order':True,'descr':'>i8'}",
                header(ElementType::I64, Endian::Big, true, &[]),
            ),
            (
                "{\"descr\": \"|b1\", \"fortran_order\": False, \"shape\": (7L,)}",
                header(ElementType::Bool, Endian::Little, false, &[7]),
            ),
            (
                "{'descr': '=u2', 'fortran_order': False, 'shape': (0, 1,)}",
                header(ElementType::U16, Endian::Little, false, &[0, 1]),
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(Header::parse(text.as_bytes()), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn headers_that_are_wrong() {
        let rest = "'fortran_order': False, 'shape': (2,)}";
        let cases = [
            ("".into(), "is no {"),
            ("{}".into(), "no dict of descr, fortran_order and shape"),
            (format!("{{'descr': '|O', {rest}"), "elements of type '|O' are not read"),
            (format!("{{'descr': '<U5', {rest}"), "elements of type '<U5' are not read"),
            (format!("{{'descr': '<c8', {rest}"), "elements of type '<c8' are not read"),
            (format!("{{'descr': '', {rest}"), "elements of type '' are not read"),
            (format!("{{'descr': [('a', '<f4')], {rest}"), "elements of several fields"),
            (format!("{{'descr': '<f4', 'more': 1, {rest}"), "an entry 'more'"),
            (format!("{{'descr': '<f4', 'descr': '<f4', {rest}"), "'descr' twice"),
            (format!("{{'descr': '<f4', {rest} + x"), "no dict"),
            (format!("{{'descr': '<f4', {}", rest.replace('2', "-2")), "is no length of an axis"),
            (
                format!("{{'descr': '<f4', {}", rest.replace('2', "99999999999999999999")),
                "is no length of an axis",
            ),
            (format!("{{'descr': '<f4', {}", rest.replace("2", &"1,".repeat(17))), "the number of axes"),
            (format!("{{'descr': '<f4', {}", rest.replace("False", "false")), "is no True or False"),
            ("{'descr': '<f4".into(), "is no text in quotes"),
        ];
        for (text, says) in cases {
            let error = Header::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
        assert!(Header::parse(&[0xff]).is_err());
    }
}
