//! Values that files and callers lie with: the ends of types, what overflows beside them, what no field is ready for.

use sumun_testing::Random;

/// Numbers as texts write them.
const NUMBERS: [&str; 30] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "127",
    "255",
    "256",
    "32768",
    "65535",
    "65536",
    "16777217",
    "100000",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.5",
    "-0.1",
    "1e-320",
    "3.5e38",
    "1e308",
    "-1e308",
    "1e999",
    "NaN",
];

/// Texts that fields, parsers and terminals stumble over.
const TEXTS: [&str; 48] = [
    "",
    " ",
    "\0",
    "\x1b[2J",
    "\u{7f}",
    "\"",
    "'",
    "`",
    "\\",
    ",",
    ";",
    "\t",
    "|",
    "\r",
    "\n",
    "\r\n",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "\u{fffd}",
    "가",
    "각",
    "e\u{301}",
    "𝔘𝔫",
    "🇰🇷",
    "ß",
    "İ",
    "NA",
    "-",
    "inf",
    "null",
    "true",
    "=",
    "#",
    "%",
    "{",
    "}",
    "[",
    "]",
    "__metadata__",
    "2024-02-30",
    "1970-01-01T00:00:00Z",
    "9999-12-31 24:00",
    "-9999-01-01",
    "31.12.1969 23:59:60",
    "../../x",
];

/// Sizes for calls: small ones on both sides of a vector's and a tile's width, and such that no product of them fits.
const SIZES: [usize; 16] = [
    usize::MAX,
    usize::MAX - 1,
    usize::MAX / 2,
    usize::MAX / 2 + 1,
    usize::MAX / 3 + 1,
    usize::MAX / 4 + 1,
    usize::MAX / 8 + 1,
    1 << 61,
    1 << 32,
    (1 << 32) - 1,
    (1 << 32) + 1,
    1 << 31,
    (1 << 31) - 1,
    0,
    1,
    2,
];

/// One of `all`.
pub fn one_of<'a, T: ?Sized>(random: &mut Random, all: &[&'a T]) -> &'a T {
    all[random.below(all.len())]
}

/// Whether something of one in `n` happens.
pub fn one_in(random: &mut Random, n: usize) -> bool {
    random.below(n) == 0
}

/// How many changes are made at once: one in half of the cases, and so on.
pub fn few(random: &mut Random) -> usize {
    1 + random.next_u64().trailing_ones().min(6) as usize
}

/// A number as a text.
pub fn number(random: &mut Random) -> &'static str {
    one_of(random, &NUMBERS)
}

/// A text.
pub fn text(random: &mut Random) -> &'static str {
    one_of(random, &TEXTS)
}

/// A size that lies.
pub fn size(random: &mut Random) -> usize {
    SIZES[random.below(SIZES.len())]
}

/// A value that floating-point code stumbles over, or any.
pub fn float(random: &mut Random) -> f32 {
    match random.below(12) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => f32::MAX,
        4 => f32::MIN_POSITIVE / 8.0,
        5 => -0.0,
        6 => f32::from_bits(random.next_u64() as u32),
        _ => random.normal() as f32,
    }
}
