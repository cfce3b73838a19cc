#!/usr/bin/env bash
# Everything that only a GPU can tell: parity, determinism and speed, as a table for benches/README.md.
#
#   benches/cuda.sh pack FOLDER PICTURE…   on any machine: builds, and puts what is needed into FOLDER
#   FOLDER/cuda.sh run                     on the machine with the GPU, which needs a driver, and Python with torch and jax for peers
set -euo pipefail

pack() {
    local root folder=$1
    root=$(cd "$(dirname "$0")/.." && pwd)
    shift
    mkdir -p "$folder/pictures"
    cp "$@" "$folder/pictures"
    cp "$root/benches/cuda.sh" "$root"/benches/peers/{torch,jax}_siren.py "$folder"
    cargo build --manifest-path "$root/Cargo.toml" --release
    built() { # NAME COMMAND FLAGS…: the executable that cargo makes of them
        local name=$1 command=$2
        shift 2
        cargo "$command" --manifest-path "$root/Cargo.toml" --no-run --message-format json "$@" |
            python3 -c 'import json, sys; print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])' |
            xargs -I{} cp {} "$folder/$name"
    }
    built parity test --test cuda
    built training test --lib
    built bench bench --bench cuda
    cargo metadata --manifest-path "$root/Cargo.toml" --no-deps --format-version 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])' | xargs -I{} cp {}/release/sirenc "$folder"
}

run() {
    cd "$(dirname "$0")"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv
    export SIRENC_TEST_GPU=1

    printf '\n## Parity with the CPU\n\n'
    ./parity
    ./training backend::cuda

    printf '\n## Determinism\n\n'
    first=$(ls pictures/* | head -1)
    for n in 1 2; do ./sirenc encode "$first" -o "$work/$n.siren" --device cuda --bpp 0.3 --quiet; done
    cmp "$work/1.siren" "$work/2.siren" && echo 'two fits: the same bytes'
    for device in cpu cuda; do
        ./sirenc decode "$work/1.siren" -o "$work/$device.npy" --scale 3.3 --derivative hessian --device $device
    done
    cmp "$work/cpu.npy" "$work/cuda.npy" && echo 'second derivatives on the device: the bits of the CPU'

    printf '\n## A step\n\n'
    ./bench
    python3 torch_siren.py --device cuda --compile '2->48x9->3' '2->256x4->3' || echo 'PyTorch: not measured'
    python3 jax_siren.py '2->48x9->3' '2->256x4->3' || echo 'JAX: not measured'

    printf '\n## Fits\n\n| command | PSNR | seconds |\n|---|---|---|\n'
    row() {
        local name=$1
        shift
        ./sirenc encode "$@" --json -o "$work/row.siren" -f | python3 -c '
import json, sys
o = json.load(sys.stdin); print("| %s | %.2f dB | %.1f |" % (sys.argv[1], o["psnr_db"], o["seconds"]))' "$name"
    }
    for effort in 5 9; do
        for device in cuda cpu; do
            row "$(basename "$first") --bpp 0.3 --effort $effort --device $device" "$first" --bpp 0.3 --effort $effort --device $device
        done
    done
    cp pictures/* "$work"
    start=$(date +%s.%N)
    (cd "$work" && "$OLDPWD/sirenc" encode $(ls "$OLDPWD/pictures") --device cuda --bpp 0.3 --quiet)
    printf '\nall %d pictures together at effort 5: %.1f s\n' "$(ls pictures | wc -l)" "$(echo "$(date +%s.%N) - $start" | bc)"
}

case ${1:-} in
    pack) shift && pack "$@" ;;
    run) run ;;
    *) sed -n '2,6p' "$0" && exit 2 ;;
esac
