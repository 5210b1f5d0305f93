// Tells its listeners. Each event has a name.

/** @template {Record<string, any>} Events */
export class Signal {
    /** @type {Map<keyof Events, Set<(value: any) => void>>} */
    #listeners = new Map();

    /**
     * Listens; gives what ends it.
     * @template {keyof Events} K
     * @param {K} name
     * @param {(value: Events[K]) => void} listener
     * @returns {() => void}
     */
    on(name, listener) {
        let all = this.#listeners.get(name);
        if (!all) this.#listeners.set(name, (all = new Set()));
        all.add(listener);
        return () => all.delete(listener);
    }

    /**
     * @template {keyof Events} K
     * @param {K} name
     * @param {Events[K]} value
     */
    tell(name, value) {
        for (const listener of this.#listeners.get(name) ?? []) listener(value);
    }
}
