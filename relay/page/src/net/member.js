// Being a member: what a person wants, what the relay last confirmed, and what to ask for next so that the second
// becomes the first. It is asked after every touch, answer, refusal, loss and return, and has no clock and no socket of
// its own.

import { always, reached, soon, whenFree, whyEnded } from './place.js';
import { Roster } from './roster.js';
import { DEVICES, SOURCE, Switches } from './switches.js';
import { AGAIN_MS, Turn } from './turn.js';

/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {import('./switches.js').Device} Device */
/** @typedef {import('./switches.js').Request} Request */
/** @typedef {import('./place.js').Joined} Joined */
/** @typedef {import('./turn.js').Refusal} Refusal */
/** @typedef {import('./place.js').Place} Place */
/** @typedef {import('./place.js').Notice} Notice */

/** So often one asks for a place in a full room: who is away for long gives theirs up. */
const ASK_PLACE_MS = 5_000;
/** The relay keeps a lost session for so long. */
const RESUME_MS = 30_000;

export class Member {
    switches = new Switches();
    /** Whether one wants to be signed in at all. */
    isWanted = false;
    /** The room that one wants to be in. @type {Place | null} */
    place = null;
    /** The one that did not let one in last. @type {Place | null} */
    lastPlace = null;
    /** The relay knows this session now. */
    online = false;
    /** The room in which the relay has one. @type {Room | null} */
    room = null;
    /** One's own number in it. */
    me = 0;
    /** Who is in it, as the relay told last. */
    roster = new Roster([]);
    #turn = new Turn();
    /** When signing out has ended by itself. @type {number | null} */
    #goneAt = null;
    /** @type {Notice[]} */
    #notices = [];

    /** What the relay confirmed of oneself. */
    get self() {
        return this.room ? this.roster.person(this.me) : undefined;
    }

    /** In the room that one wants to be in. */
    get isInside() {
        return this.online && this.room !== null && this.room.id === this.place?.room.id;
    }

    /** What a switch shows. @param {Device} device */
    state(device) {
        const self = this.room?.id === this.place?.room.id ? this.self : undefined;
        return this.switches.state(device, self, this.streamOf(device) !== undefined);
    }

    /** The stream under which a device may send now. @param {Device} device */
    streamOf(device) {
        const { self } = this;
        if (!this.isInside || !self) return undefined;
        // What is being taken back counts as gone already.
        const { do: what, fields } = this.#turn.asked ?? { do: '', fields: {} };
        const streams = what === 'unpublish' ? self.streams.filter(({ id }) => id !== fields.stream) : self.streams;
        const devices = what === 'set_devices' && !fields[device] ? fields : {};
        return this.switches.stream(device, { ...self, ...devices, streams });
    }

    // What a person wants.

    signIn() {
        this.isWanted = true;
        this.#goneAt = null;
    }

    /** @param {number} now */
    signOut(now) {
        this.isWanted = false;
        this.#goneAt = now + RESUME_MS;
        this.leave();
    }

    /** @param {Room} room @param {string} pin @param {number} now */
    join(room, pin, now) {
        this.#choose(soon(room, pin, now));
    }

    /** Joins as soon as a full room has a place. @param {Room} room @param {string} pin @param {number} now */
    awaitPlace(room, pin, now) {
        this.#choose(whenFree(room, pin, now));
    }

    /** To the room where one was before the page was loaded again. @param {Room} room */
    comeBack(room) {
        this.#choose(always(room, true));
    }

