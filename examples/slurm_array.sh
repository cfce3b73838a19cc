#!/bin/bash
# Encodes a folder with an array of jobs, each a share of its files. Jobs that are ended or lost are simply submitted again:
# outputs appear whole or not at all, and what is there is passed over.
#
# usage: sbatch --array=1-8 examples/slurm_array.sh FOLDER OUTPUTS [options of sirenc encode]
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
set -euo pipefail
folder=$1 outputs=$2
exec sirenc encode -r "$folder" --output-dir "$outputs" --skip-existing --jsonl \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --threads "${SLURM_CPUS_PER_TASK:-1}" "${@:3}"
