//! How messages of the library write settings and what to do next: as options and commands, or as keys of a file where
//! they came from one.

use std::collections::BTreeSet;
use std::path::Path;

use sumun::message::{Key, Spelling};
use sumun::settings::Setting;
use sumun::tasks::ConfigKeys;
use toml::{Table, Value};

use crate::terminal::shell_word;

/// Settings as options: `--hidden`, `--missing drop`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Options {
    /// Those that a configuration file or `--set` said, by name.
    of_file: BTreeSet<String>,
    /// Whether the command takes none of them as options.
    no_options: bool,
}

impl Options {
    /// For a command that takes its settings from a file alone.
    pub(crate) fn of_file_alone() -> Self {
        Self { no_options: true, ..Self::default() }
    }

    /// For a command where the settings of `table` stand in a file, or are written like one.
    pub(crate) fn file(&mut self, table: &Table) {
        let sections = table.values().filter_map(Value::as_table);
        self.of_file.extend(sections.flat_map(|section| section.keys().cloned()));
    }

    /// Options take their settings out of the hand of a file.
    pub(crate) fn option(&mut self, table: &Table) {
        let sections: Vec<&Table> = table.values().filter_map(Value::as_table).collect();
        self.of_file.retain(|name| !sections.iter().any(|section| section.contains_key(name)));
    }

    /// Whether a setting is better named by its key. The training file is no option.
    fn by_key(&self, key: Key) -> bool {
        let setting = Setting::of(key).is_some();
        key.name() == "train" || setting && (self.no_options || self.of_file.contains(key.name()))
    }
}

impl Spelling for Options {
    fn setting(&self, key: Key) -> String {
        match self.by_key(key) {
            true => ConfigKeys.setting(key),
            false => format!("--{}", key.name().replace('_', "-")),
        }
    }

    fn setting_to(&self, key: Key, value: &str) -> String {
        match self.by_key(key) {
            true => ConfigKeys.setting_to(key, value),
            false => format!("{} {value}", self.setting(key)),
        }
    }

    fn resume(&self, run: &Path) -> String {
        format!("go on with sumun train --resume {}", shell_word(&run.display().to_string()))
    }

    fn list_settings(&self) -> String {
        "`sumun config TASK` lists them all".into()
    }

    fn generate(&self) -> String {
        "write text with `sumun generate`".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sumun::message::{key, text};
    use sumun::tasks::setting;

    #[test]
    fn settings_are_written_as_they_came() {
        let mut both = Options::default();
        both.file(&setting("data.missing", "drop").unwrap());
        both.file(&setting("network.hidden", "3").unwrap());
        both.option(&setting("network.hidden", "4").unwrap());
        let message =
            || text("") + key("hidden") + ", " + key("missing").to("ffill") + ", " + key("top_k").to(3);
        for (spelling, expected) in [
            (Options::default(), "--hidden, --missing ffill, --top-k 3"),
            (both, "--hidden, data.missing = \"ffill\", --top-k 3"),
            (Options::of_file_alone(), "network.hidden, data.missing = \"ffill\", --top-k 3"),
        ] {
            assert_eq!(message().spelled(&spelling), expected);
            assert_eq!(spelling.setting(key("train")), "data.train");
        }
    }
}
