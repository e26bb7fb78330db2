//! CoNLL columns: a token a line, blank lines between sentences.

use super::open::counted;
use super::sentence::{Sentence, TaggedSpec};
use crate::data::quoted;
use crate::message::{Key, key, text};
use crate::{Error, Result};

/// The columns of CoNLL-U: <https://universaldependencies.org/format.html>.
const CONLL_U: Columns = Columns { count: 10, token: 1, tag: Some(3), tabs: true, conll_u: true };

/// Where everything is, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    count: usize,
    token: usize,
    tag: Option<usize>,
    /// Whether only tabs separate them, so that a cell may hold blanks.
    tabs: bool,
    conll_u: bool,
}

/// Reads the sentences of a file.
pub(super) fn read(file: &str, text: &str, spec: &TaggedSpec<'_>) -> Result<Vec<Sentence>> {
    let lines = || (1..).zip(text.lines());
    let plain = |line: &str| !line.trim().is_empty() && !line.starts_with('#') && !is_document_start(line);
    let Some((first, line)) = lines().find(|(_, line)| plain(line)) else { return Ok(Vec::new()) };
    let columns = Columns::of(file, first, line, spec)?;
    let mut sentences = Vec::new();
    let mut begun: Option<Sentence> = None;
    for (number, line) in lines() {
        if line.trim().is_empty() || is_document_start(line) {
            sentences.extend(begun.take());
            continue;
        }
        let cells = split(line, columns.tabs);
        if is_comment(line, &cells, columns, begun.is_some()) {
            continue;
        }
        let bad = |message: String| Err(Error::Data(format!("{file}: line {number}: {message}")));
        if cells.len() != columns.count {
            return bad(format!(
                "{} where line {first} has {}; every token needs the same columns, and a blank line ends a sentence",
                counted(cells.len(), "column"),
                columns.count
            ));
        }
        // Ranges such as 1-2 repeat the words below them; nodes such as 1.1 are no words of the text.
        if columns.conll_u && cells[0].contains(['-', '.']) {
            continue;
        }
        let sentence = begun.get_or_insert_with(|| Sentence {
            line: number,
            tokens: Vec::new(),
            tags: columns.tag.map(|_| Vec::new()),
        });
        for (column, into) in
            [(Some(columns.token), Some(&mut sentence.tokens)), (columns.tag, sentence.tags.as_mut())]
        {
            if let (Some(column), Some(into)) = (column, into) {
                if cells[column].is_empty() {
                    return bad(format!("column {} is empty; every token needs one", column + 1));
                }
                into.push(cells[column].to_owned());
            }
        }
    }
    sentences.extend(begun);
    Ok(sentences)
}

impl Columns {
    /// Where the columns are by the first line with a token, as far as they are not named.
    fn of(file: &str, number: usize, line: &str, spec: &TaggedSpec<'_>) -> Result<Self> {
        let tabs = line.contains('\t');
        let cells = split(line, tabs);
        let count = cells.len();
        let conll_u = tabs && count == CONLL_U.count && cells[0].starts_with(|c: char| c.is_ascii_digit());
        let usual = if conll_u {
            CONLL_U
        } else {
            let tag = (count > 1).then(|| count - 1);
            Self { count, token: 0, tag, tabs, conll_u }
        };
        let place = |named: &str, flag: Key| match named.parse::<usize>() {
            Ok(column) if (1..=count).contains(&column) => Ok(column - 1),
            Ok(column) => Err(Error::Data(format!(
                "{file}: there is no column {column}; line {number} has {}",
                counted(count, "column")
            ))
            .advise(text("give ") + flag + format!(" a number from 1 to {count}"))),
            Err(_) => Err(Error::Data(format!("{file}: {} names no column of a CoNLL file", quoted(named)))
                .advise(text("give ") + flag + format!(" a number from 1 to {count}"))),
        };
        let token = spec.tokens.map_or(Ok(usual.token), |named| place(named, key("tokens")))?;
        let tag = match spec.tags {
            // A file to predict from may lack the tags.
            Some(named) if !spec.require_tags && named.parse().is_ok_and(|column: usize| column > count) => {
                None
            }
            Some(named) => Some(place(named, key("tags"))?),
            None => usual.tag.filter(|&tag| tag != token),
        };
        if spec.require_tags && tag.is_none() {
            return Err(Error::Data(format!(
                "{file}: line {number} has no column for the tags beside that of the tokens; every token needs one tag"
            )));
        }
        Ok(Self { token, tag, ..usual })
    }
}

