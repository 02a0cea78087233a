#!/usr/bin/env bash
# What the bundled model makes: a sheet of heads, a video of the camera on its circle, a head as files.
#   bash examples/demo.sh OUT
set -euo pipefail
out=${1:?usage: demo.sh OUT}
mkdir -p "$out"

gghead sample --seeds 0-7 --truncation 0.85 --out "$out/heads.png" --force
gghead sample --seeds 3,6,19,24 --truncation 0.85 --out "$out/orbit.mp4" --force
gghead export --seeds 3 --out "$out/head.ply" --force
gghead export --seeds 3 --out "$out/head.html" --force
echo "Look at $out/heads.png and $out/orbit.mp4; $out/head.html shows a head in any browser, head.ply in viewers of Gaussians."
echo "More heads, morphs, sliders: $(command -v gghead) view"
