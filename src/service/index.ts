export * from './control/index.js';
export { Notifier } from './notify.js';
export { stopSignal } from './signals.js';
export { Watchdog, type WatchdogOptions } from './watchdog.js';
