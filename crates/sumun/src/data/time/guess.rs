//! The forms that a cell may be written in.

use super::format::{LONGEST, Piece, Span};
use super::names::{NameStyle, months, weekdays};
use super::offset::{OffsetStyle, offset_of};
use super::read::half_of;

/// A run of one kind of characters, with the place where it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Digits(&'a str),
    Letters(&'a str),
    /// Any number of blanks.
    Blank,
    Other(char),
}

/// A piece, or a number of a date whose part is still open.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Is(Piece),
    Number(usize),
}

/// Words that may stand between the parts of a date.
const WORDS: [&str; 13] =
    ["de", "del", "of", "the", "le", "at", "um", "à", "den", "utc", "gmt", "uhr", "o'clock"];

/// All forms that `text` may be written in, the most usual first; none if it is no time.
pub(super) fn guesses(text: &str) -> Vec<Vec<Piece>> {
    if text.is_empty() || text.len() > LONGEST || !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let tokens = tokens(text);
    if let Some(numbers) = plain_numbers(&tokens) {
        return numbers;
    }
    let mut guess = Guess { text, tokens: &tokens, at: 0, open: vec![Vec::new()] };
    if guess.walk().is_none() {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for items in guess.open {
        forms.extend(assign(&items));
    }
    forms
}

fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let kind = |c: char| match c {
        '0'..='9' => 0,
        ' ' | '\u{a0}' | '\u{202f}' => 1,
        c if c.is_alphabetic() => 2,
        _ => 3,
    };
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        while kind(c) < 3
            && let Some((_, next)) = chars.next_if(|&(_, next)| kind(next) == kind(c))
        {
            end += next.len_utf8();
        }
        let run = &text[start..end];
        found.push((
            start,
            match kind(c) {
                0 => Token::Digits(run),
                1 => Token::Blank,
                2 => Token::Letters(run),
                _ => Token::Other(c),
            },
        ));
    }
    found
}

/// Forms of a cell that is one number, with or without a point.
fn plain_numbers(tokens: &[(usize, Token<'_>)]) -> Option<Vec<Vec<Piece>>> {
    use Piece::{Day, Epoch, Hour, Minute, Month, Second, Year};
    let packed = |parts: &[Piece]| [&[Year, Month(true), Day(true)], parts].concat();
    match tokens {
        [(_, Token::Digits(digits))] => Some(match digits.len() {
            4 => vec![vec![Year]],
            6 => vec![vec![Year, Month(true)]],
            8 => vec![packed(&[])],
            9 => vec![vec![Epoch(0)]],
            10 => vec![packed(&[Hour(true)]), vec![Epoch(0)]],
            12 => vec![packed(&[Hour(true), Minute]), vec![Epoch(3)]],
            13 => vec![vec![Epoch(3)]],
            14 => vec![packed(&[Hour(true), Minute, Second])],
            15 | 16 => vec![vec![Epoch(6)]],
            18 | 19 => vec![vec![Epoch(9)]],
            _ => Vec::new(),
        }),
        [(_, Token::Digits(whole)), (_, Token::Other('.')), (_, Token::Digits(part))] => {
            let digits = part.len() as u8;
            let decimal = |of| vec![Piece::DecimalYear { digits, of }];
            let zeros = part.bytes().all(|b| b == b'0');
            Some(match (whole.len(), part.len()) {
                (4, 1) => vec![],
                (4, 2) => vec![
                    vec![Year, Piece::Text(".".into()), Month(true)],
                    decimal(Span::MonthMiddle),
                    decimal(Span::MonthStart),
                ],
                (4, 3..=9) => vec![decimal(Span::MonthMiddle), decimal(Span::MonthStart), decimal(Span::Day)],
                (9 | 10, 1..=3) if zeros => vec![vec![Epoch(0)]],
                _ => Vec::new(),
            })
        }
        _ => None,
    }
}

struct Guess<'a> {
    text: &'a str,
    tokens: &'a [(usize, Token<'a>)],
    at: usize,
    open: Vec<Vec<Item>>,
}

