import { describe, expect, it } from 'vitest';
import { workerEnvironment } from '../../../src/engine/index.js';

describe('the environment of a worker', () => {
  it('has none of the secrets and settings of the daemon', () => {
    const environment = workerEnvironment({
      PATH: '/bin',
      INTENTD_MQTT_PASSWORD: 'secret',
      NODE_OPTIONS: '-r x',
    });
    expect(Object.keys(environment).sort()).toEqual(['GLIBC_TUNABLES', 'PATH']);
  });

  it('asks for huge pages, unless somebody has set up glibc already', () => {
    expect(workerEnvironment({})['GLIBC_TUNABLES']).toContain('glibc.malloc.hugetlb=1');
    expect(workerEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.arena_max=2' })['GLIBC_TUNABLES']).toBe(
      'glibc.malloc.arena_max=2',
    );
  });
});
