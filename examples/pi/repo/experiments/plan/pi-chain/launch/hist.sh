#!/bin/bash
set -euo pipefail
# Starts in the iteration's folder.
node ../../../scripts/hist.mjs
