import { rmSync } from 'node:fs';
import { defineConfig } from 'rolldown';

/** Programs that run as processes of their own. */
const programs = [
  'main',
  'engine/builder/main',
  'engine/worker/main',
  'telemetry/meter/nvmlMain',
  'telemetry/web/historyMain',
];

/**
 * What has native code, or is only loaded where it is asked for. The rest of the packages goes into the programs, as
 * far as it is used: what Node.js keeps of a module that it loads is several times its text.
 */
const external = [
  /^node:/,
  'better-sqlite3',
  'onnx-proto',
  'onnxruntime-node',
  'pino-pretty',
  'systeminformation',
];

/** Their names change with what they hold: those of the build before would stay for ever. */
const withoutOldChunks = {
  name: 'without-old-chunks',
  generateBundle: () => {
    rmSync('dist/chunks', { recursive: true, force: true });
  },
};

export default defineConfig({
  input: Object.fromEntries(programs.map((name) => [name, `src/${name}.ts`])),
  platform: 'node',
  logLevel: 'warn',
  external,
  plugins: [withoutOldChunks],
  output: {
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    sourcemap: true,
    // One character beyond ASCII, and Node.js keeps two bytes of every character of the file.
    charset: 'ascii',
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
