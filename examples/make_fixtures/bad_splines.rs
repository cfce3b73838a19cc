//! Fields of splines that must be rejected, each with the kind of error and a part of its message.

use crate::Case;
use crate::good::EXAMPLE_PICTURE;
use crate::pieces::*;
use crate::splines::{example, in_blocks, sliced};
use sirenc::field::spline::Shape;

/// A header: one grid, one layer of one neuron, one neighbour.
const SMALL: [u8; 9] = [3, 1, 0, 0, 1, 1, 1, 0, 8];
/// A header with a second grid and one combination of it.
const INFORMED: [u8; 9] = [3, 3, 0, 1, 1, 1, 1, 1, 8];
/// A header of a shape that has usual parameters, with two grids.
const USUAL: [u8; 9] = [3, 3, 0, 1, 2, 16, 12, 4, 8];

#[rustfmt::skip]
pub fn invalid() -> Vec<Case> {
    let (file_, network) = (&example()[..], 0x7f);
    let with = |change: &dyn Fn(&mut Vec<u8>)| edit(file_, network, change);
    let byte = |at: usize, value: u8| with(&|p| p[at] = value);
    // 16 × 3 pixels in 4 blocks.
    let in_blocks = in_blocks();
    let blocks = |change: &dyn Fn(&mut Vec<u8>)| edit(&in_blocks, network, change);
    let sliced = sliced();
    let slices = |change: &dyn Fn(&mut Vec<u8>)| edit(&sliced, network, change);
    // 2 × 1 pixels: a header, and a stream that the encoder would not write.
    let signal = section(0x01, &[0, 0, 1, 2, 1]);
    let stream = |header: &[u8], stream: &[u8]| join(&[signal.clone(), section(network, &[header, stream].concat())]);
    let sized = |lengths: &[u8], network_: &[u8]| {
        join(&[section(0x01, &[&[0, 0, 1], lengths].concat()), section(network, network_)])
    };
    let most = [0xff, 0xff, 0xff, 0xff, 7];
    // The exponent 10, then a difference of 2^20 with the sign of the usual parameter.
    let away: &[u8] = match Shape::usual(&[2, 1], 1).usual_parameters()[0][0] {
        1.. => b"\x57\xfe\xff\xf5\xe4\x02\xac\x0c\x00\x00\x00\x00",
        _ => b"\x57\xfe\xff\xf5\xe4\x02\xad\xcb\xc0\x00\x00\x00",
    };
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
        ("earlier-9", "too many earlier neighbours", slices(&|p| p[9] = 9), "Format: earlier neighbours 9"),
        ("delays-fourth", "a delay of a fourth axis that is not there", slices(&|p| p[10] = 0x11), "Format: delays 0x11 for 3 axes"),
        ("slow-5", "too many series of slow grids", slices(&|p| p[11] = 5), "Format: slow series 5"),
        ("slow-levels-0", "a series without grids", slices(&|p| p[12] = 0), "Format: levels of slow grids 0"),
        ("slow-fourth", "a level along a fourth axis that is not there", slices(&|p| p[13] = 0x14), "Format: slow levels 0x14 for 3 axes"),
        ("slow-cut", "cut within the slow grids", slices(&|p| p.truncate(13)), "Format: slow levels is missing"),
        ("slow-blocks", "blocks smaller than what a latent of a slow grid covers", slices(&|p| p[8] = 0x28), "Format: blocks of 2^2 for level 4"),
        ("empty", "a header alone", with(&|p| p.truncate(9)), "Format: is too short"),
        ("cut", "a stream without its last 6 bytes", with(&|p| p.truncate(p.len() - 6)), "Format: is too short"),
        ("garbage", "bytes after the stream", with(&|p| p.extend(*b"garbage")), "Format: bytes after the end of the stream"),
        ("zero", "a 0 after the stream", with(&|p| p.push(0)), "Format: does not end in the shortest way"),
        ("ending", "another string that decodes to the same latents", stream(&SMALL, b"\x54\x47\xc9\x8c\xc9\x1b\x20\x00\x00\x00\x00\x00\x00\x00\x00\x1e\xe3\xa3\x54\x3f"), "Format: does not end in the shortest way"),
        ("outside", "a code outside the intervals of all symbols", stream(&SMALL, &[255; 20]), "Format: a code outside the intervals"),
        ("latents-bytes", "1000000 latents in 11 bytes", sized(&[0xc0, 0x84, 0x3d, 1], &[&SMALL[..], &[1; 11]].concat()), "Format: 11 bytes for 1000000 latents"),
        ("limit", "more latents than the limit", sized(&[&most[..], &most].concat(), &[&SMALL[..], &[1; 11]].concat()), "Limit: parameters"),
        ("parameter", "a weight of 1025", stream(&SMALL, b"\x00\x00\x3e\x9d\xfc\x6b\xfa\xa2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: parameter 1025"),
        ("parameter-negative", "a weight of -(2^10 + 2^-9)", stream(&SMALL, b"\x00\x00\x00\x02\x5f\x31\x3a\xfe\x56\xe6\xa9\x60\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: parameter "),
        ("exponent", "an exponent of 11 in the context model", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x02\x7d\xbe\x37\x00\x00\x00\x00\x01"), "Format: exponent 11 of the context model"),
        ("row-first", "a weight of 2^15 in the first layer of the context model", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x39\xf8\x6a\x2a\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-sum", "two weights that make 2^15 in a row", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xf4\xfb\xc1\xfe\xb4\x14\x00\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-second", "a weight of -2^15 in the second layer", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x38\x35\x82\xcb\x08\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("row-outputs", "weights of an output of both tensors that make 2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x27\xd0\xa7\xf9\x4a\x0e\x8c\xfb"), "Format: a row of weights sums to 32768"),
        ("row-combination", "a weight of 2^15 in a combination", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x45\x82\x19\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: a row of weights sums to 32768"),
        ("bias-first", "a bias above 2^20 in the first layer", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x02\x3a\xea\xbe\xfe\x6f\xb5\x09\xc0\x00\x00\x00\x00\x01"), "Format: a bias of 1048578"),
        ("bias-second", "a bias above 2^20 in the second layer", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x7d\x8e\x5f\xff\x07\xde\x4d\xc8\x00\x00\x01"), "Format: a bias of 1048578"),
        ("bias-outputs", "a bias above 2^20 of an output", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x2a\x80\x4b\xfe\x3c\x7c\xea\xc1"), "Format: a bias of 1048578"),
        ("bias-combination", "a bias below -2^20 of a combination", stream(&INFORMED, b"\x00\x00\x00\x00\x00\x00\x00\x00\x02\xac\x8c\x13\xfe\x20\x9d\x79\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x01"), "Format: a bias of "),
        ("usual-difference", "a difference that leads from a usual symbol beyond 2^20", stream(&USUAL, away), "Format: a symbol of "),
        ("usual-exponent", "an exponent for which no difference leads back from a usual symbol: 31", stream(&USUAL, &[0xf8, 0, 0, 0, 0, 0, 0]), "Format: a symbol of "),
        ("latent", "a latent of 2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x15\xe1\x41\xa4\xa1\xf7"), "Format: latent 32768"),
        ("latent-negative", "a latent of -2^15", stream(&SMALL, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x15\xe0\xa1\xe7"), "Format: latent -32768"),
        ("blocks-level", "blocks smaller than what a latent covers", blocks(&|p| p[8] = 0x18), "Format: blocks of 2^1 for level 2"),
        ("blocks-one", "blocks as long as the longest axis", blocks(&|p| p[8] = 0x48), "Format: blocks of 2^4 for level 2"),
        ("blocks-tables-9", "blocks and a shape of tables that does not exist", blocks(&|p| p[8] = 0x29), "Format: shape of tables 9"),
        ("blocks-count", "more blocks than bytes", blocks(&|p| p.truncate(12)), "Format: 3 bytes for 4 blocks"),
        ("blocks-size", "the stream of a block longer than the section", blocks(&|p| p[11] = 0x7f), "Format: stream needs 127 bytes"),
        ("blocks-size-tensors", "the stream of the tensors longer than the section", blocks(&|p| drop(p.splice(9..10, [0xff, 0x7f]))), "Format: stream needs 16383 bytes"),
        ("blocks-size-not-shortest", "a size in two bytes", blocks(&|p| { let size = p[10]; p.splice(10..11, [size | 0x80, 0]); }), "Format: is not in its shortest form"),
        ("blocks-borrowed", "a byte of one block given to the one before", blocks(&|p| { p[10] += 1; p[11] -= 1 }), "Format: "),
        ("blocks-garbage", "bytes after the last block", blocks(&|p| p.extend(*b"garbage")), "Format: bytes after the end of the stream"),
        ("blocks-cut", "the last block without its last 4 bytes", blocks(&|p| p.truncate(p.len() - 4)), "Format: "),
        ("blocks-none", "the sizes of blocks in a file without", blocks(&|p| p[8] = 8), "Format: "),
        ("blocks-latents", "524288 latents in a block of one byte", sized(&[0x80, 0x80, 4, 16], &[&[3, 1, 0, 0, 1, 1, 1, 0, 0xf8][..], &[1; 40]].concat()), "Format: 1 bytes for 524288 latents"),
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
