#!/bin/bash
#SBATCH --time=00:05:00
set -euo pipefail
node ../../../scripts/profile.mjs
