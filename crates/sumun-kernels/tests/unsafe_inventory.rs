//! How much `unsafe` there is, and that docs/reliability.md says so: a block more is a change of that page, seen in review.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files of Rust in a folder and those below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// Blocks, functions to call with care, and implementations of such traits or the traits, outside of comments.
fn counted(text: &str) -> [usize; 3] {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let count = |what: &str| code.matches(what).count();
    // Not the types of such functions: `unsafe fn(`.
    [count("unsafe {"), count("unsafe fn "), count("unsafe impl ") + count("unsafe trait ")]
}

#[test]
fn the_page_states_every_unsafe_block() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::<String, [usize; 3]>::new();
    for path in sources(&src) {
        let inner = path.strip_prefix(&src).unwrap();
        let floor = inner.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let counts = counted(&fs::read_to_string(&path).unwrap());
        if counts != [0; 3] {
            let all = found.entry(floor).or_default();
            all.iter_mut().zip(counts).for_each(|(all, count)| *all += count);
        }
    }
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    for (floor, [blocks, functions, implementations]) in &found {
        let row = format!("| `{floor}` | {blocks} | {functions} | {implementations} |");
        assert!(page.contains(&row), "docs/reliability.md has no row {row}");
    }
    let total = found.values().fold([0; 3], |all, counts| [0, 1, 2].map(|k| all[k] + counts[k]));
    let row = format!("| all | {} | {} | {} |", total[0], total[1], total[2]);
    assert!(page.contains(&row), "docs/reliability.md has no row {row}");
}

#[test]
fn no_other_crate_may_have_any() {
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name() != Some("sumun-kernels".as_ref()) {
            let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
            assert!(manifest.contains("unsafe_code = \"forbid\""), "{} may have unsafe code", path.display());
        }
    }
}
