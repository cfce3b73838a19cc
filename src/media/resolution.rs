//! The resolution of a picture: a block in the form of PNG, and the densities of TIFF, JFIF and Exif.

/// A block in pixels per metre from pixels per inch (unit 2) or centimetre (unit 3), as numbered by TIFF and
/// Exif; other units give only the aspect ratio of a pixel. `None` if the resolution is not known.
pub(super) fn block(across: f64, down: f64, unit: u16) -> Option<Vec<u8>> {
    let per_metre = match unit {
        2 => 1.0 / 0.0254,
        3 => 100.0,
        _ => 1.0,
    };
    let count = |density: f64| {
        let count = (density * per_metre).round();
        (1.0..=f64::from(u32::MAX)).contains(&count).then_some(count as u32)
    };
    let known = u8::from(matches!(unit, 2 | 3));
    let bytes = [&count(across)?.to_be_bytes()[..], &count(down)?.to_be_bytes(), &[known]].concat();
    is_known(&bytes).then_some(bytes)
}

/// Whether a resolution carries information. Square pixels of unknown size do not, nor do 72 dots per inch:
/// Exif prescribes them for unknown resolutions, and many programs write them by default.
pub(super) fn is_known(resolution: &[u8]) -> bool {
    const UNKNOWN: [u8; 4] = 2835u32.to_be_bytes();
    let (across, down) = (&resolution[..4], &resolution[4..8]);
    if resolution[8] == 1 { [across, down] != [UNKNOWN; 2] } else { across != down }
}

/// Pixels per inch if both are whole, else pixels per centimetre, and the number of the unit in TIFF; 1 means
/// no unit.
pub(super) fn densities(resolution: &[u8]) -> Option<(f64, f64, u16)> {
    let &[a, b, c, d, e, f, g, h, unit] = resolution else { return None };
    let [across, down] = [[a, b, c, d], [e, f, g, h]].map(|bytes| f64::from(u32::from_be_bytes(bytes)));
    if unit != 1 {
        return Some((across, down, 1));
    }
    let [x, y] = [across, down].map(|count| {
        let inches = (count * 0.0254).round();
        ((inches / 0.0254).round() == count).then_some(inches)
    });
    Some(match (x, y) {
        (Some(x), Some(y)) => (x, y, 2),
        _ => (across / 100.0, down / 100.0, 3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_keep_whole_inches() {
        let stored = |across, down, unit| block(across, down, unit).as_deref().and_then(densities);
        assert_eq!(stored(300.0, 150.0, 2), Some((300.0, 150.0, 2)));
        assert_eq!(stored(118.6, 118.6, 3), Some((118.6, 118.6, 3)));
        assert_eq!(stored(2.0, 1.0, 1), Some((2.0, 1.0, 1)));
        assert_eq!((stored(72.0, 72.0, 2), stored(1.0, 1.0, 1), stored(0.0, 1.0, 2)), (None, None, None));
        assert_eq!(densities(&[0; 8]), None);
    }
}