fn split(line: &str, tabs: bool) -> Vec<&str> {
    if tabs { line.split('\t').map(str::trim).collect() } else { line.split_whitespace().collect() }
}

fn is_document_start(line: &str) -> bool {
    line.split_whitespace().next() == Some("-DOCSTART-")
}

/// A token may begin with `#`, as hashtags do. A line with the columns of a token is one, unless it could as well be
/// the comment that stands before a sentence.
fn is_comment(line: &str, cells: &[&str], columns: Columns, within: bool) -> bool {
    line.starts_with('#')
        && (cells.len() != columns.count || (!within && !columns.tabs && line.starts_with("# ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Tagged;

    fn shown(text: &str, spec: &TaggedSpec<'_>) -> Result<Vec<String>> {
        let tagged = Tagged::from_reader("f.conll", text.as_bytes(), spec)?;
        let show = |Sentence { line, tokens, tags }: &Sentence| match tags {
            Some(tags) => format!("{line}: {} | {}", tokens.join(","), tags.join(",")),
            None => format!("{line}: {}", tokens.join(",")),
        };
        Ok(tagged.sentences.iter().map(show).collect())
    }

    #[test]
    fn columns_are_found() {
        let plain =
            "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\r\n\r\n\nPeter NNP I-NP B-PER";
        let conll_u = "# sent_id = 1\n# text = au lait\n1-2\tau\t_\t_\t_\t_\t_\t_\t_\t_\n\
                       1\tà\tà\tADP\t_\t_\t0\tcase\t_\t_\n2\tle\tle\tDET\t_\t_\t0\tdet\t_\t_\n\
                       2.1\tx\tx\tX\t_\t_\t_\t_\t_\t_\n3\tlait chaud\tlait\tNOUN\t_\t_\t0\troot\t_\t_\n\n\
                       # text = #\n1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_\n";
        let spec = |tokens, tags| TaggedSpec { tokens, tags, require_tags: false };
        let cases = [
            (plain, spec(None, None), vec!["3: EU,rejects | B-ORG,O", "7: Peter | B-PER"]),
            (plain, spec(None, Some("2")), vec!["3: EU,rejects | NNP,VBZ", "7: Peter | NNP"]),
            (plain, spec(Some("4"), None), vec!["3: B-ORG,O", "7: B-PER"]),
            (plain, spec(None, Some("5")), vec!["3: EU,rejects", "7: Peter"]),
            (conll_u, spec(None, None), vec!["4: à,le,lait chaud | ADP,DET,NOUN", "10: # | SYM"]),
            (conll_u, spec(Some("3"), Some("2")), vec!["4: à,le,lait | à,le,lait chaud", "10: # | #"]),
            ("a\nb\n\nc\n", spec(None, None), vec!["1: a,b", "4: c"]),
            ("\u{feff}New York\tB\n# x\nparis\tB\n", spec(None, None), vec!["1: New York,paris | B,B"]),
            // Hashtags are tokens, and # within a sentence is one.
            (
                "# a comment\n#fun O\n# O\nok O\n\n# comment\nx Y",
                spec(None, None),
                vec!["2: #fun,#,ok | O,O,O", "7: x | Y"],
            ),
        ];
        for (text, spec, expected) in cases {
            assert_eq!(shown(text, &spec).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn bad_columns_are_explained() {
        let required = |tokens, tags| TaggedSpec { tokens, tags, require_tags: true };
        let cases = [
            ("\n\n", required(None, None), "f.conll: the file is empty"),
            ("-DOCSTART- O\n# x\n", required(None, None), "f.conll: the file is empty"),
            ("a O\nb\n", required(None, None), "f.conll: line 2: 1 column where line 1 has 2; every token"),
            ("a\tO\n\tO\n", required(None, None), "f.conll: line 2: column 1 is empty"),
            ("a\tO\nb\t\n", required(None, None), "f.conll: line 2: column 2 is empty"),
            ("a\nb\n", required(None, None), "f.conll: line 1 has no column for the tags"),
            (
                "a O\n",
                required(Some("3"), None),
                "f.conll: there is no column 3; line 1 has 2 columns; give tokens a number from 1",
            ),
            (
                "a O\n",
                required(None, Some("0")),
                "f.conll: there is no column 0; line 1 has 2 columns; give tags a number from 1",
            ),
            (
                "a O\n",
                required(None, Some("upos")),
                "f.conll: 'upos' names no column of a CoNLL file; give tags",
            ),
        ];
        for (text, spec, expected) in cases {
            let message = shown(text, &spec).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
