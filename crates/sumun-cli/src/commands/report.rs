//! What every report says about the command that made it.

use crate::terminal::shell_word;

/// The present, for the report: `2026-01-31 12:00 UTC`.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The command as it was typed, quoted for a shell where it must be.
pub(super) fn command_line() -> String {
    let mut words = vec!["sumun".to_owned()];
    words.extend(std::env::args_os().skip(1).map(|word| shell_word(&word.to_string_lossy())));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_is_written_for_people() {
        let now = now();
        assert!(now.ends_with(" UTC") && now.len() == "2026-01-31 12:00 UTC".len(), "{now}");
    }
}
