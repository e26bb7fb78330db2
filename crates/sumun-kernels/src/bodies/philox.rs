//! Counter-based random numbers, many blocks at a time.

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Blocks that are computed together: two AVX-512 vectors of 64-bit products. Of 8, 16 and 32, the fastest by measurement; on
/// baseline x86-64, whose products take half a vector each, one at a time is as fast.
const TOGETHER: usize = 16;

/// The block of four random words at a counter.
pub fn block(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let [c0, c1, c2, c3] = counter;
        let [product0, product1] = [u64::from(c0) * MULTIPLIERS[0], u64::from(c2) * MULTIPLIERS[1]];
        counter = [
            (product1 >> 32) as u32 ^ c1 ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ c3 ^ key[1],
            product0 as u32,
        ];
        key = next(key);
    }
    counter
}

/// The upper 24 bits as a number in [0, 1): all that an `f32` holds without rounding up to 1.
pub fn unit_interval(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

fn next(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(INCREMENTS[0]), key[1].wrapping_add(INCREMENTS[1])]
}

/// Fills `row` block by block.
pub(crate) fn fill_by_block([mut first, c1, c2, c3]: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    for numbers in row.chunks_mut(4) {
        let words = block([first, c1, c2, c3], key);
        numbers.iter_mut().zip(words).for_each(|(number, word)| *number = unit_interval(word));
        first = first.wrapping_add(1);
    }
}

/// Fills `row`, many blocks together: inlined into functions with instruction sets, whose vectors the compiler fills with the
/// blocks.
#[inline(always)]
pub(crate) fn fill_together(mut counter: [u32; 4], key: [u32; 2], row: &mut [f32]) {
    let (whole, rest) = row.as_chunks_mut::<{ 4 * TOGETHER }>();
    for numbers in whole {
        draw_together(counter, key, numbers);
        counter[0] = counter[0].wrapping_add(TOGETHER as u32);
    }
    // All together take about as long as three by themselves.
    if rest.len() > 12 {
        let mut numbers = [0.0; 4 * TOGETHER];
        draw_together(counter, key, &mut numbers);
        rest.copy_from_slice(&numbers[..rest.len()]);
    } else {
        fill_by_block(counter, key, rest);
    }
}

#[inline(always)]
fn draw_together(counter: [u32; 4], key: [u32; 2], numbers: &mut [f32; 4 * TOGETHER]) {
    let words = blocks(counter, key);
    for (k, numbers) in numbers.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        for w in 0..4 {
            numbers[w] = unit_interval(words[w][k] as u32);
        }
    }
}

/// Blocks from a counter on, word by word. A word is held in 64 bits, as products are.
#[inline(always)]
fn blocks([first, c1, c2, c3]: [u32; 4], mut key: [u32; 2]) -> [[u64; TOGETHER]; 4] {
    const LOW: u64 = u32::MAX as u64;
    let mut c0: [u64; TOGETHER] = std::array::from_fn(|k| u64::from(first.wrapping_add(k as u32)));
    let [mut c1, mut c2, mut c3] = [c1, c2, c3].map(|word| [u64::from(word); TOGETHER]);
    for _ in 0..ROUNDS {
        for k in 0..TOGETHER {
            let [product0, product1] = [c0[k] * MULTIPLIERS[0], c2[k] * MULTIPLIERS[1]];
            c0[k] = (product1 >> 32) ^ c1[k] ^ u64::from(key[0]);
            c1[k] = product1 & LOW;
            c2[k] = (product0 >> 32) ^ c3[k] ^ u64::from(key[1]);
            c3[k] = product0 & LOW;
        }
        key = next(key);
    }
    [c0, c1, c2, c3]
}
