//! Catalogues as translators have them: the entries of a `.po` file of gettext (its manual, "The Format of PO Files"), without
//! contexts and plurals.

/// The English and the translation of each entry, in the order of the file. The header, whose English is empty, is left out.
///
/// Error: what is no catalogue, with the number of the line.
pub(super) fn entries(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    // Which half of an entry a line of text alone goes on with.
    let mut half = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        let quoted = match line.split_once(' ') {
            _ if line.is_empty() || line.starts_with('#') => continue,
            Some(("msgid", quoted)) => {
                found.push((String::new(), String::new()));
                half = Some(false);
                quoted
            }
            Some(("msgstr", quoted)) if half == Some(false) => {
                half = Some(true);
                quoted
            }
            _ if line.starts_with('"') => line,
            _ => return Err(wrong("expected msgid, msgstr or a text in quotes")),
        };
        let text = unescaped(quoted).ok_or_else(|| wrong("expected a text in quotes"))?;
        match (found.last_mut(), half) {
            (Some((english, _)), Some(false)) => english.push_str(&text),
            (Some((_, translation)), Some(true)) => translation.push_str(&text),
            _ => return Err(wrong("a text before the first msgid")),
        }
    }
    found.retain(|(english, _)| !english.is_empty());
    Ok(found)
}

/// What stands in quotes.
fn unescaped(quoted: &str) -> Option<String> {
    let inner = quoted.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '\\') => same,
                _ => return None,
            },
            c => c,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read() {
        let text = "# a comment\nmsgid \"\"\nmsgstr \"Language: ko\\n\"\n\nmsgid \"a \\\"b\\\"\"\nmsgstr \"\"\n\"가\"\n\"나\\n\"\n";
        assert_eq!(entries(text).unwrap(), [("a \"b\"".to_owned(), "가나\n".to_owned())]);
        for (wrong, line) in [
            ("msgstr \"a\"", "line 1"),
            ("\"a\"", "line 1"),
            ("msgid \"a\"\nmsgid b", "line 2"),
            ("msgid \"a\"\nmsgstr \"a\" b\"", "line 2"),
            ("msgid \"\\x\"", "line 1"),
        ] {
            assert!(entries(wrong).unwrap_err().starts_with(line), "{wrong}");
        }
    }
}
