//! Bytes as text: UTF-8, UTF-16, and what older programs write.
//!
//! What is certain is read (a byte order mark, UTF-8 that is valid, UTF-16 by its zeros). Korean and Western European
//! files are told by their letters, and it is said; the rest is refused unless its encoding is named.

use std::borrow::Cow;

use encoding_rs::{EUC_KR, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::names::quoted;

/// The text of some bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// In what they are written, if not in UTF-8.
    pub(super) note: Option<String>,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoText {
    /// Bytes that no text has.
    Binary,
    /// The first byte that is not UTF-8, where the rest is.
    Damaged { at: usize },
    /// The first byte that is not UTF-8, in a file whose encoding is not known.
    Unknown { at: usize },
    /// The first byte that does not fit the encoding that was named.
    Misnamed,
}

/// The encoding of a name, as browsers know them, and a few more names.
pub(super) fn encoding(name: &str) -> Option<&'static Encoding> {
    let plain = name.trim().to_lowercase();
    match plain.as_str() {
        "cp949" | "uhc" | "ms949" | "euckr" => Some(EUC_KR),
        "latin-1" | "latin_1" | "ansi" => Some(WINDOWS_1252),
        "utf16" | "utf-16-le" => Some(UTF_16LE),
        "utf-16-be" => Some(UTF_16BE),
        _ => Encoding::for_label(plain.as_bytes()),
    }
}

/// Reads bytes; `said` is the encoding of files that are not UTF-8.
pub(super) fn decode(bytes: Vec<u8>, said: Option<&'static Encoding>) -> Result<Decoded, (NoText, Vec<u8>)> {
    match read(&bytes, said) {
        // The bytes of most files are their text, which need not be copied.
        Ok(None) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Decoded { text, note: None }),
            Err(error) => Err((NoText::Binary, error.into_bytes())),
        },
        Ok(Some(decoded)) => Ok(decoded),
        Err(problem) => Err((problem, bytes)),
    }
}

/// The text of bytes, or None where it is the bytes as they are.
fn read(bytes: &[u8], said: Option<&'static Encoding>) -> Result<Option<Decoded>, NoText> {
    if let Some((marked, length)) = Encoding::for_bom(bytes)
        && marked != UTF_8
    {
        let text = marked.decode_without_bom_handling_and_without_replacement(&bytes[length..]);
        let text = text.filter(|text| !is_binary(text)).ok_or(NoText::Binary)?.into_owned();
        return Ok(Some(Decoded { text, note: Some(format!("the file is written in {}", marked.name())) }));
    }
    if bytes.contains(&0) {
        return utf16_without_mark(bytes).map(Some).ok_or(NoText::Binary);
    }
    // Encodings that switch by escapes look like ASCII.
    let escapes = said.is_some_and(|said| !said.is_ascii_compatible());
    let at = match std::str::from_utf8(bytes) {
        Ok(text) if !escapes => {
            let marked = text.strip_prefix('\u{feff}');
            return Ok(marked.map(|text| Decoded { text: text.to_owned(), note: None }));
        }
        Ok(_) => 0,
        Err(error) => error.valid_up_to(),
    };
    if let Some(said) = said {
        let text = said.decode_without_bom_handling_and_without_replacement(bytes).ok_or(NoText::Misnamed)?;
        return Ok(Some(Decoded { text: text.into_owned(), note: None }));
    }
    if bytes.iter().any(|&b| is_control(b as char)) {
        return Err(NoText::Binary);
    }
    if mostly_utf8(bytes) {
        return Err(NoText::Damaged { at });
    }
    let found = [
        (EUC_KR, "EUC-KR (CP949)", korean as fn(&[u8], &str) -> bool),
        (WINDOWS_1252, "Windows-1252 (Latin-1)", western),
    ];
    for (encoding, name, fits) in found {
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        let Some(text) = text.map(Cow::into_owned).filter(|text| fits(bytes, text)) else { continue };
        let word = text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_ascii());
        let such = word.map_or_else(String::new, |word| format!(", such as {}", quoted(word)));
        let note = format!(
            "the file is not written in UTF-8 but, by its letters, in {name}{such}; if that is wrong, name its encoding"
        );
        return Ok(Some(Decoded { text, note: Some(note) }));
    }
    Err(NoText::Unknown { at })
}

/// Control characters that no text has.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}' | '\u{7f}')
}

fn is_binary(text: &str) -> bool {
    text.chars().any(is_control)
}

/// Text of ASCII for the most part has a zero in every other byte of UTF-16, and always on the same side.
fn utf16_without_mark(bytes: &[u8]) -> Option<Decoded> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let zeros = |side: usize| bytes.iter().skip(side).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // Line ends and delimiters alone are a tenth of most files, whatever the script.
    let encoding = match (even, odd) {
        (0, odd) if odd * 20 >= bytes.len() / 2 => UTF_16LE,
        (even, 0) if even * 20 >= bytes.len() / 2 => UTF_16BE,
        _ => return None,
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
    let note = Some(format!("the file is written in {}", encoding.name()));
    (!is_binary(&text)).then_some(Decoded { text, note })
}

