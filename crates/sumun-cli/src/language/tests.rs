//! Every catalogue is whole: what the program says has an entry, and every entry is of something that it says.

use super::{Catalogue, LANGUAGES, help};

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
