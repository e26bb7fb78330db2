//! Tagged sentences from the rows of a table.

use super::conll::Found;
use super::open::extension;
use super::record::no_such;
use super::sentence::{Sentence, TaggedSpec};
use crate::data::{Table, TextFile, listed, quoted};
use crate::message::{Key, key, text};
use crate::{Error, Result};

/// What columns of tokens are called, without marks and in lower case; the likeliest first.
const WORDS: [&str; 6] = ["word", "token", "words", "tokens", "form", "wordform"];
/// What columns of tags are called.
const TAGS: [&str; 15] = [
    "tag", "tags", "nertag", "nertags", "ner", "label", "labels", "iob", "bio", "entity", "upos", "postag",
    "postags", "pos", "xpos",
];
/// What columns of whole sentences are called.
const SENTENCES: [&str; 2] = ["sentence", "text"];

/// The first of `usual` that a column is called.
fn usual(header: &[String], names: &[&str]) -> Option<usize> {
    let plain = |name: &String| {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let header: Vec<String> = header.iter().map(plain).collect();
    names.iter().find_map(|name| header.iter().position(|other| other == name))
}

/// Whether the first line of a file names columns of words and tags, as that of a CoNLL file does not.
pub(super) fn is_header(line: &str, spec: &TaggedSpec<'_>) -> bool {
    [',', ';', '\t'].into_iter().any(|delimiter| {
        let cells: Vec<String> =
            line.split(delimiter).map(|cell| cell.trim().trim_matches('"').to_owned()).collect();
        let named = |name: Option<&str>| name.is_some_and(|name| cells.iter().any(|cell| cell == name));
        let words =
            named(spec.tokens) || usual(&cells, &WORDS).is_some() || usual(&cells, &SENTENCES).is_some();
        cells.len() > 1 && words && (named(spec.tags) || usual(&cells, &TAGS).is_some())
    })
}

/// Reads the sentences of a table.
pub(super) fn read(file: &TextFile, spec: &TaggedSpec<'_>) -> Result<Found> {
    let delimiter = matches!(extension(file.name()).as_str(), "tsv" | "tab").then_some(b'\t');
    let table = Table::from_text(file, delimiter)?;
    let (name, header) = (table.name(), table.header());
    let find = |named: Option<&str>, names: &[&str]| match named {
        Some(wanted) => match header.iter().position(|name| name == wanted) {
            None => Err(no_such(name, "the header", wanted, header)),
            found => Ok(found),
        },
        None => Ok(usual(header, names)),
    };
    let which = |what: Key| {
        let question = format!(
            "{name}: which column holds the {what}? the header names {}",
            listed(header),
            what = what.name()
        );
        Error::Data(question).advise(text("name it with ") + what)
    };
    let tags = match (find(spec.tags, &TAGS), spec.require_tags) {
        (Ok(None), true) => return Err(which(key("tags"))),
        // A file to predict from may lack the tags.
        (found, required) => found.or_else(|error| if required { Err(error) } else { Ok(None) })?,
    };
    let words = find(spec.tokens, &WORDS)?.or_else(|| usual(header, &SENTENCES));
    let words = words.filter(|words| Some(*words) != tags).ok_or_else(|| which(key("tokens")))?;
    let sentence = (0..header.len()).find(|&column| {
        let name = header[column].to_lowercase();
        column != words && Some(column) != tags && name.trim_start().starts_with("sent")
    });
    let table = &table;
    let rows = |column: usize| (0..table.rows()).map(move |row| table.cell(row, column));
    let several = |cell: &str| cell.contains([' ', '\t']);
    let whole = sentence.is_none() && rows(words).any(several);
    let shown = |column: usize| quoted(&header[column]);
    let mut note = format!("{name}: the tokens are column {}", shown(words));
    if let Some(tags) = tags.filter(|_| spec.require_tags) {
        note += &format!(", the tags {}", shown(tags));
    }
    let sentences = match (whole, sentence) {
        (true, _) => {
            note += "; a row is a sentence, with blanks between its words";
            row_each(table, words, tags, spec.require_tags)?
        }
        (false, Some(sentence)) => {
            note += &format!("; {} says where a sentence begins", shown(sentence));
            by_name(table, sentence, words, tags)?
        }
        (false, None) => {
            note += "; a blank line ends a sentence";
            by_gaps(table, words, tags)?
        }
    };
    Ok(Found { sentences, columns: None, notes: vec![note] })
}

/// The error for a row.
fn bad(table: &Table, row: usize, column: usize, what: &str) -> Error {
    let name = quoted(&table.header()[column]);
    Error::Data(format!("{}: row {}, column {name}: {what}", table.name(), table.line(row)))
}

/// Adds a row's token and tag.
fn push(table: &Table, row: usize, words: usize, tags: Option<usize>, to: &mut Sentence) -> Result<()> {
    let full = |column: usize| match table.cell(row, column) {
        "" => Err(bad(table, row, column, "there is nothing; every token needs one")),
        cell => Ok(cell.to_owned()),
    };
    to.tokens.push(full(words)?);
    if let (Some(column), Some(tags)) = (tags, &mut to.tags) {
        tags.push(full(column)?);
    }
    Ok(())
}

fn begun(table: &Table, row: usize, tags: Option<usize>) -> Sentence {
    Sentence { line: table.line(row), tokens: Vec::new(), tags: tags.map(|_| Vec::new()) }
}

/// A sentence begins where its column says something else than before. Error: a sentence that goes on after another one.
fn by_name(table: &Table, sentence: usize, words: usize, tags: Option<usize>) -> Result<Vec<Sentence>> {
    let mut sentences: Vec<Sentence> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut now = "";
    for row in 0..table.rows() {
        let name = table.cell(row, sentence);
        if sentences.is_empty() || (!name.is_empty() && name != now) {
            if let Some(line) = seen.insert(name, table.line(row)) {
                return Err(bad(
                    table,
                    row,
                    sentence,
                    &format!(
                        "{} began in row {line} already; put the rows of a sentence together",
                        quoted(name)
                    ),
                ));
            }
            now = name;
            sentences.push(begun(table, row, tags));
        }
        if let Some(last) = sentences.last_mut() {
            push(table, row, words, tags, last)?;
        }
    }
    Ok(sentences)
}

/// A sentence begins after a line that is blank.
fn by_gaps(table: &Table, words: usize, tags: Option<usize>) -> Result<Vec<Sentence>> {
    let mut sentences: Vec<Sentence> = Vec::new();
    for row in 0..table.rows() {
        if row == 0 || table.line(row) > table.line(row - 1) + 1 {
            sentences.push(begun(table, row, tags));
        }
        if let Some(last) = sentences.last_mut() {
            push(table, row, words, tags, last)?;
        }
    }
    Ok(sentences)
}

/// A sentence a row, with as many tags as words.
fn row_each(table: &Table, words: usize, tags: Option<usize>, required: bool) -> Result<Vec<Sentence>> {
    let cut = |row: usize, column: usize| -> Vec<String> {
        let cells = table.cell(row, column).split([' ', '\t']).filter(|word| !word.is_empty());
        cells.map(str::to_owned).collect()
    };
    let sentence = |row: usize| {
        let tokens = cut(row, words);
        let tags = tags.map(|column| (column, cut(row, column)));
        if tokens.is_empty() {
            return Err(bad(table, row, words, "there is no word; leave such rows out"));
        }
        if let Some((column, found)) = &tags
            && found.len() != tokens.len()
            && (required || !found.is_empty())
        {
            let name = quoted(&table.header()[words]);
            let why = format!(
                "{} words or tags with blanks between them, but {name} has {}; every word needs one tag",
                found.len(),
                tokens.len()
            );
            return Err(bad(table, row, *column, &why));
        }
        let tags = tags.map(|(_, tags)| tags).filter(|tags| !tags.is_empty());
        Ok(Sentence { line: table.line(row), tokens, tags })
    };
    (0..table.rows()).map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Tagged;

    #[test]
    fn tables_of_words_are_sentences() {
        let spec = |tokens, tags| TaggedSpec { tokens, tags, require_tags: true };
        let usual = spec(None, None);
        let both = "2: a,b | X,O / 4: c | X";
        for (name, text, spec, expected) in [
            ("k.csv", "Sentence #,Word,POS,Tag\nSentence: 1,a,N,X\n,b,V,O\nSentence: 2,c,N,X\n", usual, both),
            ("k.csv", "sentence_id,word,tag\n1,a,X\n1,b,O\n2,c,X\n", usual, both),
            ("k.csv", "tag;sent_id;token\nX;1;a\nO;1;b\nX;2;c\n", usual, both),
            ("k.txt", "\"sentence_id\",\"word\",\"tag\"\n1,a,X\n1,b,O\n2,c,X\n", usual, both),
            ("k.tsv", "sentence_id\tpos\tword\n1\tX\ta\n1\tO\tb\n2\tX\tc\n", usual, both),
            ("k.csv", "w,t,sent\na,X,1\nb,O,1\nc,X,2\n", spec(Some("w"), Some("t")), both),
            ("k.csv", "token,tag\na,X\nb,O\n\nc,X\n", usual, "2: a,b | X,O / 5: c | X"),
            ("k.csv", "sentence,tags\na b,X O\nc,X\n", usual, "2: a,b | X,O / 3: c | X"),
            ("k.csv", "word,tag,sentence\n\",\",O,1\nNA,X,1\n", usual, "2: ,,NA | O,X"),
        ] {
            let tagged = Tagged::from_reader(name, text.as_bytes(), &spec).unwrap();
            let show = |sentence: &Sentence| {
                let tags = sentence.tags.clone().unwrap_or_default();
                format!("{}: {} | {}", sentence.line, sentence.tokens.join(","), tags.join(","))
            };
            let shown: Vec<String> = tagged.sentences.iter().map(show).collect();
            assert_eq!(shown.join(" / "), expected, "{text}");
            assert!(tagged.notes[0].contains("the tokens are column '"), "{:?}", tagged.notes);
        }
        for (text, spec, expected) in [
            (
                "a,b\nx,y\n",
                usual,
                "k.csv: which column holds the tags? the header names 'a', 'b'; name it with tags",
            ),
            (
                "a,tag\nx,y\n",
                usual,
                "k.csv: which column holds the tokens? the header names 'a', 'tag'; name it",
            ),
            (
                "word,tag\nx,y\n",
                spec(None, Some("tga")),
                "k.csv: there is no field 'tga'; did you mean 'tag'?",
            ),
            ("word,tag,sent\nx,,1\n", usual, "k.csv: row 2, column 'tag': there is nothing; every token"),
            (
                "word,tag,sent\nx,a,1\ny,a,2\nz,a,1\n",
                usual,
                "k.csv: row 4, column 'sent': '1' began in row 2",
            ),
            ("sentence,tags\na b,X O\nc d e,X O\n", usual, "k.csv: row 3, column 'tags': 2 words or tags"),
        ] {
            let message = Tagged::from_reader("k.csv", text.as_bytes(), &spec).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
