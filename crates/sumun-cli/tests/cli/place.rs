//! An empty folder to run the command line in.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for one test.
pub(crate) struct Place(TempDir);

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Options that make a training short.
pub(crate) const QUICK: [&str; 6] = ["--epochs", "2", "--hidden", "4", "--difference", "none"];

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A place with `y.csv`, 120 days of a series that repeats itself weekly.
    pub(crate) fn with_series() -> Self {
        let place = Self::new();
        place.write("y.csv", series("date", "y", 120));
        place
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sumun"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("NO_COLOR")
            // Whatever the locale of who runs the tests.
            .env("SUMUN_LANG", "en")
            .env("TERM", "xterm-256color");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs what must go well.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran
    }

    /// Runs what must be refused: exit code 2, one line on stderr that holds every one of `expected`, nothing on
    /// stdout, and no file more or less than before.
    pub(crate) fn refuse(&self, arguments: &[&str], expected: &[&str]) {
        self.refuse_with_input(arguments, "", expected);
    }

    pub(crate) fn refuse_with_input(&self, arguments: &[&str], input: &str, expected: &[&str]) {
        let before = self.tree();
        let ran = self.run_with_input(arguments, input);
        // A training that fails late has shown its progress; the error is the last line.
        let error = ran.stderr.lines().last().unwrap_or_default();
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(error.starts_with("error: "), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains('\x1b'), "{ran:?}");
        for part in expected {
            assert!(error.contains(part), "{arguments:?}: {part:?} is not in {error:?}");
        }
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert_eq!(self.tree(), before, "{arguments:?} leaves something behind");
    }

    /// The options that the help of a command lists, such as `--hidden`.
    pub(crate) fn options(&self, command: &[&str]) -> Vec<String> {
        let help = self.succeed(&[command, &["--help"]].concat()).stdout;
        let entry = |line: &str| {
            let line = line.trim_start();
            let long = line.split_whitespace().take(2).find(|word| word.starts_with("--"))?;
            line.starts_with('-').then(|| long.trim_end_matches(',').to_owned())
        };
        let found: Vec<String> = help.lines().filter_map(entry).collect();
        assert!(found.contains(&"--help".to_owned()), "{help}");
        found
    }

    /// Every file and folder, with the sizes of files.
    pub(crate) fn tree(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                found.push((entry.path(), if metadata.is_dir() { 0 } else { metadata.len() }));
                if metadata.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    /// Copies a trained run, `run`, into this place.
    pub(crate) fn with_run(self) -> Self {
        static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
        let model = MODEL.get_or_init(|| {
            let place = Self::with_series();
            let mut arguments = vec!["train", "forecast", "y.csv", "--target", "y", "--out", "run"];
            arguments.extend(["--horizon", "7", "--window", "14"]);
            arguments.extend(QUICK);
            place.succeed(&arguments);
            fs::read(place.path("run/model.safetensors")).unwrap()
        });
        fs::create_dir(self.path("run")).unwrap();
        self.write("run/model.safetensors", model);
        self
    }
}

/// The last line of stdout as JSON.
pub(crate) fn last_json(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.lines().last().expect("there is a line")).expect("it is JSON")
}

/// The value of day `i` of the series.
pub(crate) fn value(i: usize) -> f64 {
    let weekly = [3.0, 5.0, 4.0, 6.5, 9.0, 2.0, 1.0][i % 7];
    20.0 + weekly + (i * i % 13) as f64 / 10.0
}

/// Days from 2024-01-01, as `YYYY-MM-DD`.
pub(crate) fn date(mut i: usize) -> String {
    let lengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while i >= lengths[month] {
        i -= lengths[month];
        month += 1;
    }
    format!("2024-{:02}-{:02}", month + 1, i + 1)
}

/// A daily series as CSV.
pub(crate) fn series(time: &str, name: &str, rows: usize) -> String {
    let mut csv = format!("{time},{name}\n");
    (0..rows).for_each(|i| csv += &format!("{},{}\n", date(i), value(i)));
    csv
}

/// `text` with line `line` (counted from 1) replaced.
pub(crate) fn with_line(text: &str, line: usize, new: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[line - 1] = new;
    lines.join("\n") + "\n"
}

/// `text` without line `line` (counted from 1).
pub(crate) fn without_line(text: &str, line: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(line - 1);
    lines.join("\n") + "\n"
}

/// Whether `path` is there.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
