//! Cutting a text into words that no piece spans.

use serde::{Deserialize, Serialize};

/// The most characters of a word, the space before it apart, that pieces are learnt from: longer runs are cut, so that none takes
/// time by its square.
pub(super) const LONGEST_WORD: usize = 64;

/// The most characters of a piece that is learnt.
pub(super) const LONGEST_LEARNT: usize = 16;

/// What a piece does not span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cut {
    /// Runs of letters, of digits and of punctuation marks, each with a space before it; line ends one by one.
    #[default]
    Classes,
    /// What begins with a space, as SentencePiece cuts texts.
    Spaces,
    /// Nothing.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Mark,
    Blank,
    LineEnd,
}

/// White space that does not end a line, as Unicode has it.
const BLANKS: &[(char, char)] = &[
    ('\t', '\t'),
    ('\u{b}', '\r'),
    (' ', ' '),
    ('\u{85}', '\u{85}'),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
];

const DIGITS: &[(char, char)] = &[('0', '9')];

/// Punctuation marks and symbols, as ranges that other programs can follow whatever version of Unicode they know.
const MARKS: &[(char, char)] = &[
    ('!', '/'),
    (':', '@'),
    ('[', '`'),
    ('{', '~'),
    ('\u{a1}', '\u{a9}'),
    ('\u{ab}', '\u{b4}'),
    ('\u{b6}', '\u{b9}'),
    ('\u{bb}', '\u{bf}'),
    ('\u{d7}', '\u{d7}'),
    ('\u{f7}', '\u{f7}'),
    ('\u{2010}', '\u{2027}'),
    ('\u{2030}', '\u{205e}'),
    ('\u{20a0}', '\u{20cf}'),
    ('\u{2190}', '\u{2bff}'),
    ('\u{3001}', '\u{3004}'),
    ('\u{3008}', '\u{3020}'),
    ('\u{3030}', '\u{3030}'),
    ('\u{318d}', '\u{318d}'),
    ('\u{ff01}', '\u{ff0f}'),
    ('\u{ff1a}', '\u{ff20}'),
    ('\u{ff3b}', '\u{ff40}'),
    ('\u{ff5b}', '\u{ff65}'),
    ('\u{1f000}', '\u{1faff}'),
];

fn class(c: char) -> Class {
    let among = |ranges: &[(char, char)]| ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
    match c {
        '\n' => Class::LineEnd,
        'a'..='z' | 'A'..='Z' | '가'..='힣' => Class::Letter,
        _ if among(DIGITS) => Class::Digit,
        _ if among(BLANKS) => Class::Blank,
        _ if among(MARKS) => Class::Mark,
        _ => Class::Letter,
    }
}

/// The words of a text, which together are the text.
pub(super) fn words(cut: Cut, text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = match cut {
            Cut::Classes => of_classes(rest),
            Cut::Spaces => match rest.char_indices().skip(1).find(|&(_, c)| c == ' ') {
                Some((at, _)) => at,
                None => rest.len(),
            },
            Cut::None => rest.len(),
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        Some(word)
    })
}

/// The bytes of the first word of a text that has one.
fn of_classes(text: &str) -> usize {
    let classes = || text.char_indices().map(|(at, c)| (at, class(c)));
    let mut from = classes();
    let (Some((_, first)), second) = (from.next(), from.next()) else { return text.len() };
    let of_run = |skip: usize, of: Class| {
        let past = classes().skip(skip).take(LONGEST_WORD + 1);
        let end = past.enumerate().find(|(n, (_, class))| *n == LONGEST_WORD || *class != of);
        end.map_or(text.len(), |(_, (at, _))| at)
    };
    let follows = |class| matches!(class, Class::Letter | Class::Digit | Class::Mark);
    match (first, second) {
        (Class::LineEnd, _) => 1,
        (Class::Blank, Some((_, next))) if text.starts_with(' ') && follows(next) => of_run(1, next),
        (Class::Blank, _) => {
            let end = of_run(0, Class::Blank);
            let next = text[end..].chars().next().map(class);
            // The space before a word is the word's.
            match text[..end].ends_with(' ') && next.is_some_and(follows) {
                true => end - 1,
                false => end,
            }
        }
        (first, _) => of_run(0, first),
    }
}

/// A regular expression whose matches, one after the other, are the words of a text.
pub(super) fn pattern(cut: Cut) -> String {
    let set = |ranges: &[(char, char)]| -> String {
        let escaped = |c: char| match c {
            '[' | ']' | '\\' | '^' | '-' => format!("\\{c}"),
            c => c.to_string(),
        };
        let range = |&(first, last): &(char, char)| match first == last {
            true => escaped(first),
            false => format!("{}-{}", escaped(first), escaped(last)),
        };
        ranges.iter().map(range).collect()
    };
    let (digits, marks, blanks) = (set(DIGITS), set(MARKS), set(BLANKS));
    let most = format!("{{1,{LONGEST_WORD}}}");
    match cut {
        Cut::Classes => format!(
            " ?[{digits}]{most}| ?[{marks}]{most}| ?[^{digits}{marks}{blanks}\n]{most}|\n|[{blanks}]{most}(?= [^{blanks}\n])|[{blanks}]{most}"
        ),
        Cut::Spaces => " ?[^ ]+| ".into(),
        Cut::None => "(?s:.+)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_has_the_space_before_it() {
        let long = "x".repeat(150);
        for (cut, text, expected) in [
            (
                Cut::Classes,
                "Go, now!  It is 12:30.",
                vec!["Go", ",", " now", "!", " ", " It", " is", " 12", ":", "30", "."],
            ),
            (Cut::Classes, "물은 흐른다.\n\n 끝", vec!["물은", " 흐른다", ".", "\n", "\n", " 끝"]),
            (Cut::Classes, "a \n\tb  ", vec!["a", " ", "\n", "\t", "b", "  "]),
            (Cut::Classes, "", vec![]),
            (Cut::Classes, " ", vec![" "]),
            (Cut::Classes, &long, vec![&long[..64], &long[..64], &long[..22]]),
            (Cut::Spaces, " a  b\nc", vec![" a", " ", " b\nc"]),
        ] {
            assert_eq!(words(cut, text).collect::<Vec<_>>(), expected, "{text:?}");
        }
        let spaces = format!("{}a", " ".repeat(100));
        assert_eq!(words(Cut::Classes, &spaces).map(str::len).collect::<Vec<_>>(), [64, 35, 2]);
        let spaces = format!("{}a", " ".repeat(65));
        assert_eq!(words(Cut::Classes, &spaces).map(str::len).collect::<Vec<_>>(), [64, 2]);
    }

    proptest! {
        #[test]
        fn words_together_are_the_text(text in "[a-c가-다0-2 \n\t.,·\\PC]{0,80}") {
            for cut in [Cut::Classes, Cut::Spaces] {
                prop_assert_eq!(words(cut, &text).collect::<String>(), text.as_str());
                prop_assert!(words(cut, &text).all(|word| !word.is_empty()));
            }
        }
    }
}
