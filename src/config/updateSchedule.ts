import { z } from 'zod';

/** When updates are looked for, and what is done with them: settings of the group `update`. */
export const updateSchedule = {
  checkHours: z
    .number()
    .min(0)
    .max(8760)
    .default(6)
    .describe('time between two looks for updates, more or less by chance; 0 looks only when asked'),
  automatic: z
    .boolean()
    .default(true)
    .describe('install what is found; without it that is only told, and installed when asked'),
};