impl<'a> Guess<'a> {
    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).map(|&(_, token)| token)
    }

    fn push(&mut self, piece: Piece) {
        self.open.iter_mut().for_each(|items| items.push(Item::Is(piece.clone())));
    }

    fn has(&self, wanted: impl Fn(&Piece) -> bool) -> bool {
        self.open[0].iter().any(|item| matches!(item, Item::Is(piece) if wanted(piece)))
    }

    /// The last number whose part is open becomes `piece`.
    fn settle(&mut self, piece: impl Fn(usize) -> Option<Piece>) -> Option<()> {
        for items in &mut self.open {
            let last = items.last_mut()?;
            let Item::Number(width) = *last else { return None };
            *last = Item::Is(piece(width)?);
        }
        Some(())
    }

    fn walk(&mut self) -> Option<()> {
        while let Some(&(start, token)) = self.tokens.get(self.at) {
            match token {
                Token::Blank => {
                    self.push(Piece::Text(" ".into()));
                    self.at += 1;
                }
                Token::Other(c) => self.other(start, c)?,
                Token::Letters(word) => self.letters(start, word)?,
                Token::Digits(digits) => self.digits(digits)?,
            }
        }
        Some(())
    }

    fn other(&mut self, start: usize, c: char) -> Option<()> {
        let timed = self.has(|piece| matches!(piece, Piece::Minute | Piece::Hour(_)));
        if timed && matches!(c, '+' | '-') {
            let end = self.text[start + 1..]
                .find(|c: char| !c.is_ascii_digit() && c != ':')
                .map_or(self.text.len(), |end| start + 1 + end);
            let (style, _) = offset_of(&self.text[start..end])?;
            self.push(Piece::Offset(style));
            while self.tokens.get(self.at).is_some_and(|&(place, _)| place < end) {
                self.at += 1;
            }
            return Some(());
        }
        matches!(c, '-' | '/' | '.' | ',' | '\'' | '(' | ')').then_some(())?;
        self.push(Piece::Text(c.to_string()));
        self.at += 1;
        Some(())
    }

    fn letters(&mut self, start: usize, word: &str) -> Option<()> {
        if let Some((half, length)) = half_of(&self.text[start..]) {
            self.push(Piece::Half(half));
            while self.tokens.get(self.at).is_some_and(|&(place, _)| place < start + length) {
                self.at += 1;
            }
            return Some(());
        }
        self.at += 1;
        let text = || Piece::Text(word.to_owned());
        let small = |piece: fn(bool) -> Piece| move |width: usize| (width <= 2).then(|| piece(width == 2));
        match word {
            "년" | "年" => self.settle(|width| match width {
                4 => Some(Piece::Year),
                2 => Some(Piece::ShortYear),
                _ => None,
            })?,
            "월" | "月" => self.settle(small(Piece::Month))?,
            "일" | "日" => self.settle(small(Piece::Day))?,
            "시" | "時" | "时" => self.settle(small(Piece::Hour))?,
            "분" | "分" => self.settle(|width| (width == 2).then_some(Piece::Minute))?,
            "초" | "秒" => self.settle(|width| (width == 2).then_some(Piece::Second))?,
            "분기" => self.settle(|width| (width == 1).then_some(Piece::Quarter))?,
            "h" | "H" => self.settle(small(Piece::Hour))?,
            "T" | "t" if matches!(self.peek(0), Some(Token::Digits(_))) => {}
            "Z" | "z" if self.peek(0).is_none() && self.has(|piece| *piece == Piece::Minute) => {
                self.push(Piece::Offset(OffsetStyle::Z));
                return Some(());
            }
            "Q" | "q" => {
                if let Some(Token::Digits(digits)) = self.peek(0)
                    && digits.len() == 1
                {
                    self.push(text());
                    self.push(Piece::Quarter);
                    self.at += 1;
                    return Some(());
                }
                self.settle(|width| (width == 1).then_some(Piece::Quarter))?;
            }
            "W" | "w" | "KW" | "주" => {
                if word == "주" {
                    self.settle(|width| (width <= 2).then_some(Piece::Week))?;
                } else {
                    self.push(text());
                    if self.peek(0) == Some(Token::Blank) {
                        self.push(Piece::Text(" ".into()));
                        self.at += 1;
                    }
                    let Some(Token::Digits(digits)) = self.peek(0) else { return None };
                    (digits.len() <= 2).then_some(())?;
                    self.push(Piece::Week);
                    self.at += 1;
                    return Some(());
                }
            }
            "st" | "nd" | "rd" | "th" => {
                self.push(Piece::Ordinal);
                return Some(());
            }
            _ => {
                let names: Vec<Piece> = (months(word).map(|(_, style)| Piece::MonthName(style)))
                    .chain(weekdays(word).map(|(_, style)| Piece::WeekdayName(style)))
                    .collect();
                if !names.is_empty() {
                    let before = std::mem::take(&mut self.open);
                    for name in names {
                        self.open.extend(before.iter().cloned().map(|mut items| {
                            items.push(Item::Is(name.clone()));
                            items
                        }));
                    }
                    return (self.open.len() <= 16).then_some(());
                }
                WORDS.contains(&word.to_lowercase().as_str()).then_some(())?;
            }
        }
        self.push(text());
        Some(())
    }

    fn digits(&mut self, digits: &str) -> Option<()> {
        let width = digits.len();
        let dated = self.open[0].iter().filter(|item| !matches!(item, Item::Is(Piece::Text(_)))).count() > 0;
        let timed = self.has(|piece| matches!(piece, Piece::Hour(_)));
        let after_joiner = matches!(self.at.checked_sub(1).map(|at| self.tokens[at].1), Some(Token::Blank))
            || self.has(|piece| *piece == Piece::Text("T".into()));
        self.at += 1;
        let mark = match self.peek(0) {
            Some(Token::Other(mark @ (':' | '.'))) => Some(mark),
            _ => None,
        };
        // `18.00.00` behind a date is a time of day.
        let dotted = mark == Some('.')
            && dated
            && after_joiner
            && self.open[0].iter().filter(|item| matches!(item, Item::Number(_))).count() == 3;
        if !timed && width <= 2 && (mark == Some(':') || dotted) {
            self.push(Piece::Hour(width == 2));
            self.at += 1;
            let mark = mark?;
            self.time_of_day(mark)?;
            return Some(());
        }
        if !timed && after_joiner && dated && matches!(width, 4 | 6) && self.packed_date() {
            self.push(Piece::Hour(true));
            self.push(Piece::Minute);
            if width == 6 {
                self.push(Piece::Second);
            }
            return Some(());
        }
        // Minutes behind `9h`.
        if self.has(|piece| matches!(piece, Piece::Text(text) if text == "h" || text == "H"))
            && timed
            && width == 2
            && !self.has(|piece| *piece == Piece::Minute)
        {
            self.push(Piece::Minute);
            return Some(());
        }
        if width == 8 && !dated {
            self.push(Piece::Year);
            self.push(Piece::Month(true));
            self.push(Piece::Day(true));
            return Some(());
        }
        (width <= 4 && width != 3).then_some(())?;
        self.open.iter_mut().for_each(|items| items.push(Item::Number(width)));
        Some(())
    }

    /// Whether the date is written without anything between its parts.
    fn packed_date(&self) -> bool {
        let is = |piece: Piece| Item::Is(piece);
        self.open[0].starts_with(&[is(Piece::Year), is(Piece::Month(true)), is(Piece::Day(true))])
    }

    /// Minutes, seconds and their fraction, behind an hour and `mark`.
    fn time_of_day(&mut self, mark: char) -> Option<()> {
        let two =
            |token: Option<Token<'_>>| matches!(token, Some(Token::Digits(digits)) if digits.len() == 2);
        self.push(Piece::Text(mark.to_string()));
        two(self.peek(0)).then_some(())?;
        self.push(Piece::Minute);
        self.at += 1;
        if self.peek(0) == Some(Token::Other(mark)) && two(self.peek(1)) {
            self.push(Piece::Text(mark.to_string()));
            self.push(Piece::Second);
            self.at += 2;
            if let (Some(Token::Other(mark @ ('.' | ','))), Some(Token::Digits(digits))) =
                (self.peek(0), self.peek(1))
                && digits.len() <= 9
            {
                self.push(Piece::Fraction { mark, digits: digits.len() as u8 });
                self.at += 2;
            }
        }
        Some(())
    }
}

