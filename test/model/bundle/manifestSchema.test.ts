import { expect, test } from 'vitest';
import { manifestJsonSchema } from '../../../src/model/index.js';

test('manifest.schema.json is in step with the manifest that is accepted (npm run schema rewrites it)', async () => {
  await expect(manifestJsonSchema()).toMatchFileSnapshot('../../../src/model/manifest.schema.json');
});
