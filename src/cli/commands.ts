import type { Command } from 'commander';
import type { Io } from './io.js';

type Add = (program: Command, io: Io) => void;

/** Every command of the program, in the order of its help; each is loaded when it is asked for. */
export const commands: Readonly<Record<string, () => Promise<Add>>> = {
  run: async () => (await import('./run.js')).addRun,
  ask: async () => (await import('./ask.js')).addAsk,
  log: async () => (await import('./log.js')).addLog,
  stats: async () => (await import('./stats.js')).addStats,
  power: async () => (await import('./power.js')).addPower,
  model: async () => (await import('./model/index.js')).addModelCommands,
  engine: async () => (await import('./engine/index.js')).addEngineCommands,
  update: async () => (await import('./update/index.js')).addUpdateCommands,
  publish: async () => (await import('./publish/index.js')).addPublishCommands,
  'home-assistant': async () => (await import('./homeAssistant.js')).addHomeAssistant,
  doctor: async () => (await import('./doctor/index.js')).addDoctor,
  demo: async () => (await import('./demo.js')).addDemo,
  bench: async () => (await import('./bench/index.js')).addBench,
  completion: async () => (await import('./completion/index.js')).addCompletion,
};
