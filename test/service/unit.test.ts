import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const unit = join(import.meta.dirname, '../../systemd/intentd.service');
const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });
const canAnalyze = analyze('--version').status === 0;

describe.skipIf(!canAnalyze)('the systemd unit', () => {
  it('is what systemd expects', () => {
    const { status, stderr } = analyze('verify', unit);
    expect(stderr.split('\n').filter((line) => line.includes('intentd.service'))).toEqual([]);
    expect(status).toBe(0);
  });

  it('is exposed no more than 1.7', () => {
    const { stdout, status } = analyze('security', '--offline=true', '--no-pager', '--threshold=17', unit);
    expect(/Overall exposure level for intentd.service: ([\d.]+)/.exec(stdout)?.[1]).toBe('1.7');
    expect(status).toBe(0);
  });
});
