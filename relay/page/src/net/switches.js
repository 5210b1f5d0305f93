// One's microphone, camera and screen: what is wanted, what the page can give, and what the relay is to be asked for so
// that it has just that.

/** @typedef {import('./roster.js').Media} Media */
/** @typedef {import('./roster.js').Participant} Participant */
/** @typedef {'microphone' | 'camera' | 'screen'} Device */
/** @typedef {'on' | 'off' | 'turning_on' | 'turning_off'} State What a switch shows. */
/** @typedef {{ do: string, fields: Record<string, unknown> }} Request What the relay is asked for. */

/** The number of each device's stream among one's own. */
export const SOURCE = Object.freeze({ microphone: 0, camera: 1, screen: 2 });
export const DEVICES = /** @type {readonly Device[]} */ (Object.freeze(Object.keys(SOURCE)));

/** Whether one stream can go on as the other. @param {Media} a @param {Media} b */
function isSame(a, b) {
    return a.kind === b.kind && a.width === b.width && a.height === b.height && a.fps === b.fps;
}

export class Switches {
    /** What was touched last. @type {Record<Device, boolean>} */
    #wanted = { microphone: false, camera: false, screen: false };
    /** What an open device gives. @type {Record<Device, Media | null>} */
    #given = { microphone: null, camera: null, screen: null };
    /** The system has taken the microphone, as during a phone call. */
    #taken = false;

    /** @param {Device} device */
    wants(device) {
        return this.#wanted[device];
    }

    /** @param {Device} device @param {boolean} on */
    want(device, on) {
        this.#wanted[device] = on;
    }

    /** A device is open and gives this, or is closed. @param {Device} device @param {Media | null} media */
    give(device, media) {
        this.#given[device] = media;
    }

    /** @param {boolean} taken */
    take(taken) {
        this.#taken = taken;
    }

    /** Out of the room everything is off. */
    release() {
        for (const device of DEVICES) {
            this.#wanted[device] = false;
            this.#given[device] = null;
        }
        this.#taken = false;
    }

    /** What is to be sent of a device. @param {Device} device */
    #due(device) {
        return this.#wanted[device] ? this.#given[device] : null;
    }

    /** What the others are to be told. */
    get devices() {
        return {
            microphone: this.#due('microphone') !== null && !this.#taken,
            camera: this.#due('camera') !== null,
        };
    }

    /** Those of which the relay has to know before anything of them is sent. @param {Device} device @param {Participant} self */
    #isTold(device, self) {
        return device === 'screen' || self[device] === this.devices[device];
    }

    /**
     * The stream under which a device may send now: it is wanted, and the relay and so everybody knows of it.
     * @param {Device} device
     * @param {Participant} self what the relay confirmed of oneself
     */
    stream(device, self) {
        const media = this.#due(device);
        if (!media || !this.#isTold(device, self)) return undefined;
        return self.streams.find((stream) => stream.source === SOURCE[device] && isSame(stream.media, media))?.id;
    }

    /**
     * What the switch shows: `on` and `off` are confirmed by the relay.
     * @param {Device} device
     * @param {Participant | undefined} self what the relay confirmed of oneself
     * @param {boolean} sends whether it may send now
     * @returns {State}
     */
    state(device, self, sends) {
        if (this.#wanted[device]) return sends ? 'on' : 'turning_on';
        const listed = self?.streams.some(({ source }) => source === SOURCE[device]);
        return listed || (device !== 'screen' && self?.[device]) ? 'turning_off' : 'off';
    }

    /**
     * The next thing to ask for; null when the relay has what is wanted. What goes is asked for before what comes: the
     * relay takes one stream of sound, one camera and one screen of each member.
     * @param {Participant} self what the relay confirmed of oneself
     * @returns {Request | null}
     */
    next(self) {
        /** @type {Set<Device>} */
        const listed = new Set();
        for (const { id, source, media } of self.streams) {
            const device = DEVICES.find((name) => SOURCE[name] === source);
            const due = device && !listed.has(device) ? this.#due(device) : null;
            if (!device || !due || !isSame(media, due)) return { do: 'unpublish', fields: { stream: id } };
            listed.add(device);
        }
        for (const device of DEVICES) {
            const media = this.#due(device);
            if (media && !listed.has(device)) return { do: 'publish', fields: { source: SOURCE[device], media } };
        }
        const { devices } = this;
        const told = devices.microphone === self.microphone && devices.camera === self.camera;
        return told ? null : { do: 'set_devices', fields: devices };
    }
}
