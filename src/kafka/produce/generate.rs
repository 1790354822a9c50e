//! Made-up values for load.

/// Values of a fixed size, cut out of one block at changing places: no two neighbours are equal, none costs
/// more than a slice, and they compress about as text does.
pub struct Generated {
    block: Vec<u8>,
    size: usize,
}

/// How far the place of a value moves in the block: a prime, so that all places come up.
const STRIDE: u64 = 61;

/// How many places there are.
const PLACES: u64 = 4096;

impl Generated {
    /// Values of `size` bytes.
    pub fn new(size: usize) -> Self {
        // A linear congruential generator (constants of Knuth's MMIX): the same bytes in every run.
        let mut state: u64 = 0x6b64_6576;
        let length = size + usize::try_from(PLACES).unwrap_or(0);
        let block = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"abcdefghijklmnopqrstuvwxyz012345"[(state >> 59) as usize]
        });
        Generated { block: block.take(length).collect(), size }
    }

    /// The value of record `number`.
    pub fn value(&self, number: u64) -> &[u8] {
        let at = usize::try_from(number.wrapping_mul(STRIDE) % PLACES).unwrap_or(0);
        &self.block[at..at + self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::Generated;

    #[test]
    fn values_have_the_size_and_differ_from_their_neighbours() {
        let generated = Generated::new(100);
        for number in 0..10_000 {
            assert_eq!(generated.value(number).len(), 100);
            assert_ne!(generated.value(number), generated.value(number + 1));
        }
        assert!(Generated::new(0).value(7).is_empty());
    }
}
