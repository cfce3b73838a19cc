use super::*;
use crate::signal::{Axis, Rate};
use proptest::prelude::*;

/// A signal whose samples count up.
fn counting(lengths: &[u32], channels: u8) -> Signal {
    let axes = lengths.iter().map(|&length| Axis::time(length, Rate::new(25, 1))).collect();
    let description = Description { axes, channels, format: SampleFormat::U16 };
    let samples = Samples::U16((0..description.samples()).map(|n| n as u16).collect());
    Signal { description, samples, metadata: vec![] }
}

/// The samples of a box, one by one.
fn plain(signal: &Signal, region: &[Range<u32>]) -> Samples {
    let Signal { description, samples: Samples::U16(all), .. } = signal else { panic!("16 bits") };
    let lengths = description.lengths();
    let channels = usize::from(description.channels);
    let within = |position: usize| {
        let mut rest = position as u32;
        lengths.iter().zip(region).all(|(&length, range)| {
            let at = rest % length;
            rest /= length;
            range.contains(&at)
        })
    };
    Samples::U16((0..all.len()).filter(|i| within(i / channels)).map(|i| all[i]).collect())
}

proptest! {
    #[test]
    fn any_box_has_the_samples_of_the_whole(
        axes in proptest::collection::vec((1u32..6, 0u32..6, 1u32..6), 1..=4),
        channels in 1u8..4,
        most in 1u64..40,
    ) {
        let lengths: Vec<u32> = axes.iter().map(|&(length, ..)| length).collect();
        let signal = counting(&lengths, channels);
        let side = |&(length, start, side): &(u32, u32, u32)| {
            let start = start.min(length - 1);
            start..(start + side).min(length)
        };
        let region: Vec<Range<u32>> = axes.iter().map(side).collect();
        let expected = plain(&signal, &region);
        prop_assert_eq!(&*read(&signal, &region).unwrap(), &expected);
        // Slabs one after the other are the box.
        let mut joined = Samples::with_capacity(SampleFormat::U16, 0);
        for slab in slabs(&signal.description, &region, most) {
            let samples = read(&signal, &slab).unwrap();
            joined.extend_from(&samples, 0..samples.len());
        }
        prop_assert_eq!(joined, expected);
    }
}

#[test]
fn boxes_beyond_the_signal_are_refused() {
    let signal = counting(&[4, 3], 2);
    let line = std::iter::once(0..4).collect();
    for region in [line, vec![0..5, 0..3], vec![2..2, 0..3], vec![0..4, 3..4], vec![0..4, 0..3, 0..1]] {
        assert!(matches!(signal.read(&region), Err(Error::Parameter { name: "region", .. })), "{region:?}");
    }
    let short = Signal { samples: Samples::U16(vec![0; 23]), ..signal.clone() };
    let other = Signal { samples: Samples::U8(vec![0; 24]), ..signal.clone() };
    for (signal, part) in [(short, "23 samples, expected 24"), (other, "U8 samples in a signal of U16")] {
        let error = signal.read(&[0..4, 0..3]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(matches!(signal.read(&[0..4, 0..3]), Ok(Cow::Borrowed(_))));
}

#[test]
fn a_scan_reads_everything_once_and_no_more() {
    let signal = counting(&[2000, 700], 3);
    let mut joined = Samples::with_capacity(SampleFormat::U16, 0);
    let mut slabs = 0;
    for samples in Scan::of(&signal) {
        let samples = samples.unwrap();
        joined.extend_from(&samples, 0..samples.len());
        slabs += 1;
    }
    assert_eq!((joined, slabs), (signal.samples.clone(), 5));
    let mut scan = Scan::of(&signal);
    assert!(scan.read(6001).is_err() && scan.read(0).is_err() && scan.read(701 * 6000).is_err());
    assert_eq!(scan.read(6000).unwrap().len(), 6000);
    assert!(scan.read(700 * 6000).is_err());
}
