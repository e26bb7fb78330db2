//! A catalogue: English templates and their translations, and how a text that was made of them is found again.
//!
//! An entry's English is what stands in the source: `{path}: row {0} has no value`. What it gave, `a.csv: row 3 has no value`,
//! is matched against it: literal text in between, anything in the places. Of the templates that match, that is taken which
//! explains most of the text by what it says itself; a message within a message (a cause, advice) is translated in the same
//! way. What no template explains stays as it is: names, numbers, texts of users. So does a word alone, which may be a name,
//! unless the translation says `{name*}`: there the source puts words of its own. `{name!}` stays whatever it is: a command.

use std::borrow::Cow;
use std::collections::HashMap;

use super::hangul::particle;
use super::po;

/// The name of a place that has the `s` of an English plural or nothing; other languages leave it out.
const PLURAL: &str = "s";
/// The name of a place that is a message or a list, however short the text around it.
const LONG: &str = "message";

/// The longest text that is looked up, in bytes. A message is bounded before, a page is looked up text by text.
const LONGEST: usize = 16 << 10;
/// How many pieces of a text are looked up at most, so that the work is bounded whatever it holds.
const MOST_PIECES: usize = 400;
/// How many of the templates that match a piece are tried, those that say most first.
const MOST_TRIED: usize = 4;
/// What may stand between two messages of a line.
const JOINTS: [&str; 6] = [": ", " – ", " · ", ". ", ", ", " ("];
/// A template with fewer letters, such as `{0} of {1}`, says little: its places are short.
const WEAK: usize = 8;
/// The most words of such a place.
const LONG_PLACE: usize = 6;
/// What stands between two that are both whole sentences.
const SENTENCES: &str = "; ";

/// The entries of a language.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Translations of texts without places.
    whole: HashMap<String, String>,
    /// Those with places, that with most literal text first.
    templates: Vec<Template>,
}

/// An entry with places.
#[derive(Debug)]
struct Template {
    /// The literal text around the places: one more than there are places.
    literals: Vec<String>,
    /// The places by name, in the order of the English.
    places: Vec<String>,
    translation: Vec<Part>,
    /// What of each place is translated.
    depths: Vec<Depth>,
    /// Letters in the literal text.
    letters: usize,
}

/// A part of a translation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A place by its name, and what is translated there.
    Place(String, Depth),
    /// A particle, as it is after a consonant and after a vowel: `{을/를}`.
    Particle(String, String),
}

/// What of a place is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Nothing.
    Verbatim,
    /// Messages, of two words and more.
    Messages,
    /// A word alone as well.
    Words,
}

/// A piece of a text and what it became.
struct Piece<'a> {
    text: Cow<'a, str>,
    /// How many letters of it templates explain.
    explained: usize,
}

