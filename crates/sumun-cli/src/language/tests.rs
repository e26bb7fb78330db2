//! Every catalogue is whole: what the program says has an entry, and every entry is of something that it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sumun_testing::texts_of;

use super::catalogue::skeleton;
use super::{Catalogue, LANGUAGES, help};

/// The sources whose messages people see.
const SOURCES: [&str; 5] =
    ["sumun-cli/src", "sumun/src", "sumun-nn/src", "sumun-kernels/src", "sumun-formats/src"];

/// The readers and writers of files of other programs.
const FOREIGN: [&str; 2] = ["sumun-nn/src/interchange/", "sumun-formats/src"];

/// Sources whose texts are no messages or stay English: those that write source code, instructions of a processor, and the
/// reader of catalogues, whose errors are for who writes one.
const ENGLISH: [&str; 6] = [
    "/language/",
    "/bodies/amx.rs",
    "/interchange/source/c/",
    "/source/numpy.rs",
    "/report/check.rs",
    "/report/sample.rs",
];

/// Sources that make pages, whose texts stand between tags.
const PAGES: [&str; 11] = [
    "sumun/src/report/",
    "sumun/src/tasks/report/",
    "sumun/src/inspect/",
    "/page.rs",
    "/report.rs",
    "/picture.rs",
    "/tasks/rate.rs",
    "/forecast/report",
    "backtest_report.rs",
    "/panel/report",
    "/backtest/",
];

/// The line of a catalogue after which entries are of what other programs say: the parser, the operating system.
const OTHERS: &str = "# Not in the source";

