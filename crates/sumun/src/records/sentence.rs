//! What a sentence of a file is, and where its tokens and tags are.

/// A sentence: at least one token, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The line of the file that it starts on, counted from 1.
    pub line: usize,
    /// Its tokens.
    pub tokens: Vec<String>,
    /// A tag for each token, where the file has tags.
    pub tags: Option<Vec<String>>,
}

/// Where tokens and tags are: keys of JSON objects, or columns counted from 1.
///
/// Where they are not named: the keys `tokens` and `tags`; FORM and UPOS of CoNLL-U (ten columns with tabs between
/// them, the first a number); the first and the last column of any other file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaggedSpec<'a> {
    /// The key or column of the tokens.
    pub tokens: Option<&'a str>,
    /// The key or column of the tags.
    pub tags: Option<&'a str>,
    /// Whether a sentence without tags is an error.
    pub require_tags: bool,
}
