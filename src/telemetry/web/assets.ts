import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { sha256, packageFile } from '../../base/index.js';
import type { Handler } from './webServer.js';

const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const svg = 'image/svg+xml';

/** Files of the page, by the path under which browsers find them. */
const own: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', html],
  ['/style.css', 'style.css', css],
  ['/icon.svg', 'icon.svg', svg],
  ...['main', 'stream', 'charts', 'series', 'panels', 'tryBox', 'format'].map(
    (name) => [`/${name}.js`, `${name}.js`, script] as const,
  ),
];

/** uPlot as its package ships it. */
const vendored: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/uPlot.js', 'uplot/dist/uPlot.iife.min.js', script],
  ['/uPlot.css', 'uplot/dist/uPlot.min.css', css],
];

/** Routes to the files of the page; each is read when it is asked for. */
export function assetRoutes(): [string, Handler][] {
  const { resolve } = createRequire(import.meta.url);
  return [
    ...own.map(([path, file, type]) => assetRoute(path, () => packageFile(`dashboard/${file}`), type)),
    ...vendored.map(([path, file, type]) => assetRoute(path, () => resolve(file), type)),
  ];
}

function assetRoute(path: string, fileOf: () => string, type: string): [string, Handler] {
  return [
    `GET ${path}`,
    async (request, response) => {
      const bytes = await readFile(fileOf());
      const tag = `"${sha256(bytes).slice(0, 32)}"`;
      response.setHeader('Cache-Control', 'no-cache');
      response.setHeader('ETag', tag);
      if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
      else response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length }).end(bytes);
    },
  ];
}
