//! Files are opened in one place, which asks what they are, and written in one place, which leaves the old file or the new.

use std::path::Path;

/// What opens or writes a file in another way, and the sources that may.
const WAYS: [(&str, &[&str]); 8] = [
    ("fs::read(", &[]),
    ("fs::read_to_string(", &[]),
    // A stream of data, and a folder to be synchronised.
    ("File::open(", &["sumun-nn/src/outside.rs", "sumun-nn/src/durable.rs"]),
    ("OpenOptions::new()", &["sumun-nn/src/outside.rs", "sumun-nn/src/durable.rs"]),
    // A lock, which is opened as `outside` opens files.
    ("File::options()", &["sumun/src/run/lock.rs"]),
    // In a folder that nobody else knows yet.
    ("File::create(", &["sumun-nn/src/durable.rs"]),
    ("File::create_new(", &[]),
    // Pages of a manual, in a folder that the user names for them.
    ("fs::write(", &["sumun-cli/src/commands/man.rs"]),
];

#[test]
fn files_from_outside_are_opened_in_one_place() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        ["sumun", "sumun-nn", "sumun-cli", "sumun-formats"].map(|name| crates.join(name).join("src")).into();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        // A package has its own crate alone.
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(crates).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.ends_with("/examples.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    // `TextFile::open` is another type's.
                    let is_way = |way: &str| {
                        let before = |at| line[..at].chars().next_back();
                        line.match_indices(way).any(|(at, _)| !before(at).is_some_and(char::is_alphanumeric))
                    };
                    let way = WAYS.iter().find(|(way, may)| is_way(way) && !may.contains(&name.as_str()));
                    wrong.extend(way.map(|(way, _)| format!("{name}: {way}")));
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(
        wrong.is_empty(),
        "open files with sumun_nn::outside, write them with sumun_nn::durable: {wrong:#?}"
    );
}
