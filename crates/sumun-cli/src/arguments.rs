//! Values of options as people type them.

/// Reads a whole number; the library judges its size.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "give a whole number of at least 1".into())
}

/// Reads a seed; TOML holds whole numbers up to 2⁶³ − 1.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seed) if i64::try_from(seed).is_ok() => Ok(seed),
        _ => Err(format!("give a whole number from 0 to {}", i64::MAX)),
    }
}

/// Reads a number of threads.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    const MOST: usize = 1024;
    match text.parse() {
        Ok(threads) if (1..=MOST).contains(&threads) => Ok(threads),
        _ => Err(format!("give a whole number from 1 to {MOST}")),
    }
}

/// Reads a number, such as a learning rate; the library judges its size.
pub(crate) fn real<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "give a number, such as 0.1".into())
}

/// How a command that trains computes, and what it prints.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// Threads to compute with; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Output")]
    pub(crate) threads: Option<usize>,
    /// Print the results as one JSON object on the last line of stdout
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// Runs `work` on its own pool of `threads`; on all processors if no number is given.
pub(crate) fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, crate::failure::Failure> {
    let Some(threads) = threads else { return Ok(work()) };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| crate::failure::Failure::Usage(format!("--threads {threads}: {e}; use fewer")))?;
    Ok(pool.install(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(count("24"), Ok(24));
        for wrong in ["-1", "1.5", "", "x", "99999999999999999999999"] {
            assert!(count(wrong).is_err() && threads(wrong).is_err() && seed(wrong).is_err(), "{wrong}");
        }
        assert!(threads("0").is_err());
        assert_eq!(seed("9223372036854775807"), Ok(i64::MAX as u64));
        assert!(seed("9223372036854775808").is_err());
    }
}
