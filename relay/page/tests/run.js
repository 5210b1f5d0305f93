// Runs the types' check and the tests, one file after the other, and closes with a line of how many passed.
// node run.js [unit|browser]

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const page = join(here, '..');
const wanted = process.argv[2] ? [process.argv[2]] : ['unit', 'browser'];
let passed = 0;
let failed = 0;

/** @param {string[]} command */
function node(...command) {
    const { status, stdout } = spawnSync(process.execPath, command, {
        cwd: here,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        maxBuffer: 1 << 28,
    });
    process.stdout.write(stdout);
    return { status, stdout };
}

if (wanted.includes('unit')) {
    console.log('# types');
    if (node(join(page, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', page).status === 0) passed += 1;
    else failed += 1;
}
for (const folder of wanted) {
    for (const file of readdirSync(join(here, folder))
        .filter((name) => name.endsWith('.test.js'))
        .sort()) {
        const { status, stdout } = node('--test', '--test-reporter=tap', join(folder, file));
        const count = (/** @type {string} */ what) =>
            Number(new RegExp(`^# ${what} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
        const lost = count('fail') + count('cancelled');
        passed += count('pass');
        failed += status !== 0 && lost === 0 ? 1 : lost;
    }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
