//! The texts that Rust sources say, so that a test can hold a catalogue of translations against them.
//!
//! A source is cut into tokens; no meaning is given to them. A text is a string literal, or several that `+` joins with
//! what is between them. What only developers see is left out: attributes, comments, tests, and what `panic!`,
//! `assert!`, `expect` and their like say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A piece of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A string, as it reads.
    Text(String),
    /// A name, keyword or number.
    Word(String),
    /// Any other character.
    Mark(char),
}

/// The texts of all sources below some folders, each with the first place that says it.
///
/// Places are named as a catalogue does: `{path}` where the source names them, else `{0}`, `{1}` in order; how a value is
/// formatted is left out.
pub fn texts_of(folders: &[&Path]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in folders {
        of_folder(folder, &mut found);
    }
    found
}

fn of_folder(folder: &Path, found: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of a folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            of_folder(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            let source =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for text in texts(&source) {
                found.entry(text).or_insert_with(|| path.display().to_string());
            }
        }
    }
}

/// The texts of a source.
pub fn texts(source: &str) -> Vec<String> {
    let tokens = without_tests(tokens(source));
    let mut found = Vec::new();
    // Texts that are part of a sum already.
    let mut used = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(end) = developers_only(&tokens, at) {
            at = end;
            continue;
        }
        // Within a sum or the arguments of `format!` there may be more.
        if let Some(parts) = sum(&tokens, at)
            && parts.iter().flatten().any(|(_, place)| !used.contains(place))
        {
            used.extend(parts.iter().flatten().map(|(_, place)| *place));
            found.push(template(&parts));
        }
        at += 1;
    }
    found
}

/// The end of what only developers see and begins here.
fn developers_only(tokens: &[Token], at: usize) -> Option<usize> {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let mark = |at: usize, mark| tokens.get(at) == Some(&Token::Mark(mark));
    let macros = [
        "panic",
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "unreachable",
        "todo",
        "unimplemented",
        "include_str",
        "include",
        "concat",
        "env",
    ];
    match () {
        // #[…], #![…]
        () if mark(at, '#') && mark(at + 1, '[') => Some(closing(tokens, at + 1)),
        () if mark(at, '#') && mark(at + 1, '!') && mark(at + 2, '[') => Some(closing(tokens, at + 2)),
        () if macros.contains(&word(at)) && mark(at + 1, '!') => Some(closing(tokens, at + 2)),
        () if mark(at, '.') && ["expect", "expect_err"].contains(&word(at + 1)) && mark(at + 2, '(') => {
            Some(closing(tokens, at + 2))
        }
        () => None,
    }
}

/// A text and the token that it is.
type Place = (String, usize);

/// The texts and other terms that `+` joins, where they begin here. None where there is no text.
fn sum(tokens: &[Token], at: usize) -> Option<Vec<Option<Place>>> {
    let term = |at: usize| match literal_term(tokens, at) {
        Some((place, end)) => Some((Some(place), end)),
        None => other_term(tokens, at).map(|end| (None, end)),
    };
    let (first, mut at) = term(at)?;
    let mut parts = vec![first];
    while tokens.get(at) == Some(&Token::Mark('+'))
        && let Some((part, end)) = term(at + 1)
    {
        parts.push(part);
        at = end;
    }
    parts.iter().any(Option::is_some).then_some(parts)
}

