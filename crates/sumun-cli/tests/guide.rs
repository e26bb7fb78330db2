//! The command lines of the guide print what its pages say. `sumun/tests/guide.rs` runs its other examples, and
//! `docs/guide/make.py` those that take long.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use sumun_testing::{guide_examples, guide_pages};

#[test]
fn command_lines_print_what_the_pages_say() {
    let program = Path::new(env!("CARGO_BIN_EXE_sumun"));
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").canonicalize().unwrap();
    let mut paths = vec![program.parent().unwrap().to_owned()];
    paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let path = std::env::join_paths(paths).unwrap();
    let mut run = 0;
    for (name, page) in guide_pages("en") {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&data, folder.path().join("data")).unwrap();
        for example in guide_examples(&page).iter().filter(|example| !example.is_slow()) {
            if example.commands.iter().any(|command| command.starts_with("cargo ")) {
                continue;
            }
            let mut printed = String::new();
            for command in &example.commands {
                let line = format!("{{ {command} ; }} 2>&1");
                let done = Command::new("sh")
                    .args(["-c", &line])
                    .env("PATH", &path)
                    .env("SUMUN_LANG", "en")
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                printed = String::from_utf8(done.stdout).unwrap();
                assert!(done.status.success(), "{name}: {command}: {printed}");
            }
            example.assert_shows(&printed);
            run += 1;
        }
    }
    assert!(run >= 5, "{run} examples");
}
