//! The second part of a compressed block: copies from the literals and from earlier content (RFC 8878,
//! 3.1.1.3.2).

use super::Decoded;
use super::bits::Backward;
use super::fse::{State, Table};

/// Extra bits of the codes of a length; the codes represent consecutive ranges.
const LITERALS: [u32; 36] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13,
    14, 15, 16,
];
const MATCHES: [u32; 53] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1,
    1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
/// The least length of a match.
const LEAST_MATCH: u64 = 3;
/// The last code of an offset; a code is also the number of its extra bits.
const LAST_OFFSET: u8 = 31;

const LITERALS_DEFAULT: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
];
const MATCHES_DEFAULT: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
const OFFSETS_DEFAULT: [i16; 29] =
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];

/// The tables and offsets of earlier blocks.
#[derive(Debug)]
pub(super) struct History {
    literals: Option<Table>,
    offsets: Option<Table>,
    matches: Option<Table>,
    /// The three last offsets, the latest first.
    latest: [u64; 3],
}

impl History {
    pub(super) fn new() -> Self {
        History { literals: None, offsets: None, matches: None, latest: [1, 4, 8] }
    }

    /// The offset that `value` represents after a copy of `literals` bytes; it becomes the latest one.
    fn offset(&mut self, value: u64, literals: u64) -> Decoded<u64> {
        let [first, second, third] = self.latest;
        // Without literals, the latest offset would only have extended the previous match.
        let shifted = value + u64::from(literals == 0);
        let (offset, latest) = match (value, shifted) {
            (1..=3, 1) => (first, [first, second, third]),
            (1..=3, 2) => (second, [second, first, third]),
            (1..=3, 3) => (third, [third, first, second]),
            (1..=3, _) => (first - 1, [first - 1, first, second]),
            _ => (value - 3, [value - 3, first, second]),
        };
        self.latest = latest;
        if offset == 0 { Err("an offset of 0") } else { Ok(offset) }
    }
}

/// Executes the sequences in `bytes` on `literals`: appends at most `most` bytes to `content`, from up to
/// `window` bytes back.
pub(super) fn execute(
    bytes: &[u8],
    mut literals: &[u8],
    content: &mut Vec<u8>,
    (most, window): (usize, u64),
    history: &mut History,
) -> Decoded<()> {
    let (count, rest) = number(bytes)?;
    let end = content.len() + most;
    if count > 0 {
        let (&modes, rest) = rest.split_first().ok_or("sequences end early")?;
        if modes & 3 != 0 {
            return Err("reserved bits of the modes of sequences are set");
        }
        let rest = choose(&mut history.literals, modes >> 6, rest, (9, 6), &LITERALS_DEFAULT, 35)?;
        let rest = choose(&mut history.offsets, modes >> 4 & 3, rest, (8, 5), &OFFSETS_DEFAULT, LAST_OFFSET)?;
        let rest = choose(&mut history.matches, modes >> 2 & 3, rest, (9, 6), &MATCHES_DEFAULT, 52)?;
        let tables = (history.literals.clone(), history.offsets.clone(), history.matches.clone());
        let (Some(literal_table), Some(offset_table), Some(match_table)) = &tables else {
            return Err("sequences reuse a table that does not exist");
        };
        let mut bits = Backward::new(rest)?;
        let early = "sequences end early";
        let mut literal_state = State::new(literal_table, &mut bits).ok_or(early)?;
        let mut offset_state = State::new(offset_table, &mut bits).ok_or(early)?;
        let mut match_state = State::new(match_table, &mut bits).ok_or(early)?;
        for left in (0..count).rev() {
            let code = u32::from(offset_state.symbol());
            let value = (1 << code) + bits.bits(code).ok_or(early)?;
            let length = range(&MATCHES, LEAST_MATCH, match_state.symbol(), &mut bits).ok_or(early)?;
            let copied = range(&LITERALS, 0, literal_state.symbol(), &mut bits).ok_or(early)?;
            if left > 0 {
                literal_state.advance(&mut bits).ok_or(early)?;
                match_state.advance(&mut bits).ok_or(early)?;
                offset_state.advance(&mut bits).ok_or(early)?;
            }
            let offset = history.offset(value, copied)?;
            let split = usize::try_from(copied).ok().and_then(|n| literals.split_at_checked(n));
            let (part, others) = split.ok_or("sequences copy more literals than there are")?;
            literals = others;
            let room = (end - content.len()) as u64;
            if copied + length > room {
                return Err("a block with more content than it may hold");
            }
            content.extend_from_slice(part);
            if offset > window || offset > content.len() as u64 {
                return Err("an offset beyond the window or the content so far");
            }
            for _ in 0..length {
                content.push(content[content.len() - offset as usize]);
            }
        }
        bits.finish()?;
    } else if !rest.is_empty() {
        return Err("bytes after a sequence count of 0");
    }
    if literals.len() > end - content.len() {
        return Err("a block with more content than it may hold");
    }
    content.extend_from_slice(literals);
    Ok(())
}

/// Reads the number of sequences; returns the bytes after it.
fn number(bytes: &[u8]) -> Decoded<(u32, &[u8])> {
    Ok(match *bytes {
        [first @ 0..=127, ref rest @ ..] => (first.into(), rest),
        [255, low, high, ref rest @ ..] => (u32::from(u16::from_le_bytes([low, high])) + 0x7f00, rest),
        [first @ 128..=254, low, ref rest @ ..] => (u32::from(u16::from_be_bytes([first & 0x7f, low])), rest),
        _ => return Err("sequences end early"),
    })
}

/// Sets the table of a mode and returns the bytes after it: 0 the default, 1 one symbol, 2 a described table,
/// 3 the table of the previous block. `(most, default)` are logarithms of numbers of states, `last` is the
/// last symbol.
fn choose<'a>(
    table: &mut Option<Table>,
    mode: u8,
    bytes: &'a [u8],
    (most, default): (u32, u32),
    frequencies: &[i16],
    last: u8,
) -> Decoded<&'a [u8]> {
    let (new, rest) = match (mode, bytes) {
        (0, _) => (Table::of(default, frequencies), bytes),
        (1, &[symbol, ref rest @ ..]) if symbol <= last => (Table::of_one(symbol), rest),
        (1, _) => return Err("a table with an unknown symbol"),
        (2, _) => Table::read(bytes, most, last)?,
        _ => return Ok(bytes),
    };
    *table = Some(new);
    Ok(rest)
}

/// The length for `code` and its extra bits, where code 0 is `first`; `None` if the stream ends too early.
fn range(extra: &[u32], first: u64, code: u8, bits: &mut Backward<'_>) -> Option<u64> {
    let base = extra[..code.into()].iter().fold(first, |base, &bits| base + (1 << bits));
    Some(base + bits.bits(extra[usize::from(code)])?)
}
