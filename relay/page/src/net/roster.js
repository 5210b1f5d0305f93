// Who is in the room with which streams, as the relay tells it.

/**
 * @typedef {object} Media
 * @property {'audio' | 'camera' | 'screen'} kind
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [fps]
 * @property {'full' | 'half' | 'thumbnail'} [layer]
 */
/** @typedef {{ id: number, source: number, media: Media }} Stream */
/**
 * @typedef {object} Participant
 * @property {number} id
 * @property {string} username who they are to the relay
 * @property {string} display_name what they are called
 * @property {boolean} via_gateway takes part through a browser: not end-to-end encrypted
 * @property {boolean} microphone
 * @property {boolean} camera
 * @property {boolean} [away] the relay has lost their connection, and keeps their place for a while
 * @property {number} clock_us the relay's clock minus theirs
 * @property {Stream[]} streams
 */

/** The participants of one room, in the order in which they came. */
export class Roster {
    /** @type {Map<number, Participant>} */
    #people = new Map();

    /** @param {Participant[]} people */
    constructor(people) {
        for (const person of people) this.#people.set(person.id, person);
    }

    get size() {
        return this.#people.size;
    }

    people() {
        return [...this.#people.values()];
    }

    /** @param {number} id */
    person(id) {
        return this.#people.get(id);
    }

    /**
     * Whose stream it is.
     * @param {number} stream
     */
    ownerOf(stream) {
        for (const person of this.#people.values()) {
            if (person.streams.some(({ id }) => id === stream)) return person;
        }
        return undefined;
    }

    /**
     * Takes an event in; says whether it was about the roster.
     * @param {any} event
     * @returns {boolean}
     */
    take(event) {
        switch (event.event) {
            case 'participant_joined':
                this.#people.set(event.participant.id, event.participant);
                return true;
            case 'participant_left':
                return this.#people.delete(event.participant);
            case 'devices_changed':
                return this.#change(event.participant, (person) => {
                    person.microphone = event.microphone;
                    person.camera = event.camera;
                });
            case 'away_changed':
                return this.#change(event.participant, (person) => {
                    person.away = event.away;
                });
            case 'clock_changed':
                return this.#change(event.participant, (person) => {
                    person.clock_us = event.clock_us;
                });
            case 'stream_published':
                return this.#change(event.participant, (person) => {
                    person.streams = person.streams.filter(({ id }) => id !== event.stream.id).concat(event.stream);
                });
            case 'stream_unpublished': {
                const owner = this.ownerOf(event.stream);
                if (owner) owner.streams = owner.streams.filter(({ id }) => id !== event.stream);
                return owner !== undefined;
            }
            default:
                return false;
        }
    }

    /** @param {number} id @param {(person: Participant) => void} change */
    #change(id, change) {
        const person = this.#people.get(id);
        if (person) change(person);
        return person !== undefined;
    }
}
