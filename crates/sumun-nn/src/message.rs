//! Messages that name settings, so that each front end writes them as its user does.
//!
//! The library knows a setting by its name alone, [`Key`]: `hidden`. A user may know it as the field `hidden` of a struct,
//! as `network.hidden` of a file or as the option `--hidden`. An error therefore keeps the key, and a [`Spelling`] writes
//! it: [`Error::spelled`](crate::Error::spelled) with that of a front end, `Display` with [`RustSpelling`].
//!
//! ```
//! use sumun_nn::message::{Key, Spelling, key, text};
//!
//! struct Options;
//! impl Spelling for Options {
//!     fn setting(&self, key: Key) -> String {
//!         format!("--{}", key.name().replace('_', "-"))
//!     }
//! }
//!
//! let advice = text("choose ") + key("missing").to("drop") + " or a smaller " + key("min_count");
//! assert_eq!(advice.to_string(), "choose missing = drop or a smaller min_count");
//! assert_eq!(advice.spelled(&Options), "choose --missing drop or a smaller --min-count");
//! ```

use std::fmt;
use std::ops::Add;
use std::path::{Path, PathBuf};

/// The name of a setting, or of an argument of a call: `hidden`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(&'static str);

/// The setting of a name.
pub const fn key(name: &'static str) -> Key {
    Key(name)
}

impl Key {
    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The setting with a value.
    pub fn to(self, value: impl ToString) -> MessagePart {
        MessagePart::SettingTo(self, value.to_string())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A piece of a [`Message`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessagePart {
    /// What reads the same everywhere.
    Text(String),
    /// A setting.
    Setting(Key),
    /// A setting with a value.
    SettingTo(Key, String),
    /// How to go on with the training of the run in this folder.
    Resume(PathBuf),
    /// Where all settings are listed.
    ListSettings,
    /// How a language model is used.
    Generate,
}

impl From<&str> for MessagePart {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for MessagePart {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Key> for MessagePart {
    fn from(key: Key) -> Self {
        Self::Setting(key)
    }
}

/// A text of one line that may name settings: parts are put together with `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message(Vec<MessagePart>);

/// A message that begins with a text.
pub fn text(text: impl Into<String>) -> Message {
    Message(vec![MessagePart::Text(text.into())])
}

impl<T: Into<MessagePart>> From<T> for Message {
    fn from(part: T) -> Self {
        Self(vec![part.into()])
    }
}

impl<T: Into<MessagePart>> Add<T> for Message {
    type Output = Self;

    fn add(mut self, part: T) -> Self {
        self.0.push(part.into());
        self
    }
}

impl<T: Into<MessagePart>> Add<T> for MessagePart {
    type Output = Message;

    fn add(self, part: T) -> Message {
        Message(vec![self, part.into()])
    }
}

impl<T: Into<MessagePart>> Add<T> for Key {
    type Output = Message;

    fn add(self, part: T) -> Message {
        MessagePart::Setting(self) + part
    }
}

impl Message {
    /// The message as a front end writes it.
    pub fn spelled(&self, spelling: &dyn Spelling) -> String {
        let part = |part: &MessagePart| match part {
            MessagePart::Text(text) => text.clone(),
            MessagePart::Setting(key) => spelling.setting(*key),
            MessagePart::SettingTo(key, value) => spelling.setting_to(*key, value),
            MessagePart::Resume(run) => spelling.resume(run),
            MessagePart::ListSettings => spelling.list_settings(),
            MessagePart::Generate => spelling.generate(),
        };
        self.0.iter().map(part).collect()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(&RustSpelling))
    }
}

/// How a front end writes what its user may change.
pub trait Spelling {
    /// A setting: `--hidden`.
    fn setting(&self, key: Key) -> String;

    /// A setting with a value: `--hidden 64`.
    fn setting_to(&self, key: Key, value: &str) -> String {
        format!("{} {value}", self.setting(key))
    }

    /// What to do to go on with the training of a run.
    fn resume(&self, run: &Path) -> String {
        format!("resume the training of {}", run.display())
    }

    /// What to do to see all settings.
    fn list_settings(&self) -> String {
        "the template of a task lists them all".into()
    }

    /// What to do with a language model.
    fn generate(&self) -> String {
        "generate text with it instead".into()
    }
}

/// Settings as Rust has them: `hidden`, `hidden = 64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RustSpelling;

impl Spelling for RustSpelling {
    fn setting(&self, key: Key) -> String {
        key.name().to_owned()
    }

    fn setting_to(&self, key: Key, value: &str) -> String {
        format!("{} = {value}", key.name())
    }
}
