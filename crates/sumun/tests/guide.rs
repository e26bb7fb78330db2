//! The guide says what its examples print, in both languages alike, and nothing it points to is missing.
//!
//! `sumun-cli/tests/guide.rs` runs its command lines.

#[path = "../examples/guide/main.rs"]
#[allow(dead_code, reason = "the program's own main")]
mod guide;

use std::path::Path;

use guide::EXAMPLES;
use sumun_testing::{guide_examples, guide_folder, guide_pages};

const COMMAND: &str = "cargo run --release -p sumun --example guide -- ";

/// The examples whose outputs the pages show.
fn shown() -> Vec<(String, sumun_testing::GuideExample)> {
    let pages = guide_pages("en");
    let examples = pages.iter().flat_map(|(_, page)| guide_examples(page));
    let name = |command: &String| command.strip_prefix(COMMAND).map(str::to_owned);
    examples.filter_map(|e| e.commands.last().and_then(name).map(|name| (name, e))).collect()
}

#[test]
fn every_example_is_shown_and_prints_what_the_page_says() {
    let shown = shown();
    let mut names: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
    let mut all: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
    names.sort_unstable();
    all.sort_unstable();
    assert_eq!(names, all);
    for (name, example) in shown.iter().filter(|(_, example)| !example.is_slow()) {
        let program = EXAMPLES.iter().find(|e| e.name == *name).unwrap();
        let told = (program.run)().unwrap();
        example.assert_shows(&told.text);
        for (picture, svg) in told.pictures {
            let path = guide_folder().join("pictures").join(format!("{picture}.svg"));
            let kept =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            // Places move by a pixel with the last bits of a training; what is drawn does not.
            let parts = |svg: &str| -> Vec<String> {
                svg.split('>').map(|part| part.split(' ').next().unwrap_or_default().to_owned()).collect()
            };
            assert_eq!(parts(&svg).len(), parts(&kept).len(), "{picture}: docs/guide/make.py draws it anew");
        }
    }
}

/// What a page is made of: its headings' levels, its blocks of code, its examples' markers, its pictures and its tables' rows.
fn skeleton(page: &str) -> Vec<String> {
    let mut code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            code = !code;
            found.push(line.to_owned());
        } else if code || line.starts_with("<!--") {
            found.push(line.to_owned());
        } else if line.starts_with('#') {
            found.push("#".repeat(line.chars().take_while(|c| *c == '#').count()));
        } else if line.starts_with("![") {
            found.push(line[line.rfind("](").unwrap()..].to_owned());
        } else if line.starts_with('|') {
            found.push("|".repeat(line.matches('|').count()));
        }
    }
    found
}

#[test]
fn both_languages_have_the_same_pages() {
    let (english, korean) = (guide_pages("en"), guide_pages("ko"));
    assert!(english.iter().filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit())).count() >= 12);
    let names = |pages: &[(String, String)]| pages.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&english), names(&korean));
    for ((name, english), (_, korean)) in english.iter().zip(&korean) {
        assert_eq!(skeleton(english), skeleton(korean), "{name}");
        for (page, other) in [(english, "ko"), (korean, "en")] {
            assert!(page.contains(&format!("](../{other}/{name})")), "{name} does not point to {other}");
        }
        let hangul = |text: &str| text.chars().filter(|c| ('가'..='힣').contains(c)).count();
        assert!(hangul(korean) > korean.chars().count() / 10, "{name} is not in Korean");
    }
}

/// Where the links and pictures of a page lead, without the web.
fn links(page: &str) -> Vec<String> {
    let parts = page.split("](").skip(1).filter_map(|part| part.split_once(')'));
    parts.map(|(link, _)| link.to_owned()).filter(|link| !link.contains("://")).collect()
}

#[test]
fn every_link_and_picture_is_there() {
    let check = |folder: &Path, name: &str, page: &str| {
        for link in links(page) {
            let path = folder.join(link.split('#').next().unwrap());
            assert!(path.exists(), "{name}: {link}");
        }
    };
    let mut pictures = Vec::new();
    for language in ["en", "ko"] {
        for (name, page) in guide_pages(language) {
            check(&guide_folder().join(language), &name, &page);
            pictures.extend(links(&page).into_iter().filter(|link| link.ends_with(".svg")));
        }
    }
    check(&guide_folder(), "README.md", &std::fs::read_to_string(guide_folder().join("README.md")).unwrap());
    for entry in std::fs::read_dir(guide_folder().join("pictures")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(pictures.iter().any(|picture| picture.ends_with(&name)), "no page shows {name}");
        assert!(entry.metadata().unwrap().len() < 40_000, "{name} is large");
    }
}
