#!/usr/bin/env bash
# The whole path on a fresh machine: heads are made, a model learns from them, and what it learned is shown.
#   bash examples/demo.sh OUT
set -euo pipefail
out=${1:?usage: demo.sh OUT}
mkdir -p "$out"

[ -f "$out/heads.zip" ] || gghead data synthetic "$out/heads.zip" --count 1000 --resolution 64 --seed 0
if [ -d "$out/run" ]; then
  gghead resume "$out/run"
else
  gghead train demo --data "$out/heads.zip" --out "$out/run"
fi
gghead sample "$out/run" --seeds 0-15 --resolution 64 --out "$out/heads.png" --force
gghead sample "$out/run" --seeds 0-3 --resolution 128 --out "$out/orbit.mp4" --force
gghead export "$out/run" --seeds 0 --out "$out/head.ply" --force
echo "Look at $out/heads.png and $out/orbit.mp4, and open $out/head.ply in any viewer of Gaussians."
