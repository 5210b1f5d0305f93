// Where tiles stand: all alike and as large as the space allows, or one large with a strip of the others.

/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

const GAP = 8;
/** So many tiles are shown in the grid; of the rest there is only the number, until they speak. */
export const MOST_TILES = 16;

/**
 * A grid of tiles of 16:9; the last row stands in the middle.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @returns {Box[]}
 */
export function grid(count, width, height) {
    if (count === 0) return [];
    let best = { columns: 1, tile: -1 };
    for (let columns = 1; columns <= Math.min(count, 8); columns += 1) {
        const rows = Math.ceil(count / columns);
        const tile = Math.min((width - (columns - 1) * GAP) / columns, (((height - (rows - 1) * GAP) / rows) * 16) / 9);
        if (tile > best.tile) best = { columns, tile };
    }
    const { columns } = best;
    const rows = Math.ceil(count / columns);
    const tileWidth = Math.max(0, Math.floor(best.tile));
    const tileHeight = Math.floor((tileWidth * 9) / 16);
    const top = Math.floor((height - rows * (tileHeight + GAP) + GAP) / 2);
    return Array.from({ length: count }, (_, index) => {
        const row = Math.floor(index / columns);
        const inRow = row < rows - 1 ? columns : count - row * columns;
        const left = Math.floor((width - inRow * (tileWidth + GAP) + GAP) / 2);
        return {
            x: left + (index % columns) * (tileWidth + GAP),
            y: top + row * (tileHeight + GAP),
            width: tileWidth,
            height: tileHeight,
        };
    });
}

/**
 * One large tile, and a strip at its side, or below it where the place is upright.
 * @param {number} others tiles in the strip
 * @param {number} width
 * @param {number} height
 * @returns {{ large: Box, beside: boolean, strip: Box, small: { width: number, height: number } }}
 */
export function stage(others, width, height) {
    const beside = width > height * 1.45;
    const smallHeight = Math.floor(
        beside ? Math.max(72, Math.min(height / 4, (width * 0.22 * 9) / 16)) : Math.max(60, height * 0.19),
    );
    const small = { width: Math.floor((smallHeight * 16) / 9), height: smallHeight };
    const spaceWidth = others === 0 || !beside ? width : width - small.width - GAP;
    const spaceHeight = others === 0 || beside ? height : height - small.height - GAP;
    const largeWidth = Math.max(0, Math.floor(Math.min(spaceWidth, (spaceHeight * 16) / 9)));
    const largeHeight = Math.floor((largeWidth * 9) / 16);
    return {
        beside,
        small,
        large: {
            x: Math.floor((spaceWidth - largeWidth) / 2),
            y: Math.floor((spaceHeight - largeHeight) / 2),
            width: largeWidth,
            height: largeHeight,
        },
        strip: beside
            ? { x: width - small.width, y: 0, width: small.width, height }
            : { x: 0, y: height - small.height, width, height: small.height },
    };
}

/** How many tiles of the strip are seen without scrolling. @param {ReturnType<typeof stage>} layout */
export function placesInStrip({ beside, strip, small }) {
    const fit = beside ? (strip.height + GAP) / (small.height + GAP) : (strip.width + GAP) / (small.width + GAP);
    return Math.max(1, Math.floor(fit));
}
