// The rooms of the relay, asked for once and then kept by its events.

/** @typedef {{ id: number, name: string, members: number, capacity: number, locked: boolean }} Room */

/** Every room that there is. */
export class RoomList {
    /** @type {Map<number, Room>} */
    rooms = new Map();
    /** The relay has said which there are. */
    known = false;

    /** Asks for all of them, page by page. @param {import('./refusal.js').Ask} ask */
    async fetch(ask) {
        /** @type {number | undefined} */
        let after;
        /** @type {Map<number, Room>} */
        const rooms = new Map();
        for (;;) {
            const page = await ask('list_rooms', after === undefined ? {} : { after });
            for (const room of page.rooms) rooms.set(room.id, room);
            after = page.rooms.at(-1)?.id;
            if (!page.more || after === undefined) break;
        }
        this.rooms = rooms;
        this.known = true;
    }

    /** Takes an event in; says whether it was about the rooms. @param {any} event */
    take(event) {
        if (event.event === 'room_changed') this.rooms.set(event.room.id, event.room);
        else if (event.event === 'room_closed') this.rooms.delete(event.room);
        else return false;
        return true;
    }

    /** Signed out, nothing is known. */
    forget() {
        this.rooms.clear();
        this.known = false;
    }
}
