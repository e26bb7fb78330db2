//! Pages in another language: the texts between the tags of a page that this program wrote, and what readers of the screen say.
//!
//! What belongs to the data stays: quotations, code, a word alone (which may be a column's or a class's name) outside headings,
//! and whatever no entry explains for the most part.

use super::Catalogue;

/// Elements whose text is no message.
const KEPT: [&str; 5] = ["style", "script", "pre", "code", "blockquote"];
/// Elements where a word alone is the program's own.
const HEADINGS: [&str; 4] = ["h2", "h3", "dt", "summary"];
/// Classes of elements where it is, too: names of the parts of a series, and of the lines that every chart has.
const OWN: [&str; 6] =
    ["\"section-name", "\"c-actual\"", "\"c-model\"", "\"c-train\"", "\"c-valid\"", "\"c-future\""];
/// What the axis of a course is called, unlike those of columns.
const COURSES: [&str; 2] = ["epoch", "steps"];
/// Attributes that are read out or shown.
const SPOKEN: [&str; 3] = ["aria-label", "title", "alt"];

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
            let inner = rest.find(&close).unwrap_or(rest.len());
            out.push_str(&rest[..inner]);
            rest = &rest[inner..];
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

/// A text as it stands in HTML.
fn text(escaped: &str, alone: bool, catalogue: &Catalogue) -> String {
    let inner = escaped.trim();
    if inner.is_empty() || !alone && !inner.contains(char::is_whitespace) {
        return escaped.to_owned();
    }
    let plain = ENTITIES.iter().fold(inner.to_owned(), |text, (entity, c)| text.replace(entity, c));
    // Punctuation between elements is no part of a message.
    let message = plain.trim_matches(|c: char| c.is_whitespace() || ",;".contains(c));
    match catalogue.mostly_said(message) {
        None => escaped.to_owned(),
        Some(said) => {
            let said = plain.replacen(message, &said, 1);
            // `&` first, as the others bring one.
            let said = ENTITIES.iter().rev().fold(said, |text, (entity, c)| text.replace(c, entity));
            escaped.replacen(inner, &said, 1)
        }
    }
}

/// What pages escape; `&amp;` last, as it makes others.
const ENTITIES: [(&str, &str); 5] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_translated_and_the_data_stays() {
        let catalogue = "msgid \"Errors\"\nmsgstr \"오차\"\nmsgid \"error of {0}\"\nmsgstr \"{0}의 오차\"\nmsgid \"best {0}\"\nmsgstr \"가장 좋은 {0}\"\n";
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
        ] {
            // A text after the last tag stays.
            let page = format!("{page}<i>");
            assert_eq!(translated(&page, "ko", &catalogue), format!("{expected}<i>"));
        }
    }
}
