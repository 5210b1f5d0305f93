// A microphone's sound where the browser starts no AudioContext, as Firefox does not without any device for sound
// output: recorded in pieces of 20 ms and decoded at once.

import { Blocks } from './blocks.js';
import { BLOCK_MS } from './l16.js';
import { WebmReader } from './webm.js';

const TYPE = 'audio/webm;codecs=opus';
/** Good for a voice, and little to do. */
const BITS_PER_SECOND = 64_000;
/** What Opus decodes to, in Hz. */
const OPUS_HZ = 48_000;
/** Where the number of channels stands in Opus's head (RFC 7845, section 5.1). */
const CHANNELS_AT = 9;

export class RecordedSound {
    #recorder;
    #reader = new WebmReader();
    /** @type {AudioDecoder | null} */
    #decoder = null;
    /** Pieces are read in their order. */
    #read = Promise.resolve();
    #blocks;
    #ended = false;

    /** Whether this browser can. */
    static get possible() {
        return (
            typeof MediaRecorder === 'function' &&
            typeof AudioDecoder === 'function' &&
            MediaRecorder.isTypeSupported(TYPE)
        );
    }

    /**
     * @param {MediaStreamTrack} track
     * @param {(block: import('./blocks.js').Block) => void} onblock
     */
    constructor(track, onblock) {
        this.#blocks = new Blocks(OPUS_HZ, onblock);
        this.#recorder = new MediaRecorder(new MediaStream([track]), {
            mimeType: TYPE,
            audioBitsPerSecond: BITS_PER_SECOND,
        });
        this.#recorder.ondataavailable = ({ data }) => {
            this.#read = this.#read.then(async () => this.#take(new Uint8Array(await data.arrayBuffer())));
            this.#read.catch(() => this.close());
        };
        this.#recorder.onerror = () => this.close();
        this.#recorder.start(BLOCK_MS);
    }

    /** The track itself stays open. */
    close() {
        if (this.#ended) return;
        this.#ended = true;
        this.#recorder.ondataavailable = null;
        if (this.#recorder.state !== 'inactive') this.#recorder.stop();
        if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    }

    /** @param {Uint8Array} bytes */
    #take(bytes) {
        if (this.#ended) return;
        for (const data of this.#reader.push(bytes)) {
            this.#decoder ??= this.#decode();
            // Each packet of Opus can be decoded by itself; nothing here needs its time.
            this.#decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: 0, data }));
        }
    }

    #decode() {
        const decoder = new AudioDecoder({ output: (data) => this.#hear(data), error: () => this.close() });
        const numberOfChannels = this.#reader.head?.[CHANNELS_AT] ?? 1;
        decoder.configure({ codec: 'opus', sampleRate: OPUS_HZ, numberOfChannels });
        return decoder;
    }

    /** @param {AudioData} data */
    #hear(data) {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        data.close();
        if (!this.#ended) this.#blocks.push(samples);
    }
}