impl Catalogue {
    /// Reads a catalogue. Error: what is wrong with it, and where.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let (mut whole, mut templates) = (HashMap::new(), Vec::new());
        for (english, translation) in po::entries(text)? {
            let wrong = |what: String| format!("{english:?}: {what}");
            if translation.is_empty() {
                return Err(wrong("there is no translation".into()));
            }
            let parts = parts(&english).map_err(wrong)?;
            let translated = self::parts(&translation).map_err(wrong)?;
            let template = Template::of(&parts, translated).map_err(wrong)?;
            if template.places.is_empty() {
                let Some(Part::Text(translation)) =
                    template.translation.first().filter(|_| template.translation.len() == 1)
                else {
                    return Err(wrong("a particle has no place before it".into()));
                };
                if whole.insert(template.literals.concat(), translation.clone()).is_some() {
                    return Err(wrong("it is there twice".into()));
                }
            } else {
                templates.push(template);
            }
        }
        let size = |template: &Template| template.literals.iter().map(String::len).sum::<usize>();
        templates.sort_by(|a, b| b.letters.cmp(&a.letters).then(size(b).cmp(&size(a))));
        if let Some(two) = templates.windows(2).find(|two| two[0].literals == two[1].literals) {
            return Err(format!("{:?}: it is there twice", two[0].literals));
        }
        Ok(Self { whole, templates })
    }

    /// The translation of a text that is an entry without places.
    pub(super) fn whole(&self, english: &str) -> Option<&str> {
        self.whole.get(english).map(String::as_str)
    }

    /// A text as this language says it; where entries explain too little of its words, the text itself, since it is another
    /// program's. White space around it stays. Lists of names may be more than half of a message.
    pub(crate) fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.said_where(text, 0.4).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// As [`said`](Self::said), of a text that may be a user's own: None unless entries explain half of it.
    pub(super) fn mostly_said(&self, text: &str) -> Option<String> {
        self.said_where(text, 0.5)
    }

    /// The translation where entries explain at least such a share of the letters of words.
    fn said_where(&self, text: &str, share: f64) -> Option<String> {
        let inner = text.trim();
        if inner.is_empty() || inner.len() > LONGEST {
            return None;
        }
        let mut search = Search { catalogue: self, known: HashMap::new(), left: MOST_PIECES };
        let piece = search.piece(inner);
        if piece.explained == 0 || (piece.explained as f64) < share * letters_of_words(inner) as f64 {
            return None;
        }
        let start = text.len() - text.trim_start().len();
        let around = (&text[..start], &text[start + inner.len()..]);
        Some(format!("{}{}{}", around.0, piece.text, around.1))
    }

    /// The English of all entries, as [`skeleton`] has it.
    #[cfg(test)]
    pub(super) fn skeletons(&self) -> std::collections::BTreeSet<String> {
        let templates = self.templates.iter().map(|template| template.literals.join(PLACE));
        self.whole.keys().cloned().chain(templates).collect()
    }

    /// Whether an entry is the whole of a text, or of what made it: a template of half of its letters at least, for one such as
    /// `{0}: {1}` fits nearly everything.
    #[cfg(test)]
    pub(super) fn has(&self, english: &str) -> bool {
        let letters = english.chars().filter(|letter| letter.is_alphabetic()).count();
        let most = |template: &Template| 2 * template.letters >= letters;
        self.whole.contains_key(english)
            || self.templates.iter().any(|template| most(template) && template.matched(english).is_some())
    }
}

/// The translation of one text.
struct Search<'c> {
    catalogue: &'c Catalogue,
    /// What was found for pieces that were met before.
    known: HashMap<String, (String, usize)>,
    /// How many pieces may still be looked up.
    left: usize,
}

