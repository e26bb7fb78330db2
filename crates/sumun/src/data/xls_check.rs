//! Whether a workbook in the older format of Excel (`.xls`) asks for no more than its size justifies.
//!
//! Such a file is a file system of sectors (a compound file, MS-CFB) with the sheets in one stream of records (MS-XLS). The
//! library that reads them follows whatever chain of sectors a file has, even one that leads in a circle, reserves what a
//! sheet says of its size, and lays it out as a rectangle. So chains, sizes and cells are looked through before, once.

use super::workbook_check::stretches;

/// What the file begins with.
const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// The end of a chain of sectors, and the first of the numbers that are of no sector.
const END: u32 = 0xffff_fffe;
const NONE: u32 = 0xffff_fffa;

/// Streams of fewer bytes are in the small sectors.
const SMALL: usize = 4096;

/// Bytes of a small sector, and of an entry of the list of streams.
const SMALL_SECTOR: usize = 64;
const ENTRY: usize = 128;

/// How often the records of all sheets may be looked through: sheets do not overlap.
const MOST_SHARED: usize = 2;

/// Kinds of records.
mod kind {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const END: u16 = 0x000a;
    pub(super) const NAME: u16 = 0x0018;
    pub(super) const SHEET: u16 = 0x0085;
    pub(super) const SEVERAL_NUMBERS: u16 = 0x00bd;
    pub(super) const TEXTS: u16 = 0x00fc;
    pub(super) const SIZE: u16 = 0x0200;
    pub(super) const BEGIN: u16 = 0x0809;
    /// From when days are counted, whether there is a password, and the encoding.
    pub(super) const SHORT: [u16; 3] = [0x0022, 0x002f, 0x0042];
    /// A number, a text, a flag, a short number, a text of the list, a text with fonts.
    pub(super) const CELLS: [u16; 6] = [0x0203, 0x0204, 0x0205, 0x027e, 0x00fd, 0x00d6];
}

/// Looks through a file. Error: what is wrong with it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let file = Compound::new(bytes)?;
    let stream = match file.stream("Workbook")? {
        Some(stream) => stream,
        None => file.stream("Book")?.ok_or("it has no sheets")?,
    };
    let mut starts = Vec::new();
    for record in records(&stream) {
        let (kind, data) = record?;
        match kind {
            kind::END => break,
            kind::SHEET => starts.push(word(at_least(data, 6)?, 0) as usize),
            kind::NAME => drop(at_least(data, 14)?),
            kind::TEXTS => drop(at_least(data, 8)?),
            kind::BEGIN => drop(at_least(data, 4)?),
            kind if kind::SHORT.contains(&kind) => drop(at_least(data, 2)?),
            _ => {}
        }
    }
    let mut left = MOST_SHARED * stream.len();
    for start in starts {
        let records =
            stream.get(start..).ok_or_else(|| format!("a sheet begins at {start}, behind its end"))?;
        left = sheet(records, left)?;
    }
    Ok(())
}

/// Looks through the records of a sheet, of which there may be `left` bytes; what is left then.
fn sheet(stream: &[u8], mut left: usize) -> Result<usize, String> {
    let (mut cells, mut stated, mut depth, mut has_begun) = (0, 0, 0_u32, false);
    let mut area: Option<[(u64, u64); 2]> = None;
    let mut cell = |row: u64, columns: [u64; 2]| {
        if columns[1] < columns[0] {
            return Err(format!("its columns {} to {} are no range", columns[0], columns[1]));
        }
        cells += columns[1] - columns[0] + 1;
        let [first, last] = area.get_or_insert([(row, columns[0]), (row, columns[1])]);
        *first = (first.0.min(row), first.1.min(columns[0]));
        *last = (last.0.max(row), last.1.max(columns[1]));
        Ok(())
    };
    for record in records(stream) {
        let (kind, data) = record?;
        left = left.checked_sub(4 + data.len()).ok_or("its sheets overlap")?;
        match kind {
            // Charts are within a sheet as sheets of their own.
            kind::BEGIN if has_begun => depth += 1,
            kind::BEGIN => has_begun = true,
            kind::END if depth > 0 => depth -= 1,
            kind::END => break,
            _ if depth > 0 => {}
            kind::SIZE => stated = stated.max(size(data)?),
            kind::FORMULA => cell(half(at_least(data, 20)?, 0), [half(data, 2); 2])?,
            kind::SEVERAL_NUMBERS => {
                let columns = [half(at_least(data, 6)?, 2), half(data, data.len() - 2)];
                cell(half(data, 0), columns)?;
            }
            kind if kind::CELLS.contains(&kind) => {
                cell(half(at_least(data, 8)?, 0), [half(data, 2); 2])?;
            }
            _ => {}
        }
    }
    let area = area.map_or(0, |[first, last]| (last.0 - first.0 + 1) * (last.1 - first.1 + 1));
    stretches(cells, area.max(stated)).map(|()| left)
}

