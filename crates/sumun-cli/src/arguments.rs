//! Values of options as people type them.

/// Column names: `demand,temperature`. A name with a comma in it is put in double quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Columns(pub(crate) Vec<String>);

/// Reads column names separated by commas; blanks around a name do not count, as in the file.
pub(crate) fn columns(text: &str) -> Result<Columns, String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut inside = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if inside && characters.peek() == Some(&'"') => {
                name.push('"');
                characters.next();
            }
            '"' if inside || name.trim().is_empty() => inside = !inside,
            ',' if !inside => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    for name in &mut names {
        *name = name.trim().to_owned();
    }
    if inside {
        return Err("a double quote is not closed".into());
    }
    if names.iter().any(String::is_empty) {
        return Err("a column name is empty; separate names with single commas".into());
    }
    Ok(Columns(names))
}

/// Reads a whole number; the library judges its size.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "give a whole number, such as 24".into())
}

/// Reads a seed; TOML holds whole numbers up to 2⁶³ − 1.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seed) if i64::try_from(seed).is_ok() => Ok(seed),
        _ => Err(format!("give a whole number from 0 to {}", i64::MAX)),
    }
}

/// Reads a season's period; `none` is 0.
pub(crate) fn season(text: &str) -> Result<usize, String> {
    if text == "none" { Ok(0) } else { text.parse().map_err(|_| "give a number of rows, or none".into()) }
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

/// Runs `work` on its own pool of `threads`; on all processors if no number is given.
pub(crate) fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, crate::Failure> {
    let Some(threads) = threads else { return Ok(work()) };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| crate::Failure::Usage(format!("--threads {threads}: {e}; use fewer")))?;
    Ok(pool.install(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names() {
        let cases: [(&str, &[&str]); 6] = [
            ("a", &["a"]),
            ("a, b c ,수요", &["a", "b c", "수요"]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"say \"\"hi\"\"\"", &["say \"hi\""]),
            ("5\" pipe,b", &["5\" pipe", "b"]),
            ("a, \"b\"", &["a", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(columns(text).unwrap().0, expected, "{text}");
        }
        for wrong in ["", "a,", ",a", "a,,b", "\"a"] {
            assert!(columns(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!((count("24"), season("none"), season("12")), (Ok(24), Ok(0), Ok(12)));
        for wrong in ["-1", "1.5", "", "x", "99999999999999999999999"] {
            assert!(count(wrong).is_err() && threads(wrong).is_err() && seed(wrong).is_err(), "{wrong}");
        }
        assert!(threads("0").is_err());
        assert_eq!(seed("9223372036854775807"), Ok(i64::MAX as u64));
        assert!(seed("9223372036854775808").is_err());
    }
}
