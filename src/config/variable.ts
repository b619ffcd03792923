/** The environment variable of a setting: `requests.deadlineMs` is `INTENTD_REQUESTS_DEADLINE_MS`. */
export function variableOf(path: string): string {
  return `INTENTD_${path.replace(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase()}`;
}
