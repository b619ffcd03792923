// What the agent tells as it happens, by server-sent events.

const againMs = 5000;

/**
 * Listens, and listens again when the agent was away.
 *
 * @param {{
 *   hello: (hello: import('./types').Hello) => void,
 *   second: (told: { second: import('./types').Second, standing: import('./types').Standing }) => void,
 *   answers: (answers: import('./types').Ended[]) => void,
 *   agent: (agent: import('./types').AgentView) => void,
 *   lost: () => void,
 * }} handlers
 */
export function listen(handlers) {
  const source = new EventSource('live');
  /**
   * @template T
   * @param {string} event
   * @param {(data: T) => void} handler
   */
  const on = (event, handler) => {
    source.addEventListener(event, (message) => handler(JSON.parse(message.data)));
  };
  on('hello', handlers.hello);
  on('second', handlers.second);
  on('answers', handlers.answers);
  on('agent', handlers.agent);
  source.addEventListener('error', () => {
    handlers.lost();
    // Lost connections are opened again by the browser; refused ones are not.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(handlers), againMs);
  });
}
