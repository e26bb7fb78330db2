//! Pretrained word vectors for the tokens of a vocabulary, and how many of them a file knows.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;

use ndarray::ArrayViewMut2;

use super::Vocabulary;
use super::word_file::{VectorFormat, WordFile};
use crate::model::Model;
use crate::outside::{self, Links};
use crate::{Error, Result};

/// How many missing tokens a [`Coverage`] names.
const LISTED_MISSING: usize = 10;

/// How [`WordVectors`] are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorOptions {
    /// How the file is written.
    pub format: VectorFormat,
    /// F of the embedding; a file of another number of features is an error. Without it, the file decides: GloVe by
    /// its first line, the others by their header.
    pub features: Option<usize>,
    /// Whether a token that the file lacks takes the vector of its lower-case form.
    pub lowercase_fallback: bool,
}

impl VectorOptions {
    /// As many features as the file has, and tokens exactly as they are written.
    pub fn new(format: VectorFormat) -> Self {
        Self { format, features: None, lowercase_fallback: false }
    }

    /// Refuses a file of another number of features.
    pub fn features(self, features: usize) -> Self {
        Self { features: Some(features), ..self }
    }

    /// Whether a token that the file lacks takes the vector of its lower-case form.
    pub fn lowercase_fallback(self, fallback: bool) -> Self {
        Self { lowercase_fallback: fallback, ..self }
    }
}

/// How much of a vocabulary a file of word vectors knows. Special tokens do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Tokens of the vocabulary.
    pub tokens: usize,
    /// Tokens that the file has exactly.
    pub exact: usize,
    /// Tokens that the file has in lower case only, where that is allowed.
    pub lowercase: usize,
    /// The first tokens, by id, that the file lacks; ten at most.
    pub missing: Vec<String>,
    /// Words in the file.
    pub words: u64,
    /// Words that the vocabulary has and the file had before; the first counts.
    pub duplicates: u64,
    /// Words that were passed over because they are empty or not UTF-8 text.
    pub unreadable: u64,
}

impl Coverage {
    /// Tokens that have a vector.
    pub fn found(&self) -> usize {
        self.exact + self.lowercase
    }
}

/// One line: `2 of 3 tokens (66.7 %) have a vector; missing: "xyzzy"`.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, tokens) = (self.found(), self.tokens);
        write!(f, "{found} of {tokens} tokens")?;
        if tokens > 0 {
            write!(f, " ({:.1} %)", 100.0 * found as f64 / tokens as f64)?;
        }
        write!(f, " have a vector")?;
        if self.lowercase > 0 {
            write!(f, ", {} of them that of their lower-case form", self.lowercase)?;
        }
        for (i, token) in self.missing.iter().enumerate() {
            write!(f, "{}{token:?}", if i == 0 { "; missing: " } else { ", " })?;
        }
        let more = (tokens - found).saturating_sub(self.missing.len());
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        for (count, what) in [(self.duplicates, "twice in the file"), (self.unreadable, "unreadable")] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// The vectors that a file has for the tokens of a vocabulary.
///
/// Only these are kept: memory grows with the vocabulary, not with the file. Special tokens have none.
///
/// ```
/// use ndarray::ArrayViewMut2;
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use sumun::nn::{Embedding, EmbeddingConfig};
/// use sumun::text::{PAD, VectorFormat, VectorOptions, Vocabulary, WordVectors};
/// use sumun::Parameters;
///
/// let vocabulary = Vocabulary::from_tokens(["good", "Bad", "xyzzy"])?;
/// let file = "good 0.5 1\nbad -0.5 1\nugly 0 0\n".as_bytes(); // WordVectors::read takes a path
/// let options = VectorOptions::new(VectorFormat::Glove).features(2).lowercase_fallback(true);
/// let vectors = WordVectors::from_reader("glove.txt", file, &vocabulary, &options)?;
/// assert_eq!(vectors.coverage().to_string(),
///     "2 of 3 tokens (66.7 %) have a vector, 1 of them that of their lower-case form; missing: \"xyzzy\"");
///
/// let mut parameters = Parameters::new();
/// let config = EmbeddingConfig { vocabulary: vocabulary.len(), features: 2, padding_id: Some(PAD) };
/// let embedding = Embedding::new(config, &mut parameters, "embedding", &mut ChaCha8Rng::seed_from_u64(1))?;
/// let table = parameters.value_mut(embedding.weight());
/// vectors.copy_into(ArrayViewMut2::from_shape((vocabulary.len(), 2), table).unwrap())?;
/// assert_eq!(parameters.value(embedding.weight())[4..8], [0.5, 1.0, -0.5, 1.0]);
/// # Ok::<(), sumun::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct WordVectors {
    name: String,
    features: usize,
    /// Vectors, one after the other.
    values: Vec<f32>,
    /// The vector of each id.
    slots: Vec<Option<usize>>,
    coverage: Coverage,
}

