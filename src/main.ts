#!/usr/bin/env node
import { processIo, runCommandLine } from './cli/index.js';

// `intentd … | head` closes the pipe: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await runCommandLine(process.argv.slice(2), processIo(process), process.env);