/// How many cells a sheet says that it has.
fn size(data: &[u8]) -> Result<u64, String> {
    let axis = |first: u64, behind: u64| match behind.checked_sub(first) {
        Some(length) => Ok(length.max(1)),
        None if behind == 0 => Ok(1),
        None => Err(format!("its cells {first} to {behind} are no range")),
    };
    let (rows, columns) = match data.len() {
        10 => ([half(data, 0), half(data, 2)], [half(data, 4), half(data, 6)]),
        14 | 16 => ([word(data, 0).into(), word(data, 4).into()], [half(data, 8), half(data, 10)]),
        length => return Err(format!("the size of a sheet has {length} bytes")),
    };
    // A first column that cannot be one is read as 0.
    let first = if columns[0] > 0xff || columns[1] <= columns[0] { 0 } else { columns[0] };
    Ok(axis(rows[0], rows[1])?.saturating_mul(axis(first, columns[1])?))
}

/// The kind and the data of each record.
fn records(stream: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), String>> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let (head, behind) = rest.split_first_chunk::<4>()?;
        let (kind, length) = (half(head, 0) as u16, half(head, 2) as usize);
        let Some((data, next)) = behind.split_at_checked(length) else {
            rest = &[];
            return Some(Err("a record of it is cut off".into()));
        };
        rest = next;
        Some(Ok((kind, data)))
    })
}

fn at_least(data: &[u8], length: usize) -> Result<&[u8], String> {
    match data.len() >= length {
        true => Ok(data),
        false => Err(format!("a record of it has {} bytes, not {length}", data.len())),
    }
}

fn half(bytes: &[u8], at: usize) -> u64 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The file as sectors.
struct Compound<'a> {
    /// What is behind the header.
    body: &'a [u8],
    sector: usize,
    /// For each sector, the one that follows.
    next: Vec<u32>,
    small: Vec<u8>,
    next_small: Vec<u32>,
    /// The entries of the list of streams.
    entries: Vec<u8>,
}

