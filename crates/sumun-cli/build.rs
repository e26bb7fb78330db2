//! Lists the catalogues of `lang/`, so that adding a language is adding a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=lang");
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name| env::var(name).map_err(io::Error::other);
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("lang");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "po"));
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.file_stem().unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(table, "    ({name:?}, include_str!({file:?})),");
    }
    table.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("languages.rs"), table)
}
