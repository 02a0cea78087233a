// node shoot.mjs NODE_MODULES CASES.json: opens files in viewers inside of headless Chromium and takes pictures.
// A case is {viewer, file, out, size, turned}; CHROMIUM names the browser. Nothing but this machine is reached.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, casesFile] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "any.js"));
const { chromium } = require("playwright-core");
const cases = JSON.parse(fs.readFileSync(casesFile, "utf8"));
const here = path.dirname(new URL(import.meta.url).pathname);

const FOV = 18; // Cameras.at(), as in the other pages here
const OFF = { enabled: false };
const SETTINGS = {
  version: 2,
  tonemapping: "none",
  highPrecisionRendering: false,
  background: { color: [1, 1, 1] },
  postEffectSettings: {
    sharpness: { ...OFF, amount: 0 },
    bloom: { ...OFF, intensity: 0, blurLevel: 2 },
    grading: { ...OFF, brightness: 1, contrast: 1, saturation: 1, tint: [1, 1, 1] },
    vignette: { ...OFF, intensity: 0, inner: 0.3, outer: 0.75, curvature: 1 },
    fringing: { ...OFF, intensity: 0 },
  },
  animTracks: [{
    name: "still", duration: 1, frameRate: 1, loopMode: "none", interpolation: "step", smoothness: 0,
    keyframes: { times: [0], values: { position: [0, 0.02, 2.7], target: [0, 0.02, 0], fov: [FOV] } },
  }],
  cameras: [{ initial: { position: [0, 0.02, 2.7], target: [0, 0.02, 0], fov: FOV } }],
  annotations: [],
  startMode: "animTrack",
};
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };
const folders = {
  modules: path.resolve(modules),
  supersplat: path.join(path.resolve(modules), "@playcanvas/supersplat-viewer/public"),
  pages: here,
};

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname.endsWith("/settings.json")) return response.end(JSON.stringify(SETTINGS));
  const [, first, ...rest] = decodeURIComponent(pathname).split("/");
  const file = first === "case" ? cases[+rest[0]].file : path.join(folders[first] ?? "/nowhere", ...rest);
  if (!fs.existsSync(file) || fs.statSync(file).isDirectory()) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
  fs.createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const site = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  ],
});
let failed = false;
for (const [index, { viewer, file, out, size, turned }] of cases.entries()) {
  const context = await browser.newContext({ viewport: { width: size, height: size }, offline: viewer === "itself" });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  const content = `/case/${index}/${path.basename(file)}`;
  const address = {
    itself: `${pathToFileURL(path.resolve(file))}?noui&still`,
    supersplat: `${site}/supersplat/index.html?webgl&noui&noanim&content=${content}`,
    spark: `${site}/pages/spark.html?turned=${turned ? 1 : 0}&content=${content}`,
    three: `${site}/pages/three.html?content=${content}`,
  }[viewer];
  const ready = viewer === "supersplat"
    ? () => window.app?.scene && document.querySelector("canvas") && window.captureFrame
    : () => document.documentElement.dataset.state === "shown";
  try {
    await page.goto(address);
    await page.waitForFunction(ready, null, { timeout: 90_000 });
    await page.waitForTimeout(4000 * (size / 384) ** 2); // WebGL in software, and the page moves its camera there
    await page.screenshot({ timeout: 120_000, path: out });
  } catch (error) {
    problems.push(error.message);
  }
  if (problems.length) {
    failed = true;
    console.error(`${viewer}, ${path.basename(file)}: ${problems.join("; ")}`);
  }
  await context.close();
}
await browser.close();
server.close();
process.exitCode = failed ? 1 : 0;
