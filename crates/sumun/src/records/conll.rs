//! CoNLL columns: a token a line, blank lines between sentences.

use serde::{Deserialize, Serialize};

use super::lines::numbered_lines;
use super::open::counted;
use super::sentence::{Sentence, TaggedSpec};
use crate::data::quoted;
use crate::message::{Key, key, text};
use crate::{Error, Result};

/// The columns of CoNLL-U: <https://universaldependencies.org/format.html>.
const CONLL_U: [&str; 10] =
    ["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"];
/// Where those are that are read: FORM, UPOS and, where every UPOS is empty, XPOS.
const FORM: usize = 1;
const UPOS: usize = 3;
const XPOS: usize = 4;

/// What stands in a column of CoNLL-U where there is nothing.
const NOTHING: &str = "_";

/// Where the columns of a file are, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// How many there are.
    pub count: usize,
    /// That of the tokens.
    pub token: usize,
    /// That of the tags, where there are any.
    pub tag: Option<usize>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sentences: Vec<Sentence>,
    pub(super) columns: Option<Columns>,
    pub(super) notes: Vec<String>,
}

/// How lines become cells.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// The first line with a token.
    first: usize,
    count: usize,
    /// Whether only tabs separate columns, so that a cell may hold blanks.
    tabs: bool,
}

/// A line that matters.
enum Line<'a> {
    /// Nothing, or the start of a document.
    Break,
    Token(usize, Vec<&'a str>),
}

/// Reads the sentences of a file; `learnt` are the columns that a model was trained on, which are read again from a file
/// of as many.
pub(super) fn read(file: &str, text: &str, spec: &TaggedSpec<'_>, learnt: Option<Columns>) -> Result<Found> {
    let Some(form) = Form::of(text) else { return Ok(Found::default()) };
    let facts = Facts::of(file, text, form)?;
    let mut notes = Vec::new();
    let columns = choose(file, form, &facts, spec, learnt, &mut notes)?;
    let mut sentences = Vec::new();
    let mut begun: Option<Sentence> = None;
    let mut nothing = 0;
    for line in form.lines(text) {
        let Line::Token(number, cells) = line else {
            sentences.extend(begun.take());
            continue;
        };
        // Ranges such as 1-2 repeat the words below them; nodes such as 1.1 are no words of the text.
        if facts.conll_u && is_no_word(cells[0]) {
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
                    return Err(Error::Data(format!(
                        "{file}: line {number}: column {} is empty; every token needs one",
                        column + 1
                    )));
                }
                into.push(cells[column].to_owned());
            }
        }
        nothing += usize::from(columns.tag.is_some_and(|tag| cells[tag] == NOTHING));
    }
    sentences.extend(begun);
    if spec.require_tags && nothing > 0 && facts.tokens > nothing {
        notes.push(format!(
            "{file}: {nothing} of {} tokens have '{NOTHING}' for a tag, which counts as a tag of its own",
            facts.tokens
        ));
    }
    if spec.require_tags && sentences.len() == 1 && facts.tokens > LONG_SENTENCE {
        notes.push(format!(
            "{file}: no blank line ends a sentence, so all {} tokens are one sentence",
            facts.tokens
        ));
    }
    Ok(Found { sentences, columns: Some(columns), notes })
}

/// A longer sentence is more likely a file without blank lines.
const LONG_SENTENCE: usize = 200;

impl Form {
    /// By the first line with a token; None where there is none.
    fn of(text: &str) -> Option<Self> {
        let plain = |line: &str| !is_blank(line) && !line.starts_with('#') && !is_document_start(line);
        let (first, line) = numbered_lines(text).find(|(_, line)| plain(line))?;
        let tabs = line.contains('\t');
        Some(Self { first, count: split(line, tabs).len(), tabs })
    }

    /// The lines that matter. A token may begin with `#`, as hashtags do: a line with the columns of a token is one,
    /// unless it could as well be the comment that stands before a sentence.
    fn lines(self, text: &str) -> impl Iterator<Item = Line<'_>> {
        let mut within = false;
        numbered_lines(text).filter_map(move |(number, line)| {
            if is_blank(line) || is_document_start(line) {
                within = false;
                return Some(Line::Break);
            }
            let cells = split(line, self.tabs);
            let comment = line.starts_with('#')
                && (cells.len() != self.count || (!within && !self.tabs && line.starts_with("# ")));
            if comment {
                return None;
            }
            within = true;
            Some(Line::Token(number, cells))
        })
    }
}

