// What was written in the room, oldest first, each line once.

/** @typedef {{ id: number, at: number, from: string, from_name: string, to: string | null, text: string, mark?: number }} Line `mark` is its writer's. */

/** Lines kept at most; older ones can be asked for again. */
const MAX_LINES = 2000;

/** One room's lines. */
export class ChatLog {
    /** @type {Line[]} */
    lines = [];
    /** There are older ones that were not asked for yet. */
    more = false;

    /** @param {number} id */
    has(id) {
        return this.lines.some((line) => line.id === id);
    }

    /**
     * Adds lines wherever they belong; says how many were new.
     * @param {Line[]} lines
     */
    add(lines) {
        const known = new Set(this.lines.map(({ id }) => id));
        const fresh = lines.filter(({ id }) => !known.has(id) && known.add(id));
        if (fresh.length === 0) return 0;
        this.lines = this.lines.concat(fresh).sort((a, b) => a.id - b.id);
        if (this.lines.length > MAX_LINES) {
            this.lines = this.lines.slice(-MAX_LINES);
            this.more = true;
        }
        return fresh.length;
    }

    /** What lies before a line can be asked for again. @param {number} id */
    forgetBefore(id) {
        this.lines = this.lines.filter((line) => line.id >= id);
        this.more = true;
    }

    /**
     * Takes a page of the history.
     * @param {{ lines: Line[], more: boolean }} page
     */
    takePage(page) {
        // A page that lies behind what is known says nothing about what lies before it.
        const oldest = this.lines[0]?.id ?? Infinity;
        this.add(page.lines);
        if ((page.lines[0]?.id ?? Infinity) <= oldest) this.more = page.more;
    }
}
