//! Particles of Korean, which depend on how the word before them ends when it is read out.

/// How a word ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With a vowel: 파이, 3 is not (삼), 2 is (이).
    Vowel,
    /// With ㄹ, after which 로 stands and not 으로.
    Rieul,
    /// With another consonant.
    Consonant,
}

/// A particle for the word at the end of `before`: `after_consonant` or `after_vowel` (을 or 를), or both where it is not known
/// how the word is read: 을(를).
pub(super) fn particle(before: &str, after_consonant: &str, after_vowel: &str) -> String {
    let directional = after_consonant.starts_with("으로");
    match ending(before) {
        Some(Ending::Vowel) => after_vowel.to_owned(),
        Some(Ending::Rieul) if directional => after_vowel.to_owned(),
        Some(_) => after_consonant.to_owned(),
        None => format!("{after_consonant}({after_vowel})"),
    }
}

/// How the last word of a text ends; quotes and brackets are not read out.
fn ending(text: &str) -> Option<Ending> {
    let silent = |c: char| c.is_whitespace() || "'\"`’”)]}>…*_=:;,.?!/".contains(c);
    let text = text.trim_end_matches(silent);
    let last = text.chars().next_back()?;
    match last {
        '가'..='힣' => Some(match (u32::from(last) - u32::from('가')) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        }),
        // 영 일 이 삼 사 오 육 칠 팔 구; and tens, hundreds, thousands: 십 백 천.
        '0' | '3' | '6' => Some(Ending::Consonant),
        '1' | '7' | '8' => Some(Ending::Rieul),
        '2' | '4' | '5' | '9' => Some(Ending::Vowel),
        // 퍼센트, 도.
        '%' | '°' | '℃' => Some(Ending::Vowel),
        'a'..='z' | 'A'..='Z' => Some(latin(text)),
        _ => None,
    }
}

/// How a word of Latin letters ends: read letter by letter where it is in capitals or an ending of a file, else as a word in
/// English, written in Korean (모델 for `model`, 배치 for `batch`).
fn latin(text: &str) -> Ending {
    let start = text
        .rfind(|c: char| !c.is_ascii_alphabetic())
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let word = &text[start..];
    let of_file = text[..start].ends_with('.');
    let no_vowel = !word.chars().any(|c| "aeiouyAEIOUY".contains(c));
    let last = word.chars().next_back().unwrap_or('a');
    if of_file || no_vowel || word.len() == 1 || word.chars().all(|c| c.is_ascii_uppercase()) {
        // 엘 and 알; 엠 and 엔.
        return match last.to_ascii_lowercase() {
            'l' | 'r' => Ending::Rieul,
            'm' | 'n' => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    let word = word.to_ascii_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| word.ends_with(end));
    match () {
        // 라벨, 파일.
        () if ends(&["l", "le"]) => Ending::Rieul,
        // 시간의 time은 타임, line은 라인, training은 트레이닝.
        () if ends(&["m", "n", "ng", "me", "ne"]) => Ending::Consonant,
        // 클립, 스텝, 메트릭, 체크; 마스크 has a vowel, as the letter before k is a consonant.
        () if ends(&["ap", "ep", "ip", "op", "up", "ic", "ck", "ook", "ab", "eb", "ob", "ub"]) => {
            Ending::Consonant
        }
        () => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_follow_the_sound() {
        for (word, object, direction) in [
            ("기울기", "를", "로"),
            ("손실", "을", "로"),
            ("학습", "을", "으로"),
            ("'값'", "을", "으로"),
            ("10", "을", "으로"),
            ("0.5", "를", "로"),
            ("7", "을", "로"),
            ("12 %", "를", "로"),
            ("LSTM", "을", "으로"),
            ("GRU", "를", "로"),
            ("--hidden", "을", "으로"),
            ("--epochs", "를", "로"),
            ("--lr", "을", "로"),
            ("--clip 1", "을", "로"),
            ("a file.csv", "를", "로"),
            ("rows.jsonl", "을", "로"),
            ("model", "을", "로"),
            ("batch", "를", "로"),
            ("mask", "를", "로"),
            ("清", "을(를)", "으로(로)"),
            ("", "을(를)", "으로(로)"),
        ] {
            assert_eq!(particle(word, "을", "를"), object, "{word}");
            assert_eq!(particle(word, "으로", "로"), direction, "{word}");
        }
    }
}