/// The ids that a lower-case word is used for, and whether the file had it already.
#[derive(Default)]
struct Fallback {
    ids: Vec<u32>,
    seen: bool,
}

impl WordVectors {
    /// Reads a file of word vectors, once from front to back.
    ///
    /// Errors, each with its line (or word, in a binary file): another number of features than asked for, or than the
    /// line before; what is no finite number; a file that its header says is longer or shorter; a compressed file.
    pub fn read(path: impl AsRef<Path>, vocabulary: &Vocabulary, options: &VectorOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let Some(file) = outside::open(path, Links::Follow)? else {
            return Err(Error::Data(format!("{name}: there is no such file; check the path")));
        };
        Self::from_reader(&name, BufReader::with_capacity(1 << 20, file), vocabulary, options)
    }

    /// Reads word vectors from anything; `name` stands for the file in messages. Errors as [`read`](Self::read).
    pub fn from_reader(
        name: &str,
        reader: impl BufRead,
        vocabulary: &Vocabulary,
        options: &VectorOptions,
    ) -> Result<Self> {
        let mut file = WordFile::open(name, reader, options.format, options.features)?;
        let mut fallbacks: HashMap<String, Fallback> = HashMap::new();
        if options.lowercase_fallback {
            for (id, token) in vocabulary.ordinary() {
                let lower = token.to_lowercase();
                if lower != token {
                    fallbacks.entry(lower).or_default().ids.push(id);
                }
            }
        }
        let mut exact: Vec<Option<usize>> = vec![None; vocabulary.len()];
        let mut lower = exact.clone();
        let (mut values, mut vector, mut coverage) = (Vec::new(), Vec::new(), Coverage::default());
        while let Some(word) = file.next(&mut vector)? {
            coverage.words += 1;
            let Some(word) = word else {
                coverage.unreadable += 1;
                continue;
            };
            let slot = values.len() / vector.len();
            let (mut wanted, mut used) = (false, false);
            if let Some(id) = vocabulary.id(word) {
                wanted = true;
                let of_id = &mut exact[id as usize];
                used = of_id.is_none();
                *of_id = of_id.or(Some(slot));
            }
            if let Some(fallback) = fallbacks.get_mut(word) {
                wanted = true;
                used |= !fallback.seen;
                if !std::mem::replace(&mut fallback.seen, true) {
                    fallback.ids.iter().for_each(|&id| lower[id as usize] = Some(slot));
                }
            }
            if used {
                values.extend_from_slice(&vector);
            } else if wanted {
                coverage.duplicates += 1;
            }
        }
        let features = file.features();
        for (id, token) in vocabulary.ordinary() {
            coverage.tokens += 1;
            match (exact[id as usize], lower[id as usize]) {
                (Some(_), _) => coverage.exact += 1,
                (None, Some(_)) => coverage.lowercase += 1,
                (None, None) if coverage.missing.len() < LISTED_MISSING => {
                    coverage.missing.push(token.to_owned());
                }
                (None, None) => {}
            }
        }
        let slots = exact.into_iter().zip(lower).map(|(exact, lower)| exact.or(lower)).collect();
        Ok(Self { name: name.to_owned(), features, values, slots, coverage })
    }

    /// F: how long each vector is.
    pub fn features(&self) -> usize {
        self.features
    }

    /// How much of the vocabulary has a vector.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The vector of an id, `[F]`; `None` if the file has none.
    pub fn vector(&self, id: u32) -> Option<&[f32]> {
        let slot = (*self.slots.get(id as usize)?)?;
        self.values.get(slot * self.features..(slot + 1) * self.features)
    }

