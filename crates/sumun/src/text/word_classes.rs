//! What each character is to Unicode's rules for words (UAX #29), for programs that cut words themselves.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

/// The characters of each class, as ranges of code points. Classes are letters: `A` ALetter, `p` of these those that are
/// pictographs too, `H` Hebrew_Letter, `N` Numeric, `K` Katakana, `U` ExtendNumLet, `L` MidLetter, `M` MidNum, `B` MidNumLet,
/// `Q` Single_Quote, `D` Double_Quote, `E` Extend and Format, `Z` ZWJ, `R` Regional_Indicator, `P` Extended_Pictographic, `S`
/// WSegSpace, `C` CR, `F` LF, `W` Newline. All others are in none.
///
/// They are found by asking the segmentation itself, so that they are those of its version of Unicode.
pub(crate) fn word_classes() -> BTreeMap<char, Vec<[u32; 2]>> {
    let mut classes: BTreeMap<char, Vec<[u32; 2]>> = BTreeMap::new();
    for character in (char::MIN..=char::MAX).filter(|c| (*c as u32) < LAST_PLANE || TAGS.contains(c)) {
        let Some(class) = class_of(character) else { continue };
        let code = character as u32;
        let ranges = classes.entry(class).or_default();
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == code => *last = code,
            _ => ranges.push([code, code]),
        }
    }
    classes
}

/// Where the planes end that have letters and marks; behind them, only [`TAGS`] are in a class.
const LAST_PLANE: u32 = 0x20000;

/// Tags and variation selectors.
const TAGS: std::ops::RangeInclusive<char> = '\u{e0000}'..='\u{e0fff}';

fn class_of(c: char) -> Option<char> {
    // Classes of few characters, which the standard names.
    match c {
        '\r' => return Some('C'),
        '\n' => return Some('F'),
        '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => return Some('W'),
        '\'' => return Some('Q'),
        '"' => return Some('D'),
        '\u{200d}' => return Some('Z'),
        '\u{1f1e6}'..='\u{1f1ff}' => return Some('R'),
        _ => {}
    }
    let joins = |parts: &[&str]| {
        let text = parts.concat();
        text.split_word_bounds().count() == 1
    };
    let mut buffer = [0; 4];
    let c: &str = c.encode_utf8(&mut buffer);
    // A letter of Hiragana is joined with marks alone (WB4).
    if joins(&["あ", c]) {
        return Some('E');
    }
    let pictograph = joins(&["\u{200d}", c]);
    let class = match () {
        () if joins(&["a", c]) => match () {
            () if joins(&["ア", c]) => 'U',
            () if joins(&["1,", c]) => 'N',
            () if joins(&["א\"", c]) => 'H',
            () if pictograph => 'p',
            () => 'A',
        },
        () if joins(&["ア", c]) => 'K',
        () => match (joins(&["a", c, "a"]), joins(&["1", c, "1"])) {
            (true, true) => 'B',
            (true, false) => 'L',
            (false, true) => 'M',
            (false, false) if pictograph => 'P',
            (false, false) if joins(&[" ", c]) => 'S',
            (false, false) => return None,
        },
    };
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_standard() {
        let classes = word_classes();
        let class = |c: char| {
            let code = c as u32;
            let has =
                |ranges: &[[u32; 2]]| ranges.iter().any(|[first, last]| (*first..=*last).contains(&code));
            classes.iter().find(|(_, ranges)| has(ranges)).map_or('O', |(class, _)| *class)
        };
        for (characters, expected) in [
            ("aÉж가Ⓐ", 'A'),
            ("Ⓜℹ", 'p'),
            ("א", 'H'),
            ("17٣", 'N'),
            ("アー", 'K'),
            ("_‿", 'U'),
            (":·", 'L'),
            (",;", 'M'),
            (".’", 'B'),
            ("'", 'Q'),
            ("\"", 'D'),
            ("\u{301}\u{ad}\u{e0061}", 'E'),
            ("\u{200d}", 'Z'),
            ("\u{1f1e9}", 'R'),
            ("☃👩", 'P'),
            (" \u{3000}", 'S'),
            ("\r", 'C'),
            ("\n", 'F'),
            ("\u{85}", 'W'),
            ("あ水!\t\u{a0}", 'O'),
        ] {
            for c in characters.chars() {
                assert_eq!(class(c), expected, "{c:?}");
            }
        }
        // Nothing behind the planes that were looked at is in a class.
        for code in (LAST_PLANE..0xe0000).step_by(61).chain((0xe1000..=0x10ffff).step_by(61)) {
            let c = char::from_u32(code).unwrap();
            assert_eq!(class_of(c), None, "{code:x}");
        }
    }
}
