//! What broke a target once does so no more, and a few runs of each target break nothing.

use sumun_fuzz::judge::{judge, keep_panics};
use sumun_fuzz::mutate::mutate;
use sumun_fuzz::{TARGETS, corpus};

/// Few enough for every change; `.ci/run` has more, and docs/reliability.md those of the long runs.
const RUNS: u64 = 150;

#[test]
fn regressions_stay_mended_and_a_few_runs_break_nothing() {
    keep_panics();
    let mut broken = Vec::new();
    for target in TARGETS {
        let seeds = corpus::seeds(target).unwrap();
        let kept = corpus::regressions(target).unwrap();
        let kept = kept.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes));
        let random = (0..RUNS.max(seeds.len() as u64))
            .map(|number| (format!("input {number}"), mutate(&seeds, 0, number)));
        let mut read = 0;
        for (name, bytes) in kept.chain(random) {
            let verdict = judge(target, &bytes, false);
            read += usize::from(verdict.read);
            broken.extend(verdict.fault.map(|fault| format!("{}, {name}: {fault}", target.name)));
        }
        // A target that refuses everything reaches nothing.
        assert!(read > 0, "{} read nothing", target.name);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_folder_of_regressions_has_a_target() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!path.is_dir() || sumun_fuzz::Target::named(name).is_some(), "there is no target {name}");
    }
}

#[test]
fn cargo_fuzz_has_every_target() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    let listed: Vec<&str> =
        manifest.split("[[bin]]\nname = \"").skip(1).filter_map(|part| part.split('"').next()).collect();
    assert_eq!(listed, TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
}
