export { processIo, type Io } from './io.js';
export { createProgram, runCommandLine } from './program.js';
