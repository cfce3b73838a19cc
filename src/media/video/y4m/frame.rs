//! From the planes of a frame to the samples of a box of it.

use super::chroma::Chroma;
use super::colour::Matrix;
use super::header::Header;
use crate::signal::Samples;
use std::ops::Range;

/// The planes of frames and their conversion to grey or RGB.
pub(super) struct Planes {
    width: usize,
    height: usize,
    /// Bytes of a code.
    bytes: usize,
    chroma: Option<Chroma>,
    /// Samples of a plane of chroma along the width and the height.
    size: [usize; 2],
    matrix: Matrix,
}

impl Planes {
    pub fn of(header: &Header) -> Self {
        Planes {
            width: header.width as usize,
            height: header.height as usize,
            bytes: if header.depth > 8 { 2 } else { 1 },
            chroma: header.chroma,
            size: header.chroma.map_or([0, 0], |chroma| header.chroma_size(chroma)),
            matrix: Matrix::of(header.height, header.depth, header.full == Some(true)),
        }
    }

    /// The matrix of colours.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The bytes of a frame that its `rows` are made from: a range for each plane.
    pub fn parts(&self, rows: &Range<usize>) -> Vec<Range<usize>> {
        let luma = rows.start * self.width..rows.end * self.width;
        let of_chroma = self.chroma.into_iter().flat_map(|chroma| {
            let [width, height] = self.size;
            let rows = chroma.rows(height, rows);
            let first = self.width * self.height;
            [first, first + width * height].map(|plane| plane + rows.start * width..plane + rows.end * width)
        });
        let in_bytes = |codes: Range<usize>| self.bytes * codes.start..self.bytes * codes.end;
        std::iter::once(luma).chain(of_chroma).map(in_bytes).collect()
    }

    /// Appends the samples of `columns` and `rows` of a frame. Of its bytes, those of other rows may be anything.
    pub fn convert(&self, planes: &[u8], [columns, rows]: [Range<usize>; 2], samples: &mut Samples) {
        let (row, all) = (self.width, self.width * self.height);
        let code = |at: usize| match self.bytes {
            1 => f32::from(planes[at]),
            _ => f32::from(u16::from_le_bytes([planes[2 * at], planes[2 * at + 1]])),
        };
        let Some(chroma) = self.chroma else {
            let mut values = vec![0.0; columns.len()];
            for y in rows {
                let codes = columns.clone().map(|x| code(y * row + x));
                values.iter_mut().zip(codes).for_each(|(value, code)| *value = self.matrix.luma(code));
                samples.extend_from_units(&values);
            }
            return;
        };
        let (blue, red) = (all, all + self.size[0] * self.size[1]);
        let mut values = vec![0.0; 3 * columns.len()];
        let [mut cb, mut cr] = [vec![0.0; columns.len()], vec![0.0; columns.len()]];
        for y in rows {
            chroma.interpolate(self.size, [columns.start, y], |at| code(blue + at), &mut cb);
            chroma.interpolate(self.size, [columns.start, y], |at| code(red + at), &mut cr);
            for (i, rgb) in values.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                *rgb = self.matrix.rgb([code(y * row + columns.start + i), cb[i], cr[i]]);
            }
            samples.extend_from_units(&values);
        }
    }
}