impl Search<'_> {
    fn piece<'a>(&mut self, text: &'a str) -> Piece<'a> {
        let plain = Piece { text: Cow::Borrowed(text), explained: 0 };
        if !text.contains(|c: char| c.is_ascii_alphabetic()) || is_quoted(text) {
            return plain;
        }
        if let Some(translation) = self.catalogue.whole.get(text) {
            return Piece {
                text: Cow::Borrowed(translation.as_str()).into_owned().into(),
                explained: letters(text),
            };
        }
        if let Some((translation, explained)) = self.known.get(text) {
            return Piece { text: Cow::Owned(translation.clone()), explained: *explained };
        }
        if self.left == 0 {
            return plain;
        }
        self.left -= 1;
        // Of parses that explain as much, the first: a sentence ends before what it says begins.
        let mut best = self.split(text, SENTENCES).unwrap_or(plain);
        let catalogue = self.catalogue;
        let matching =
            catalogue.templates.iter().filter_map(|template| Some((template, template.matched(text)?)));
        for (template, places) in matching.take(MOST_TRIED) {
            let pieces: Vec<Piece<'_>> = places
                .iter()
                .zip(&template.depths)
                .map(|(place, depth)| self.around(place, *depth))
                .collect();
            let explained = template.letters + pieces.iter().map(|piece| piece.explained).sum::<usize>();
            if explained > best.explained {
                best = Piece { text: Cow::Owned(template.filled(&pieces)), explained };
            }
        }
        if best.explained < letters(text) {
            for joint in JOINTS {
                if let Some(piece) = self.split(text, joint)
                    && piece.explained > best.explained
                {
                    best = piece;
                }
            }
        }
        self.known.insert(text.to_owned(), (best.text.clone().into_owned(), best.explained));
        best
    }

    /// Two messages that are joined, where the first joint is.
    fn split<'a>(&mut self, text: &str, joint: &str) -> Option<Piece<'a>> {
        let at = text.find(joint)?;
        // Before a colon stands the name of a file, column or layer.
        let depth = if joint == ": " { Depth::Verbatim } else { Depth::Messages };
        let before = self.around(&text[..at], depth);
        let after = self.around(&text[at + joint.len()..], Depth::Messages);
        let explained = before.explained + after.explained;
        let text = Cow::Owned(format!("{}{joint}{}", before.text, after.text));
        (explained > 0).then_some(Piece { text, explained })
    }

    /// As [`piece`](Self::piece), with the white space around a text, and a bracket at its end that a joint opened.
    fn around<'a>(&mut self, text: &'a str, depth: Depth) -> Piece<'a> {
        let inner = text.trim();
        let (inner, closed) = match inner.strip_suffix(')') {
            Some(open) if !open.contains('(') => (open, ")"),
            _ => (inner, ""),
        };
        let is_word = !inner.contains(char::is_whitespace);
        let plain = Piece { text: Cow::Borrowed(text), explained: 0 };
        let piece = match depth {
            Depth::Verbatim => return plain,
            Depth::Messages if is_word => return plain,
            Depth::Messages | Depth::Words => self.piece(inner),
        };
        if piece.explained == 0 {
            return plain;
        }
        let start = text.len() - text.trim_start().len();
        let end = &text[text.trim_end().len()..];
        Piece {
            text: Cow::Owned(format!("{}{}{closed}{end}", &text[..start], piece.text)),
            explained: piece.explained,
        }
    }
}

/// Whether brackets that a text opens are closed in it, and no others, and no item of a list ends in it: a place holds whole
/// phrases.
fn is_balanced(text: &str) -> bool {
    if text.contains(" · ") {
        return false;
    }
    let (mut depth, mut before, mut rest) = (0, ' ', text);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            // A name in quotes may have any.
            '\'' if !before.is_alphanumeric() => {
                rest = rest.find('\'').map_or(rest, |end| &rest[end + 1..]);
            }
            _ => {}
        }
        if depth < 0 {
            return false;
        }
        before = c;
    }
    depth == 0
}

/// Whether a text is more than a word or some, as stand around `of`.
fn is_long(text: &str) -> bool {
    let joints = JOINTS.iter().filter(|joint| !joint.contains('(')).chain([&SENTENCES]);
    text.split(' ').count() > LONG_PLACE || joints.clone().any(|joint| text.contains(joint))
}

/// Whether a text is a name or word of a user, in quotes as messages write them.
fn is_quoted(text: &str) -> bool {
    ['\'', '"', '`'].iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
}

/// The letters of the words of a text: not of paths, numbers and names such as `BatchNormalization`, and not of what stands in
/// quotes.
fn letters_of_words(text: &str) -> usize {
    const QUOTES: [char; 3] = ['\'', '"', '`'];
    let (mut found, mut in_quotes) = (0, false);
    for word in text.split(' ') {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !QUOTES.contains(&c));
        let ends = word.ends_with(QUOTES);
        if in_quotes || word.starts_with(QUOTES) {
            in_quotes = !ends;
        } else if word.chars().all(char::is_alphabetic) && !word.chars().skip(1).any(char::is_uppercase) {
            found += letters(word);
        }
    }
    found
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

