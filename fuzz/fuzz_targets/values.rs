//! The entropy coder and its tables alone: values in contexts come back, and another string of bytes gives
//! other values.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::container::parts::{read_values, write_values};

#[derive(Arbitrary, Debug)]
struct Input {
    tables: u8,
    /// A context, a value, and the number of low bits to drop from the value.
    values: Vec<(u8, i32, u8)>,
    damage: Vec<(u16, u8)>,
}

fuzz_target!(|input: Input| {
    let shape = input.tables % 9;
    let value = |&(context, value, shift): &(u8, i32, u8)| (context % 4, value >> (11 + shift % 21));
    let pairs: Vec<(u8, i32)> = input.values.iter().map(value).collect();
    let (contexts, values): (Vec<u8>, Vec<i32>) = pairs.iter().copied().unzip();
    let bytes = write_values(&pairs, shape).expect("small values");
    assert_eq!(read_values(&bytes, shape, &contexts).expect("what was written can be read"), values);

    let mut damaged = bytes.clone();
    for &(at, with) in &input.damage {
        match damaged.get_mut(usize::from(at)) {
            Some(byte) => *byte = with,
            None => damaged.push(with),
        }
    }
    if let Ok(others) = read_values(&damaged, shape, &contexts) {
        let pairs: Vec<_> = contexts.into_iter().zip(others).collect();
        assert_eq!(write_values(&pairs, shape).expect("what was read can be written"), damaged);
    }
});
