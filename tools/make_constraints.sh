#!/usr/bin/env bash
# Rewrites constraints.txt from pyproject.toml with uv: every extra, Python 3.10 to 3.12, torch without
# its CUDA companions (a CPU build stays a CPU build; a GPU build brings its own).
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --no-header --no-annotate --quiet \
  | grep -vE '^(nvidia-|cuda-|triton)' \
  | sed -E 's/^torch==([0-9.]+).*/torch==\1/' \
  | uniq > constraints.new
mv constraints.new constraints.txt
