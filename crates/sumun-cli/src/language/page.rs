//! Pages in another language: the texts between the tags of a page that this program wrote, and what readers of the screen say.
//!
//! What belongs to the data stays: quotations, code, a word alone (which may be a column's or a class's name) outside headings,
//! and whatever no entry explains for the most part.

use std::collections::HashMap;

use serde_json::json;

use super::Catalogue;

/// Elements whose text is no message.
const KEPT: [&str; 5] = ["style", "script", "pre", "code", "blockquote"];
/// Elements where a word alone is the program's own.
const HEADINGS: [&str; 5] = ["h2", "h3", "dt", "summary", "label"];
/// Classes of elements where it is, too: titles of pictures, names of the parts of a series, of the lines that every chart has, of gates, and of the
/// page.
const OWN: [&str; 9] = [
    "\"title\"",
    "\"kind\"",
    "meaning\"",
    "\"section-name",
    "\"c-actual\"",
    "\"c-model\"",
    "\"c-train\"",
    "\"c-valid\"",
    "\"c-future\"",
];
/// What the axis of a course is called, unlike those of columns.
const COURSES: [&str; 2] = ["epoch", "steps"];
/// Attributes that are read out or shown, by the script of a page as well.
const SPOKEN: [&str; 5] = ["aria-label", "title", "alt", "data-mean", "data-at"];
/// How the numbers of a chart begin, which its script shows under the pointer.
const NUMBERS: &str = "{\"r\":";

