//! Sentences as people write them, a line each, cut into tokens as those that a model was trained on.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

use super::conll::{Columns, Found};
use super::lines::numbered_lines;
use super::open::counted;
use super::sentence::Sentence;

/// What a tagger knows.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The columns of the CoNLL file that it was trained on.
    pub(crate) columns: Option<Columns>,
    /// Whether it knows a token.
    pub(crate) token: &'a dyn Fn(&str) -> bool,
    /// Whether it knows a tag.
    pub(crate) tag: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Of columns, so large a share of the lines has the same number of cells, or a tag that is known.
const MOST: f64 = 0.9;
const HALF: f64 = 0.5;

/// Whether a text to predict from is a sentence a line, and not a token a line with its columns.
///
/// Columns have tabs between them, or one number of cells in every line, with a tag at the end that the model knows, or
/// words in one column alone. A line of one word is the same sentence either way.
pub(super) fn is_raw(text: &str, known: &Known<'_>) -> bool {
    let lines = || {
        let lines = numbered_lines(text).map(|(_, line)| line.trim());
        lines.filter(|line| !line.is_empty() && !line.starts_with("# ") && !line.starts_with("-DOCSTART-"))
    };
    let cells = |line: &'_ str| line.split_ascii_whitespace().count();
    let Some(count) = lines().next().map(cells) else { return false };
    let total = lines().count() as f64;
    let share = |of: &dyn Fn(&str) -> bool| lines().filter(|line| of(line)).count() as f64 / total;
    if lines().any(|line| line.contains('\t')) || lines().all(|line| cells(line) == 1) {
        return false;
    }
    let tag = known.columns.filter(|columns| columns.count == count).and_then(|columns| columns.tag);
    let tagged = share(&|line| {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        cells.get(tag.unwrap_or(cells.len() - 1)).is_some_and(|cell| (known.tag)(cell))
    });
    let even = share(&|line| cells(line) == count);
    if even < MOST {
        return true;
    }
    // A word may be spelt as a tag is: "." is both in some treebanks.
    let words_beyond = share(&|line| {
        let mut cells = line.split_ascii_whitespace().skip(1);
        cells.any(|cell| (known.token)(cell) && !(known.tag)(cell))
    });
    match total as usize {
        // The first column holds words, so a word in another one says that all do.
        _ if words_beyond >= HALF => true,
        1 => tagged < HALF,
        _ => tagged < HALF && even < 1.0,
    }
}

/// Reads a sentence a line.
pub(super) fn read(file: &str, text: &str, known: &Known<'_>) -> Found {
    let lines = numbered_lines(text).filter(|(_, line)| !line.trim().is_empty());
    let sentences: Vec<Sentence> =
        lines.map(|(line, words)| Sentence { line, tokens: tokens(words, known), tags: None }).collect();
    let notes = vec![format!(
        "{file}: read as {}, a line each, cut at blanks, with punctuation apart where the training file has it apart; \
         columns need a tab between them",
        counted(sentences.len(), "sentence")
    )];
    Found { sentences, columns: None, notes }
}

/// What English treebanks cut off words.
const CLITICS: [&str; 7] = ["n't", "'s", "'re", "'ve", "'ll", "'d", "'m"];

/// The tokens of a line: what stands between blanks, with marks and clitics apart where they are tokens that the model
/// knows and the whole is not.
fn tokens(line: &str, known: &Known<'_>) -> Vec<String> {
    let mut tokens = Vec::new();
    for part in line.split([' ', '\t']) {
        // A token may hold other white space than blanks and tabs where the training file has it.
        let whole = !part.is_empty() && (known.token)(part);
        let parts: Vec<&str> = if whole { vec![part] } else { part.split_whitespace().collect() };
        parts.into_iter().for_each(|part| cut(part, known, &mut tokens));
    }
    tokens
}

fn cut(part: &str, known: &Known<'_>, into: &mut Vec<String>) {
    let is_mark = |mark: &str, rest: &str| {
        !mark.chars().any(char::is_alphanumeric) && ((known.token)(mark) || (known.token)(rest))
    };
    let mut rest = part;
    let mut behind = Vec::new();
    while !(known.token)(rest) {
        let first = rest.graphemes(true).next().unwrap_or_default();
        let last = rest.graphemes(true).next_back().unwrap_or_default();
        if first.len() < rest.len() && is_mark(first, &rest[first.len()..]) {
            into.push(first.to_owned());
            rest = &rest[first.len()..];
        } else if last.len() < rest.len() && is_mark(last, &rest[..rest.len() - last.len()]) {
            behind.push(last);
            rest = &rest[..rest.len() - last.len()];
        } else {
            break;
        }
    }
    let clitic = CLITICS.into_iter().find(|clitic| {
        let at = rest.len().checked_sub(clitic.len()).filter(|&at| at > 0 && rest.is_char_boundary(at));
        at.is_some_and(|at| rest[at..].eq_ignore_ascii_case(clitic) && (known.token)(&rest[at..]))
    });
    match clitic.filter(|_| !(known.token)(rest)) {
        Some(clitic) => {
            let (word, end) = rest.split_at(rest.len() - clitic.len());
            into.extend([word.to_owned(), end.to_owned()]);
        }
        None => into.push(rest.to_owned()),
    }
    into.extend(behind.into_iter().rev().map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_words_are_told_from_columns() {
        let token =
            |token: &str| matches!(token, "Mina" | "visits" | "Oslo" | "." | "It" | "n't" | "has" | "\"");
        let tag = |tag: &str| matches!(tag, "B-PER" | "B-LOC" | "O" | ".");
        let columns = Some(Columns { count: 4, token: 0, tag: Some(3) });
        let known = Known { columns, token: &token, tag: &tag };
        for (text, expected) in [
            ("Mina visits Oslo .\n", true),
            ("Mina visits Oslo.", true),
            ("Mina visits Oslo .\r\rOslo has Mina .\r", true),
            ("Someone I do not know\nwrites\n", true),
            ("Mina NNP I-NP B-PER\nvisits VBZ I-VP O\n\n", false),
            ("Mina NNP I-NP B-PER", false),
            ("Mina\tvisits\n", false),
            ("Mina\nvisits\n\nOslo\n", false),
            ("Mina NNP\nvisits VBZ\nParis NNP\n", false),
            ("Lea NNP I-NP B-PER\nsees VBZ I-VP O\nx y z O\n", false),
        ] {
            assert_eq!(is_raw(text, &known), expected, "{text}");
        }
        for (line, expected) in [
            ("Mina visits Oslo .", "Mina|visits|Oslo|."),
            (" \"Mina, visits Oslo.\"", "\"|Mina|,|visits|Oslo|.|\""),
            ("It hasn't. .", "It|has|n't|.|."),
            ("Mina? ¿Oslo", "Mina|?|¿|Oslo"),
            ("Mr. Os\u{a0}lo", "Mr|.|Os|lo"),
        ] {
            assert_eq!(tokens(line, &known).join("|"), expected);
        }
    }
}
