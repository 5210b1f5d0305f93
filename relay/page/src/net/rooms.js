// The rooms to choose from, and choosing one.

import { Attendance } from './attendance.js';
import { passOver, Refused } from './refusal.js';
import { RoomList } from './room_list.js';

/** @typedef {import('./room_list.js').Room} Room */
/** @typedef {{ resolve: () => void, reject: (error: Error) => void }} Caller */

export class Rooms extends Attendance {
    /** Whether the relay is reached now. */
    connected = false;
    /** What ended the session, or troubles it: a code that ui/problem.js words. @type {string | null} */
    problem = null;
    lobby = new RoomList();
    /** The caller that waits to be in a room. @type {Caller | null} */
    #joining = null;

    /** Asks which rooms there are, if anybody can be asked. */
    listRooms() {
        if (!this.connected) return;
        this.lobby
            .fetch((what, fields) => this.ask(what, fields))
            .then(() => this.tell('rooms', null))
            .catch(passOver);
    }

    /**
     * Joins a room; fails with the relay's refusal, or when it did not come to that in time.
     * @param {Room} room
     * @param {string} [pin]
     * @returns {Promise<void>}
     */
    join(room, pin = '') {
        return this.#wait(() => this.member.join(room, pin, performance.now()));
    }

    /**
     * Joins a room as soon as it has a place; fails as {@link join} does, or when nobody left for long.
     * @param {Room} room
     * @param {string} [pin]
     */
    awaitPlace(room, pin = '') {
        return this.#wait(() => this.member.awaitPlace(room, pin, performance.now()));
    }

    /** Does not want to join any more. */
    cancel() {
        this.member.leave();
        this.problem = null;
        this.isTurnedAway(new Refused('cancelled'));
        this.settle();
    }

    /** @param {() => void} wish @returns {Promise<void>} when one is in the room */
    #wait(wish) {
        this.isTurnedAway(new Refused('cancelled'));
        return new Promise((resolve, reject) => {
            this.#joining = { resolve, reject };
            this.problem = null;
            wish();
            this.settle();
        });
    }

    /**
     * Makes a room and joins it.
     * @param {string} name
     * @param {string} pin none when empty
     * @param {number} capacity
     */
    async create(name, pin, capacity) {
        const { room } = await this.ask('create_room', { name, capacity, ...(pin ? { pin } : {}) });
        await this.join({ id: room, name, members: 0, capacity, locked: pin !== '' }, pin);
    }

    /** Who waits to be in a room is. */
    isIn() {
        this.#joining?.resolve();
        this.#joining = null;
    }

    /** Who waits to be in a room waits no more; says whether anybody did. @param {Error} why */
    isTurnedAway(why) {
        const waits = this.#joining !== null;
        this.#joining?.reject(why);
        this.#joining = null;
        return waits;
    }
}
