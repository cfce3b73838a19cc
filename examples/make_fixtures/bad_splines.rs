//! Fields of splines that must be rejected, each with the kind of error and a part of its message.

use crate::Case;
use crate::good::EXAMPLE_PICTURE;
use crate::pieces::*;
use crate::splines::example;

/// A header: one grid, one layer of one neuron, one neighbour.
const SMALL: [u8; 9] = [3, 1, 0, 0, 1, 1, 1, 0, 8];
/// A header with a second grid and one combination of it.
const INFORMED: [u8; 9] = [3, 3, 0, 1, 1, 1, 1, 1, 8];

#[rustfmt::skip]
pub fn invalid() -> Vec<Case> {
    let (file_, network) = (&example()[..], 0x7f);
    let with = |change: &dyn Fn(&mut Vec<u8>)| edit(file_, network, change);
    let byte = |at: usize, value: u8| with(&|p| p[at] = value);
    // 2 × 1 pixels: a header, and a stream that the encoder would not write.
    let signal = section(0x01, &[0, 0, 1, 2, 1]);
    let stream = |header: &[u8], stream: &[u8]| join(&[signal.clone(), section(network, &[header, stream].concat())]);
    let sized = |lengths: &[u8], network_: &[u8]| {
        join(&[section(0x01, &[&[0, 0, 1], lengths].concat()), section(network, network_)])
    };
    let most = [0xff, 0xff, 0xff, 0xff, 7];
    let rows: Vec<(&str, &'static str, Vec<u8>, &'static str)> = vec![
        ("tiles", "tiles of a field of splines", insert(file_, 1, section(0x02, &[2, 1, 0])), "Format: splines in tiles"),
        ("levels-0", "no feature grid", with(&|p| (p[1], p[3], p[7]) = (0, 0, 0)), "Format: levels 0x0"),
        ("levels-16", "a level above 15", with(&|p| drop(p.splice(1..2, [0x83, 0x80, 4]))), "Format: levels 65539"),
        ("levels-not-shortest", "3 as 83 00", with(&|p| drop(p.splice(1..2, [0x83, 0]))), "Format: levels 3 is not in its shortest form"),
        ("context-16", "a level of a context grid above 15", with(&|p| drop(p.splice(2..3, [0x80, 0x80, 4]))), "Format: levels of the context model 65536"),
        ("informed-16", "an informed level above 15", with(&|p| drop(p.splice(3..4, [0x80, 0x80, 4]))), "Format: informed levels 65536"),
        ("informed-absent", "an informed level without a feature grid", byte(3, 4), "Format: levels 0x3, informed 0x4"),
        ("informed-coarsest", "an informed level without a coarser grid: the context grid of its own level is none", with(&|p| (p[2], p[3]) = (2, 3)), "Format: informed levels 0x3"),
        ("informed-0", "a combination and no informed level", byte(3, 0), "Format: informed levels 0x0, 1 combinations"),
        ("combinations-0", "an informed level and no combination", byte(7, 0), "Format: informed levels 0x1, 0 combinations"),
        ("combinations-9", "too many combinations", byte(7, 9), "Format: combinations 9"),
        ("neighbours-0", "no neighbour", byte(6, 0), "Format: neighbours 0"),
        ("neighbours-13", "too many neighbours", byte(6, 13), "Format: neighbours 13"),
        ("layers-0", "no hidden layers", byte(4, 0), "Format: hidden layers 0"),
        ("layers-5", "too many hidden layers", byte(4, 5), "Format: hidden layers 5"),
        ("width-0", "no neurons", byte(5, 0), "Format: width 0"),
        ("width-65", "too many neurons", byte(5, 65), "Format: width 65"),
        ("tables-9", "a shape of tables that does not exist", byte(8, 9), "Format: shape of tables 9"),
        ("header-masks", "cut within the masks", with(&|p| p.truncate(2)), "Format: levels of the context model is missing"),
        ("header-cut", "cut before the shape of tables", with(&|p| p.truncate(8)), "Format: shape of tables is missing"),
        ("empty", "a header alone", with(&|p| p.truncate(9)), "Format: is too short"),
        ("cut", "a stream without its last 6 bytes", with(&|p| p.truncate(p.len() - 6)), "Format: is too short"),
        ("garbage", "bytes after the stream", with(&|p| p.extend(*b"garbage")), "Format: bytes after the end of the stream"),
        ("zero", "a 0 after the stream", with(&|p| p.push(0)), "Format: does not end in the shortest way"),
        ("ending", "another string that decodes to the same latents", stream(&SMALL, b"\x20\x3f\xd1\x0c\x6d\x3b\x1c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x73\x71"), "Format: does not end in the shortest way"),
        ("outside", "a code outside the intervals of all symbols", stream(&SMALL, &[255; 20]), "Format: a code outside the intervals"),
        ("latents-bytes", "1000000 latents in 11 bytes", sized(&[0xc0, 0x84, 0x3d, 1], &[&SMALL[..], &[1; 11]].concat()), "Format: 11 bytes for 1000000 latents"),
        ("limit", "more latents than the limit", sized(&[&most[..], &most].concat(), &[&SMALL[..], &[1; 11]].concat()), "Limit: parameters"),
        ("parameter", "a weight of 1025", stream(&SMALL, b"\x00\x00\x00\x57\xab\xfd\x77\xb5\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: parameter 1025"),
        ("parameter-negative", "a weight of -(2^10 + 2^-9)", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x0e\xf1\xfc\x4f\xfd\xf6\xe1\xb2\xa7\xff\xff\xfc\xf3\xa5\xbc\x80\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: parameter "),
        ("exponent", "an exponent of 11 in the context model", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\xee\x10\x32\x1c\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: exponent 11 of the context model"),
        ("row-first", "a weight of 2^15 in the first layer of the context model", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x12\x8a\xef\x44\x00\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-sum", "two weights that make 2^15 in a row", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x6c\xf9\xaf\xd8\xd0\x0e\xd1\x08\x5e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-second", "a weight of -2^15 in the second layer", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0e\xc1\x18\x6f\xbf\x37\xea\xa0\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-outputs", "weights of an output of both tensors that make 2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xd5\xfd\x90\xff\xd5\x4a\xd8\x6b\x69\x8d"), "Format: a row of weights sums to 32768"),
        ("row-combination", "a weight of 2^15 in a combination", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x92\x7c\x8c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("bias-first", "a bias above 2^20 in the first layer", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x35\xcf\xa7\xdf\xef\xdb\x1f\xee\xc0\x00\x00\x00\x00\x00\x01"), "Format: a bias of 1048578"),
        ("bias-second", "a bias above 2^20 in the second layer", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x12\xa7\xb6\x17\xff\xbe\x28\x76\xdd\x00\x00\x00\x00\x00\x01"), "Format: a bias of 1048578"),
        ("bias-outputs", "a bias above 2^20 of an output", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x2b\x45\xf0\xff\xf4\xcf\x66\x2c\x00\x07\xaa\xf8\x35"), "Format: a bias of 1048578"),
        ("bias-combination", "a bias below -2^20 of a combination", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x2a\xe1\x9f\xfb\x28\x70\x9e\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: a bias of "),
        ("latent", "a latent of 2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa6\xd0\xf4\x6e\x93\x45"), "Format: latent 32768"),
        ("latent-negative", "a latent of -2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa6\xc8\x93\x05"), "Format: latent -32768"),
        ("of-networks", "the coding of splines before parameters of networks", edit(EXAMPLE_PICTURE, network, |p| p[0] = 3), "Format: "),
    ];
    let case = |(name, tests, bytes, error): (&str, _, _, _)| Case {
        name: format!("invalid/spline-{name}.siren"),
        tests,
        bytes,
        error: Some(error),
    };
    rows.into_iter().map(case).collect()
}
