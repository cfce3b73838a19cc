use super::*;
use crate::signal::Axis;

pub(crate) fn picture(width: u32, height: u32, channels: u8, samples: Samples) -> Signal {
    let format = samples.format();
    let description = Description::picture([width, height], channels, format);
    Signal { description, samples, metadata: vec![] }
}

pub(crate) fn sound(channels: u8, samples: Samples) -> Signal {
    let length = samples.len() as u32 / u32::from(channels);
    let description = Description::sound(length, channels, samples.format(), 16000);
    Signal { description, samples, metadata: vec![] }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

#[test]
fn one_code_of_error_in_8_bits_is_48_13_db() {
    let a = picture(2, 1, 1, Samples::U8(vec![100, 200]));
    let b = picture(2, 1, 1, Samples::U8(vec![101, 199]));
    let d = compare(&a, &b).unwrap().distortion;
    assert!(close(d.psnr_db(), 20.0 * 255f64.log10()), "{}", d.psnr_db());
    assert!(close(d.max(), 1.0 / 255.0));
    assert!(close(d.snr_db(), 10.0 * (50000f64 / 2.0).log10()), "{}", d.snr_db());
}

#[test]
fn the_best_constant_has_the_variance_for_an_error() {
    let a = picture(2, 2, 1, Samples::U8(vec![0, 102, 102, 0]));
    let mean = picture(2, 2, 1, Samples::U8(vec![51; 4]));
    let off = picture(2, 2, 1, Samples::U8(vec![200; 4]));
    for other in [&mean, &off] {
        let d = compare(&a, other).unwrap().distortion;
        assert!(close(d.channels[0].variance, (51f64 / 255.0).powi(2)), "{d:?}");
        assert!(close(d.constant_psnr_db(), 20.0 * 5f64.log10()), "{}", d.constant_psnr_db());
    }
    assert_eq!(compare(&off, &mean).unwrap().distortion.constant_psnr_db(), f64::INFINITY);
    assert_eq!(compare(&a, &a).unwrap().distortion.constant_psnr_db(), f64::INFINITY);
}

#[test]
fn channels_are_kept_apart_and_count_alike() {
    let a = picture(2, 1, 3, Samples::U8(vec![0, 10, 20, 0, 10, 20]));
    let b = picture(2, 1, 3, Samples::U8(vec![3, 10, 20, 1, 10, 20]));
    let d = compare(&a, &b).unwrap().distortion;
    assert!(close(d.channels[0].mse, 5.0 / 255f64.powi(2)) && d.channels[1..].iter().all(|c| c.mse == 0.0));
    assert!(close(d.mean(), 5.0 / 3.0 / 255f64.powi(2)));
}

#[test]
fn colours_count_by_the_alpha_of_the_source() {
    // Opaque, half transparent (51 of 255 is a fifth), invisible; alpha itself is wrong once.
    let a = picture(3, 1, 2, Samples::U8(vec![10, 255, 10, 51, 10, 0]));
    let b = picture(3, 1, 2, Samples::U8(vec![12, 255, 15, 51, 99, 3]));
    let d = compare(&a, &b).unwrap().distortion;
    assert!(close(d.channels[0].mse, (4.0 + 25.0 / 5.0) / 3.0 / 255f64.powi(2)), "{d:?}");
    assert!(close(d.channels[1].mse, 9.0 / 3.0 / 255f64.powi(2)) && close(d.max(), 3.0 / 255.0), "{d:?}");
    let mut sum = ErrorSum::new(&a.description).with_invisible();
    sum.add(&a.samples, 0, &[12.0, 255.0, 15.0, 51.0, 99.0, 3.0].map(|v: f32| v / 255.0)).unwrap();
    assert!(close(sum.distortion().channels[0].mse, (4.0 + 25.0 + 89f64.powi(2)) / 3.0 / 255f64.powi(2)));
}

#[test]
fn what_differs_where_nobody_sees_it_is_no_error_and_not_identical() {
    let a = picture(2, 1, 4, Samples::F32(vec![0.1, 0.2, 0.3, 1.0, 0.4, 0.5, 0.6, 0.0]));
    let mut b = a.clone();
    let unseen = |b: &mut Signal, value| {
        if let Samples::F32(samples) = &mut b.samples {
            samples[5] = value;
        }
    };
    assert!(compare(&a, &b).unwrap().distortion.identical);
    for value in [0.7, f32::NAN] {
        unseen(&mut b, value);
        let d = compare(&a, &b).unwrap().distortion;
        assert_eq!((d.psnr_db(), d.max(), d.identical), (f64::INFINITY, 0.0, false));
    }
}

#[test]
fn equal_signals_are_infinitely_alike() {
    let a = sound(1, Samples::I16(vec![0; 100]));
    let c = compare(&a, &a).unwrap();
    assert_eq!((c.distortion.psnr_db(), c.distortion.snr_db()), (f64::INFINITY, f64::INFINITY));
}

#[test]
fn a_sound_of_full_amplitude_has_peak_one() {
    let a = sound(1, Samples::I16(vec![16384, -16384]));
    let b = sound(1, Samples::I16(vec![0, 0]));
    let d = compare(&a, &b).unwrap().distortion;
    assert!(close(d.psnr_db(), 10.0 * 4f64.log10()) && close(d.snr_db() + 1.0, 1.0), "{d:?}");
    assert_eq!(compare(&b, &a).unwrap().distortion.snr_db(), f64::NEG_INFINITY);
}

#[test]
fn a_rendering_is_rounded_before_it_is_compared_and_blocks_add_up() {
    let a = picture(2, 2, 3, Samples::U8((0..12).map(|i| i * 20).collect()));
    let mut units: Vec<_> = (0..12).map(|i| a.samples.get(i) + 0.4 / 255.0).collect();
    let mut sum = ErrorSum::new(&a.description);
    sum.add(&a.samples, 0, &units).unwrap();
    assert_eq!(sum.distortion().psnr_db(), f64::INFINITY);

    units[7] += 1.0 / 255.0;
    let (mut whole, mut parts) = (ErrorSum::new(&a.description), ErrorSum::new(&a.description));
    whole.add(&a.samples, 0, &units).unwrap();
    for start in [0, 5, 10] {
        parts.add(&a.samples, start, &units[start..(start + 5).min(12)]).unwrap();
    }
    assert_eq!(whole.distortion(), parts.distortion());
    assert!(close(whole.distortion().channels[1].mse, 0.25 / 255f64.powi(2)));
    assert!(matches!(whole.add(&a.samples, 8, &units), Err(Error::Parameter { .. })));
}

#[test]
fn psnr_of_binary32_refers_to_the_range_and_does_not_depend_on_the_unit() {
    let relief = |scale: f32, shift: f32| {
        Samples::F32((0..300).map(|i| scale * (0.5 + 0.3 * (i as f32 * 0.1).sin()) + shift).collect())
    };
    let moved = |scale: f32, shift: f32| relief(scale, shift + 0.01 * scale);
    let compared = |scale: f32, shift: f32| {
        let [a, b] = [relief(scale, shift), moved(scale, shift)].map(|samples| picture(20, 15, 1, samples));
        compare(&a, &b).unwrap()
    };
    let plain = compared(1.0, 0.0);
    assert!((plain.distortion.peak().unwrap() - 0.6).abs() < 1e-4, "{plain:?}");
    assert!((plain.distortion.psnr_db() - 20.0 * 60f64.log10()).abs() < 0.01);
    for (scale, shift, tolerance) in
        [(3000.0, 0.0, 1e-4), (1e-30, 0.0, 1e-4), (1e30, 0.0, 1e-4), (20.0, 273.15, 0.02)]
    {
        let other = compared(scale, shift);
        let difference = other.distortion.psnr_db() - plain.distortion.psnr_db();
        assert!(difference.abs() < tolerance, "{scale}: {difference}");
        assert!(shift != 0.0 || (other.ssim.unwrap() - plain.ssim.unwrap()).abs() < 1e-4, "{scale}");
        assert!((other.distortion.gain_db() - plain.distortion.gain_db()).abs() < tolerance, "{scale}");
    }
    let [a, b] = [relief(1.0, 0.0), moved(1.0, 0.0)].map(|samples| sound(1, samples));
    assert!(
        (compare(&a, &b).unwrap().distortion.peak().unwrap() - 0.3).abs() < 1e-4,
        "the amplitude of a sound"
    );
    let given = compare_by(&a, &b, Some(30.0)).unwrap().distortion;
    assert!((given.psnr_db() - 20.0 * 3000f64.log10()).abs() < 0.01);
}

#[test]
fn the_mean_of_a_signal_has_no_gain() {
    let a = picture(4, 1, 1, Samples::U8(vec![10, 20, 30, 40]));
    let mean = picture(4, 1, 1, Samples::U8(vec![25; 4]));
    let better = picture(4, 1, 1, Samples::U8(vec![15, 15, 35, 35]));
    assert!(compare(&a, &mean).unwrap().distortion.gain_db().abs() < 1e-9);
    assert!(close(compare(&a, &better).unwrap().distortion.gain_db(), 10.0 * 5f64.log10()));
}

#[test]
fn errors_are_those_of_samples_that_exist_in_both() {
    const N: f32 = f32::NAN;
    let a = picture(3, 2, 2, Samples::F32([0.5, N, 0.5, 0.5, N, 2.0, N, 0.5, 1.0, 1.0, 0.0, 1.5].to_vec()));
    let b = picture(3, 2, 2, Samples::F32([0.5, N, 0.75, 0.5, 9.0, 2.0, N, 0.5, N, 1.0, 0.0, 1.5].to_vec()));
    let mut sum = ErrorSum::new(&a.description).with_invisible();
    let Samples::F32(rendered) = &b.samples else { panic!("binary32") };
    sum.add(&a.samples, 0, rendered).unwrap();
    let d = sum.distortion();
    assert_eq!((d.missing, d.unmatched, d.identical), ([3, 3], 2, false));
    // Three samples of the first channel are compared, and five of the second.
    assert!(close(d.channels[0].mse, 0.0625 / 3.0) && close(d.mean() * 8.0, 0.0625), "{d:?}");
    assert!(
        close(d.max(), 0.25)
            && d.peak() == Some(1.5)
            && [d.channels[0].share, d.channels[1].share] == [0.6, 1.0],
        "{d:?}"
    );
    assert_eq!(compare(&a, &b).unwrap().ssim, None);
}

#[test]
fn errors_of_quantities_of_their_own_are_relative_to_their_ranges() {
    let description = Description { axes: vec![Axis::space(2); 3], channels: 3, format: SampleFormat::F32 };
    // Ranges of 40, 2000 and 0, and errors of 5 % in the first, of 10 % in the second.
    let of = |a: f32, b: f32| Signal {
        description: description.clone(),
        samples: Samples::F32(
            (0..8)
                .flat_map(|i| if i < 4 { [270.0 + a, 1e5 + b, 7.0] } else { [310.0 + a, 1.02e5 + b, 7.0] })
                .collect(),
        ),
        metadata: vec![],
    };
    let d = compare(&of(0.0, 0.0), &of(2.0, -200.0)).unwrap().distortion;
    assert_eq!((d.range(), d.peak(), d.max()), (None, None, 200.0));
    let nrmse: Vec<f64> = d.channels.iter().map(|channel| channel.nrmse()).collect();
    assert!(close(nrmse[0], 0.05) && close(nrmse[1], 0.1) && nrmse[2] == 0.0, "{nrmse:?}");
    let mean = (0.05f64.powi(2) + 0.1f64.powi(2)) / 3.0;
    assert!(close(d.nrmse(), mean.sqrt()) && close(d.psnr_db(), -10.0 * mean.log10()), "{d:?}");
    // A given peak is one of all channels, and so is the range.
    let given = d.clone().with_peak(4000.0);
    let rmse = ((2f64.powi(2) + 200f64.powi(2)) / 3.0).sqrt();
    assert!(close(given.nrmse(), rmse / 2000.0) && close(given.psnr_db(), 20.0 * (4000.0 / rmse).log10()));
    // A channel that is constant in the source alone is infinitely wrong.
    assert_eq!(d.channels[2].range, 0.0);
    let mut other = of(0.0, 0.0);
    let Samples::F32(samples) = &mut other.samples else { unreachable!("binary32") };
    samples[2] = 7.5;
    assert_eq!(compare(&of(0.0, 0.0), &other).unwrap().distortion.psnr_db(), f64::NEG_INFINITY);
}

#[test]
fn formats_may_differ_and_shapes_may_not() {
    let a = picture(2, 1, 1, Samples::U8(vec![0, 255]));
    let b = picture(2, 1, 1, Samples::U16(vec![0, 65535]));
    assert_eq!(compare(&a, &b).unwrap().distortion.psnr_db(), f64::INFINITY);
    let c = picture(1, 2, 1, Samples::U8(vec![0, 255]));
    let error = compare(&a, &c).unwrap_err().to_string();
    assert!(error.contains("2×1 × 1") && error.contains("1×2 × 1"), "{error}");
}
