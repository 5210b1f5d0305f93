import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JitterBuffer } from '../../src/media/jitter_buffer.js';
import { BLOCK_MS, BLOCK_SAMPLES, emit, parse } from '../../src/media/l16.js';
import { LevelMeter, loudnessDbov } from '../../src/media/level.js';
import { Resampler } from '../../src/media/resampler.js';

/** A tone, by the second. @param {number} hz @param {number} rate @param {number} samples @param {number} [from] */
function tone(hz, rate, samples, from = 0) {
    return Float32Array.from({ length: samples }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * (from + i)) / rate));
}

/** How strong one frequency is, 0 to 1 (Goertzel). @param {Float32Array} samples @param {number} hz @param {number} rate */
function strength(samples, hz, rate) {
    let re = 0;
    let im = 0;
    samples.forEach((sample, i) => {
        re += sample * Math.cos((2 * Math.PI * hz * i) / rate);
        im += sample * Math.sin((2 * Math.PI * hz * i) / rate);
    });
    return (2 * Math.hypot(re, im)) / samples.length;
}

/** Numbers from a seed, so that a failure comes again. @param {number} seed */
function random(seed) {
    return () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return seed / 2 ** 32;
    };
}

test('a block travels big-endian and comes back', () => {
    const block = new Float32Array(BLOCK_SAMPLES);
    block[0] = 0x0102 / 32_768;
    block[319] = -2 / 32_768;
    const bytes = emit(block);
    assert.deepEqual([...bytes.slice(0, 2)], [1, 2]);
    assert.deepEqual(parse(bytes), block);
    assert.equal(parse(bytes.slice(1)), null);
});

test('what is too loud is clipped, not wrapped', () => {
    assert.deepEqual([...emit(Float32Array.of(2, -2))], [0x7f, 0xff, 0x80, 0x00]);
});

for (const [from, to] of [
    [48_000, 16_000],
    [44_100, 16_000],
    [16_000, 48_000],
    [16_000, 44_100],
]) {
    test(`a tone keeps its pitch and loudness from ${from} to ${to} samples a second, however it is cut`, () => {
        const resampler = new Resampler(from, to);
        const cut = random(1);
        /** @type {number[]} */
        const output = [];
        for (let at = 0; at < from;) {
            const count = Math.min(from - at, 1 + Math.floor(cut() * 300));
            output.push(...resampler.push(tone(440, from, count, at)));
            at += count;
        }
        assert.ok(Math.abs(output.length - to) < 100, `${output.length} samples`);
        const middle = Float32Array.from(output.slice(to / 4, (to * 3) / 4));
        assert.ok(Math.abs(strength(middle, 440, to) - 0.5) < 0.01, `${strength(middle, 440, to)}`);
        let energy = 0;
        for (const sample of middle) energy += sample * sample;
        // Of a clean tone of amplitude ½ nothing but the tone is left.
        assert.ok(Math.abs(energy / middle.length - 0.125) < 0.002, `${energy / middle.length}`);
    });
}

test('what a lower rate cannot hold is taken away, not folded back', () => {
    const resampler = new Resampler(48_000, 16_000);
    const output = resampler.push(tone(9_500, 48_000, 48_000));
    assert.ok(loudnessDbov(output.slice(4000)) < -50, `${loudnessDbov(output.slice(4000))}`);
});

test('the level is that of RFC 6464, and silence is 127', () => {
    const meter = new LevelMeter();
    assert.deepEqual(meter.measure(new Float32Array(BLOCK_SAMPLES)), { level: 127, voice: false });
    assert.ok(Math.abs(loudnessDbov(Float32Array.from({ length: BLOCK_SAMPLES }, (_, i) => (i % 2 ? 1 : -1)))) < 0.01);
});

test('a voice is told from the noise of a room, and keeps its end', () => {
    const meter = new LevelMeter();
    const noise = random(2);
    const quiet = () => Float32Array.from({ length: BLOCK_SAMPLES }, () => (noise() - 0.5) * 0.002);
    for (let i = 0; i < 50; i += 1) assert.equal(meter.measure(quiet()).voice, false);
    assert.equal(meter.measure(tone(200, 16_000, BLOCK_SAMPLES)).voice, true);
    assert.equal(meter.measure(quiet()).voice, true);
    let last = true;
    for (let i = 0; i < 20; i += 1) last = meter.measure(quiet()).voice;
    assert.equal(last, false);
});

/**
 * Plays a stream in virtual time: block `n` is captured at 20·n ms and comes `lateness(n)` ms later, or never where that is null.
 * @param {number} blocks
 * @param {(n: number) => number | null} lateness
 */
