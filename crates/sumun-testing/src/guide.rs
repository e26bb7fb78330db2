//! The pages of the guide: their examples, and what these print compared with what the pages say.

use std::fs;
use std::path::{Path, PathBuf};

/// An example of a page: commands, and what the last of them prints.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideExample {
    /// One command a line.
    pub commands: Vec<String>,
    /// What follows `output` in the marker: `from "…"`, `lines N`, `within N`, `words`, `slow`.
    pub options: String,
    /// The lines that the page shows.
    pub output: String,
}

/// The folder of the guide.
pub fn guide_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide")
}

/// The pages of a language, `en` or `ko`, in order: name and text.
pub fn guide_pages(language: &str) -> Vec<(String, String)> {
    let folder = guide_folder().join(language);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut pages: Vec<(String, String)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    pages.sort();
    pages
}

/// The examples of a page, as `docs/guide/make.py` reads them.
pub fn guide_examples(page: &str) -> Vec<GuideExample> {
    let block =
        |part: &str| part.split_once("```\n").map(|(inside, after)| (inside.to_owned(), after.to_owned()));
    let mut found = Vec::new();
    for part in page.split("```sh\n").skip(1) {
        let Some((commands, after)) = block(part) else { continue };
        let Some(marked) = after.strip_prefix("<!-- output") else { continue };
        let (options, after) =
            marked.split_once("-->\n```text\n").unwrap_or_else(|| panic!("no output behind {commands}"));
        let (output, _) = block(after).unwrap_or_else(|| panic!("the output of {commands} has no end"));
        found.push(GuideExample {
            commands: commands.lines().map(str::to_owned).collect(),
            options: options.trim().into(),
            output,
        });
    }
    found
}

impl GuideExample {
    /// Whether only `make.py` runs it.
    pub fn is_slow(&self) -> bool {
        self.options.split(' ').any(|word| word == "slow")
    }

    /// The word behind another in the marker.
    fn option(&self, name: &str) -> Option<usize> {
        let mut words = self.options.split(' ').skip_while(|word| *word != name);
        words.nth(1).map(|number| number.parse().unwrap_or_else(|_| panic!("{name} {number:?} in a marker")))
    }

    /// What the page should say of what was printed.
    fn excerpt(&self, printed: &str) -> Vec<String> {
        let lines = printed.trim_end_matches('\n').lines().map(|line| line.trim_end().to_owned());
        let from = self.options.split('"').nth(1);
        let lines = lines.skip_while(|line| from.is_some_and(|from| !line.starts_with(from)));
        lines.take(self.option("lines").unwrap_or(usize::MAX)).collect()
    }

    /// Panics where what was printed is not what the page shows: words are the same, numbers within so many per cent of the
    /// larger one, or a unit of their last decimal.
    pub fn assert_shows(&self, printed: &str) {
        let (printed, shown) = (self.excerpt(printed), self.output.lines().collect::<Vec<_>>());
        let what = self.commands.join("; ");
        let advice = "`python3 docs/guide/make.py` writes the pages anew";
        assert!(!shown.is_empty(), "{what}: the page shows no output; {advice}");
        assert_eq!(printed.len(), shown.len(), "{what}: lines\n{}\n{advice}", printed.join("\n"));
        let share = self.option("within").unwrap_or(1) as f64 / 100.0;
        let numbers = !self.options.split(' ').any(|word| word == "words");
        for (printed, shown) in printed.iter().zip(shown) {
            let (a, b) = (tokens(printed), tokens(shown));
            let same = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| alike(a, b, share, numbers));
            assert!(same, "{what}: printed\n{printed}\nand the page says\n{shown}\n{advice}");
        }
    }
}

/// The words and numbers of a line. White space counts for nothing, as numbers may be longer or shorter.
fn tokens(line: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    let letters: Vec<char> = line.chars().collect();
    for (k, &c) in letters.iter().enumerate() {
        let digit = |k: usize| letters.get(k).is_some_and(char::is_ascii_digit);
        let before = k > 0 && digit(k - 1);
        // A point or comma between digits, a minus before one, and the e of a power belong to a number.
        let part = c.is_ascii_digit()
            || (matches!(c, '.' | ',') && before && digit(k + 1))
            || (matches!(c, '-' | '−') && digit(k + 1) && !before)
            || (c == 'e' && before && (digit(k + 1) || matches!(letters.get(k + 1), Some('-'))));
        match (part, found.last_mut()) {
            (true, Some(last)) if open => last.push(c),
            (true, _) => found.push(c.to_string()),
            (false, _) if c.is_whitespace() => {}
            (false, _) => found.push(c.to_string()),
        }
        open = part;
    }
    found
}

/// Whether two tokens are the same word, or numbers that are near enough.
fn alike(a: &str, b: &str, share: f64, numbers: bool) -> bool {
    let number = |token: &str| token.replace(',', "").replace('−', "-").parse::<f64>().ok();
    match (number(a), number(b)) {
        (Some(x), Some(y)) if numbers => {
            let decimals =
                b.split('e').next().and_then(|b| b.split_once('.')).map_or(0, |(_, after)| after.len());
            let power = b.split_once('e').and_then(|(_, power)| power.parse::<i32>().ok()).unwrap_or(0);
            // Whole numbers are counts: a unit would hide a wrong one.
            let unit = if decimals == 0 && power == 0 { 0.0 } else { 10f64.powi(power - decimals as i32) };
            (x - y).abs() <= (share * x.abs().max(y.abs())).max(1.01 * unit)
        }
        (Some(_), Some(_)) => true,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_read_from_pages() {
        let page = "text\n```sh\na\nb\n```\n<!-- output from \"x y\" lines 2 within 5 -->\n```text\nx y 1\n```\n```sh\nno output\n```\n";
        let found = guide_examples(page);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].commands.len(), found[0].output.as_str()), (2, "x y 1\n"));
        found[0].assert_shows("before\nx y 1.04\n");
    }

    #[test]
    fn numbers_may_differ_by_a_share_and_words_may_not() {
        assert_eq!(
            tokens("x -0.5  1,024 2e-03 (2, 5)"),
            ["x", "-0.5", "1,024", "2e-03", "(", "2", ",", "5", ")"]
        );
        for (a, b, share, alike_) in [
            ("0.500", "0.501", 0.0, true),
            ("0.500", "0.503", 0.0, false),
            ("0.500", "0.503", 0.01, true),
            ("3e-08", "4e-08", 0.01, true),
            ("3e-08", "5e-08", 0.01, false),
            ("24960", "24961", 0.0, false),
            ("true", "false", 1.0, false),
        ] {
            let (x, y) = (tokens(a), tokens(b));
            let same = x.len() == y.len() && x.iter().zip(&y).all(|(a, b)| alike(a, b, share, true));
            assert_eq!(same, alike_, "{a} and {b}");
        }
    }
}
