// The page's random numbers on Node 18, where they are no global yet.

import { webcrypto } from 'node:crypto';

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto);
