//! The name of a run that was given none.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::staged::name_in_progress;

/// How many bytes of the data's name a run's name keeps: file systems end a name at 255.
const LONGEST_STEM: usize = 100;

/// `<runs>/<task>-<data stem>-<n>` with the first n from 1 that is neither there nor being written, such as
/// `runs/forecast-electricity-1`. Data without a name, such as standard input (`-`), is called `data`; spaces
/// and characters that some file system forbids become `-`.
pub fn default_path(runs: &Path, task: &str, data: &Path) -> PathBuf {
    let taken: HashSet<String> = std::fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| name_in_progress(&name).map_or_else(|| name.clone(), str::to_owned))
        .collect();
    let stem = stem(data);
    let mut n = 1_u64;
    loop {
        let name = format!("{task}-{stem}-{n}");
        if !taken.contains(&name) {
            return runs.join(name);
        }
        n += 1;
    }
}

fn stem(data: &Path) -> String {
    let stem = data.file_stem().unwrap_or_default().to_string_lossy();
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>:\"/\\|?*".contains(c);
    let mut stem: String = stem.chars().map(|c| if forbidden(c) { '-' } else { c }).collect();
    stem.truncate(stem.floor_char_boundary(LONGEST_STEM));
    match stem.trim_matches('-') {
        "" => "data".into(),
        stem => stem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunFolder;

    #[test]
    fn a_name_says_task_and_data() {
        let long = "전".repeat(200);
        for (data, name) in [
            ("data/electricity.csv", "forecast-electricity-1"),
            ("airline", "forecast-airline-1"),
            ("서울 기온.2024.csv", "forecast-서울-기온.2024-1"),
            ("a:b*c.csv", "forecast-a-b-c-1"),
            ("-", "forecast-data-1"),
            ("..", "forecast-data-1"),
            ("", "forecast-data-1"),
            (&long, &format!("forecast-{}-1", "전".repeat(33))),
        ] {
            let path = default_path(Path::new("no/such/folder"), "forecast", Path::new(data));
            assert_eq!(path, Path::new("no/such/folder").join(name));
        }
    }

    #[test]
    fn the_first_free_number_is_taken() {
        let runs = tempfile::tempdir().unwrap();
        let next = || default_path(runs.path(), "forecast", Path::new("a.csv"));
        for name in ["forecast-a-1", "forecast-a-3", "forecast-a-10"] {
            std::fs::create_dir(runs.path().join(name)).unwrap();
        }
        assert!(next().ends_with("forecast-a-2"));
        let staged = RunFolder::stage(next()).unwrap();
        assert!(next().ends_with("forecast-a-4"), "a run being written holds its name");
        drop(staged);
        assert!(next().ends_with("forecast-a-2"));
        std::fs::write(next(), "a file").unwrap();
        assert!(next().ends_with("forecast-a-4"));
    }
}