/// Every text of the sources, as a catalogue names it, with a file that says it.
fn source_texts() -> BTreeMap<String, String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders: Vec<PathBuf> = SOURCES.iter().map(|folder| crates.join(folder)).collect();
    texts_of(&folders.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// Whether a text is a message: two words at least, one of which is said to people. Of the others, the catalogue has those that
/// are shown alone.
fn is_message(text: &str) -> bool {
    let outside: String = text
        .split('{')
        .enumerate()
        .map(|(at, part)| match part.split_once('}') {
            Some((_, after)) if at > 0 => after,
            _ => part,
        })
        .collect();
    let is_word = |word: &str| word.len() >= 2 && !["ms", "min", "sumun"].contains(&word);
    // Examples are command lines; the help's own test reads them.
    let is_help = text.contains("\n  sumun ")
        || text.starts_with("Exit codes:")
        || text.contains("Search for the settings");
    // Headers of files and samples of texts are the same in every language.
    let is_file = text.starts_with("=== ") || text.contains("{{bar") || text.starts_with("{{'descr'");
    let is_help = is_help || is_file || text.contains("\n\nSearched over");
    text.contains(' ') && outside.split(|c: char| !c.is_ascii_alphabetic()).any(is_word) && !is_help
}

/// Whether a file is among these sources.
fn of(sources: &[&str], file: &str) -> bool {
    sources.iter().any(|source| file.contains(source))
}

/// Names of classes of a style sheet, which only look like texts.
const CLASSES: [&str; 8] =
    ["c-", "grid base", "line dense", "tick context", "tight tiny", "mark ", "line ", "svg "];

/// What a text of a page says: between its tags and in the attributes that are read out. A text may begin or end within a tag.
fn said_by_page(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["aria-label=\"", "title=\"", "data-mean=\"", "data-at=\""] {
        found.extend(
            text.split(attribute).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
        );
    }
    for (at, part) in text.split('<').enumerate() {
        let inner = match part.split_once('>') {
            Some((tag, inner)) if at > 0 || tag.contains("=\"") || tag.ends_with('"') => inner,
            _ if at > 0 => continue,
            _ => part,
        };
        let inner =
            inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let inner = inner.trim_matches(|c: char| c.is_whitespace() || ",;".contains(c));
        if !inner.contains("=\"") && !CLASSES.iter().any(|class| inner.starts_with(class)) {
            found.push(inner.to_owned());
        }
    }
    found
}

/// Every catalogue has an entry of each text, which stands in the file beside it.
fn assert_translated(texts: &[(&String, &String)]) {
    for (name, catalogue) in LANGUAGES {
        let known = Catalogue::read(catalogue).unwrap().skeletons();
        let missing: Vec<String> = texts
            .iter()
            .filter(|(text, _)| !known.contains(&skeleton(text)))
            .map(|(text, file)| format!("{text:?}, of {file}"))
            .collect();
        assert!(missing.is_empty(), "lang/{name}.po has no entry of\n{}", missing.join("\n"));
    }
}

#[test]
fn every_text_of_the_pages_is_translated() {
    let texts = source_texts();
    let pages = texts.iter().filter(|(_, file)| of(&PAGES, file) && !of(&ENGLISH, file));
    let said: BTreeMap<String, &String> =
        pages.flat_map(|(text, file)| said_by_page(text).into_iter().map(move |text| (text, file))).collect();
    let said: Vec<_> = said.into_iter().filter(|(text, _)| is_message(text)).collect();
    assert!(said.len() > 300, "{}", said.len());
    assert_translated(&said.iter().map(|(text, file)| (text, *file)).collect::<Vec<_>>());
}

#[test]
fn every_message_is_translated() {
    let texts = source_texts();
    let messages: Vec<(&String, &String)> = texts
        .iter()
        .filter(|(text, file)| is_message(text) && !of(&ENGLISH, file) && !of(&PAGES, file))
        .collect();
    assert!(messages.len() > 1000, "{}", messages.len());
    assert_translated(&messages);
}

#[test]
fn messages_of_files_are_found_behind_what_names_the_place() {
    let catalogue = LANGUAGES.iter().find(|(name, _)| *name == "ko").unwrap().1;
    let catalogue = Catalogue::read(catalogue).unwrap();
    let texts = source_texts();
    let messages: Vec<String> = texts
        .iter()
        .filter(|(text, file)| is_message(text) && of(&FOREIGN, file) && !of(&ENGLISH, file))
        .map(|(text, _)| skeleton(text).replace("{}", "7"))
        .collect();
    assert!(messages.len() > 800, "{}", messages.len());
    for (english, korean) in [
        ("damaged PyTorch file: ", "손상된 PyTorch 파일: "),
        ("HDF5 file: ", "HDF5 파일: "),
        ("the node 'n' (LSTM): ", "노드 'n' (LSTM): "),
        ("the layer 'd' (Dense): ", "층 'd' (Dense): "),
    ] {
        for message in &messages {
            let alone = catalogue.said(message);
            let said = catalogue.said(&format!("a.file: {english}{message}")).into_owned();
            assert_eq!(said, format!("a.file: {korean}{alone}"));
        }
    }
}

#[test]
fn every_entry_is_of_something_that_is_said() {
    let texts = source_texts();
    let mut said: BTreeSet<String> = texts.keys().map(|text| skeleton(text)).collect();
    said.extend(texts.keys().flat_map(|text| said_by_page(text)).map(|text| skeleton(&text)));
    said.extend(help::texts(&crate::command()));
    for (name, text) in LANGUAGES {
        let ours = text.split(OTHERS).next().unwrap_or_default();
        let known = Catalogue::read(ours).unwrap().skeletons();
        let of_template = |entry: &String| help_of(entry, &said);
        let stale: Vec<&String> =
            known.iter().filter(|entry| !said.contains(*entry) && !of_template(entry)).collect();
        assert!(stale.is_empty(), "lang/{name}.po has entries of what nothing says any more: {stale:#?}");
    }
}

/// Whether an entry with places made one of the texts of the help, which have none.
fn help_of(entry: &str, texts: &BTreeSet<String>) -> bool {
    let Some((first, last)) = entry.split_once("{}") else { return false };
    texts
        .iter()
        .any(|text| text.starts_with(first) && text.ends_with(last.rsplit("{}").next().unwrap_or(last)))
}

#[test]
fn every_catalogue_can_be_read() {
    assert!(LANGUAGES.iter().any(|(name, _)| *name == "ko"));
    for (name, text) in LANGUAGES {
        assert!(
            name.len() >= 2 && name.bytes().all(|c| c.is_ascii_lowercase()),
            "{name}: a language of two letters or three"
        );
        Catalogue::read(text).unwrap_or_else(|wrong| panic!("lang/{name}.po: {wrong}"));
    }
}

#[test]
fn every_text_of_the_help_is_translated() {
    let texts = help::texts(&crate::command());
    assert!(texts.len() > 250, "{}", texts.len());
    for (name, catalogue) in LANGUAGES {
        let catalogue = Catalogue::read(catalogue).unwrap();
        let missing: Vec<String> =
            texts.iter().filter(|text| !catalogue.has(text)).map(|text| format!("{text:?}")).collect();
        assert!(missing.is_empty(), "lang/{name}.po has no entry of\n{}", missing.join("\n"));
    }
}

#[test]
fn every_word_that_is_said_alone_is_translated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut words = BTreeSet::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("language") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let source = std::fs::read_to_string(path).unwrap();
                let texts = source.split("said(\"").skip(1).filter_map(|rest| rest.split_once('"'));
                words.extend(texts.map(|(text, _)| text.to_owned()));
            }
        }
    }
    assert!(words.contains("epoch"));
    for (name, catalogue) in LANGUAGES {
        let catalogue = Catalogue::read(catalogue).unwrap();
        let missing: Vec<&String> = words.iter().filter(|word| !catalogue.has(word)).collect();
        assert!(missing.is_empty(), "lang/{name}.po has no entry of {missing:?}");
    }
}