/// A string, alone or in `text(…)` or `format!(…)`, and the end of it.
fn literal_term(tokens: &[Token], at: usize) -> Option<(Place, usize)> {
    let at = if tokens.get(at) == Some(&Token::Mark('&')) { at + 1 } else { at };
    match (tokens.get(at)?, tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3)) {
        (Token::Text(text), ..) => Some(((text.clone(), at), at + 1)),
        (Token::Word(word), Some(Token::Mark('(')), Some(Token::Text(text)), Some(Token::Mark(')')))
            if word == "text" =>
        {
            Some(((text.clone(), at + 2), at + 4))
        }
        (Token::Word(word), Some(Token::Mark('!')), Some(Token::Mark('(')), Some(Token::Text(text)))
            if word == "format" =>
        {
            Some(((text.clone(), at + 3), closing(tokens, at + 2)))
        }
        (Token::Word(word), Some(Token::Mark('(')), Some(Token::Word(format)), Some(Token::Mark('!')))
            if word == "text" && format == "format" =>
        {
            match tokens.get(at + 5) {
                Some(Token::Text(text)) => Some(((text.clone(), at + 5), closing(tokens, at + 1))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The end of a term that is no text: names, calls and fields.
fn other_term(tokens: &[Token], mut at: usize) -> Option<usize> {
    let start = at;
    loop {
        match tokens.get(at) {
            Some(Token::Word(_) | Token::Mark('.' | ':' | '&' | '?' | '!')) => at += 1,
            Some(Token::Mark('(' | '[')) if at > start => at = closing(tokens, at),
            _ => break,
        }
    }
    (at > start).then_some(at)
}

/// The place after the bracket that closes the one here.
fn closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (here, token) in tokens.iter().enumerate().skip(at) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => {
                depth -= 1;
                if depth <= 0 {
                    return here + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Leaves out items under `#[cfg(test)]` and `#[test]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    let word = |at: usize, word: &str| tokens.get(at) == Some(&Token::Word(word.to_owned()));
    let mark = |at: usize, mark| tokens.get(at) == Some(&Token::Mark(mark));
    while at < tokens.len() {
        let is_test = mark(at, '#')
            && mark(at + 1, '[')
            && (word(at + 2, "test") || word(at + 2, "cfg") && word(at + 4, "test"));
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at = closing(&tokens, at + 1);
        // To the end of the item: its braces, or a semicolon before them.
        while at < tokens.len() && !mark(at, '{') && !mark(at, ';') {
            at = match tokens[at] {
                Token::Mark('(' | '[') => closing(&tokens, at),
                _ => at + 1,
            };
        }
        at = if mark(at, '{') { closing(&tokens, at) } else { at + 1 };
    }
    kept
}

/// A template of texts and what is between them, its places named.
///
/// A text may be a part of a message that is put together elsewhere: one that begins or ends with a blank has a place there;
/// what joins it to others (`; `, `, `, brackets) is left out. Places side by side are one.
fn template(parts: &[Option<Place>]) -> String {
    let mut text = String::new();
    let begins = |with: fn(char) -> bool| matches!(parts.first(), Some(Some((first, _))) if first.starts_with(' ') && first[1..].starts_with(with));
    let ends = |with: fn(char) -> bool| matches!(parts.last(), Some(Some((last, _))) if last.strip_suffix(' ').is_some_and(|before| before.ends_with(with)));
    let mut count = 0;
    let mut next = || {
        count += 1;
        format!("{{{}}}", count - 1)
    };
    if begins(char::is_alphanumeric) {
        text += &next();
    }
    for part in parts {
        let Some((part, _)) = part else {
            if !ends_with_place(&text) {
                text += &next();
            }
            continue;
        };
        let mut rest = part.as_str();
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("{{") {
                text.push_str("{{");
                rest = &rest[2..];
                continue;
            }
            let Some(end) = rest.find('}') else { break };
            let name = rest[1..end].split(':').next().unwrap_or_default();
            match name.is_empty() || name.bytes().all(|c| c.is_ascii_digit()) {
                _ if ends_with_place(&text) => {}
                true => text += &next(),
                false => text += &format!("{{{name}}}"),
            }
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
    }
    if ends(char::is_alphanumeric) {
        text += &next();
    }
    let joints = |c: char| c.is_whitespace() || ";,:".contains(c);
    let inner =
        text.trim_start_matches(joints).trim_end_matches(|c: char| c.is_whitespace() || ";,".contains(c));
    let inner = inner.strip_suffix(": ").unwrap_or(inner);
    match inner.strip_prefix('(').and_then(|open| open.strip_suffix(')')) {
        Some(within) if !within.contains(['(', ')']) => within.to_owned(),
        _ => inner.to_owned(),
    }
}

/// Whether a template ends with a place, not with a brace.
fn ends_with_place(text: &str) -> bool {
    text.ends_with('}') && !text.ends_with("}}")
}

/// Cuts a source into tokens; comments are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let starts = |at: usize, with: &str| with.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        let c = chars[at];
        if c.is_whitespace() {
            at += 1;
        } else if starts(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            while at < chars.len() && !starts(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if let Some(end) = raw_string(&chars, at) {
            let (from, to) = (end.0, end.1);
            found.push(Token::Text(chars[from..to].iter().collect()));
            at = end.2;
        } else if c == '"' {
            let (text, end) = string(&chars, at + 1);
            found.push(Token::Text(text));
            at = end;
        } else if c == '\'' {
            at = after_quote(&chars, at);
        } else if c.is_alphanumeric() || c == '_' {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            let word: String = chars[start..at].iter().collect();
            // A string of bytes is no text.
            if word == "b" && chars.get(at) == Some(&'"') {
                at = string(&chars, at + 1).1;
            } else if word == "b" && chars.get(at) == Some(&'\'') {
                at = after_quote(&chars, at);
            } else {
                found.push(Token::Word(word));
            }
        } else {
            found.push(Token::Mark(c));
            at += 1;
        }
    }
    found
}

/// A character or a lifetime: the place after it.
fn after_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            // '\'' and '\\' have their own second character.
            let from = at + 3;
            let end = chars.iter().skip(from).position(|c| *c == '\'');
            end.map_or(chars.len(), |end| from + end + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Where a raw string that begins here has its text, and where it ends.
fn raw_string(chars: &[char], at: usize) -> Option<(usize, usize, usize)> {
    if chars[at] != 'r' || at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let from = at + 1 + hashes;
    if chars.get(from) != Some(&'"') {
        return None;
    }
    let ends = |at: usize| chars[at] == '"' && (1..=hashes).all(|i| chars.get(at + i) == Some(&'#'));
    let end = (from + 1..chars.len()).find(|at| ends(*at))?;
    Some((from + 1, end, end + 1 + hashes))
}

/// A string from after its opening quote, and the place after it.
fn string(chars: &[char], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '"' => break,
            '\\' => {
                let escape = chars.get(at).copied().unwrap_or(' ');
                at += 1;
                match escape {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '0' => text.push('\0'),
                    // A line goes on: white space up to the next text is left out.
                    '\n' => {
                        while chars.get(at).is_some_and(|c| c.is_whitespace()) {
                            at += 1;
                        }
                    }
                    'u' => {
                        let end =
                            chars[at..].iter().position(|c| *c == '}').map_or(chars.len(), |end| at + end);
                        let digits: String = chars[(at + 1).min(end)..end].iter().collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        text.push(code.unwrap_or('\u{fffd}'));
                        at = end + 1;
                    }
                    'x' => {
                        let digits: String = chars[at..(at + 2).min(chars.len())].iter().collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        text.push(code.unwrap_or('\u{fffd}'));
                        at += 2;
                    }
                    other => text.push(other),
                }
            }
            c => text.push(c),
        }
    }
    (text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_as_a_catalogue_writes_them() {
        for (source, expected) in [
            ("f(\"a b\")", &["a b"][..]),
            ("format!(\"row {}: {name} is {x:.3} of {{}}\")", &["row {0}: {name} is {x} of {{}}"]),
            (
                "text(\"choose \") + key(\"missing\").to(\"drop\") + \" or \" + key(\"lr\")",
                &["choose {0} or {1}", "missing", "drop", "lr"],
            ),
            ("text(format!(\"{a} is\", a = 1)) + key(\"x\") + \" b\"", &["{a} is{0} b", "x"]),
            ("key(\"lr\") + \" is\"", &["{0} is", "lr"]),
            ("setting + \" is on, \" + advice", &["{0} is on, {1}"]),
            (
                "format!(\"{} and {x}\", if a { \"one is\" } else { \"two are\" })",
                &["{0} and {x}", "one is", "two are"],
            ),
            ("\"a\\\n    b\\u{2013}\" // \"no\"", &["ab–"]),
            ("\" is off; give \"", &["{0} is off; give {1}"]),
            ("\"; see {}\"; \", {} more\"; \"({} of {}{more})\"", &["see {0}", "{0} more", "{0} of {1}"]),
            ("r#\"a \"b\"\"#; '\"'; '\\''; b\"no\"; &'a str", &["a \"b\""]),
            ("x.expect(\"no\"); panic!(\"no {}\", f(\"no\")); #[doc = \"no\"] \"yes\"", &["yes"]),
            (
                "\"yes\" #[cfg(test)] mod tests { fn f() { \"no\" } } #[test] fn g() { \"no\" } \"too\"",
                &["yes", "too"],
            ),
        ] {
            assert_eq!(texts(source), expected, "{source}");
        }
    }
}