impl<'a> Compound<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let header = bytes.get(..512).filter(|header| header.starts_with(&MAGIC));
        let header = header.ok_or("it is no compound file")?;
        let sector = match half(header, 30) {
            9 => 512,
            12 => 4096,
            shift => return Err(format!("its sectors have 2^{shift} bytes")),
        };
        let body = bytes.get(sector..).ok_or("it is cut off")?;
        let mut file = Self {
            body,
            sector,
            next: Vec::new(),
            small: Vec::new(),
            next_small: Vec::new(),
            entries: Vec::new(),
        };
        file.next = file.table(header)?;
        file.entries = file.chain(word(header, 48), usize::MAX)?;
        if word(header, 64) > 0 {
            let (start, length) = file.entry(0).ok_or("it has no root")?;
            file.small = file.chain(start, length)?;
            let length = (word(header, 64) as usize).saturating_mul(sector);
            file.next_small = words(&file.chain(word(header, 60), length)?);
        }
        Ok(file)
    }

    /// A sector; the last may be cut off.
    fn at(&self, id: u32) -> Result<&'a [u8], String> {
        let start = (id as usize).checked_mul(self.sector).filter(|&start| start < self.body.len());
        let start = start.ok_or_else(|| format!("its sector {id} is behind its end"))?;
        Ok(&self.body[start..(start + self.sector).min(self.body.len())])
    }

    /// The table of which sector follows which, whose own sectors the header lists, and sectors behind it.
    fn table(&self, header: &[u8]) -> Result<Vec<u32>, String> {
        let most = self.body.len().div_ceil(self.sector);
        let mut ids = words(&header[76..512]);
        let (mut more, mut lists) = (word(header, 68), 0);
        while more < NONE {
            lists += 1;
            if lists > most {
                return Err("its list of sectors has no end".into());
            }
            ids.extend(words(self.at(more)?));
            more = ids.pop().unwrap_or(END);
        }
        ids.retain(|&id| id < NONE);
        if ids.len() > most {
            return Err(format!("it says that {} of its {most} sectors are lists", ids.len()));
        }
        let mut next = Vec::new();
        for id in ids {
            next.extend(words(self.at(id)?));
        }
        Ok(next)
    }

    /// The bytes of a chain of sectors, `length` at most.
    fn chain(&self, start: u32, length: usize) -> Result<Vec<u8>, String> {
        follow(start, length, &self.next, |id| self.at(id))
    }

    /// Where a stream of the list begins and how long it is.
    fn entry(&self, index: usize) -> Option<(u32, usize)> {
        let entry = self.entries.chunks_exact(ENTRY).nth(index)?;
        Some((word(entry, 116), word(entry, 120) as usize))
    }

    /// A stream by its name; None where there is none.
    fn stream(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let is_named = |entry: &[u8]| {
            let letters = entry[..64].as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
            let letters: Vec<u16> = letters.take_while(|&letter| letter != 0).collect();
            String::from_utf16(&letters).is_ok_and(|found| found.eq_ignore_ascii_case(name))
        };
        let Some(index) = self.entries.chunks_exact(ENTRY).position(is_named) else { return Ok(None) };
        let (start, length) = self.entry(index).ok_or("it has no such entry")?;
        if length >= SMALL {
            return self.chain(start, length).map(Some);
        }
        let at = |id: u32| {
            let start = (id as usize).saturating_mul(SMALL_SECTOR);
            let sector = self.small.get(start..(start + SMALL_SECTOR).min(self.small.len()));
            sector
                .filter(|sector| !sector.is_empty())
                .ok_or_else(|| format!("its small sector {id} is behind its end"))
        };
        follow(start, length, &self.next_small, at).map(Some)
    }
}

