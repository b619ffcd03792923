import { describe, expect, it } from 'vitest';
import { weightFormHere } from '../../src/engine/index.js';

describe('the form of INT8 weights', () => {
  it.each([
    ['x64', ['avx2', 'avx512_vnni'], 'u8s8'],
    ['x64', ['avx2', 'avx_vnni'], 'u8s8'],
    ['x64', ['avx2', 'avx512bw'], 'u8u8'],
    ['x64', [], 'u8u8'],
    ['arm64', [], 'u8s8'],
  ] as const)('on %s with %j is %s', (architecture, flags, form) => {
    expect(weightFormHere(architecture, new Set(flags))).toBe(form);
  });
});
