//! The checksum of the newer structures.

/// Bob Jenkins' lookup3 with the initial value 0 (`hashlittle`, public domain), as HDF5 has it.
pub(super) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let mut state = [start; 3];
    let mut blocks = bytes.chunks(12).peekable();
    while let Some(block) = blocks.next() {
        let mut padded = [0; 12];
        padded[..block.len()].copy_from_slice(block);
        for (word, four) in state.iter_mut().zip(padded.as_chunks().0) {
            *word = word.wrapping_add(u32::from_le_bytes(*four));
        }
        match blocks.peek() {
            Some(_) => mix(&mut state),
            None => last(&mut state),
        }
    }
    state[2]
}

fn mix([a, b, c]: &mut [u32; 3]) {
    for (turn, x, y, z) in
        [(4, 0, 2, 1), (6, 1, 0, 2), (8, 2, 1, 0), (16, 0, 2, 1), (19, 1, 0, 2), (4, 2, 1, 0)]
    {
        let mut words = [*a, *b, *c];
        words[x] = words[x].wrapping_sub(words[y]) ^ words[y].rotate_left(turn);
        words[y] = words[y].wrapping_add(words[z]);
        [*a, *b, *c] = words;
    }
}

fn last(words: &mut [u32; 3]) {
    for (turn, x, y) in [(14, 2, 1), (11, 0, 2), (25, 1, 0), (16, 2, 1), (4, 0, 2), (14, 1, 0), (24, 2, 1)] {
        words[x] = (words[x] ^ words[y]).wrapping_sub(words[y].rotate_left(turn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the author's own file states.
    #[test]
    fn known_texts_have_their_known_sums() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