    /// Copies the vectors into an embedding's table `[V, F]`. Rows without a vector stay as they are, the padding
    /// row among them. Error: a table of another shape.
    pub fn copy_into(&self, mut table: ArrayViewMut2<'_, f32>) -> Result<()> {
        let shape = (self.slots.len(), self.features);
        if table.dim() != shape {
            return Err(Error::Shape {
                what: format!("the table for the vectors of {}", self.name),
                expected: format!("[{}, {}]", shape.0, shape.1),
                found: format!("[{}, {}]", table.nrows(), table.ncols()),
            });
        }
        for (id, mut row) in (0..).zip(table.rows_mut()) {
            if let Some(vector) = self.vector(id) {
                row.iter_mut().zip(vector).for_each(|(to, &value)| *to = value);
            }
        }
        Ok(())
    }

    /// Copies the vectors into an embedding of a model by its name; ids without a vector keep theirs. Returns how much
    /// of the vocabulary has one. A layer that is no embedding of as many ids and features is an error.
    pub fn copy_into_model(&self, model: &mut Model, layer: &str) -> Result<Coverage> {
        let table = model.embedding_table(layer)?;
        self.copy_into(table).map_err(|error| Error::Invalid(format!("{layer}: {error}")))?;
        Ok(self.coverage().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VectorFormat::{FastText, Glove, Word2VecBinary, Word2VecText};
    use ndarray::Array2;
    use proptest::prelude::*;

    const FORMATS: [VectorFormat; 4] = [Glove, FastText, Word2VecText, Word2VecBinary];

    fn read(bytes: &[u8], tokens: &[&str], options: VectorOptions) -> Result<WordVectors> {
        WordVectors::from_reader("file", bytes, &Vocabulary::from_tokens(tokens.to_vec()).unwrap(), &options)
    }

    fn binary(header: &str, words: &[(&[u8], &[f32])], end: &[u8]) -> Vec<u8> {
        let mut bytes = header.as_bytes().to_vec();
        for (word, vector) in words {
            bytes.extend_from_slice(word);
            bytes.push(b' ');
            vector.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
            bytes.extend_from_slice(end);
        }
        bytes
    }

    #[test]
    fn one_table_from_every_format() {
        let words: [(&[u8], &[f32]); 4] = [
            (b"of", &[0.5, -1.0]),
            ("수문".as_bytes(), &[2.0, 0.25]),
            (b"of", &[9.0, 9.0]),
            (b"\xFF\xFE", &[7.0, 7.0]),
        ];
        let text = b"of 0.5 -1\n\xEC\x88\x98\xEB\xAC\xB8 2e0 .25 \r\nof 9 9\n\xFF\xFE 7 7\n".to_vec();
        let with_header = [b"4 2\n".to_vec(), text.clone()].concat();
        for (format, bytes) in [
            (Glove, text.clone()),
            (Glove, [b"\xEF\xBB\xBF".to_vec(), text].concat()),
            (FastText, with_header.clone()),
            (Word2VecText, [with_header, b"\n \n".to_vec()].concat()),
            (Word2VecBinary, binary("4 2\n", &words, b"\n")),
            (Word2VecBinary, binary("4 2\n", &words, b"")),
        ] {
            let vectors = read(&bytes, &["수문", "gate", "of"], VectorOptions::new(format)).unwrap();
            assert_eq!(
                (vectors.vector(2), vectors.vector(4)),
                (Some(&[2.0, 0.25][..]), Some(&[0.5, -1.0][..]))
            );
            assert_eq!([vectors.vector(0), vectors.vector(3), vectors.vector(5)], [None; 3]);
            let expected = Coverage {
                tokens: 3,
                exact: 2,
                lowercase: 0,
                missing: vec!["gate".into()],
                words: 4,
                duplicates: 1,
                unreadable: 1,
            };
            assert_eq!(vectors.coverage(), &expected, "{format:?}");
            assert_eq!(
                vectors.coverage().to_string(),
                "2 of 3 tokens (66.7 %) have a vector; missing: \"gate\"; 1 twice in the file; 1 unreadable"
            );
            let mut table = Array2::from_elem((5, 2), 3.0);
            vectors.copy_into(table.view_mut()).unwrap();
            assert_eq!(
                table.into_raw_vec_and_offset().0,
                [3.0, 3.0, 3.0, 3.0, 2.0, 0.25, 3.0, 3.0, 0.5, -1.0]
            );
        }
    }

    #[test]
    fn words_of_glove_may_have_blanks() {
        let text = b"at name@domain.com 1 2\n. . . 3 4\n2.5 5 6\na\xC2\xA0b 7 8\n 9 9\nto infinity 1 1\n";
        let vectors =
            read(text, &["at name@domain.com", ". . .", "2.5", "a\u{a0}b"], VectorOptions::new(Glove))
                .unwrap();
        let found: Vec<_> = (2..6).map(|id| vectors.vector(id).unwrap().to_vec()).collect();
        assert_eq!(found, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]);
        assert_eq!(vectors.coverage().unreadable, 1);
    }

    #[test]
    fn lower_case_stands_in_for_what_is_missing() {
        let tokens = ["The", "THE", "the", "Of", "<pad>"];
        let text = b"the 1\nThe 2\nthe 3\n<PAD> 4\n";
        let found = |fallback| {
            let options = VectorOptions::new(Glove).lowercase_fallback(fallback);
            let vectors = read(text, &tokens, options).unwrap();
            let of: Vec<Option<f32>> = (0..7).map(|id| vectors.vector(id).map(|v| v[0])).collect();
            (of, vectors.coverage().exact, vectors.coverage().lowercase, vectors.coverage().duplicates)
        };
        let none = None;
        assert_eq!(found(false), (vec![none, none, Some(2.0), none, Some(1.0), none, none], 2, 0, 1));
        assert_eq!(found(true), (vec![none, none, Some(2.0), Some(1.0), Some(1.0), none, none], 2, 1, 1));
    }

    #[test]
    fn hostile_files_are_explained() {
        let word = |vector: &'static [f32]| -> Vec<u8> { binary("1 2\n", &[(b"a", vector)], b"\n") };
        let long = vec![b'x'; 5 << 20];
        let cases: Vec<(VectorFormat, Option<usize>, Vec<u8>, &str)> = vec![
            (Glove, None, b"".to_vec(), "file: the file is empty"),
            (
                Glove,
                None,
                b"2 3\na 1 2 3\n".to_vec(),
                "file: line 1 is a header of two numbers, which GloVe files lack",
            ),
            (Glove, None, b"word\n".to_vec(), "file: vectors of 0 numbers; 1 to 65536 can be read"),
            (
                Glove,
                None,
                b"a 1 2\nb 1\n".to_vec(),
                "file: line 2: expected a word and 2 numbers, found a word and 1 numbers",
            ),
            (
                Glove,
                None,
                b"a 1 2\n\nb 1 2 3\n".to_vec(),
                "file: line 3: expected a word and 2 numbers, found a word and 3 numbers",
            ),
            (
                Glove,
                Some(3),
                b"a 1 2\n".to_vec(),
                "file: line 1: expected a word and 3 numbers, found a word and 2 numbers",
            ),
            (
                Glove,
                Some(2),
                b"a b 1 2 3\n".to_vec(),
                "file: line 1: expected a word and 2 numbers, found a word and 4 numbers",
            ),
            (
                Glove,
                None,
                b"a 1 2\nb nan 2\n".to_vec(),
                "file: line 2: expected a word and 2 numbers, but number 1 is \"nan\", not finite",
            ),
            (
                Glove,
                None,
                b"a 1 2\nb 1 1e39\n".to_vec(),
                "file: line 2: expected a word and 2 numbers, but number 2 is \"1e39\", not finite",
            ),
            (
                Glove,
                None,
                b"a 1 2\nb c d 1\n".to_vec(),
                "file: line 2: expected a word and 2 numbers, but number 1 is \"d\", no number",
            ),
            (Glove, None, long.clone(), "file: line 1 is over 4194304 bytes long"),
            (Glove, None, b"\x1F\x8B\x08\x00".to_vec(), "file: the file is compressed; unpack it first"),
            (
                FastText,
                None,
                b"a 1 2\n".to_vec(),
                "file: line 1 is no header of two numbers, words and features, but \"a 1 2\"",
            ),
            (FastText, None, long.clone(), "file: line 1 is no header"),
            (
                FastText,
                Some(100),
                b"1 300\n".to_vec(),
                "file: the vectors have 300 numbers, but the embedding has 100 features; make them equal",
            ),
            (
                Word2VecText,
                None,
                b"2 2\na 1 2\n".to_vec(),
                "file: the file ends after 1 of the 2 words that its header promises",
            ),
            (
                Word2VecText,
                None,
                b"1 2\na 1 2\nb 1 2\n".to_vec(),
                "file: line 3 after the 1 words that the header promises",
            ),
            (Word2VecText, None, b"18446744073709551616 2\n".to_vec(), "file: line 1 is no header"),
            (
                Word2VecBinary,
                None,
                b"1 99999999999999\n".to_vec(),
                "file: vectors of 99999999999999 numbers; 1 to 65536 can be read",
            ),
            (Word2VecBinary, None, b"1 0\n".to_vec(), "file: vectors of 0 numbers"),
            (
                Word2VecBinary,
                None,
                b"18446744073709551615 65536\na ".to_vec(),
                "file: the file ends after 0 of the 18446744073709551615 words",
            ),
            (Word2VecBinary, None, word(&[1.0]), "file: the file ends after 0 of the 1 words"),
            (
                Word2VecBinary,
                None,
                word(&[1.0, 2.0, 3.0]),
                "file: there is more after the 1 words that the header promises",
            ),
            (
                Word2VecBinary,
                None,
                word(&[1.0, f32::NAN]),
                "file: word 1 (\"a\"): number 2 is NaN, not finite",
            ),
            (
                Word2VecBinary,
                None,
                word(&[f32::NEG_INFINITY, 1.0]),
                "file: word 1 (\"a\"): number 1 is -inf, not finite",
            ),
            (
                Word2VecBinary,
                None,
                [b"1 2\n".to_vec(), long].concat(),
                "file: word 1 is over 65536 bytes long",
            ),
        ];
        for (format, features, bytes, expected) in cases {
            let error =
                read(&bytes, &["a"], VectorOptions { features, ..VectorOptions::new(format) }).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_table_of_another_shape_is_refused() {
        let vectors = read(b"a 1 2\n", &["a"], VectorOptions::new(Glove)).unwrap();
        let error = vectors.copy_into(Array2::zeros((3, 4)).view_mut()).unwrap_err().to_string();
        assert_eq!(error, "the table for the vectors of file: expected [3, 2], found [3, 4]");
    }

    #[test]
    fn files_are_read_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("벡터.vec");
        let vocabulary = Vocabulary::from_tokens(["a"]).unwrap();
        let read = || WordVectors::read(&path, &vocabulary, &VectorOptions::new(FastText));
        assert!(read().unwrap_err().to_string().ends_with("벡터.vec: there is no such file; check the path"));
        std::fs::write(&path, "1 3\na 1 2 3\n").unwrap();
        assert_eq!(read().unwrap().vector(2), Some(&[1.0, 2.0, 3.0][..]));
        let error = WordVectors::read(folder.path(), &vocabulary, &VectorOptions::new(FastText)).unwrap_err();
        assert!(error.to_string().ends_with("is a folder, not a file; give a file"), "{error}");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for format in FORMATS {
                let _ = read(&bytes, &["a"], VectorOptions::new(format));
            }
        }

        #[test]
        fn nearly_right_bytes_never_panic(
            text in "[a-c 0-9\n\t.e-]{0,60}",
            words in 0_u64..4,
            features in 0_usize..4,
            cut in 0_usize..80,
        ) {
            let with_header = format!("{words} {features}\n{text}");
            let cut = cut.min(with_header.len());
            for format in FORMATS {
                for bytes in [text.as_bytes(), with_header.as_bytes(), &with_header.as_bytes()[..cut]] {
                    if let Ok(vectors) = read(bytes, &["a", "b", "ab"], VectorOptions::new(format).lowercase_fallback(true)) {
                        prop_assert!((2..5).filter_map(|id| vectors.vector(id)).flatten().all(|v| v.is_finite()));
                    }
                }
            }
        }

        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec(-1e30_f32..1e30, 3), 1..6),
            binary_file in any::<bool>(),
        ) {
            let tokens: Vec<String> = (0..rows.len()).map(|n| format!("w{n}")).collect();
            let header = format!("{} 3\n", rows.len());
            let bytes = if binary_file {
                let words: Vec<(&[u8], &[f32])> = tokens.iter().zip(&rows).map(|(t, r)| (t.as_bytes(), &r[..])).collect();
                binary(&header, &words, b"\n")
            } else {
                let lines: String = tokens.iter().zip(&rows).map(|(t, r)| format!("{t} {} {} {}\n", r[0], r[1], r[2])).collect();
                (header + &lines).into_bytes()
            };
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            let format = if binary_file { Word2VecBinary } else { Word2VecText };
            let vectors = read(&bytes, &tokens, VectorOptions::new(format).features(3)).unwrap();
            for (id, row) in (2..).zip(&rows) {
                prop_assert_eq!(vectors.vector(id), Some(&row[..]));
            }
        }
    }
}
