/**
 * Resolves with the first SIGTERM or SIGINT; a second one ends the process at once, with the exit status
 * that a shell expects of it.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (!first) process.exit(signal === 'SIGINT' ? 130 : 143);
        first = false;
        resolve(signal);
      });
    }
  });
}
