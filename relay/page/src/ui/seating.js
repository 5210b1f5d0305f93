// Who has one of the places where more people are in a room than can be seen at once: who spoke last. A speaker without
// a place gets the place of the one who has been silent longest; all others stay where they are.

export class Seating {
    /** When each spoke last, counted. @type {Map<number, number>} */
    #spoke = new Map();
    #count = 0;
    /** Those who have a place, in the order of the places. @type {number[]} */
    #seated = [];

    /**
     * Gives the places.
     * @param {readonly number[]} people in the order in which they came
     * @param {(person: number) => boolean} speaks whether somebody speaks now
     * @param {number} places
     * @returns {readonly number[]} those who have one, in the order of the places
     */
    seat(people, speaks, places) {
        const there = new Set(people);
        for (const person of this.#spoke.keys()) if (!there.has(person)) this.#spoke.delete(person);
        for (const person of people) if (speaks(person)) this.#spoke.set(person, (this.#count += 1));
        if (people.length <= places) {
            this.#seated = [...people];
            return this.#seated;
        }
        this.#seated = this.#seated.filter((person) => there.has(person));
        while (this.#seated.length > places) this.#seated.splice(this.#quietest(), 1);
        for (const person of people) {
            if (this.#seated.includes(person)) continue;
            if (this.#seated.length < places) this.#seated.push(person);
        }
        for (const person of people) {
            if (!speaks(person) || this.#seated.includes(person)) continue;
            const place = this.#quietest();
            if (place >= 0 && !speaks(this.#seated[place])) this.#seated[place] = person;
        }
        return this.#seated;
    }

    /** The place of who has been silent longest; of several who never spoke, the last. */
    #quietest() {
        const since = this.#seated.map((person) => this.#spoke.get(person) ?? 0);
        return since.lastIndexOf(Math.min(...since));
    }
}
