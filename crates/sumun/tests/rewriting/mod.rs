//! Tables written anew: their cells, with another delimiter, line end and encoding.

/// The cells of each line.
pub(crate) fn cells(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let line_cells = |line: &str| {
        let mut row = vec![String::new()];
        let mut inside = false;
        for c in line.chars() {
            match c {
                '"' => inside = !inside,
                c if c == delimiter && !inside => row.push(String::new()),
                c => row.last_mut().expect("a row has a cell").push(c),
            }
        }
        row
    };
    text.lines().map(line_cells).collect()
}

/// The file written with another delimiter and line end.
pub(crate) fn written(rows: &[Vec<String>], delimiter: char, end: &str) -> String {
    let cell = |cell: &String| if cell.contains(delimiter) { format!("\"{cell}\"") } else { cell.clone() };
    let delimiter = delimiter.to_string();
    rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(&delimiter) + end).collect()
}

/// The text in every encoding that has its letters.
pub(crate) fn encoded(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 =
        |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{text}");
    let mut all = vec![
        ("UTF-8", text.into()),
        ("UTF-8 with a mark", marked.clone().into_bytes()),
        ("UTF-16LE", utf16(&marked, u16::to_le_bytes)),
        ("UTF-16BE", utf16(&marked, u16::to_be_bytes)),
        ("UTF-16LE without a mark", utf16(text, u16::to_le_bytes)),
    ];
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    all.extend(latin.map(|bytes| ("Latin-1", bytes)));
    all
}
