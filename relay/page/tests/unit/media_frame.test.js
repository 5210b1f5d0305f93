import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emit, HEADER_BYTES, Kind, parse } from '../../src/net/media_frame.js';

test('a frame of sound is twenty bytes of header, little-endian, and the block', () => {
    const bytes = emit({
        kind: Kind.audio,
        level: 30,
        voice: true,
        stream: 0x01020304,
        timestamp: 0x0005_0607_0809_0a0b,
        body: new Uint8Array([0xaa, 0xbb]),
    });
    assert.equal(Buffer.from(bytes).toString('hex'), '009e000004030201' + '0b0a090807060500' + '00000000' + 'aabb');
});

test('what is written is read again', () => {
    const frame = {
        kind: Kind.screen,
        level: 0,
        voice: false,
        stream: 7,
        timestamp: 1_790_000_000_123_456,
        body: new Uint8Array([1, 2, 3]),
    };
    const read = parse(emit(frame).buffer);
    assert.deepEqual({ ...read, body: [...(read?.body ?? [])] }, { ...frame, number: 0, body: [1, 2, 3] });
});

test('a picture has no level', () => {
    assert.equal(
        emit({ kind: Kind.camera, level: 99, voice: true, stream: 1, timestamp: 0, body: new Uint8Array(1) })[1],
        0,
    );
});

test('what is too short, of an unknown kind or reserved is no frame', () => {
    const bytes = emit({ kind: Kind.camera, level: 0, voice: false, stream: 1, timestamp: 0, body: new Uint8Array(1) });
    assert.ok(parse(bytes.slice().buffer));
    assert.equal(parse(bytes.slice(0, HEADER_BYTES).buffer), null);
    for (const [at, value] of [
        [0, 3],
        [2, 1],
        [3, 1],
    ]) {
        const wrong = bytes.slice();
        wrong[at] = value;
        assert.equal(parse(wrong.buffer), null);
    }
});