/// A page, `<html lang="en">`, in the language of a catalogue.
pub(super) fn translated(page: &str, language: &str, catalogue: &Catalogue) -> String {
    let mut out = String::with_capacity(page.len() + page.len() / 8);
    let mut rest = page;
    let mut alone = false;
    while let Some(at) = rest.find('<') {
        out.push_str(&text(&rest[..at], alone, catalogue));
        rest = &rest[at..];
        let end = end_of_tag(rest);
        let (tag, after) = rest.split_at(end);
        let name = tag[1..].split([' ', '>', '/', '\n']).next().unwrap_or_default();
        out.push_str(&match name {
            "html" => tag.replace("lang=\"en\"", &format!("lang=\"{language}\"")),
            _ => attributes(tag, catalogue),
        });
        rest = after;
        let begins = |word: &&str| rest.starts_with(*word) && rest[word.len()..].starts_with('<');
        alone = HEADINGS.contains(&name)
            || OWN.iter().any(|class| tag.contains(class))
            || name == "th" && (tag.contains(" colspan=") || tag.contains(" rowspan="))
            || tag.contains("axis-title") && COURSES.iter().any(begins);
        if KEPT.contains(&name) && !tag.ends_with("/>") {
            let close = format!("</{name}");
            let (inner, after) = rest.split_at(rest.find(&close).unwrap_or(rest.len()));
            match inner.starts_with(NUMBERS) {
                true => numbers(inner, catalogue, &mut out),
                false => out.push_str(inner),
            }
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Where a tag ends: at the first `>` outside quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A tag with what is said in its attributes.
fn attributes(tag: &str, catalogue: &Catalogue) -> String {
    let mut tag = tag.to_owned();
    for name in SPOKEN {
        let begins = format!(" {name}=\"");
        let Some(start) = tag.find(&begins).map(|at| at + begins.len()) else { continue };
        let Some(length) = tag[start..].find('"') else { continue };
        let said = text(&tag[start..start + length], false, catalogue).replace('"', "&quot;");
        tag.replace_range(start..start + length, &said);
    }
    tag
}

/// The numbers of a chart, in JSON, with the names of their lines and places: `{"r":…,"t":["step 1",…],"s":[{"n":"mean","c":…}]}`.
fn numbers(json: &str, catalogue: &Catalogue, out: &mut String) {
    // The places of a chart share an axis, which is looked up once.
    let mut axes = HashMap::<String, Option<String>>::new();
    let mut axis = |name: &str| {
        let said = || message(name, COURSES.contains(&name), catalogue);
        axes.entry(name.to_owned()).or_insert_with(said).clone()
    };
    let mut rest = json;
    let mut key = "";
    while let Some(start) = rest.find('"') {
        let length = end_of_string(&rest[start..]);
        let (before, after) = rest.split_at(start);
        let (string, after) = after.split_at(length);
        out.push_str(before);
        rest = after;
        let is_own =
            || OWN.iter().any(|class| rest.strip_prefix(",\"c\":").is_some_and(|c| c.starts_with(class)));
        let said = match serde_json::from_str::<String>(string) {
            _ if rest.starts_with(':') => {
                key = &string[1..string.len() - 1];
                None
            }
            Ok(name) if key == "n" => message(&name, is_own(), catalogue),
            Ok(place) if key == "t" => at(&place, &mut axis, catalogue),
            _ => None,
        };
        match said {
            // No `<` ends the element early.
            Some(said) => out.push_str(&json!(said).to_string().replace('<', "\\u003c")),
            None => out.push_str(string),
        }
    }
    out.push_str(rest);
}

/// Where a string of JSON ends that begins here.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// A place: what its axis is called, as `axis` says it, and where it is on it; or a name of its own.
fn at(place: &str, axis: impl FnOnce(&str) -> Option<String>, catalogue: &Catalogue) -> Option<String> {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "-−".contains(c));
    match place.rsplit_once(' ').filter(|(_, number)| is_number(number)) {
        Some((name, number)) => Some(format!("{} {number}", axis(name)?)),
        None => message(place, false, catalogue),
    }
}

/// A text as it stands in HTML.
fn text(escaped: &str, alone: bool, catalogue: &Catalogue) -> String {
    let inner = escaped.trim();
    let plain = ENTITIES.iter().fold(inner.to_owned(), |text, (entity, c)| text.replace(entity, c));
    match message(&plain, alone, catalogue) {
        None => escaped.to_owned(),
        Some(said) => {
            // `&` first, as the others bring one.
            let said = ENTITIES.iter().rev().fold(said, |text, (entity, c)| text.replace(c, entity));
            escaped.replacen(inner, &said, 1)
        }
    }
}

/// A text as it is said; None of one that stays, as a word does that is not the program's own.
fn message(plain: &str, alone: bool, catalogue: &Catalogue) -> Option<String> {
    if plain.is_empty() || !alone && !plain.contains(char::is_whitespace) {
        return None;
    }
    // Punctuation between elements is no part of a message.
    let message = plain.trim_matches(|c: char| c.is_whitespace() || ",;".contains(c));
    Some(plain.replacen(message, &catalogue.mostly_said(message)?, 1))
}

/// What pages escape; `&amp;` last, as it makes others.
const ENTITIES: [(&str, &str); 5] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_translated_and_the_data_stays() {
        let catalogue = "msgid \"Errors\"\nmsgstr \"오차\"\nmsgid \"error of {0}\"\nmsgstr \"{0}의 오차\"\nmsgid \"best {0}\"\nmsgstr \"가장 좋은 {0}\"\n\
            msgid \"epoch\"\nmsgstr \"에포크\"\n";
        let catalogue = Catalogue::read(catalogue).unwrap();
        for (page, expected) in [
            ("<html lang=\"en\"><h2>Errors</h2>", "<html lang=\"ko\"><h2>오차</h2>"),
            ("<p> error of x &lt; y</p>", "<p> x &lt; y의 오차</p>"),
            ("<svg aria-label=\"error of &quot;x&quot;\">", "<svg aria-label=\"&quot;x&quot;의 오차\">"),
            ("<td>Errors</td>", "<td>Errors</td>"),
            ("<li class=\"c-model\">Errors</li>", "<li class=\"c-model\">오차</li>"),
            ("<text class=\"axis-title\">Errors</text>", "<text class=\"axis-title\">Errors</text>"),
            ("<td>best of all the films there are</td>", "<td>best of all the films there are</td>"),
            ("<blockquote>error of x</blockquote>", "<blockquote>error of x</blockquote>"),
            ("<style>error of x</style><p>error of x, ", "<style>error of x</style><p>x의 오차, "),
            ("<script>if (a < b) \"error of x\"</script>", "<script>if (a < b) \"error of x\"</script>"),
            (
                "<script>[\"error of x\"]</script><div data-mean=\"error of %1\">",
                "<script>[\"error of x\"]</script><div data-mean=\"%1의 오차\">",
            ),
            // Under the pointer: the places and lines of a chart, but no column's name.
            (
                "<script>{\"r\":[0,1],\"t\":[\"epoch 3\",\"x 4\",\"error of \\u003c\\\"\"],\"s\":[\
                 {\"n\":\"Errors\",\"c\":\"c-model\",\"v\":[1]},{\"n\":\"Errors\",\"c\":\"c-base0\",\"v\":[2]},\
                 {\"n\":\"name of x\",\"c\":\"c-base1\",\"v\":[null]}]}</script>",
                "<script>{\"r\":[0,1],\"t\":[\"에포크 3\",\"x 4\",\"\\u003c\\\"의 오차\"],\"s\":[\
                 {\"n\":\"오차\",\"c\":\"c-model\",\"v\":[1]},{\"n\":\"Errors\",\"c\":\"c-base0\",\"v\":[2]},\
                 {\"n\":\"name of x\",\"c\":\"c-base1\",\"v\":[null]}]}</script>",
            ),
            ("<text class=\"axis-title\">epoch</text>", "<text class=\"axis-title\">에포크</text>"),
        ] {
            // A text after the last tag stays.
            let page = format!("{page}<i>");
            assert_eq!(translated(&page, "ko", &catalogue), format!("{expected}<i>"));
        }
    }
}
