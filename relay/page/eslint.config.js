// What compiles and is still wrong. Names and types are TypeScript's to check (tsconfig.json), the form is Prettier's.

import js from '@eslint/js';

export default [
    { ignores: ['node_modules/'] },
    js.configs.recommended,
    {
        linterOptions: { reportUnusedDisableDirectives: 'error' },
        rules: {
            'no-undef': 'off',
            'no-unused-vars': ['error', { args: 'after-used', varsIgnorePattern: '^_$' }],
            eqeqeq: 'error',
            'no-var': 'error',
            'prefer-const': 'error',
            'no-implicit-globals': 'error',
            'no-self-compare': 'error',
            'no-template-curly-in-string': 'error',
            'no-unmodified-loop-condition': 'error',
            'array-callback-return': 'error',
            'no-throw-literal': 'error',
            'no-eval': 'error',
            'no-implied-eval': 'error',
            'object-shorthand': ['error', 'properties'],
            'no-useless-rename': 'error',
            'no-useless-return': 'error',
            'no-lonely-if': 'error',
            'default-case-last': 'error',
        },
    },
];