/// Whether more bytes beyond ASCII are parts of valid UTF-8 than not: a text in UTF-8 that was damaged.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > bad
}

/// Whether what lies beyond ASCII are the syllables of everyday Korean, those of KS X 1001, beside signs. Chinese and
/// Japanese files are pairs of such bytes too, but half of theirs lie elsewhere.
fn korean(bytes: &[u8], _: &str) -> bool {
    let (mut at, mut all, mut syllables) = (0, 0, 0);
    while at < bytes.len() {
        let pair = [bytes[at], bytes.get(at + 1).copied().unwrap_or(0)];
        at += if pair[0] < 0x80 { 1 } else { 2 };
        all += usize::from(pair[0] >= 0x80 && !(0xa1..=0xa3).contains(&pair[0]));
        syllables += usize::from((0xb0..=0xc8).contains(&pair[0]) && pair[1] >= 0xa1);
    }
    syllables > 0 && syllables * 100 >= all * 85
}

/// Whether what lies beyond ASCII are single letters and signs as Western European languages have them.
fn western(_: &[u8], text: &str) -> bool {
    let (mut run, mut longest, mut odd, mut accented, mut letters) = (0, 0, 0, 0, 0);
    for c in text.chars() {
        letters += usize::from(c.is_alphabetic());
        run = if c.is_ascii() { 0 } else { run + 1 };
        longest = longest.max(run);
        if !c.is_ascii() {
            let sign = "°²³¹µ€£§«»–—‘’“”„…•·½¼¾®©™ªº¿¡‰×÷±\u{a0}´¨¢¥".contains(c);
            let letter = c.is_alphabetic();
            accented += usize::from(letter);
            odd += usize::from(!sign && !letter);
        }
    }
    odd == 0 && longest <= 2 && accented * 3 <= letters.max(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    }

    #[test]
    fn encodings_are_found() {
        let german = "Datum;Größe;Wert\n01.01.2020;5 °C;ja\n02.01.2020;6 °C;nein\n";
        let korean = "날짜,판매량,비고\n2020-01-01,5,좋음\n2020-01-02,6,나쁨\n";
        for (text, bytes, note) in [
            (german, german.as_bytes().to_vec(), None),
            (german, [b"\xef\xbb\xbf", german.as_bytes()].concat(), None),
            (german, utf16(&format!("\u{feff}{german}"), false), Some("UTF-16LE")),
            (german, utf16(&format!("\u{feff}{german}"), true), Some("UTF-16BE")),
            (german, utf16(german, false), Some("UTF-16LE")),
            (korean, utf16(korean, true), Some("UTF-16BE")),
            (
                german,
                WINDOWS_1252.encode(german).0.into_owned(),
                Some("Windows-1252 (Latin-1), such as 'Größe'"),
            ),
            (korean, EUC_KR.encode(korean).0.into_owned(), Some("EUC-KR (CP949), such as '날짜'")),
        ] {
            let decoded = decode(bytes, None).unwrap();
            assert_eq!(decoded.text, text);
            match note {
                None => assert_eq!(decoded.note, None),
                Some(note) => {
                    assert!(decoded.note.as_ref().is_some_and(|n| n.contains(note)), "{:?}", decoded.note)
                }
            }
        }
    }

    #[test]
    fn what_is_uncertain_is_refused_and_can_be_named() {
        let bytes = |name: &str, text: &str| encoding(name).unwrap().encode(text).0.into_owned();
        for (name, text) in [
            ("windows-1251", "Дата,Продажи\n2020-01-01,5\n"),
            ("gbk", "日期,销售额\n2020-01-01,5\n"),
            ("shift_jis", "日付,売上\n2020-01-01,5\n"),
            ("euc-jp", "ひづけ,うりあげ\n2020-01-01,5\n"),
            ("big5", "日期,銷售額\n2020-01-01,5\n"),
        ] {
            assert!(matches!(decode(bytes(name, text), None), Err((NoText::Unknown { at: 0 }, _))), "{name}");
            assert_eq!(decode(bytes(name, text), encoding(name)).unwrap().text, text);
        }
        let damaged = b"\xed\x95\x9c\xea\xb8\x80 \xff\n".to_vec();
        let problem = |bytes: &[u8], said| decode(bytes.to_vec(), said).unwrap_err().0;
        assert_eq!(problem(&damaged, None), NoText::Damaged { at: 7 });
        assert_eq!(problem(b"ab\x01\xe9", None), NoText::Binary);
        assert_eq!(problem(&[0; 10], None), NoText::Binary);
        assert_eq!(problem(b"a\xff\xff", encoding("euc-kr")), NoText::Misnamed);
        // UTF-8 stays what it is, whatever is said of files that are not.
        assert_eq!(decode("ä".into(), encoding("cp949")).unwrap().text, "ä");
        assert_eq!(encoding("no such"), None);
    }
}
