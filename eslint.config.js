import tseslint from 'typescript-eslint';

/**
 * The direction of imports: a room imports only from rooms on a later line, through their index.
 * Rooms on one line do not import each other.
 */
const directions = [
  ['main'],
  ['cli'],
  ['daemon'],
  ['broker', 'requests', 'update', 'telemetry', 'service', 'learning'],
  ['engine', 'decision'],
  ['model'],
  ['config'],
  ['base'],
];

const everyRoom = directions.flat();

function roomRule(room) {
  const line = directions.findIndex((rooms) => rooms.includes(room));
  const below = directions.slice(line + 1).flat();
  const closed = everyRoom.filter((other) => other !== room && !below.includes(other));
  return {
    files: [`src/${room}/**/*.ts`, `src/${room}.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...(closed.length === 0
              ? []
              : [
                  {
                    regex: `^(\\./|(\\.\\./)+)(${closed.join('|')})(/|\\.js$)`,
                    message: `${room} stands below that room: imports go ${directions.map((r) => r.join(', ')).join(' → ')}.`,
                  },
                ]),
            {
              regex: `^(\\./|(\\.\\./)+)(${everyRoom.filter((other) => other !== room && other !== 'cli').join('|')})/(?!index\\.js$)`,
              message: 'Import another room through its index.ts.',
            },
          ],
        },
      ],
    },
  };
}

/** Rooms, or parts of rooms, that take time and the outside world as arguments. */
const pure = {
  files: [
    'src/decision/**/*.ts',
    'src/model/sparsity/**/*.ts',
    'src/telemetry/energy/**/*.ts',
    'src/update/machine/**/*.ts',
  ],
  rules: {
    'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'fetch', 'performance'],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Pure rooms take the time as an argument.' },
      { object: 'Math', property: 'random', message: 'Pure rooms take chance as an argument.' },
    ],
    '@typescript-eslint/no-restricted-imports': [
      'error',
      { patterns: [{ regex: '^node:', message: 'Pure rooms import no IO.' }] },
    ],
  },
};

export default tseslint.config(
  {
    ignores: ['dist/', 'build/', 'coverage/', 'node_modules/', 'models/', 'training/', '.gpu/', '.training/'],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
  ...everyRoom.map(roomRule),
  pure,
);
