import { z } from 'zod';

const path = z.string().min(1, 'expected a path');
const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected up to 32 of a-z, 0-9, "-", beginning with a-z or 0-9');
const family = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    'expected the id of a bundle: up to 64 of a-z, 0-9, ".", "_", "-", beginning with a-z or 0-9',
  );

function isProxyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return ['http:', 'https:'].includes(url.protocol) && url.username === '';
}

/** Where updates come from: settings of the group `update`. */
export const updateSource = {
  source: z
    .string()
    .regex(/^(https?:\/\/|file:\/\/\/|\/)./, 'expected https://HOST/PATH, file:///PATH or an absolute path')
    .optional()
    .describe('repository of signed bundles, https://HOST/PATH or a folder; without it none is looked for'),
  channel: name.default('stable').describe('channel of releases that this device follows'),
  families: z
    .array(family)
    .max(16, 'expected at most 16 families')
    .default([])
    .describe('ids of the bundles to keep up to date; none: those that serve'),
  rootFile: path
    .default('/etc/intentd/root.json')
    .describe('root of trust: 1.root.json of the repository, brought here by hand or with the image'),
  caFile: path
    .optional()
    .describe('PEM file of the authorities to trust for https, instead of those of Node.js'),
  proxy: z
    .string()
    .refine(isProxyUrl, 'expected http://HOST:PORT without user and password (HTTPS_PROXY may have them)')
    .optional()
    .describe('HTTP proxy; if absent HTTPS_PROXY and NO_PROXY of the environment count'),
  allowHttp: z
    .boolean()
    .default(false)
    .describe('take updates over plain http: they are verified all the same, but others see them'),
  maxMegabytes: z
    .number()
    .min(1)
    .max(4096)
    .default(512)
    .describe('largest bundle that is fetched, in millions of bytes'),
  checkSeconds: z
    .number()
    .min(1)
    .max(3600)
    .default(120)
    .describe('longest time that looking for updates may take'),
  fetchMinutes: z
    .number()
    .min(0.1)
    .max(10_080)
    .default(60)
    .describe('longest time to fetch a bundle in one go; the next goes on from there'),
  stallSeconds: z
    .number()
    .min(0.1)
    .max(600)
    .default(30)
    .describe('a connection over which fewer than 4 KiB come in this time is given up'),
};
