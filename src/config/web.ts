import { isIP } from 'node:net';
import { z } from 'zod';

/** The dashboard and Prometheus' metrics over HTTP. */
export const web = z.strictObject({
  enabled: z.boolean().default(true).describe('serve the dashboard and Prometheus metrics over HTTP'),
  host: z
    .string()
    .refine((host) => isIP(host) !== 0, 'expected an IP address, such as 127.0.0.1 or 0.0.0.0')
    .default('127.0.0.1')
    .describe('address to listen on; any but loopback demands a token'),
  port: z.int().min(0).max(65535).default(9883).describe('port to listen on; 0 takes any free one'),
  names: z
    .array(z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, 'expected a host name'))
    .default([])
    .describe('host names, besides addresses and localhost, by which browsers may reach it'),
  tokenFile: z
    .string()
    .min(1, 'expected a path')
    .optional()
    .describe('file that holds the token, at least 16 characters'),
  tokenCredential: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of the characters A-Z a-z 0-9 _ -')
    .optional()
    .describe('name of the systemd credential that holds the token'),
});
