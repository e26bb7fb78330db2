//! Pages: what each says about the command that made it, and how one is written where there is none yet.

use std::path::Path;

use crate::failure::Failure;
use crate::language;
use crate::output::tell_of_files;
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

/// Writes a page, and says so unless it is to be quiet. Errors: something is there already, which is not overwritten, and what the
/// operating system refuses.
pub(super) fn write_page(out: &Path, page: &str, quiet: bool) -> Result<(), Failure> {
    match sumun::durable::write_new(out, language::page(page).as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(out)),
        Err(source) => return Err(sumun::Error::Io { path: out.to_path_buf(), source }.into()),
    }
    if !quiet {
        tell_of_files(&format!("wrote {}", out.display()));
    }
    Ok(())
}

/// Error where something stands in the place of a page that is to be written at the end.
pub(super) fn expect_no_page(out: Option<&Path>) -> Result<(), Failure> {
    match out.filter(|out| out.symlink_metadata().is_ok()) {
        Some(out) => Err(exists(out)),
        None => Ok(()),
    }
}

fn exists(out: &Path) -> Failure {
    Failure::Usage(format!("{} exists; choose another --out or remove it", out.display()))
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
