// How loud a block is, and whether somebody speaks: for the level byte of each block (endpoint/src/sound/level.rs, RFC
// 6464).

/** Voice is this much louder than the room. Less takes typing for voice, more misses quiet speakers. */
const ABOVE_ROOM_DB = 9;
/** Quieter than this is never voice. */
const QUIETEST_VOICE_DBOV = -55;
/** Voice lasts this many blocks (300 ms) longer than it is heard, so that words keep their ends. */
const HANGOVER_BLOCKS = 15;
/** How fast the idea of the room's noise rises, in dB a block: 1 dB a second, slower than speech. */
const ROOM_RISE_DB = 0.02;

/** Measures blocks one after the other. */
export class LevelMeter {
    #roomDbov = QUIETEST_VOICE_DBOV;
    #voiceLeft = 0;

    /**
     * @param {Float32Array} block
     * @returns {{ level: number, voice: boolean }} loudness in −dBov, 0 to 127
     */
    measure(block) {
        const dbov = loudnessDbov(block);
        this.#roomDbov = Math.min(dbov, this.#roomDbov + ROOM_RISE_DB);
        const speaks = dbov > QUIETEST_VOICE_DBOV && dbov > this.#roomDbov + ABOVE_ROOM_DB;
        const voice = speaks || this.#voiceLeft > 0;
        this.#voiceLeft = speaks ? HANGOVER_BLOCKS : Math.max(0, this.#voiceLeft - 1);
        return { level: Math.max(0, Math.min(127, Math.round(-dbov))), voice };
    }
}

/** RMS level relative to a full-scale square wave: 0 to −127. @param {Float32Array} block */
export function loudnessDbov(block) {
    let energy = 0;
    for (const sample of block) energy += sample * sample;
    return Math.max(-127, 10 * Math.log10(energy / block.length));
}