/// What the whole file says of its columns.
#[derive(Debug)]
struct Facts {
    tokens: usize,
    conll_u: bool,
    /// Of each column, the first cell.
    first: Vec<String>,
    /// Of each column, how many cells are `_`.
    nothing: Vec<usize>,
    /// Of each column, whether it numbers the tokens of each sentence, or says the same of all tokens of each: what says
    /// where a token is and not which.
    place: Vec<bool>,
}

impl Facts {
    /// Error: a line with other columns than the first.
    fn of(file: &str, text: &str, form: Form) -> Result<Self> {
        let Form { first: first_line, count, .. } = form;
        let mut facts = Self {
            tokens: 0,
            conll_u: count == CONLL_U.len(),
            first: Vec::new(),
            nothing: vec![0; count],
            place: vec![false; count],
        };
        let (mut numbered, mut steady) = (vec![true; count], vec![true; count]);
        let mut before: Option<Vec<&str>> = None;
        let mut sentences = 0;
        for line in form.lines(text) {
            let Line::Token(number, cells) = line else {
                before = None;
                continue;
            };
            if cells.len() != count {
                return Err(Error::Data(format!(
                    "{file}: line {number}: {} where line {first_line} has {count}; every token needs the same columns, \
                     and a blank line ends a sentence",
                    counted(cells.len(), "column"),
                )));
            }
            if facts.first.is_empty() {
                facts.first = cells.iter().map(|&cell| cell.to_owned()).collect();
            }
            facts.conll_u &= is_number(cells[0]) || is_no_word(cells[0]);
            if facts.conll_u && is_no_word(cells[0]) {
                continue;
            }
            facts.tokens += 1;
            sentences += usize::from(before.is_none());
            for (column, &cell) in cells.iter().enumerate() {
                facts.nothing[column] += usize::from(cell == NOTHING);
                let last = before.as_ref().map(|cells| cells[column]);
                steady[column] &= last.is_none_or(|last| last == cell);
                let number = |cell: &str| cell.parse::<u64>().ok();
                let follows =
                    |last: &str| number(last).is_some_and(|last| number(cell) == last.checked_add(1));
                numbered[column] &= match last {
                    None => matches!(cell, "0" | "1"),
                    Some(last) => follows(last),
                };
            }
            before = Some(cells);
        }
        // One sentence, or sentences of one token, say nothing of what is the same in all of a sentence.
        let telling = facts.tokens >= 2 * sentences && sentences > 1;
        facts.place = (0..count).map(|column| telling && (numbered[column] || steady[column])).collect();
        Ok(facts)
    }

    /// Whether a column says too little to be learnt as tags unasked: every cell is `_`, or of CoNLL-U, where that is no tag,
    /// a tenth of them.
    fn is_empty(&self, column: usize) -> bool {
        let enough = if self.conll_u { self.nothing[column] * 10 } else { self.nothing[column] };
        enough >= self.tokens
    }

    /// How many cells of a column are `_`.
    fn nothing_in(&self, column: usize) -> String {
        match self.nothing[column] {
            all if all == self.tokens => format!("'{NOTHING}' for every token"),
            some => format!("'{NOTHING}' for {some} of {} tokens", self.tokens),
        }
    }

    /// Columns as people find them: `column 4 ('B-PER')`, `UPOS (column 4, 'NOUN')`.
    fn shown(&self, column: usize) -> String {
        let (number, example) =
            (column + 1, self.first.get(column).map_or_else(String::new, |cell| quoted(cell)));
        match self.conll_u {
            true => format!("{} (column {number}, {example})", CONLL_U[column]),
            false => format!("column {number} ({example})"),
        }
    }
}

