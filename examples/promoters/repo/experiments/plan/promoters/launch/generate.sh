#!/bin/bash
#SBATCH --time=00:05:00
set -euo pipefail
# Starts in the iteration's folder. The lock is the open file's, so that it ends with its owner however that ends; the file stays.
mkdir -p outputs/meta
exec 9>>outputs/meta/run.lock
flock -n 9 || { echo "Run lock is held for this workspace: $(cat outputs/meta/run.lock)" >&2; exit 1; }
printf '{"run_id":"%s","owner_pid":%d,"owner_host":"%s","job_id":"%s"}\n' "$RUN_ID" $$ "$(uname -n)" "${JOB_ID:-${SLURM_JOB_ID:-}}" >outputs/meta/run.lock
node ../../../scripts/generate.mjs
: >outputs/meta/run.lock
