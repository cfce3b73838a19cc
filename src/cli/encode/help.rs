//! What `sirenc encode --help` says behind the flags.

pub const EXAMPLES: &str = "\
Examples:
  sirenc encode photo.png                          photo.siren, at quality 75
  sirenc encode photo.png small.siren --size 20kB
  sirenc encode *.png --output-dir stored          every picture
  sirenc encode scan.tiff --psnr 40 --effort 7
  sirenc encode voice.wav --kbps 16
  sirenc encode photo.png --layers 7 --width 40    a network of this shape
  sirenc encode relief.tiff --gradient-weight 1    slopes that are to be trusted
  curl -s https://example.org/p.jpg | sirenc encode - --bpp 0.5 > p.siren";

pub const JSON: &str = "\
JSON object:
  input, output  paths; of names that are not UTF-8, input_hex and output_hex
                 have the bytes in hexadecimal
  bytes          of the file
  bpp            pictures: bits of the file per pixel
  kbps           sound: kilobits (1000 bits) of the file per second
  psnr_db        PSNR over all samples, dB; null if infinite (identical)
  fit_psnr_db    the same of the networks before they were rounded, about
  peak           what PSNR refers to: 1 of integers, of binary32 the range of
                 the source (of sound half of it), or --peak
  snr_db         sound that was verified: SNR, dB; null if infinite
  max_error      largest error of a sample, as a fraction of full scale (0..1),
                 in their own unit of binary32; null with --no-verify
  worst_tile     {psnr_db, region} of the tile with most error, the region as
                 of decode; null if there is one tile only
  seconds        wall clock of everything
  steps          of the optimiser, all networks together
  parameters     of all networks
  tiles          networks side by side
  layers, width  the most hidden layers, and neurons of one, of any network
  device, effort, seed
                 what the fit ran on and with
  verified, reached, interrupted
                 whether the bytes were decoded and compared, the target was
                 met, and a signal ended the fit early
  notes          sentences on what was not as asked for
  version        of sirenc";
