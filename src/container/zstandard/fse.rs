//! Tables of finite state entropy (RFC 8878, 4.1): a state gives a symbol and the bits that lead to the next
//! state.

use super::Decoded;
use super::bits::{Backward, Forward};

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    symbol: u8,
    /// The number of bits that lead to the next state, and the base to which they are added.
    bits: u32,
    base: u32,
}

/// A table of `2^log` states.
#[derive(Clone, Debug)]
pub(super) struct Table {
    log: u32,
    entries: Vec<Entry>,
}

impl Table {
    /// A table of one symbol, which takes no bits.
    pub(super) fn of_one(symbol: u8) -> Self {
        Table { log: 0, entries: vec![Entry { symbol, bits: 0, base: 0 }] }
    }

    /// The table of these frequencies, which sum to `2^log`; −1 is a frequency below 1 and takes one state.
    pub(super) fn of(log: u32, frequencies: &[i16]) -> Self {
        let size = 1usize << log;
        let mut entries = vec![Entry::default(); size];
        let symbols = || (0..=u8::MAX).zip(frequencies);
        let mut high = size;
        for (symbol, _) in symbols().filter(|(_, frequency)| **frequency < 0) {
            high -= 1;
            entries[high].symbol = symbol;
        }
        // Odd, and the size is a power of two, so every state is visited once.
        let step = size / 2 + size / 8 + 3;
        let mut at = 0;
        for (symbol, &frequency) in symbols() {
            for _ in 0..frequency {
                entries[at].symbol = symbol;
                at = (at + step) % size;
                while at >= high {
                    at = (at + step) % size;
                }
            }
        }
        // The states of a symbol divide the range of following states.
        let mut next: Vec<u32> = frequencies.iter().map(|&f| f.unsigned_abs().into()).collect();
        for entry in &mut entries {
            let next = &mut next[usize::from(entry.symbol)];
            entry.bits = log - next.ilog2();
            entry.base = (*next << entry.bits) - size as u32;
            *next += 1;
        }
        Table { log, entries }
    }

    /// Reads a table of at most `2^most_log` states and of symbols up to `most`; returns the bytes after it.
    pub(super) fn read(bytes: &[u8], most_log: u32, most: u8) -> Decoded<(Self, &[u8])> {
        let mut bits = Forward::new(bytes);
        let log = bits.bits(4)? + 5;
        if log > most_log {
            return Err("a table with too many states");
        }
        let (mut frequencies, mut rest) = (vec![], 1u32 << log);
        while rest > 0 {
            // One of `rest + 2` values, the smaller ones in one bit less.
            let width = (rest + 1).ilog2();
            let short = (2u32 << width) - 2 - rest;
            let mut value = bits.bits(width)?;
            if value >= short && bits.bits(1)? == 1 {
                value = value + (1 << width) - short;
            }
            // At most `rest`, which is at most 2⁹.
            let frequency = value as i16 - 1;
            frequencies.push(frequency);
            rest -= u32::from(frequency.unsigned_abs());
            while frequency == 0 && frequencies.len() <= usize::from(most) {
                let zeros = bits.bits(2)?;
                (0..zeros).for_each(|_| frequencies.push(0));
                if zeros < 3 {
                    break;
                }
            }
            if frequencies.len() > usize::from(most) + 1 {
                return Err("a table with too many symbols");
            }
        }
        Ok((Self::of(log, &frequencies), bits.rest()))
    }
}

/// A state of a table.
pub(super) struct State<'t> {
    table: &'t Table,
    at: u64,
}

impl<'t> State<'t> {
    /// The initial state of a stream; `None` if the stream ends too early.
    pub(super) fn new(table: &'t Table, bits: &mut Backward<'_>) -> Option<Self> {
        Some(State { table, at: bits.bits(table.log)? })
    }
    fn entry(&self) -> Entry {
        self.table.entries[self.at as usize]
    }
    pub(super) fn symbol(&self) -> u8 {
        self.entry().symbol
    }
    /// Advances to the next state; `None` if the stream ends too early.
    pub(super) fn advance(&mut self, bits: &mut Backward<'_>) -> Option<()> {
        let Entry { bits: count, base, .. } = self.entry();
        self.at = u64::from(base) + bits.bits(count)?;
        Some(())
    }
}
