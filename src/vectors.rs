//! The vectors of the specification, for tests.

/// The inputs and the result of every row of `what` in `spec/vectors.tsv`.
pub(crate) fn rows(what: &str) -> Vec<(Vec<&'static str>, &'static str)> {
    let row = |line: &'static str| {
        let [found, input, result] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (found == what).then(|| (input.split(' ').collect(), result))
    };
    let rows: Vec<_> = include_str!("../spec/vectors.tsv").lines().skip(1).filter_map(row).collect();
    assert!(!rows.is_empty(), "{what}");
    rows
}

/// Binary32 of its bits, eight hexadecimal digits.
pub(crate) fn binary32(digits: &str) -> f32 {
    f32::from_bits(u32::from_str_radix(digits, 16).unwrap())
}