/// The forms that the open numbers of a date make.
fn assign(items: &[Item]) -> Vec<Vec<Piece>> {
    let is = |wanted: fn(&Piece) -> bool| {
        items.iter().filter(|item| matches!(item, Item::Is(piece) if wanted(piece))).count()
    };
    let name = is(|piece| matches!(piece, Piece::MonthName(_)));
    let (week, quarter) = (is(|p| *p == Piece::Week), is(|p| *p == Piece::Quarter));
    let year = is(|p| matches!(p, Piece::Year | Piece::ShortYear));
    let hour = is(|p| matches!(p, Piece::Hour(_)));
    let half = is(|p| matches!(p, Piece::Half(_)));
    if name > 1 || week > 1 || quarter > 1 || hour > 1 || half > hour {
        return Vec::new();
    }
    let numbers: Vec<(usize, usize)> = (items.iter().enumerate())
        .filter_map(|(place, item)| match item {
            Item::Number(width) => Some((place, *width)),
            Item::Is(_) => None,
        })
        .collect();
    let widths: Vec<usize> = numbers.iter().map(|&(_, width)| width).collect();
    let month = |width: usize| Piece::Month(width == 2);
    let day = |width: usize| Piece::Day(width == 2);
    use Piece::{ShortYear, WeekDay, Year};
    let roles: Vec<Vec<Piece>> = match (&widths[..], week, quarter, name, year) {
        ([], _, _, _, 1) => vec![vec![]],
        (&[4], 1, 0, 0, 0) => vec![vec![Year]],
        (&[4, 1], 1, 0, 0, 0) => vec![vec![Year, WeekDay]],
        (&[4], 0, 1, 0, 0) | (&[4], 0, 0, 1, 0) => vec![vec![Year]],
        (&[2], 0, 1, 0, 0) | (&[2], 0, 0, 1, 0) => vec![vec![ShortYear]],
        (&[d @ (1 | 2), 4], 0, 0, 1, 0) => vec![vec![day(d), Year]],
        (&[4, d @ (1 | 2)], 0, 0, 1, 0) => vec![vec![Year, day(d)]],
        (&[2, 2], 0, 0, 1, 0) => vec![vec![Piece::Day(true), ShortYear], vec![ShortYear, Piece::Day(true)]],
        (&[1, 2], 0, 0, 1, 0) => vec![vec![Piece::Day(false), ShortYear]],
        (&[2, 1], 0, 0, 1, 0) => vec![vec![ShortYear, Piece::Day(false)]],
        (&[4], 0, 0, 0, 0) => vec![vec![Year]],
        (&[4, m @ (1 | 2)], 0, 0, 0, 0) => vec![vec![Year, month(m)]],
        (&[m @ (1 | 2), 4], 0, 0, 0, 0) => vec![vec![month(m), Year]],
        (&[4, m @ (1 | 2), d @ (1 | 2)], 0, 0, 0, 0) => vec![vec![Year, month(m), day(d)]],
        (&[a @ (1 | 2), b @ (1 | 2), 4], 0, 0, 0, 0) => {
            vec![vec![day(a), month(b), Year], vec![month(a), day(b), Year]]
        }
        (&[a @ (1 | 2), b @ (1 | 2), 2], 0, 0, 0, 0) => {
            let mut forms = vec![vec![day(a), month(b), ShortYear], vec![month(a), day(b), ShortYear]];
            if a == 2 {
                forms.push(vec![ShortYear, month(b), Piece::Day(true)]);
            }
            forms
        }
        (&[2, m @ (1 | 2), 1], 0, 0, 0, 0) => vec![vec![ShortYear, month(m), Piece::Day(false)]],
        _ => Vec::new(),
    };
    if name + week + quarter == 0 && !alike_between(items, &numbers) {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for roles in roles {
        let mut roles = roles.into_iter();
        let mut pieces: Vec<Piece> = Vec::with_capacity(items.len());
        for item in items {
            let piece = match item {
                Item::Is(piece) => Some(piece.clone()),
                Item::Number(_) => roles.next(),
            };
            match (piece, pieces.last_mut()) {
                (Some(Piece::Text(text)), Some(Piece::Text(before))) => before.push_str(&text),
                (Some(Piece::Hour(padded)), _) if half == 1 => pieces.push(Piece::Hour12(padded)),
                (Some(piece), _) => pieces.push(piece),
                (None, _) => return Vec::new(),
            }
        }
        let day = |piece: &Piece| matches!(piece, Piece::Day(_) | Piece::WeekDay);
        if hour == 1 && !pieces.iter().any(day) {
            continue; // An hour of no day.
        }
        forms.push(pieces);
    }
    forms
}

/// Whether the same stands between all numbers of a date.
fn alike_between(items: &[Item], numbers: &[(usize, usize)]) -> bool {
    let between = |pair: &[(usize, usize)]| -> Option<String> {
        let mut text = String::new();
        for item in &items[pair[0].0 + 1..pair[1].0] {
            let Item::Is(Piece::Text(more)) = item else { return None };
            text += more;
        }
        Some(text.trim().to_owned())
    };
    let mut all = numbers.windows(2).map(between);
    let Some(first) = all.next() else { return true };
    first.is_some_and(|first| {
        matches!(&*first, "-" | "/" | "." | "") && all.all(|other| other.as_deref() == Some(&*first))
    })
}

/// The form with short names and capitals as the cell has them, where two forms differ in nothing else.
pub(super) fn same_but_for_names(a: &[Piece], b: &[Piece]) -> bool {
    let plain = |piece: &Piece| match piece {
        Piece::MonthName(style) => Piece::MonthName(NameStyle { short: true, ..*style }),
        Piece::WeekdayName(style) => Piece::WeekdayName(NameStyle { short: true, ..*style }),
        other => other.clone(),
    };
    a.iter().map(plain).eq(b.iter().map(plain))
}
