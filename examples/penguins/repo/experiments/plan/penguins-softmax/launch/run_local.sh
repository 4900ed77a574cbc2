#!/bin/bash
set -euo pipefail
# Starts in the iteration's folder; RUN_ID and AUTOLAB_TASK_INDEX are set by the launcher.
node ../../../scripts/train.mjs
