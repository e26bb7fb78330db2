//! What the library says: no option and no command of a front end, and of settings only those that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sumun::message::{Key, key};
use sumun::settings::Setting;

/// Arguments of calls that messages name: of `predict`, `generate`, `measure`, `CaseGrid::choose`, `RunFolder::stage` and
/// `TunePlan::new`, of the range test and backtests, and of looking inside.
const ARGUMENTS: [&str; 24] = [
    "seeds",
    "class",
    "layer",
    "record",
    "step",
    "unit",
    "history",
    "steps",
    "samples",
    "attention",
    "beam",
    "length",
    "temperature",
    "top_k",
    "top_p",
    "seconds",
    "slow",
    "set_input",
    "trials",
    "vary",
    "lowest",
    "highest",
    "origins",
    "png",
];

/// Every file of the library's crates, without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders = vec![crates.join("sumun/src"), crates.join("sumun-nn/src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !["tests.rs", "sample.rs"].contains(&name) {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
                found.push((path, code));
            }
        }
    }
    found
}

/// The texts of a source, without comments.
fn strings(code: &str) -> Vec<String> {
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("'\"'", "' '").replace("\\\"", "'");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn messages_name_no_option_and_no_command() {
    let sources = sources();
    assert!(sources.len() > 100, "{}", sources.len());
    let mut wrong = Vec::new();
    for (path, code) in &sources {
        for text in strings(code) {
            // The styles of a page have names that begin alike.
            let plain = text.replace("var(--", "").replace("style='--", "");
            let option = plain.match_indices("--").any(|(at, _)| {
                let before = plain[..at].chars().next_back();
                let mut after = plain[at + 2..].chars();
                // Nor is a value of a style that has one letter, `--c: …`, an option.
                !before.is_some_and(|c| c.is_alphanumeric() || "-<!".contains(c))
                    && after.next().is_some_and(|c| c.is_ascii_lowercase() || c == '{')
                    && after.next() != Some(':')
            });
            if option
                || plain.contains("sumun train")
                || plain.contains("sumun predict")
                || plain.contains("`sumun ")
            {
                wrong.push(format!("{}: {text}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_settings_that_messages_name_exist() {
    let mut found = BTreeSet::new();
    for (path, code) in sources() {
        for (at, call) in code.match_indices("key(\"") {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let name = code[at + call.len()..].split('"').next().unwrap();
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            let known = Setting::of(key(name)).is_some() || ARGUMENTS.contains(&name);
            assert!(known, "{}: there is no setting {name}", path.display());
            found.insert(name);
        }
    }
    assert!(found.len() > 40, "{found:?}");
    let unused: Vec<&str> = ARGUMENTS.into_iter().filter(|name| !found.contains(name)).collect();
    assert!(unused.is_empty() || unused == ["length", "temperature", "top_k", "top_p"], "{unused:?}");
    // No two sections have a setting of the same name, so that a name is enough.
    for setting in sumun::tasks::SETTINGS.iter() {
        let of: Key = key(setting.name);
        assert_eq!(Setting::of(of).map(|found| found.section), Some(setting.section), "{}", setting.name);
    }
}
