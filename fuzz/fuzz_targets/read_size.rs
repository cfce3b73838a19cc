//! A file in pieces: the result must not depend on how many bytes a reader returns at a time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sirenc::container::{parse, read};
use sirenc_fuzz::{Memory, limits, repair};
use std::io::{ErrorKind, Read};

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (sizes, bytes) = input;
    let bytes = repair(bytes);
    let whole = parse(&bytes, &limits());
    let pieces = Pieces { bytes: &bytes, sizes: &sizes, turn: 0 };
    let pieces = Memory::from_now().bounded(limits().memory_bytes, || read(pieces, &limits()));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        // A growing buffer needs more memory, so a limit may be exceeded earlier.
        (whole, Err(pieces)) => assert!(
            whole.as_ref().is_err_and(|whole| whole.to_string() == pieces.to_string())
                || matches!(pieces, sirenc::Error::Limit { .. })
        ),
        (Err(whole), Ok(_)) => panic!("pieces were read, the whole was not: {whole}"),
    }
});

/// Returns as many bytes at a time as `sizes` say in turn; 0 means an interrupted call.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: &'a [u8],
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.get(self.turn).map_or(1, |&size| usize::from(size));
        // The sizes do not repeat: a reader that is interrupted for ever would return nothing.
        self.turn += 1;
        if size == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let (piece, rest) = self.bytes.split_at(size.min(buffer.len()).min(self.bytes.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.bytes = rest;
        Ok(piece.len())
    }
}
