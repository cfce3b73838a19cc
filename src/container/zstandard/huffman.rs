//! Huffman codes of literals (RFC 8878, 4.2).

use super::Decoded;
use super::bits::Backward;
use super::fse::{State, Table};

/// The longest code, in bits.
const MOST_BITS: u32 = 11;
/// The most states of the table that weights are coded with, as a power of two.
const WEIGHTS_LOG: u32 = 6;
/// The most weights that are stated; the weight of the symbol after them is implied.
const MOST_WEIGHTS: usize = 255;

/// A table indexed by the next `log` bits of a stream: the symbol that they begin with and the length of its
/// code.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    log: u32,
    entries: Vec<(u8, u32)>,
}

impl Tree {
    /// Reads the description of a tree; returns the bytes after it.
    pub(super) fn read(bytes: &[u8]) -> Decoded<(Self, &[u8])> {
        let early = "a Huffman tree ends early";
        let (&head, rest) = bytes.split_first().ok_or(early)?;
        let (weights, rest) = match head.checked_sub(127) {
            None | Some(0) => {
                let (coded, rest) = rest.split_at_checked(head.into()).ok_or(early)?;
                (coded_weights(coded)?, rest)
            }
            // Two weights per byte, the first in the high bits.
            Some(count) => {
                let (packed, rest) = rest.split_at_checked(usize::from(count).div_ceil(2)).ok_or(early)?;
                let weights = packed.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                (weights.take(count.into()).collect(), rest)
            }
        };
        Ok((Self::of(weights)?, rest))
    }

    /// The tree of these weights: a symbol of weight `w` takes `2^(w − 1)` of `2^log` entries, one of weight
    /// 0 none.
    fn of(mut weights: Vec<u8>) -> Decoded<Self> {
        let size = |weight: u8| if weight == 0 { 0 } else { 1u32 << (weight - 1) };
        if weights.iter().any(|&weight| u32::from(weight) > MOST_BITS) {
            return Err("a Huffman tree with codes that are too long");
        }
        let sum = weights.iter().map(|&weight| size(weight)).sum::<u32>();
        let log = sum.checked_ilog2().ok_or("a Huffman tree without symbols")? + 1;
        if log > MOST_BITS {
            return Err("a Huffman tree with codes that are too long");
        }
        let rest = (1 << log) - sum;
        if !rest.is_power_of_two() {
            return Err("a Huffman tree that the last symbol does not complete");
        }
        weights.push(rest.ilog2() as u8 + 1);
        if !weights.contains(&1) {
            return Err("a Huffman tree without a symbol of weight 1");
        }
        // The longest codes first; symbols with codes of the same length in ascending order.
        let mut entries = vec![];
        for weight in 1..=log as u8 {
            for (symbol, _) in (0..=u8::MAX).zip(&weights).filter(|(_, w)| **w == weight) {
                let code = log + 1 - u32::from(weight);
                entries.extend((0..size(weight)).map(|_| (symbol, code)));
            }
        }
        Ok(Tree { log, entries })
    }

    /// Appends the `count` symbols of a whole stream.
    pub(super) fn decode(&self, stream: &[u8], count: usize, symbols: &mut Vec<u8>) -> Decoded<()> {
        let mut bits = Backward::new(stream)?;
        for _ in 0..count {
            let (symbol, code) = self.entries[bits.peek(self.log) as usize];
            bits.bits(code).ok_or("a stream ends early")?;
            symbols.push(symbol);
        }
        bits.finish()
    }
}

/// Reads weights from two alternating states, until the stream has too few bits for the next one.
fn coded_weights(bytes: &[u8]) -> Decoded<Vec<u8>> {
    let (table, stream) = Table::read(bytes, WEIGHTS_LOG, MOST_BITS as u8)?;
    let mut bits = Backward::new(stream)?;
    let early = "a Huffman tree ends early";
    let mut state = State::new(&table, &mut bits).ok_or(early)?;
    let mut other = State::new(&table, &mut bits).ok_or(early)?;
    let mut weights = vec![];
    loop {
        weights.push(state.symbol());
        let ended = state.advance(&mut bits).is_none();
        if ended {
            weights.push(other.symbol());
        }
        if weights.len() > MOST_WEIGHTS {
            return Err("a Huffman tree with too many symbols");
        }
        if ended {
            return Ok(weights);
        }
        std::mem::swap(&mut state, &mut other);
    }
}