/// The bytes of a chain, which has an end.
fn follow<'s>(
    start: u32,
    length: usize,
    next: &[u32],
    at: impl Fn(u32) -> Result<&'s [u8], String>,
) -> Result<Vec<u8>, String> {
    let (mut bytes, mut id, mut steps) = (Vec::new(), start, 0);
    while id != END && bytes.len() < length {
        steps += 1;
        if steps > next.len() {
            return Err("a chain of its sectors has no end".into());
        }
        let sector = at(id)?;
        bytes.extend_from_slice(&sector[..sector.len().min(length - bytes.len())]);
        if bytes.len() < length {
            id =
                *next.get(id as usize).ok_or_else(|| format!("nothing says what follows its sector {id}"))?;
        }
    }
    Ok(bytes)
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
    }

    /// The size of a sheet as it states it: rows and columns from 0 to these.
    fn stated(rows: u32, columns: u16) -> Vec<u8> {
        let columns = [0_u16.to_le_bytes(), columns.to_le_bytes(), [0; 2]].concat();
        record(kind::SIZE, &[&0_u32.to_le_bytes()[..], &rows.to_le_bytes(), &columns].concat())
    }

    fn number(row: u16, column: u16, value: f64) -> Vec<u8> {
        let place = [row.to_le_bytes(), column.to_le_bytes(), [0; 2]].concat();
        record(0x0203, &[place, value.to_le_bytes().to_vec()].concat())
    }

    /// A workbook whose one sheet has these records.
    fn book(records: &[Vec<u8>]) -> Vec<u8> {
        let begin = |what: u8| record(kind::BEGIN, &[0, 6, what, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let globals = begin(5);
        let sheet_at = globals.len() + 14 + 4;
        let name = [1, 0, b'a'];
        let sheet = record(
            kind::SHEET,
            &[&(sheet_at as u32).to_le_bytes()[..], &[0, 0], &name[..2], &name[2..], &[0]].concat(),
        );
        assert_eq!(sheet.len(), 14);
        let end = record(kind::END, &[]);
        let mut stream = [globals, sheet, end.clone(), begin(0x10), records.concat(), end].concat();
        stream.resize(stream.len().next_multiple_of(512).max(SMALL), 0);
        compound(&stream)
    }

    /// A compound file of one stream: the table, the list of streams, and the stream's sectors behind.
    fn compound(stream: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..8].copy_from_slice(&MAGIC);
        header[26] = 3;
        header[30] = 9;
        header[32] = 6;
        header[44] = 1;
        header[48..52].copy_from_slice(&1_u32.to_le_bytes());
        header[60..64].copy_from_slice(&END.to_le_bytes());
        header[68..72].copy_from_slice(&END.to_le_bytes());
        header[76..512].fill(0xff);
        header[76..80].copy_from_slice(&0_u32.to_le_bytes());
        let sectors = stream.len() / 512;
        let mut next = vec![0xffff_fffd, END];
        next.extend((1..sectors as u32).map(|k| k + 2).chain([END]));
        next.resize(128, u32::MAX);
        let mut entries = vec![0; 512];
        for (letter, place) in "Workbook".bytes().zip((0..).step_by(2)) {
            entries[place] = letter;
        }
        entries[64] = 18;
        entries[116..120].copy_from_slice(&2_u32.to_le_bytes());
        entries[120..124].copy_from_slice(&(stream.len() as u32).to_le_bytes());
        let table: Vec<u8> = next.iter().flat_map(|next| next.to_le_bytes()).collect();
        [header, table, entries, stream.to_vec()].concat()
    }

    #[test]
    fn a_small_workbook_is_read() {
        let bytes = book(&[stated(2, 2), number(0, 0, 1.5), number(1, 1, 2.5)]);
        check(&bytes).unwrap();
        let sheet = super::super::workbook::read(bytes, None, 1 << 20).unwrap();
        assert_eq!(sheet.text, "1.5,\n,2.5\n");
    }

    #[test]
    fn sizes_and_chains_that_lie_are_refused() {
        let good = || vec![stated(2, 2), number(0, 0, 1.5)];
        let changed = |at: usize, new: &[u8]| {
            let mut bytes = book(&good());
            bytes[at..at + new.len()].copy_from_slice(new);
            bytes
        };
        let sheet = |records: &[Vec<u8>]| book(&[good(), records.to_vec()].concat());
        for (bytes, expected) in [
            (sheet(&[stated(u32::MAX, 256)]), "a sheet of 1 cells stretches over 1099511627520"),
            (sheet(&[number(65_535, 255, 1.0)]), "a sheet of 2 cells stretches over 16777216"),
            (
                sheet(&[record(kind::SIZE, &[9, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0])]),
                "its cells 9 to 3 are no range",
            ),
            (sheet(&[record(kind::SIZE, &[0; 3])]), "the size of a sheet has 3 bytes"),
            (
                sheet(&[record(kind::SEVERAL_NUMBERS, &[0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3, 0])]),
                "its columns 9 to 3 are no range",
            ),
            (sheet(&[record(0x0203, &[0; 3])]), "a record of it has 3 bytes, not 8"),
            (sheet(&[vec![3, 2, 255, 255]]), "a record of it is cut off"),
            // The list of streams, and a sector of the stream, lead back to themselves.
            (changed(512 + 4, &1_u32.to_le_bytes()), "a chain of its sectors has no end"),
            (changed(512 + 4, &99_u32.to_le_bytes()), "its sector 99 is behind its end"),
            (changed(512 + 8, &0x7fff_ffff_u32.to_le_bytes()), "its sector 2147483647 is behind its end"),
            (changed(30, &[11]), "its sectors have 2^11 bytes"),
            // Where the sheet begins.
            (changed(1536 + 20 + 4, &u32::MAX.to_le_bytes()), "a sheet begins at 4294967295, behind its end"),
        ] {
            let found = check(&bytes).expect_err(expected);
            assert!(found.contains(expected), "{found:?}, not {expected:?}");
            let found = super::super::workbook::read(bytes, None, 1 << 20).map(|_| ()).unwrap_err();
            assert!(found.contains("save it as CSV") && !found.contains('\n'), "{found}");
        }
        // Nine sheets of the same records, which stand behind the list of sheets: 20 + 9 · 14 + 4 bytes.
        let twice = record(kind::SHEET, &[150, 0, 0, 0, 0, 0, 1, 0, b'b', 0]);
        let many = [record(kind::BEGIN, &[0; 16]), twice.repeat(9), record(kind::END, &[])].concat();
        let mut stream = [many, number(0, 0, 1.0).repeat(300)].concat();
        stream.resize(stream.len().next_multiple_of(512), 0);
        assert_eq!(check(&compound(&stream)).unwrap_err(), "its sheets overlap");
    }
}