impl Template {
    fn of(english: &[Part], translation: Vec<Part>) -> Result<Self, String> {
        let (mut literals, mut places) = (vec![String::new()], Vec::<String>::new());
        for part in english {
            match part {
                Part::Text(text) => literals.last_mut().expect("there is always one").push_str(text),
                Part::Place(name, _) => {
                    if literals.len() > 1 && literals.last().is_some_and(String::is_empty) {
                        return Err("two places stand side by side".into());
                    }
                    literals.push(String::new());
                    places.push(name.clone());
                }
                Part::Particle(..) => return Err("there is a particle in the English".into()),
            }
        }
        for part in &translation {
            if let Part::Place(name, _) = part
                && !places.contains(name)
            {
                return Err(format!("the English has no place {{{name}}}"));
            }
        }
        if let Some(name) = places.iter().filter(|name| *name != PLURAL).find(|name| {
            !translation.iter().any(|part| matches!(part, Part::Place(there, _) if there == *name))
        }) {
            return Err(format!("the translation leaves out {{{name}}}"));
        }
        let letters = literals.iter().map(|text| letters(text)).sum();
        if letters == 0 {
            return Err("nothing in it can be translated".into());
        }
        let depth = |place: &String| {
            translation.iter().find_map(|part| match part {
                Part::Place(name, depth) if name == place => Some(*depth),
                _ => None,
            })
        };
        let depths = places.iter().map(|place| depth(place).unwrap_or(Depth::Messages)).collect();
        Ok(Self { literals, places, translation, depths, letters })
    }

    /// What stands in the places, where the text was made of this template.
    fn matched<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.literals.split_first()?;
        let (last, middle) = others.split_last()?;
        let mut rest = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut places = Vec::with_capacity(self.places.len());
        for literal in middle {
            let at = rest.find(literal.as_str())?;
            places.push(&rest[..at]);
            rest = &rest[at + literal.len()..];
        }
        places.push(rest);
        // What holds a text at both ends says enough: `[default: {0}]`.
        let weak = self.letters < WEAK && (first.is_empty() || last.is_empty());
        // Before a colon stands the name of a file: it is no part of what is said of it.
        let takes_in = |place: &str| first.is_empty() && (place.contains(": ") || place.ends_with(':'));
        if places.first().is_some_and(|place| takes_in(place)) {
            return None;
        }
        let holds = |(place, name): (&&str, &String)| match name.as_str() {
            PLURAL => ["", "s"].contains(place),
            LONG => is_balanced(place),
            _ => is_balanced(place) && !(weak && is_long(place)),
        };
        places.iter().zip(&self.places).all(holds).then_some(places)
    }

    fn filled(&self, pieces: &[Piece<'_>]) -> String {
        let mut text = String::new();
        for part in &self.translation {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Place(name, _) => {
                    let at = self.places.iter().position(|place| place == name);
                    text.push_str(at.and_then(|at| pieces.get(at)).map_or("", |piece| piece.text.as_ref()));
                }
                Part::Particle(consonant, vowel) => text += &particle(&text, consonant, vowel),
            }
        }
        text
    }
}

/// What stands for a place where its name does not count.
#[cfg(test)]
const PLACE: &str = "{}";

/// A template without the names of its places.
#[cfg(test)]
pub(super) fn skeleton(template: &str) -> String {
    let part = |part: Part| match part {
        Part::Text(text) => text,
        Part::Place(..) | Part::Particle(..) => PLACE.to_owned(),
    };
    // What is no template is a text as it stands.
    parts(template).map_or_else(|_| template.to_owned(), |parts| parts.into_iter().map(part).collect())
}

