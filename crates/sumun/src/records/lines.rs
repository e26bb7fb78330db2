//! The lines of a file, however they end.

/// The lines of a text, counted from 1. LF, CR LF and CR alone, as old Macs wrote it, end a line.
pub(crate) fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(text);
    let next = move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let ending = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[end + ending..]);
        Some(&text[..end])
    };
    (1..).zip(std::iter::from_fn(next))
}

/// What separates the lines of a text whose lines may hold a CR: LF, or CR where there is no LF.
pub(super) fn line_end(text: &str) -> char {
    if text.contains('\r') && !text.contains('\n') { '\r' } else { '\n' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_ends_one_line() {
        for (text, expected) in [
            ("a\nb\n\nc", ["a", "b", "", "c"]),
            ("a\r\nb\r\n\r\nc", ["a", "b", "", "c"]),
            ("a\rb\r\rc", ["a", "b", "", "c"]),
            ("a\nb\r\n\rc", ["a", "b", "", "c"]),
        ] {
            let lines: Vec<&str> = numbered_lines(text).map(|(_, line)| line).collect();
            assert_eq!(lines, expected, "{text:?}");
        }
        assert_eq!(numbered_lines("x\ry").last(), Some((2, "y")));
        assert_eq!((line_end("a\rb"), line_end("a\r\nb"), line_end("ab")), ('\r', '\n', '\n'));
    }
}
