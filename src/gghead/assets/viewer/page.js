"use strict";
// Unpacks the Gaussians of this page into a PLY in memory and gives it to the viewer. Nothing is fetched.

const text = (id) => document.getElementById(id).textContent;

async function unpack(id) {
  const packed = Uint8Array.from(atob(text(id)), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// A column is stored as differences of whole numbers from 0 to `largest`, high bytes, if there are any, before low ones
// (gaussians/html.py). `at` is where its bytes begin.
function column(bytes, at, count, { range: [low, high], largest }) {
  const wide = largest > 255;
  const values = new Float32Array(count);
  for (let i = 0, sum = 0; i < count; i++) {
    sum = wide ? (sum + 256 * bytes[at + i] + bytes[at + count + i]) & 0xffff : (sum + bytes[at + i]) & 0xff;
    values[i] = low + (sum / largest) * (high - low);
  }
  return { values, next: at + (wide ? 2 : 1) * count };
}

function encodePly(bytes, { count, columns }) {
  const head = ["ply", "format binary_little_endian 1.0", `element vertex ${count}`];
  head.push(...columns.map(({ name }) => `property float ${name}`), "end_header", "");
  const rows = new DataView(new ArrayBuffer(4 * count * columns.length));
  let at = 0;
  columns.forEach((kind, index) => {
    const { values, next } = column(bytes, at, count, kind);
    at = next;
    for (let i = 0; i < count; i++) rows.setFloat32(4 * (i * columns.length + index), values[i], true);
  });
  return new Blob([head.join("\n"), rows]);
}

// The settings' fields of view are for the shorter side of the window, so that the whole head is seen in any; the viewer
// takes them for the longer one.
function fit({ cameras, animTracks, ...others }) {
  const ratio = Math.max(innerWidth, innerHeight) / Math.max(1, Math.min(innerWidth, innerHeight));
  const widen = (fov) => (360 / Math.PI) * Math.atan(ratio * Math.tan((fov * Math.PI) / 360));
  for (const { initial } of cameras) initial.fov = widen(initial.fov);
  for (const { keyframes } of animTracks) keyframes.values.fov = keyframes.values.fov.map(widen);
  return { cameras, animTracks, ...others };
}

async function show() {
  const layout = JSON.parse(text("layout"));
  const [gaussians, code] = await Promise.all([unpack("gaussians"), unpack("viewer")]);
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(code);
  document.head.append(script);
  document.getElementById("message").remove();
  const asked = new URLSearchParams(location.search);
  const still = asked.has("still") || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = await SuperSplat.createViewer({
    container: document.body,
    settings: fit(layout.settings),
    contentUrl: "head.ply",
    contents: Promise.resolve(new Response(encodePly(gaussians, layout))),
    renderer: "webgl",
    ui: !asked.has("noui"),
    noanim: still,
  });
  // The table of keys would lie over the face; the button with a keyboard shows it.
  document.querySelector(".sse-controlsHintClose")?.click();
  viewer.events.once("loaded:changed", () => {
    if (still) {
      viewer.state.cameraMode = "orbit";
      viewer.resetCamera();
    }
    document.documentElement.dataset.state = "shown";
  });
}

show().catch((error) => {
  const message = document.getElementById("message") ?? document.body.appendChild(document.createElement("div"));
  message.id = "message";
  message.textContent = `This head needs a browser of 2023 or later with WebGL 2. (${error.message})`;
});