/// A template cut at its places: `{name}`, `{을/를}`; `{{` and `}}` are braces, as in Rust.
fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut found: Vec<Part> = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let from = &rest[at..];
        if let Some(brace) = ["{{", "}}"].into_iter().find(|brace| from.starts_with(brace)) {
            literal.push_str(&brace[1..]);
            rest = &from[2..];
            continue;
        }
        let end = from.find('}').filter(|_| from.starts_with('{')).ok_or("a brace stands alone")?;
        if !literal.is_empty() {
            found.push(Part::Text(std::mem::take(&mut literal)));
        }
        let inner = &from[1..end];
        found.push(match inner.split_once('/') {
            Some((consonant, vowel)) => Part::Particle(consonant.to_owned(), vowel.to_owned()),
            None if inner.is_empty() => return Err("a place has no name".into()),
            None => match (inner.strip_suffix('*'), inner.strip_suffix('!')) {
                (Some(name), _) => Part::Place(name.to_owned(), Depth::Words),
                (None, Some(name)) => Part::Place(name.to_owned(), Depth::Verbatim),
                (None, None) => Part::Place(inner.to_owned(), Depth::Messages),
            },
        });
        rest = &from[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        found.push(Part::Text(literal));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: &str = r#"
msgid "{name} is {found}; it must be {wanted}"
msgstr "{name}{이/가} {found}입니다. {wanted}이어야 합니다"
msgid "at least {0}"
msgstr "{0} 이상"
msgid "row {row} has no value"
msgstr "{row}행에 값이 없습니다"
msgid "a gap"
msgstr "빈칸이 있습니다"
msgid "choose {0} or {1}"
msgstr "{0}{이나/나} {1}{을/를} 고르세요"
msgid "No such file or directory"
msgstr "그런 파일이나 폴더가 없습니다"
msgid "give another path"
msgstr "다른 경로를 주세요"
msgid "loss"
msgstr "손실"
msgid "run {command} twice"
msgstr "{command!}{을/를} 두 번 하세요"
msgid "the {what} of {name} grew"
msgstr "{name}의 {what*}{이/가} 커졌습니다"
msgid "{{}} of {a} and {b}"
msgstr "{b}, {a}의 {{}}"
"#;

    #[test]
    fn messages_are_found_by_their_templates() {
        let catalogue = Catalogue::read(ENTRIES).unwrap();
        for (english, korean) in [
            ("a gap", "빈칸이 있습니다"),
            ("--hidden is 0; it must be at least 1", "--hidden이 0입니다. 1 이상이어야 합니다"),
            (
                "f.csv: row 3 has no value; choose --missing drop or --window 4",
                "f.csv: 3행에 값이 없습니다; --missing drop이나 --window 4를 고르세요",
            ),
            (
                "x.csv: No such file or directory; give another path",
                "x.csv: 그런 파일이나 폴더가 없습니다; 다른 경로를 주세요",
            ),
            ("x (a gap)", "x (빈칸이 있습니다)"),
            ("choose 'f(x' or 'y'", "'f(x'나 'y'를 고르세요"),
            ("x: a whole a gap of b and c", "x: a whole a gap of b and c"),
            ("the loss of loss grew", "loss의 손실이 커졌습니다"),
            ("loss: a gap", "loss: 빈칸이 있습니다"),
            ("run a gap twice", "a gap을 두 번 하세요"),
            ("loss", "손실"),
            ("{} of 1 and 2", "2, 1의 {}"),
            // What nothing explains stays, and so does what a user wrote in quotes.
            ("something else", "something else"),
            ("choose 'a gap' or 'row 3 has no value'", "'a gap'이나 'row 3 has no value'를 고르세요"),
            ("  a gap\n", "  빈칸이 있습니다\n"),
            ("", ""),
        ] {
            assert_eq!(catalogue.said(english), korean);
        }
    }

    #[test]
    fn the_work_is_bounded() {
        let catalogue = Catalogue::read(ENTRIES).unwrap();
        let text = "choose a; choose b: choose c or ".repeat(400);
        assert!(catalogue.said(&text).len() >= text.len() / 2);
        let long = "a gap; ".repeat(100_000);
        assert_eq!(catalogue.said(&long), long);
    }

    #[test]
    fn what_is_wrong_with_a_catalogue_is_said() {
        for (wrong, said) in [
            ("msgid \"a\"\nmsgstr \"\"", "no translation"),
            ("msgid \"a\"\nmsgstr \"가\"\nmsgid \"a\"\nmsgstr \"가\"", "twice"),
            ("msgid \"a {0}\"\nmsgstr \"가 {1}\"", "has no place {1}"),
            ("msgid \"a {0}\"\nmsgstr \"가\"", "leaves out {0}"),
            ("msgid \"{0}: {1}\"\nmsgstr \"{0}: {1}\"", "nothing in it"),
            ("msgid \"a {\"\nmsgstr \"가\"", "stands alone"),
            ("msgid \"a {0}{1}\"\nmsgstr \"가 {0}{1}\"", "side by side"),
        ] {
            let error = Catalogue::read(wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