/// Where the columns are, as far as they are not named; says in `notes` which were taken.
fn choose(
    file: &str,
    form: Form,
    facts: &Facts,
    spec: &TaggedSpec<'_>,
    learnt: Option<Columns>,
    notes: &mut Vec<String>,
) -> Result<Columns> {
    let Form { first: number, count, .. } = form;
    let place = |named: &str, flag: Key| {
        let by_name = || CONLL_U.iter().position(|name| facts.conll_u && name.eq_ignore_ascii_case(named));
        match named.parse::<usize>() {
            Ok(column) if (1..=count).contains(&column) => Ok(column - 1),
            Ok(column) => Err(Error::Data(format!(
                "{file}: there is no column {column}; line {number} has {}",
                counted(count, "column")
            ))
            .advise(text("give ") + flag + format!(" a number from 1 to {count}"))),
            Err(_) => by_name().ok_or_else(|| {
                Error::Data(format!("{file}: {} names no column of a CoNLL file", quoted(named)))
                    .advise(text("give ") + flag + format!(" a number from 1 to {count}"))
            }),
        }
    };
    // A file that was tampered with may say anything.
    let learnt = learnt.filter(|columns| {
        columns.count == count && columns.token < count && columns.tag.is_none_or(|tag| tag < count)
    });
    let usual_token = match facts.conll_u {
        true => FORM,
        // The first column that says which token it is, if another one than the last does.
        false => {
            let last = count - usize::from(spec.require_tags);
            (0..last).find(|&column| !facts.place[column]).unwrap_or(0)
        }
    };
    let token = match (spec.tokens, learnt) {
        (Some(named), _) => place(named, key("tokens"))?,
        (None, Some(columns)) => columns.token,
        (None, None) => usual_token,
    };
    let tag = match (spec.tags, learnt) {
        // A file to predict from may lack the tags.
        (Some(named), _) if !spec.require_tags && named.parse().is_ok_and(|column: usize| column > count) => {
            None
        }
        (Some(named), _) => Some(place(named, key("tags"))?),
        (None, Some(Columns { tag: Some(tag), .. })) => Some(tag),
        (None, _) => usual_tag(file, facts, token, spec.require_tags)?,
    };
    if spec.require_tags && tag.is_none() {
        return Err(Error::Data(format!(
            "{file}: line {number} has no column for the tags beside that of the tokens; every token needs one tag"
        )));
    }
    let (named, wanted) = (spec.tokens.is_some(), spec.require_tags);
    if learnt.is_none() && count > 1 && (!named || (wanted && spec.tags.is_none())) {
        let kind = if facts.conll_u { "CoNLL-U, " } else { "" };
        let tags = match tag.filter(|_| wanted) {
            Some(tag) => format!(", the tags {}", facts.shown(tag)),
            None => String::new(),
        };
        let why = match tag {
            Some(XPOS) if wanted && spec.tags.is_none() && facts.conll_u => {
                format!(", because UPOS (column {}) is {}", UPOS + 1, facts.nothing_in(UPOS))
            }
            _ => String::new(),
        };
        notes
            .push(format!("{file}: {kind}{count} columns: the tokens are {}{tags}{why}", facts.shown(token)));
    }
    Ok(Columns { count, token, tag })
}

/// The column of the tags where none is named. Error, where tags are required: it says too little.
fn usual_tag(file: &str, facts: &Facts, token: usize, required: bool) -> Result<Option<usize>> {
    let count = facts.nothing.len();
    let usual = match facts.conll_u {
        true if facts.is_empty(UPOS) && !facts.is_empty(XPOS) => XPOS,
        true => UPOS,
        false if count > 1 => count - 1,
        false => return Ok(None),
    };
    if required && facts.is_empty(usual) {
        let others =
            (0..count).filter(|&column| column != token && !facts.is_empty(column) && !facts.place[column]);
        let others: Vec<String> = others.map(|column| facts.shown(column)).collect();
        let advice = match others.is_empty() {
            true => text("give a file that has tags"),
            false => text("name another with ") + key("tags") + format!("; there are {}", others.join(", ")),
        };
        return Err(Error::Data(format!(
            "{file}: the tags, {}, are {}",
            facts.shown(usual),
            facts.nothing_in(usual)
        ))
        .advise(advice));
    }
    Ok(Some(usual).filter(|&tag| tag != token))
}

/// Whether a line ends a sentence. Only blanks and tabs are nothing: a no-break space may be a token.
fn is_blank(line: &str) -> bool {
    line.trim_matches(BLANKS).is_empty()
}

/// What separates columns; no other white space of Unicode does.
const BLANKS: [char; 2] = [' ', '\t'];

fn split(line: &str, tabs: bool) -> Vec<&str> {
    match tabs {
        true => line.split('\t').map(|cell| cell.trim_matches(' ')).collect(),
        false => line.split(BLANKS).filter(|cell| !cell.is_empty()).collect(),
    }
}

fn is_document_start(line: &str) -> bool {
    line.split(BLANKS).find(|cell| !cell.is_empty()) == Some("-DOCSTART-")
}

fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an ID of CoNLL-U is a range (`1-2`) or an empty node (`1.1`).
fn is_no_word(cell: &str) -> bool {
    cell.split_once(['-', '.']).is_some_and(|(from, to)| is_number(from) && is_number(to))
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
