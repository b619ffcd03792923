import type { z } from 'zod';
import { IntentdError } from './errors.js';

/**
 * Checks data against a schema; what does not fit becomes one sentence that names the file, the
 * field's path, what was expected and what was found.
 *
 * @param name what the sentence calls the data, usually a file's name
 * @throws IntentdError `code`
 */
export function parseWith<T extends z.ZodType>(
  schema: T,
  data: unknown,
  name: string,
  code: string,
): z.output<T> {
  const result = schema.safeParse(data);
  if (result.success) {
    return result.data;
  }
  throw new IntentdError(code, explainZodError(result.error, data, name), { cause: result.error });
}

/** One sentence about the first of an error's issues, with the number of the others. */
export function explainZodError(error: z.ZodError, data: unknown, name: string): string {
  const issue = innermost(error.issues[0]!);
  const others = error.issues.length - 1;
  const more = others > 0 ? ` (and ${others} more ${others === 1 ? 'problem' : 'problems'})` : '';
  return `${name}: ${explainIssue(issue, data)}${more}.`;
}

type Issue = z.core.$ZodIssue;

/** Of a union, the issue of the option that came furthest; paths inside a union are relative to it. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') {
    return issue;
  }
  const candidates = issue.errors.flatMap((issues) => issues.slice(0, 1));
  const deepest = candidates.sort((a, b) => b.path.length - a.path.length)[0];
  if (!deepest) {
    return issue;
  }
  return innermost({ ...deepest, path: [...issue.path, ...deepest.path] });
}

/** What is wrong with a field, without the name of the data. */
export function explainIssue(issue: z.core.$ZodIssue, data: unknown): string {
  const field = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in ${field}`;
    return `${JSON.stringify(issue.keys[0])}${where} is not a known field`;
  }
  if (issue.code === 'invalid_key') {
    const key = JSON.stringify(String(issue.path.at(-1)));
    return `${pathText(issue.path.slice(0, -1))} has the key ${key}, which must be ${expected(issue.issues[0]!)}`;
  }
  const found = valueAt(data, issue.path);
  if (found === undefined && issue.code !== 'custom') {
    return `${field} is missing: expected ${expected(issue)}`;
  }
  if (issue.code === 'custom') {
    return `${field} ${issue.message}`;
  }
  return `${field} must be ${expected(issue)}, not ${shortened(found)}`;
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${limit(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${limit(issue.maximum, issue.origin)}`;
    case 'not_multiple_of':
      return issue.divisor === 1 ? 'a whole number' : `a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_union':
      return 'options' in issue
        ? issue.options.map((value) => JSON.stringify(value)).join(' or ')
        : issue.message;
    default:
      return issue.message;
  }
}

function limit(bound: number | bigint, origin: string): string {
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' elements' : '';
  return `${bound.toString()}${unit}`;
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map(stepText).join('').replace(/^\./, '');
  return text === '' ? 'the content' : text;
}

function stepText(step: PropertyKey): string {
  const name = String(step);
  if (typeof step === 'number') {
    return `[${name}]`;
  }
  return /^[\w-]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    return String(value);
  }
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
