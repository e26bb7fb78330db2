//! Hangul syllables as jamo, their letters, by arithmetic (The Unicode Standard, section 3.12).

/// How many initial consonants (choseong) there are.
pub const CHOSEONG: u32 = 19;
/// How many vowels (jungseong) there are.
pub const JUNGSEONG: u32 = 21;
/// How many final consonants (jongseong) there are, "none" being the first.
pub const JONGSEONG: u32 = 28;

const FIRST_SYLLABLE: u32 = 0xAC00;
const FIRST_CHOSEONG: u32 = 0x1100;
const FIRST_JUNGSEONG: u32 = 0x1161;
/// One before the first final consonant, so that 0 is "none".
const NO_JONGSEONG: u32 = 0x11A7;

/// The indices of a syllable's choseong, jungseong and jongseong (0: none); `None` for any other character.
pub fn decompose_syllable(syllable: char) -> Option<[u32; 3]> {
    let index = (syllable as u32).checked_sub(FIRST_SYLLABLE)?;
    let (initial, vowel, last) =
        (index / (JUNGSEONG * JONGSEONG), index / JONGSEONG % JUNGSEONG, index % JONGSEONG);
    (initial < CHOSEONG).then_some([initial, vowel, last])
}

/// The syllable of the three indices; `None` where one is too large.
pub fn compose_syllable([initial, vowel, last]: [u32; 3]) -> Option<char> {
    if initial >= CHOSEONG || vowel >= JUNGSEONG || last >= JONGSEONG {
        return None;
    }
    char::from_u32(FIRST_SYLLABLE + (initial * JUNGSEONG + vowel) * JONGSEONG + last)
}

/// Every Hangul syllable of a text as two or three conjoining jamo (U+1100 to U+11C2); everything else as it is.
///
/// The same letter has another code as an initial and as a final consonant, so [`compose`] needs no guess.
///
/// ```
/// use sumun::text::{compose, decompose};
/// assert_eq!(decompose("한국 RNN").chars().count(), 10);
/// assert_eq!(compose(&decompose("한국 RNN")), "한국 RNN");
/// ```
pub fn decompose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for c in text.chars() {
        match decompose_syllable(c) {
            None => out.push(c),
            Some([initial, vowel, last]) => {
                let last = (last > 0).then_some(NO_JONGSEONG + last);
                let codes = [Some(FIRST_CHOSEONG + initial), Some(FIRST_JUNGSEONG + vowel), last];
                out.extend(codes.into_iter().flatten().filter_map(char::from_u32));
            }
        }
    }
    out
}

/// Joins conjoining jamo to syllables again: the exact inverse of [`decompose`] on every text that had no conjoining
/// jamo of its own. (Text as keyboards write it has none; text in Unicode's NFD form has, and comes out composed.)
///
/// Jamo that make no syllable, as a model may write, stay as they are.
pub fn compose(text: &str) -> String {
    let index = |c: char, first: u32, count: u32| (c as u32).checked_sub(first).filter(|&i| i < count);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(initial) = index(c, FIRST_CHOSEONG, CHOSEONG) else {
            out.push(c);
            continue;
        };
        let Some(vowel) = chars.peek().and_then(|&v| index(v, FIRST_JUNGSEONG, JUNGSEONG)) else {
            out.push(c);
            continue;
        };
        chars.next();
        let last = chars.peek().and_then(|&t| index(t, NO_JONGSEONG, JONGSEONG)).filter(|&t| t > 0);
        if last.is_some() {
            chars.next();
        }
        out.extend(compose_syllable([initial, vowel, last.unwrap_or(0)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_syllables_come_back() {
        let mut seen = 0;
        for initial in 0..CHOSEONG {
            for vowel in 0..JUNGSEONG {
                for last in 0..JONGSEONG {
                    let syllable = compose_syllable([initial, vowel, last]).unwrap();
                    assert_eq!(decompose_syllable(syllable), Some([initial, vowel, last]));
                    let jamo = decompose(&syllable.to_string());
                    assert_eq!(jamo.chars().count(), 2 + (last > 0) as usize);
                    assert_eq!(compose(&jamo), syllable.to_string());
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 11_172);
        let all: String = ('가'..='힣').collect();
        assert_eq!(compose(&decompose(&all)), all);
    }

    #[test]
    fn known_letters() {
        assert_eq!(decompose("한"), "\u{1112}\u{1161}\u{11AB}");
        assert_eq!(decompose("가"), "\u{1100}\u{1161}");
        assert_eq!(decompose_syllable('힣'), Some([18, 20, 27]));
        for other in ['\u{ABFF}', '\u{D7A4}', 'a', 'ㅋ', '\u{1112}'] {
            assert_eq!(decompose_syllable(other), None);
        }
        for wrong in [[19, 0, 0], [0, 21, 0], [0, 0, 28], [u32::MAX; 3]] {
            assert_eq!(compose_syllable(wrong), None);
        }
        // What makes no syllable stays: a single initial, a single vowel, two finals.
        let lone = "\u{1112}\u{1112}\u{1161}\u{11AB}\u{11AB}\u{1161}";
        assert_eq!(compose(lone), "\u{1112}한\u{11AB}\u{1161}");
    }

    proptest! {
        #[test]
        fn any_text_without_conjoining_jamo_comes_back(text in "[a-z가-힣ㄱ-ㅣ\\PC]{0,40}") {
            prop_assume!(!text.chars().any(|c| ('\u{1100}'..='\u{11FF}').contains(&c)));
            prop_assert_eq!(compose(&decompose(&text)), text);
        }

        #[test]
        fn composing_changes_no_letter(text in "[\u{1100}-\u{11FF}가-깋a]{0,30}") {
            prop_assert_eq!(decompose(&compose(&text)), decompose(&text));
        }
    }
}