function play(blocks, lateness) {
    const buffer = new JitterBuffer();
    /** @type {{ at: number, n: number }[]} */
    const coming = [];
    let before = 0;
    for (let n = 0; n < blocks; n += 1) {
        const late = lateness(n);
        if (late === null) continue;
        // One socket: nothing overtakes.
        before = Math.max(before, n * BLOCK_MS + late);
        coming.push({ at: before, n });
    }
    const delays = [];
    let silent = 0;
    for (let now = 0; now < blocks * BLOCK_MS + 1000; now += BLOCK_MS) {
        while (coming.length > 0 && coming[0].at <= now) {
            const { n, at } = coming.shift() ?? { n: 0, at: 0 };
            buffer.push(n, n * BLOCK_MS, tone(300, 16_000, BLOCK_SAMPLES, n * BLOCK_SAMPLES), at);
        }
        const heard = buffer.counts.heard;
        if (buffer.pop() === null && now < blocks * BLOCK_MS) silent += 1;
        if (buffer.counts.heard > heard) delays.push(buffer.waiting * BLOCK_MS);
    }
    return { buffer, delays, silent };
}

test('on a calm network every block is heard, with little delay', () => {
    const { buffer, delays } = play(1000, () => 5);
    assert.equal(buffer.counts.heard + buffer.counts.skipped, 1000);
    assert.ok(buffer.counts.concealed <= 4, JSON.stringify(buffer.counts));
    assert.ok(Math.max(...delays.slice(500)) <= 40);
    assert.equal(buffer.delayMs, 20);
});

test('on a restless network the delay grows as far as is needed', () => {
    const chance = random(3);
    const { buffer } = play(3000, () => chance() * 60);
    assert.ok(buffer.delayMs >= 40 && buffer.delayMs <= 90, `${buffer.delayMs} ms`);
    assert.ok(buffer.counts.concealed < 3000 * 0.03, JSON.stringify(buffer.counts));
});

test('a lost block is made up, and nothing else is shifted by it', () => {
    const { buffer, delays } = play(1000, (n) => (n > 100 && n % 50 === 0 ? null : 5));
    assert.ok(buffer.counts.concealed >= 17 && buffer.counts.concealed <= 24, JSON.stringify(buffer.counts));
    assert.ok(Math.max(...delays.slice(500)) <= 60);
});

test('after a stall of a second the talk is fresh again soon', () => {
    const { delays, buffer } = play(1500, (n) => (n >= 500 && n < 550 ? 1000 - (n - 500) * BLOCK_MS : 5));
    assert.ok(Math.max(...delays) <= 400, `${Math.max(...delays)}`);
    assert.ok(
        Math.max(...delays.slice(-200)) <= 60,
        `${Math.max(...delays.slice(-200))} ${JSON.stringify(buffer.counts)}`,
    );
});

test('who pauses is not made up for, and is heard at once afterwards', () => {
    const buffer = new JitterBuffer();
    let heard = 0;
    // The sender's numbers go on without a gap; its clock does not stand still.
    for (let now = 0, n = 0; now < 10_000; now += BLOCK_MS) {
        const speaks = now < 2_000 || now >= 6_000;
        if (speaks) {
            buffer.push(n, now, tone(300, 16_000, BLOCK_SAMPLES), now + 5);
            n += 1;
        }
        const block = buffer.pop();
        if (now > 3_000 && now < 6_000) assert.equal(block, null);
        if (block) heard += 1;
    }
    assert.ok(heard >= 295, `${heard}`);
    assert.ok(buffer.counts.concealed <= 6, JSON.stringify(buffer.counts));
});

test('a clock that runs faster or slower loses next to nothing', () => {
    for (const rate of [1.0005, 0.9995]) {
        const buffer = new JitterBuffer();
        let next = 0;
        for (let now = 0; now < 120_000; now += BLOCK_MS) {
            for (; next * BLOCK_MS * rate + 5 <= now; next += 1)
                buffer.push(next, next * BLOCK_MS, tone(300, 16_000, BLOCK_SAMPLES), next * BLOCK_MS * rate + 5);
            buffer.pop();
        }
        const { concealed, skipped, dropped } = buffer.counts;
        assert.ok(concealed + skipped + dropped < 30, `${rate}: ${JSON.stringify(buffer.counts)}`);
        assert.ok(buffer.waiting <= 5);
    }
});

test('what is made up goes on at the pitch of the voice and fades', () => {
    const buffer = new JitterBuffer();
    for (let n = 0; n < 30; n += 1)
        buffer.push(n, n * BLOCK_MS, tone(200, 16_000, BLOCK_SAMPLES, n * BLOCK_SAMPLES), n * BLOCK_MS);
    const loudness = [];
    for (let i = 0; i < 30; i += 1) {
        const block = buffer.pop();
        if (block && buffer.counts.concealed > 0) {
            loudness.push(strength(block, 200, 16_000));
        }
    }
    assert.ok(loudness[0] > 0.3, `${loudness}`);
    assert.ok(/** @type {number} */ (loudness.at(-1)) < 0.05, `${loudness}`);
});
