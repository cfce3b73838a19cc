//! The `image` crate reads `.siren` pictures after one call to register them.
#![cfg(feature = "image-hook")]

use image::{ColorType, DynamicImage, ImageError};
use sirenc::container::{File, Networks, Stored, write};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, Grid, SampleFormat, Samples, Tiles};
use sirenc::{Decoder, register_image_hook};

/// A file with an arbitrary network.
fn file(description: Description) -> Vec<u8> {
    let (inputs, outputs) = (description.axes.len(), description.channels.into());
    let shape = Shape { inputs, outputs, layers: 2, width: 3 };
    let parameters = (0..shape.parameters()).map(|i| (i % 7) as f32 * 0.0625 - 0.125).collect();
    let networks = Networks::Single(vec![Network::from_parameters(shape, parameters)]);
    let mut bytes = vec![];
    write(
        &File {
            field: Stored::Siren { tiles: Tiles::one(&description), networks },
            description,
            units: None,
            missing: None,
            metadata: vec![],
        },
        &mut bytes,
    )
    .unwrap();
    bytes
}

#[test]
fn pictures_are_read_by_extension_and_by_content() {
    register_image_hook();
    assert!(!register_image_hook(), "a second call finds it registered");
    let room = tempfile::tempdir().unwrap();
    for (channels, format, colour) in [
        (1, SampleFormat::U8, ColorType::L8),
        (2, SampleFormat::U8, ColorType::La8),
        (3, SampleFormat::U8, ColorType::Rgb8),
        (4, SampleFormat::U16, ColorType::Rgba16),
        (1, SampleFormat::F32, ColorType::Rgb32F),
        (2, SampleFormat::F32, ColorType::Rgba32F),
        (3, SampleFormat::F32, ColorType::Rgb32F),
    ] {
        let bytes = file(Description::picture([6, 4], channels, format));
        let path = room.path().join("x.siren");
        std::fs::write(&path, &bytes).unwrap();
        let decoder = Decoder::open(&bytes[..]).unwrap();
        let samples = decoder.request(&Grid::native(decoder.description())).samples(format).unwrap();
        let picture = image::open(&path).unwrap();
        assert_eq!((picture.width(), picture.height(), picture.color()), (6, 4, colour));
        match (&picture, &samples) {
            (_, Samples::U8(samples)) => assert_eq!(picture.as_bytes(), samples),
            (DynamicImage::ImageRgba16(picture), Samples::U16(samples)) => {
                assert_eq!(picture.as_raw(), samples)
            }
            (DynamicImage::ImageRgb32F(picture), Samples::F32(samples)) if channels == 3 => {
                assert_eq!(picture.as_raw(), samples);
            }
            (DynamicImage::ImageRgb32F(picture), Samples::F32(samples)) => {
                assert!(picture.pixels().zip(samples).all(|(pixel, &v)| pixel.0 == [v; 3]));
            }
            (DynamicImage::ImageRgba32F(picture), Samples::F32(samples)) => {
                let pairs = picture.pixels().zip(samples.chunks(2));
                assert!({ pairs }.all(|(pixel, v)| pixel.0 == [v[0], v[0], v[0], v[1]]));
            }
            other => panic!("{other:?}"),
        }
        let named = room.path().join("x.bin");
        std::fs::write(&named, &bytes).unwrap();
        let guessed = image::ImageReader::open(&named).unwrap().with_guessed_format().unwrap();
        assert_eq!(guessed.decode().unwrap(), picture);
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    register_image_hook();
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("x.siren");
    std::fs::write(&path, file(Description::sound(40, 1, SampleFormat::I16, 8000))).unwrap();
    assert!(matches!(image::open(&path), Err(ImageError::Unsupported(_))));
    let mut cut = file(Description::picture([6, 4], 1, SampleFormat::U8));
    cut.pop();
    std::fs::write(&path, cut).unwrap();
    assert!(matches!(image::open(&path), Err(ImageError::Decoding(_))));
}

#[test]
fn a_picture_that_would_hold_its_reader_for_minutes_is_refused() {
    register_image_hook();
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("x.siren");
    std::fs::write(&path, file(Description::picture([30_000, 30_000], 1, SampleFormat::U8))).unwrap();
    assert!(matches!(image::open(&path), Err(ImageError::Limits(_))));
}
