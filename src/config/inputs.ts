import { existsSync } from 'node:fs';

/** Read where no file is named, if it is there. */
export const systemConfigFile = '/etc/intentd/intentd.yaml';

export interface ConfigInputs {
  readonly env: NodeJS.ProcessEnv;
  /** The YAML file; `INTENTD_CONFIG`, then {@link systemConfigFile} where absent. */
  readonly file?: string | undefined;
  /** Dotted path → text, from the command line. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** The file to read: the one that is named, or the system's if it is there. */
export function configFileOf({ env, file }: ConfigInputs): string | undefined {
  return file ?? env['INTENTD_CONFIG'] ?? (existsSync(systemConfigFile) ? systemConfigFile : undefined);
}
