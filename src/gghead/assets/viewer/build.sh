#!/usr/bin/env bash
# Makes viewer.js.gz, viewer.css and LICENSES.txt again from npm, as PROVENANCE.md tells. Needs node, npm and network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --ignore-scripts --no-audit --no-fund @playcanvas/supersplat-viewer@1.36.2 playcanvas@2.22.6 esbuild@0.28.2
package=node_modules/@playcanvas/supersplat-viewer
npx esbuild "$package/public/index.js" --minify --format=iife --global-name=SuperSplat --legal-comments=none \
  --log-level=warning --outfile=viewer.js
gzip -9 --no-name --stdout viewer.js > "$here/viewer.js.gz"
npx esbuild "$package/public/index.css" --minify --log-level=warning --outfile="$here/viewer.css"
{
  printf 'SuperSplat Viewer 1.36.2\n\n'; cat "$package/LICENSE"
  printf '\n\nPlayCanvas Engine 2.22.6\n\n'; cat node_modules/playcanvas/LICENSE
} > "$here/LICENSES.txt"
sha256sum "$package/public/index.js" viewer.js "$here/viewer.js.gz" "$here/viewer.css"
