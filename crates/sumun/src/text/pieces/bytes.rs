//! Bytes as pieces: what is written where no piece has a character.

/// How many there are.
pub(super) const BYTES: usize = 256;

/// The piece of a byte, as SentencePiece writes it.
pub(super) fn byte_piece(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// The byte of a piece, if it is one's.
pub(super) fn byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    let right = digits.len() == 2 && digits.bytes().all(is_digit);
    right.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Whether a piece is that of a byte.
pub(super) fn is_byte(piece: &str) -> bool {
    byte(piece).is_some()
}

/// Makes text of pieces as they come: bytes are held back until a character is whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bytes {
    held: Vec<u8>,
}

impl Bytes {
    /// Takes the next piece, and gives what can be written now.
    pub(crate) fn token(&mut self, piece: &str) -> String {
        let Some(byte) = byte(piece) else { return self.finish() + piece };
        self.held.push(byte);
        let mut text = String::new();
        loop {
            match str::from_utf8(&self.held) {
                Ok(whole) => {
                    text += whole;
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text += &String::from_utf8_lossy(&self.held[..valid]);
                    let Some(wrong) = error.error_len() else {
                        self.held.drain(..valid);
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.held.drain(..valid + wrong);
                }
            }
        }
    }

    /// What was held back, where no byte follows.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_whole() {
        let mut bytes = Bytes::default();
        let pieces =
            ["a", "<0xEA>", "<0xB0>", "<0x80>", "<0x41>", "<0xC3>", "b", "<0xFF>", "<0xE2>", "<0x82>"];
        let found: Vec<String> = pieces.iter().map(|piece| bytes.token(piece)).collect();
        assert_eq!(found, ["a", "", "", "가", "A", "", "\u{fffd}b", "\u{fffd}", "", ""]);
        assert_eq!(bytes.finish(), "\u{fffd}");
        for (piece, expected) in [("<0x0A>", Some(10)), ("<0x0a>", None), ("<0x0A", None), ("<0x+1>", None)] {
            assert_eq!(byte(piece), expected, "{piece}");
        }
        assert!((0..=u8::MAX).all(|b| byte(&byte_piece(b)) == Some(b)));
    }
}
