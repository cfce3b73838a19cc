//! The texts of `sirenc encode --help` after the flags.

pub const EXAMPLES: &str = "\
Examples:
  sirenc encode photo.png                          photo.siren, at quality 75
  sirenc encode photo.png small.siren --size 20kB
  sirenc encode *.png --output-dir stored          every picture
  sirenc encode -r photos --output-dir stored --skip-existing --shard 2/8
  sirenc encode scan.tiff --psnr 40 --effort 7
  sirenc encode scan.nii.gz --nrmse 1%             an error of 1 % of the range
  sirenc encode voice.wav --kbps 16
  sirenc encode clip.gif --video                   all frames, not only the first
  sirenc encode shot-%04d.png --fps 30 -o shot.siren
  sirenc encode photo.png --layers 7 --width 40    a network of fixed size
  sirenc encode relief.tiff --gradient-weight 1    accurate slopes
  sirenc encode ocean.nc:TEMP --slice time=3       one month of a variable
  curl -s https://example.org/p.jpg | sirenc encode - --bpp 0.5 > p.siren";

pub const JSON: &str = "\
JSON object:
  input, output  paths; for names that are not UTF-8, input_hex and output_hex
                 hold the bytes in hexadecimal
  field          the kind of field in the file: siren or spline
  bytes          size of the file
  bpp            pictures: bits of the file per pixel
  kbps           sound: kilobits (1000 bits) of the file per second
  psnr_db        PSNR over all samples, dB; null if infinite (identical)
  fit_psnr_db    PSNR of the field before quantization, approximate
  peak           the peak of PSNR: 1 for integers; for binary32, volumes and fields
                 the range of the source (sound: half of it), or --peak; null
                 if channels have different ones
  nrmse, range   binary32, volumes and fields: root mean square error relative to
                 the range of the source, and the range: maximum - minimum;
                 null if channels have different ones
  channels       volumes and fields of several channels: {range, nrmse, max_error}
                 of each; empty with --no-verify
  snr_db         sound that was verified: SNR, dB; null if infinite
  max_error      largest error of a sample, as a fraction of full scale (0..1);
                 for binary32, volumes and fields in the units of the samples;
                 null with --no-verify
  worst_tile     {psnr_db, region} of the tile with the largest error, region as
                 in decode --region; null if there is only one tile
  seconds        total wall-clock time
  steps          optimiser iterations, sum over all networks
  parameters     parameters of all networks, and latents of splines
  tiles          number of tiles, each with a network of its own; splines: 1
  layers, width  most hidden layers of a network, most neurons of a layer
  device, effort, seed
                 device, effort and seed of the fit
  verified, reached, interrupted
                 whether the bytes were decoded and compared, the target was
                 reached, and Ctrl-C or SIGTERM ended the fit early
  notes          sentences about what differs from the input or the options
  version        version of sirenc
  skipped        true, after input and output alone: --skip-existing passed over it
  error, exit    with --jsonl, after input alone: why it failed, and the exit code";
