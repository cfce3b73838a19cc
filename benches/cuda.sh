#!/usr/bin/env bash
# Everything that only a GPU can tell: parity, determinism and speed, for benches/README.md.
#
#   benches/cuda.sh pack FOLDER PICTURE…   on any machine: builds, and puts what is needed into FOLDER
#   FOLDER/cuda.sh run                     on the machine with the GPU, which needs a driver; nvidia-smi, ncu,
#                                          compute-sanitizer, torch and jax are used where they are
#
# A run takes at most DEADLINE seconds (540). No failure ends it. The output of each step is in $OUT/STEP.txt
# (./out), and all of it in $OUT/all.tgz.
set -euo pipefail

pack() {
    local root folder=$1
    root=$(cd "$(dirname "$0")/.." && pwd)
    shift
    mkdir -p "$folder/pictures"
    cp "$@" "$folder/pictures"
    cp -r "$root/fixtures" "$root/benches/cuda.sh" "$root"/benches/peers/{torch,jax}_siren.py "$folder"
    built() { # NAME COMMAND FLAGS…: the executable that cargo makes of them
        local name=$1
        shift
        cargo "$@" --manifest-path "$root/Cargo.toml" --message-format json |
            python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])' |
            xargs -I{} strip {} -o "$folder/$name"
    }
    built sirenc build --release --bin sirenc
    built parity test --release --no-run --test cuda
    built training test --release --no-run --lib
    built bench bench --no-run --bench cuda
    du -sh "$folder"
}

run() {
    cd "$(dirname "$0")"
    OUT=$(realpath "${OUT:-out}") first=$(find pictures -type f | sort | head -1) work=$(mktemp -d)
    mkdir -p "$OUT"
    trap 'rm -rf "$work"' EXIT
    # The first start compiles the kernels, as no cache has them. The tests look for their fixtures here.
    export first work SIRENC_TEST_GPU=1 CARGO_MANIFEST_DIR=$PWD CUDA_CACHE_PATH=$work/cache

    # By worth: what comes first decides most.
    step 20 smi nvidia-smi -q -d CLOCK,MEMORY
    step 40 cold ./cuda.sh start
    step 20 warm ./cuda.sh start
    step 90 parity ./parity --test-threads 1
    step 60 training ./training backend::cuda --test-threads 1
    step 40 same ./cuda.sh same
    step 30 bench ./bench
    step 40 nine ./cuda.sh fit 9 cuda
    step 40 folder ./cuda.sh folder
    step 40 five_cpu ./cuda.sh fit 5 cpu
    step 60 nine_cpu ./cuda.sh fit 9 cpu
    step 30 decode ./cuda.sh decode
    step 60 counters ncu --clock-control none -k regex:step_ -c 4 --section SpeedOfLight --section Occupancy \
        --section SchedulerStats ./bench '2->14x7->3'
    step 50 races compute-sanitizer --tool racecheck ./training an_observer
    step 50 accesses compute-sanitizer --tool memcheck ./training an_observer
    step 120 torch ./cuda.sh peer torch --device cuda --compile '2->14x7->3' '2->48x9->3' '2->256x4->3'
    step 60 jax ./cuda.sh peer jax '2->14x7->3' '2->48x9->3' '2->256x4->3'
    (cd "$OUT" && tar czf all.tgz -- *.txt)
}

step() { # SECONDS NAME COMMAND…: within the time that is left
    local limit=$1 name=$2 start=$SECONDS left=$((${DEADLINE:-540} - SECONDS)) result='exit 0'
    shift 2
    if ! command -v "$1" >/dev/null; then
        result="skipped: $1 is not here"
    elif [ "$left" -lt 5 ]; then
        result='skipped: no time is left'
    else
        timeout -k 2 "$((limit < left ? limit : left))" "$@" >"$OUT/$name.txt" 2>&1 || result="exit $?"
        tail -n 4 "$OUT/$name.txt" | sed '$a\'
    fi
    echo "== $name: $result after $((SECONDS - start)) s" | tee -a "$OUT/$name.txt"
}

# The start of a process on the device, with hardly any fit.
start() { time ./sirenc encode "$first" -o "$work/start.siren" -f --effort 1 --bpp 0.3 --device cuda -v; }

fit() { ./sirenc encode "$first" -o "$work/$1-$2.siren" -f --effort "$1" --field siren --bpp 0.3 --device "$2" --json; }

same() {
    for n in 1 2; do
        fit 5 cuda
        mv "$work/5-cuda.siren" "$work/$n.siren"
    done
    cmp "$work/1.siren" "$work/2.siren"
    echo 'two fits: the same bytes'
}

folder() {
    cp pictures/* "$work"
    local binary=$PWD/sirenc names=(pictures/*)
    cd "$work"
    time "$binary" encode "${names[@]##*/}" -f --device cuda --bpp 0.3 --effort 5 --json
}

decode() {
    ./sirenc encode "$first" -o "$work/d.siren" -f --effort 2 --field siren --bpp 0.3 --device cpu --quiet
    for device in cpu cuda; do
        time ./sirenc decode "$work/d.siren" -o "$work/$device.npy" -f --scale 2 --derivative hessian \
            --device $device
    done
    cmp "$work/cpu.npy" "$work/cuda.npy"
    echo 'second derivatives on the device: the bits of the CPU'
}

peer() { # MODULE FLAGS…
    local module=$1
    shift
    python3 -c "import $module" || { echo "skipped: no Python with $module is here" && return; }
    python3 "${module}_siren.py" "$@"
}

case ${1:-} in
    pack | run | start | fit | same | folder | decode | peer) "$@" ;;
    *) sed -n '2,9p' "$0" && exit 2 ;;
esac
