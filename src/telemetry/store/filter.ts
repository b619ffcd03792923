/** Which requests; all where nothing is named. */
export interface RequestFilter {
  /** Milliseconds since 1970, inclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly intent?: string | undefined;
  readonly model?: string | undefined;
  readonly requestId?: string | undefined;
  readonly errorsOnly?: boolean | undefined;
  readonly outOfScopeOnly?: boolean | undefined;
}

/** The filter as SQL over the table `request`. */
export function conditions(filter: RequestFilter): { where: string; values: (string | number)[] } {
  const parts: [string, string | number | undefined][] = [
    ['time >= ?', filter.since],
    ['time <= ?', filter.until],
    ['intent = ?', filter.intent],
    ['model = ?', filter.model],
    ['requestId = ?', filter.requestId],
  ];
  const given = parts.filter((part): part is [string, string | number] => part[1] !== undefined);
  const clauses = given.map(([clause]) => clause);
  if (filter.errorsOnly === true) clauses.push('error IS NOT NULL');
  if (filter.outOfScopeOnly === true) clauses.push('outOfScope = 1');
  return {
    where: clauses.length === 0 ? '1' : clauses.join(' AND '),
    values: given.map(([, value]) => value),
  };
}
