// What browsers have that TypeScript's own libraries do not describe.

declare class AudioWorkletProcessor {
    readonly port: MessagePort;
    process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
/** Of the audio worklet's context, in Hz. */
declare const sampleRate: number;
/** Of the audio worklet's context, in s. */
declare const currentTime: number;

/** Frames of a track; Chromium alone. */
declare var MediaStreamTrackProcessor:
    undefined | (new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> });
