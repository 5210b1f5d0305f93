// The tiles in a grid or in speaker view, and which streams they need: nothing is fetched that nobody sees.

import { add, make } from './dom.js';
import { grid, MOST_TILES, placesInStrip, stage as stageLayout } from './layout.js';
import { Seating } from './seating.js';
import { Tile } from './tile.js';
import { say } from '../words/words.js';

/** @typedef {import('../net/roster.js').Participant} Participant */
/** @typedef {import('../net/roster.js').Stream} Stream */
/** @typedef {{ key: string, person: Participant, kind: 'person' | 'screen', own: boolean }} Seat */

/** A tile that is smaller gets fewer pictures a second: nobody tells. */
const SMALL_PX = 240;
const SMALL_FPS = 15;

/** Which layer fits a tile: the smallest that is not stretched, else the largest. @param {Stream[]} layers @param {number} pixels */
export function fittingLayer(layers, pixels) {
    const ordered = [...layers].sort((a, b) => (a.media.width ?? 0) - (b.media.width ?? 0));
    return ordered.find(({ media }) => (media.width ?? 0) >= pixels * 0.9) ?? ordered.at(-1);
}

/**
 * @param {import('../net/session.js').Session} session
 * @param {import('./call.js').Call} call
 */
export function videoStage(session, call) {
    /** @type {Map<string, Tile>} */
    const tiles = new Map();
    const strip = make('div', { class: 'tile-strip', onscroll: () => {} });
    const rest = make('span', { class: 'rest', hidden: true });
    const nobody = say(make('p', { class: 'nobody', hidden: true }), 'nobody_here');
    const element = make('div', { class: 'stage' }, strip, rest, nobody);
    const seating = new Seating();
    let speakerView = false;
    let due = false;

    const watcher = new IntersectionObserver(
        (entries) => {
            for (const { target, isIntersecting } of entries) {
                for (const tile of tiles.values()) if (tile.element === target) tile.visible = isIntersecting;
            }
            fetch();
        },
        { root: element },
    );
    new ResizeObserver(() => later()).observe(element);
    document.addEventListener('visibilitychange', () => fetch());

    /** Who takes part, in the order in which they came, oneself last, screens before all. @returns {Seat[]} */
    function seats() {
        /** @type {Seat[]} */
        const screens = [];
        /** @type {Seat[]} */
        const people = [];
        for (const person of session.roster.people()) {
            const own = person.id === session.me;
            // One's own screen is before one's eyes already.
            const sharing = !own && person.streams.some(({ media }) => media.kind === 'screen');
            if (sharing) screens.push({ key: `s${person.id}`, person, kind: 'screen', own });
            people.push({ key: `p${person.id}`, person, kind: 'person', own });
        }
        people.sort((a, b) => Number(a.own) - Number(b.own));
        return [...screens, ...people];
    }

    /** The others who are seen at once where there are too many, oneself, then the rest. @param {Seat[]} all @param {number} places */
    function seated(all, places) {
        const screens = all.filter(({ kind }) => kind === 'screen');
        const own = all.filter((seat) => seat.own);
        const others = all.filter((seat) => seat.kind === 'person' && !seat.own);
        const chosen = seating.seat(
            others.map(({ person }) => person.id),
            (id) => call.speaks(id),
            Math.max(1, places - own.length - screens.length),
        );
        const first = chosen.flatMap((id) => others.filter(({ person }) => person.id === id));
        return [...screens, ...first, ...own, ...others.filter((seat) => !first.includes(seat))];
    }

    /** Who stands large: a screen, who speaks, who spoke last, the first. @param {Seat[]} all */
    function large(all) {
        const last = all.findIndex(({ person }) => person.id === call.lastSpeaker);
        if (all[0]?.kind === 'screen' || last < 0) return 0;
        return last;
    }

    function later() {
        if (due) return;
        due = true;
        requestAnimationFrame(() => {
            due = false;
            show();
        });
    }

    function show() {
        const present = seats();
        const alone = present.length === 1 && present[0].own;
        const wide = speakerView || present[0]?.kind === 'screen';
        const { clientWidth, clientHeight } = element;
        // One more stands large.
        const places = wide
            ? placesInStrip(stageLayout(present.length - 1, clientWidth, clientHeight)) + 1
            : MOST_TILES;
        const all = seated(present, places);
        const shown = wide ? all : all.slice(0, MOST_TILES);
        const keys = new Set(shown.map(({ key }) => key));
        for (const [key, tile] of tiles) {
            if (keys.has(key)) continue;
            watcher.unobserve(tile.element);
            if (tile.stream !== null) call.pictures.hide(tile.stream);
            tile.remove();
            tiles.delete(key);
        }
        for (const seat of shown) {
            let tile = tiles.get(seat.key);
            if (!tile) {
                tile = new Tile(seat.person.display_name, seat.kind);
                tiles.set(seat.key, tile);
                element.append(tile.element);
                watcher.observe(tile.element);
            }
            tile.element.classList.toggle('own', seat.own);
            tile.show(seat.person, { own: seat.own, speaking: call.speaks(seat.person.id) });
            if (seat.own) tile.showOwn(call.camera.stream);
        }
        arrange(shown, wide && !alone);
        nobody.hidden = all.length > 0;
        rest.hidden = shown.length === all.length;
        if (!rest.hidden) say(rest, 'more_people', all.length - shown.length);
        fetch();
    }

    /** @param {Seat[]} shown @param {boolean} wide */
    function arrange(shown, wide) {
        const { clientWidth: width, clientHeight: height } = element;
        strip.hidden = !wide;
        if (!wide) {
            grid(shown.length, width, height).forEach((box, index) => {
                const tile = /** @type {Tile} */ (tiles.get(shown[index].key));
                hold(element, tile);
                tile.place(box);
            });
            return;
        }
        const first = large(shown);
        const layout = stageLayout(shown.length - 1, width, height);
        Object.assign(strip.style, {
            left: `${layout.strip.x}px`,
            top: `${layout.strip.y}px`,
            width: `${layout.strip.width}px`,
            height: `${layout.strip.height}px`,
        });
        strip.classList.toggle('beside', layout.beside);
        shown.forEach(({ key }, index) => {
            const tile = /** @type {Tile} */ (tiles.get(key));
            hold(index === first ? element : strip, tile);
            tile.element.classList.toggle('in-strip', index !== first);
            tile.place(index === first ? layout.large : { x: 0, y: 0, ...layout.small });
        });
        shown
            .filter((_, index) => index !== first)
            .forEach(({ key }, place) => {
                const { element: child } = /** @type {Tile} */ (tiles.get(key));
                if (strip.children[place] !== child) strip.insertBefore(child, strip.children[place] ?? null);
            });
    }

    /** @param {HTMLElement} parent @param {Tile} tile */
    function hold(parent, tile) {
        if (parent === element) tile.element.classList.remove('in-strip');
        if (tile.element.parentElement !== parent) add(parent, tile.element);
    }

    /** Tells the call which streams are to be seen, and at which rate. */
    function fetch() {
        /** @type {Map<number, 'all' | number>} */
        const wanted = new Map();
        const open = !document.hidden && element.clientWidth > 0;
        for (const { key, person, kind, own } of seats()) {
            const tile = tiles.get(key);
            if (!tile || own) continue;
            const media = kind === 'screen' ? 'screen' : 'camera';
            const layers = person.streams.filter((stream) => stream.media.kind === media);
            const on = kind === 'screen' || person.camera;
            const fit = on ? fittingLayer(layers, tile.width * devicePixelRatio) : undefined;
            const next = fit?.id ?? null;
            if (tile.stream !== null && tile.stream !== next) call.pictures.hide(tile.stream);
            const watched = open && tile.visible;
            tile.expect(next, watched);
            if (!fit || !watched) continue;
            call.pictures.show(fit.id, tile.canvas, () => tile.shown());
            wanted.set(fit.id, tile.width < SMALL_PX ? SMALL_FPS : 'all');
        }
        call.watch(wanted);
    }

    session.on('roster', later);
    call.on('speaking', later);
    call.on('devices', later);

    return {
        element,
        show: later,
        get speakerView() {
            return speakerView;
        },
        set speakerView(on) {
            speakerView = on;
            later();
        },
        /** The tile of a participant, for code that looks at its picture. @param {string} key */
        tile: (key) => tiles.get(key),
    };
}
