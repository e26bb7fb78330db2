//! Tokens as text, piece by piece.

use super::super::cutter::Cutter;
use super::tokens::NEWLINE;
use crate::text::{Bytes, TokenUnit, compose, decompose};

/// Marks that stand on the word before them.
const CLOSING: &str = ",.;:!?)]}…%’”»、。";
/// Marks that stand on the word after them.
const OPENING: &str = "([{“‘«";

/// Writes tokens as they come. The pieces together are the text.
///
/// Words have a space between them, but for line ends and, where punctuation marks are tokens, the marks that stand on a
/// word. Letters of Hangul are held back until their syllable is whole.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct Writer {
    unit: TokenUnit,
    /// The bytes of a character that may go on, where tokens are word pieces.
    bytes: Option<Bytes>,
    is_spaced: bool,
    /// The letters of a syllable that may go on.
    held: String,
    /// Whether the next word stands on what is before it.
    joined: bool,
}

impl Writer {
    pub(in crate::tasks) fn new(cutter: &Cutter) -> Self {
        let bytes = cutter.pieces().map(|_| Bytes::default());
        let unit = cutter.rules().unit;
        Self { unit, bytes, is_spaced: cutter.is_spaced(), held: String::new(), joined: true }
    }

    /// A prompt as it is, but for a last syllable that may go on.
    pub(in crate::tasks) fn prompt(&mut self, prompt: &str) -> String {
        if self.unit == TokenUnit::Jamo {
            return decompose(prompt).chars().map(|letter| self.letter(letter)).collect();
        }
        let last = prompt.chars().next_back();
        self.joined = last.is_none_or(|last| last.is_whitespace() || self.is_mark(last, OPENING));
        prompt.to_owned()
    }

    /// The next token.
    pub(in crate::tasks) fn token(&mut self, token: &str) -> String {
        if self.unit == TokenUnit::Jamo {
            return token.chars().map(|letter| self.letter(letter)).collect();
        }
        if let Some(bytes) = &mut self.bytes {
            return bytes.token(token);
        }
        if !self.is_spaced {
            return token.to_owned();
        }
        let alone = |marks| token.chars().all(|mark| self.is_mark(mark, marks));
        let space = if self.joined || token == NEWLINE || alone(CLOSING) { "" } else { " " };
        self.joined = token == NEWLINE || alone(OPENING);
        format!("{space}{token}")
    }

    /// What is held back when nothing more comes. A consonant that only began a syllable is left out: where a text ends
    /// is no fault of the model's.
    pub(in crate::tasks) fn finish(&mut self) -> String {
        if let Some(bytes) = &mut self.bytes {
            return bytes.finish();
        }
        if self.held.chars().count() == 1 {
            self.held.clear();
        }
        self.flush()
    }

    fn flush(&mut self) -> String {
        compose(&std::mem::take(&mut self.held))
    }

    fn is_mark(&self, mark: char, marks: &str) -> bool {
        self.unit == TokenUnit::WordsAndPunctuation && marks.contains(mark)
    }

    /// A letter of Hangul or any other character; what can be written now.
    fn letter(&mut self, letter: char) -> String {
        let goes_on = match (self.held.chars().count(), letter) {
            (1, '\u{1161}'..='\u{1175}') => true,
            (2, '\u{11A8}'..='\u{11C2}') => {
                self.held.push(letter);
                return self.flush();
            }
            _ => false,
        };
        let before = if goes_on { String::new() } else { self.flush() };
        if goes_on || ('\u{1100}'..='\u{1112}').contains(&letter) {
            self.held.push(letter);
            return before;
        }
        format!("{before}{letter}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokenizer;
    use proptest::prelude::*;

    fn write(unit: TokenUnit, prompt: &str, tokens: &[&str]) -> Vec<String> {
        let mut writer = Writer::new(&Cutter::from(Tokenizer::new(unit)));
        let mut pieces = vec![writer.prompt(prompt)];
        pieces.extend(tokens.iter().map(|token| writer.token(token)));
        pieces.push(writer.finish());
        pieces
    }

    #[test]
    fn words_have_spaces_where_they_should() {
        use TokenUnit::{Characters, Whitespace, WordsAndPunctuation};
        let words = ["He", "said", "(", "twice", ")", ":", "“", "no", "”", ".", "\n", "\n", "So", "…"];
        for (unit, prompt, expected) in [
            (WordsAndPunctuation, "", "He said (twice): “no”.\n\nSo…"),
            (WordsAndPunctuation, "And", "And He said (twice): “no”.\n\nSo…"),
            (WordsAndPunctuation, "And ", "And He said (twice): “no”.\n\nSo…"),
            (WordsAndPunctuation, "(", "(He said (twice): “no”.\n\nSo…"),
            (Whitespace, "(", "( He said ( twice ) : “ no ” .\n\nSo …"),
            (Whitespace, "a\n", "a\nHe said ( twice ) : “ no ” .\n\nSo …"),
            (Characters, "a ", "a Hesaid(twice):“no”.\n\nSo…"),
        ] {
            assert_eq!(write(unit, prompt, &words).concat(), expected, "{unit:?} {prompt:?}");
        }
    }

    #[test]
    fn syllables_come_whole() {
        let pieces = |prompt, tokens: &[&str]| write(TokenUnit::Jamo, prompt, tokens);
        // 하 may become 한, which is whole; 가 is written when ㄴ does not become its end.
        assert_eq!(pieces("대하", &["\u{11AB}", "a"]), ["대", "한", "a", ""]);
        assert_eq!(
            pieces("", &["\u{1100}", "\u{1161}", "\u{1102}", "\u{1161}"]),
            ["", "", "", "가", "", "나"]
        );
        assert_eq!(pieces("가", &[" "]), ["", "가 ", ""]);
        assert_eq!(pieces("", &["\u{1100}", "\n"]), ["", "", "\u{1100}\n", ""]);
        assert_eq!(pieces("가", &["\u{1102}"]), ["", "가", ""]);
    }

    proptest! {
        #[test]
        fn pieces_are_what_the_whole_composes_to(letters in "[\u{1100}-\u{11FF}가-깋a ]{0,30}", cut in 0_usize..30) {
            let letters: Vec<String> = decompose(&letters).chars().map(String::from).collect();
            let cut = cut.min(letters.len());
            let tokens: Vec<&str> = letters[cut..].iter().map(String::as_str).collect();
            let written = write(TokenUnit::Jamo, &letters[..cut].concat(), &tokens).concat();
            let whole = compose(&letters.concat());
            let begun = |c: char| ('\u{1100}'..='\u{1112}').contains(&c);
            prop_assert_eq!(written.as_str(), whole.strip_suffix(begun).unwrap_or(&whole));
        }
    }
}
