// Checks the page and its tests with ESLint and their form with Prettier; says what failed and how to mend it.
// node lint.js

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('.', import.meta.url));
const checks = [
    {
        name: 'eslint',
        program: 'eslint/bin/eslint.js',
        options: ['--max-warnings', '0', '.'],
        mend: 'mend the lines above; `npx eslint --fix .` in relay/page mends some by itself',
    },
    {
        name: 'prettier',
        program: 'prettier/bin/prettier.cjs',
        options: ['--check', '--log-level', 'warn', '.'],
        mend: '`npm run format` in relay/page formats these files',
    },
];

for (const { name, program, options, mend } of checks) {
    const path = `${page}node_modules/${program}`;
    if (!existsSync(path)) {
        console.error(
            `page: ${name} is not installed: run \`scripts/deps.sh web\` or \`npm ci --ignore-scripts\` in relay/page`,
        );
        process.exitCode = 1;
    } else if (spawnSync(process.execPath, [path, ...options], { cwd: page, stdio: 'inherit' }).status !== 0) {
        console.error(`page: ${name} found something to mend: ${mend}`);
        process.exitCode = 1;
    }
}