    /** @param {Place} place */
    #choose(place) {
        this.switches.release();
        this.#turn.release('join_room');
        this.place = place;
    }

    leave() {
        this.place = null;
        this.switches.release();
    }

    // What the relay says.

    /**
     * The relay knows this session, from now or again.
     * @param {{ room: Joined | null, link_room?: Room }} answer of `sign_in` or `enter_link`
     */
    welcome(answer) {
        this.online = true;
        this.#turn.forget();
        this.room = null;
        if (this.isWanted && !this.place && answer.link_room) this.#choose(always(answer.link_room, false));
        if (answer.room) this.#adopt(answer.room, true);
    }

    /** The connection broke: what was asked for may have been done or not. */
    lost() {
        this.online = false;
        this.#turn.lost();
    }

    /** The session is over, and so is what the relay knew of it. */
    end() {
        this.lost();
        this.isWanted = false;
        this.room = null;
        this.#goneAt = null;
        if (!this.place?.entered) this.place = null;
        this.switches.release();
    }

    /** @param {Joined} joined @param {boolean} resumed */
    #adopt(joined, resumed) {
        this.room = joined.room;
        this.me = joined.me;
        this.roster = new Roster(joined.roster);
        const { place } = this;
        // It may have been left meanwhile.
        if (place?.room.id !== joined.room.id) return;
        const again = place.entered;
        this.place = reached(place, joined.room);
        this.#notices.push({ what: 'joined', again, resumed });
    }

    /**
     * Takes an event in; says whether it was about who is in the room.
     * @param {any} event
     */
    take(event) {
        const id = this.room?.id;
        if (event.event === 'room_changed' && event.room.id === id) this.room = event.room;
        // Somebody left it: that is worth asking at once.
        if (event.event === 'room_changed' && event.room.members < event.room.capacity && this.place?.waits)
            this.#turn.release('join_room');
        if (event.event === 'room_closed' && event.room === id) return this.#expel('room_closed');
        if (event.event === 'participant_left' && event.participant === this.me && id !== undefined)
            return this.#expel('removed');
        return this.room !== null && this.roster.take(event);
    }

    /** @param {string} code */
    #expel(code) {
        const wanted = this.room?.id === this.place?.room.id;
        this.room = null;
        if (wanted) {
            this.leave();
            this.#notices.push({ what: 'expelled', code });
        }
        return true;
    }

    // What to ask for.

    /** @returns {Request | null} */
    #due() {
        const { room, place, self } = this;
        if (room && (!this.isWanted || room.id !== place?.room.id)) return { do: 'leave_room', fields: {} };
        if (!this.isWanted) return { do: 'sign_out', fields: {} };
        if (room) return self ? this.switches.next(self) : null;
        if (!place) return null;
        const pin = place.pin ? { pin: place.pin } : {};
        return { do: 'join_room', fields: { room: place.room.id, ...pin, ...this.switches.devices } };
    }

    /** The next request, one at a time; null when there is nothing to ask for now. @param {number} now */
    next(now) {
        if (this.#goneAt !== null && now >= this.#goneAt) this.#signedOut();
        const ended = whyEnded(this.place, now);
        if (ended) this.#turnedAway(ended);
        return this.online ? this.#turn.ask(this.#due(), now) : null;
    }

    /** When to ask {@link next} again although nothing happened. @returns {number} Infinity for never */
    get wakeAt() {
        const again = this.online ? this.#turn.wakeAt(this.#due()) : Infinity;
        return Math.min(again, this.place?.until ?? Infinity, this.#goneAt ?? Infinity);
    }

    /** @param {Request} request @param {any} ok */
    answered(request, ok) {
        if (!this.#turn.end(request)) return;
        this.#turn.release(request.do);
        const { self } = this;
        const { source, media, stream } = /** @type {any} */ (request.fields);
        switch (request.do) {
            case 'join_room':
                this.#adopt(ok, false);
                break;
            case 'leave_room':
                this.#out();
                break;
            case 'sign_out':
                this.#signedOut();
                break;
            case 'publish':
                self?.streams.push({ id: ok.stream, source, media });
                break;
            case 'unpublish':
                this.#drop(stream);
                break;
            case 'set_devices':
                if (self) Object.assign(self, request.fields);
        }
    }

    /** @param {Request} request @param {Refusal} refusal @param {number} now */
    refused(request, refusal, now) {
        if (!this.#turn.end(request)) return;
        const { code } = refusal;
        if (code === 'rate_limited') {
            const again = now + (refusal.retryAfterMs ?? AGAIN_MS);
            this.#turn.hold(request.do, again);
            // Who would wait in vain is told at once.
            if (this.#isOfPlace(request) && again >= (this.place?.until ?? Infinity)) this.#turnedAway(refusal);
        } else if (code === 'not_in_room') {
            this.#out();
        } else if (code === 'already_in_room') {
            // In one of which this page does not know: it is left first.
            this.room = { id: 0, name: '', members: 0, capacity: 0, locked: false };
        } else if (request.do === 'join_room') {
            if (code === 'room_full' && this.place?.waits) this.#turn.hold(request.do, now + ASK_PLACE_MS);
            else if (this.#isOfPlace(request)) this.#turnedAway(refusal);
        } else if (request.do === 'leave_room') {
            this.#out();
        } else if (request.do === 'sign_out') {
            this.#signedOut();
        } else if (request.do === 'unpublish') {
            this.#drop(/** @type {any} */ (request.fields).stream);
        } else if (request.do === 'publish') {
            const device = DEVICES.find((name) => SOURCE[name] === request.fields.source);
            if (!device) return;
            this.switches.want(device, false);
            this.#notices.push({ what: 'device_refused', device, refusal });
        } else {
            this.#turn.hold(request.do, now + AGAIN_MS);
        }
    }

    /** What happened since this was asked last. */
    notices() {
        return this.#notices.splice(0);
    }

    #out() {
        this.room = null;
        if (!this.place) this.#notices.push({ what: 'left' });
    }

    #signedOut() {
        this.online = false;
        this.#goneAt = null;
        this.#notices.push({ what: 'signed_out' });
    }

    /** Whether one still wants to join what was asked for. @param {Request} request */
    #isOfPlace(request) {
        return request.do === 'join_room' && request.fields.room === this.place?.room.id;
    }

    /** @param {Refusal} refusal */
    #turnedAway(refusal) {
        const again = this.place?.entered ?? false;
        this.lastPlace = this.place;
        this.leave();
        this.#notices.push({ what: 'not_joined', again, refusal });
    }

    /** @param {number} stream */
    #drop(stream) {
        const { self } = this;
        if (self) self.streams = self.streams.filter(({ id }) => id !== stream);
    }
}
