// What one sends to the room: one stream a source, under the number that the relay gave it.

/** @typedef {import('./roster.js').Media} Media */
/** @typedef {(what: string, fields?: Record<string, unknown>) => Promise<any>} Ask */

/** One's own streams, by their source. */
export class OwnStreams {
    #ask;
    /** @type {Map<number, { media: Media, stream: number }>} */
    #published = new Map();

    /** @param {Ask} ask asks the relay */
    constructor(ask) {
        this.#ask = ask;
    }

    /** The number of a source's stream. @param {number} source */
    of(source) {
        return this.#published.get(source)?.stream;
    }

    /**
     * Publishes a source. One that is published already keeps its stream, unless it has another shape now.
     * @param {number} source
     * @param {Media} media
     */
    async publish(source, media) {
        const before = this.#published.get(source);
        if (before && JSON.stringify(before.media) === JSON.stringify(media)) return;
        // The relay would list both, and others would go on looking at the old one.
        if (before) await this.unpublish(source);
        await this.#announce(source, media);
    }

    /** @param {number} source */
    async unpublish(source) {
        const stream = this.of(source);
        this.#published.delete(source);
        if (stream !== undefined) await this.#ask('unpublish', { stream });
    }

    /** Out of the room there are none. */
    forget() {
        this.#published.clear();
    }

    /**
     * After coming back: what a former page published is taken back, then what is missing is published again. In this
     * order, because the relay takes one stream of sound and one camera of each member.
     * @param {Iterable<number>} listed what the relay has of them
     */
    async settle(listed) {
        const there = new Set(listed);
        const own = [...this.#published.values()].map(({ stream }) => stream);
        for (const stream of there) {
            if (!own.includes(stream)) await this.#ask('unpublish', { stream });
        }
        for (const [source, { media, stream }] of this.#published) {
            if (!there.has(stream)) await this.#announce(source, media);
        }
    }

    /** @param {number} source @param {Media} media */
    async #announce(source, media) {
        const { stream } = await this.#ask('publish', { source, media });
        this.#published.set(source, { media, stream });
    }
}
