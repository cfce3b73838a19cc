//! The command line of sirenc.

fn main() {}
