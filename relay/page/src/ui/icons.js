// The signs of the screen, the same as the endpoint's (endpoint/ui/icons), as paths in a square of 24.

/** What is drawn as a line. */
const LINES = {
    camera: 'M5 6h8a2.5 2.5 0 0 1 2.5 2.5v7a2.5 2.5 0 0 1-2.5 2.5h-8a2.5 2.5 0 0 1-2.5-2.5v-7a2.5 2.5 0 0 1 2.5-2.5zM15.5 10.5l6-3.5v10l-6-3.5',
    'camera-off':
        'M9.5 6H13a2.5 2.5 0 0 1 2.5 2.5v2l6-3.5v10l-3.5-2M15.5 15.5A2.5 2.5 0 0 1 13 18H5a2.5 2.5 0 0 1-2.5-2.5v-7A2.5 2.5 0 0 1 5 6M3.5 3.5l17 17',
    chat: 'M5.5 4h13A2.5 2.5 0 0 1 21 6.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-5 4v-4h-.5A2.5 2.5 0 0 1 3 14.5v-8A2.5 2.5 0 0 1 5.5 4zM8 9h8M8 12.5h5',
    close: 'M5.5 5.5l13 13M18.5 5.5l-13 13',
    copy: 'M11 8.5h7a2.5 2.5 0 0 1 2.5 2.5v7a2.5 2.5 0 0 1-2.5 2.5h-7a2.5 2.5 0 0 1-2.5-2.5v-7a2.5 2.5 0 0 1 2.5-2.5zM15.5 8.5V6A2.5 2.5 0 0 0 13 3.5H6A2.5 2.5 0 0 0 3.5 6v7A2.5 2.5 0 0 0 6 15.5h2.5',
    grid: 'M4.5 4h5a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-5a1.5 1.5 0 0 1-1.5-1.5v-4a1.5 1.5 0 0 1 1.5-1.5zM14.5 4h5a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-5a1.5 1.5 0 0 1-1.5-1.5v-4a1.5 1.5 0 0 1 1.5-1.5zM4.5 13h5a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-5a1.5 1.5 0 0 1-1.5-1.5v-4a1.5 1.5 0 0 1 1.5-1.5zM14.5 13h5a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-5a1.5 1.5 0 0 1-1.5-1.5v-4a1.5 1.5 0 0 1 1.5-1.5z',
    'leave-room': 'M10 4H6.5A2.5 2.5 0 0 0 4 6.5v11A2.5 2.5 0 0 0 6.5 20H10M15.5 7.5L20 12l-4.5 4.5M20 12H9.5',
    link: 'M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7L12.3 6M14 10a4 4 0 0 0-5.7 0l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.3-1.3',
    lock: 'M7.5 10.5h9a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-2.5 2.5h-9a2.5 2.5 0 0 1-2.5-2.5v-5a2.5 2.5 0 0 1 2.5-2.5zM8 10.5V7.5a4 4 0 0 1 8 0v3M12 14.5v2',
    microphone:
        'M12 3h0a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3h-0a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M9 21h6',
    'microphone-off':
        'M9 9V6a3 3 0 0 1 5.9-.7M15 10.5V11M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11.5A6.5 6.5 0 0 0 16 16.6M18.5 11.5a6.5 6.5 0 0 1-.5 2.3M12 18v3M9 21h6M3.5 3.5l17 17',
    minus: 'M4.5 12h15',
    people: 'M5.5 8a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0zM2.5 19.5c0-3.6 2.9-5.5 6.5-5.5s6.5 1.9 6.5 5.5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M18 14.5c2.2.8 3.5 2.5 3.5 5',
    plus: 'M12 4.5v15M4.5 12h15',
    relay: 'M5.5 4h13a2 2 0 0 1 2 2v2.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-2.5a2 2 0 0 1 2-2zM5.5 13.5h13a2 2 0 0 1 2 2v2.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-2.5a2 2 0 0 1 2-2zM7.5 7.2v.1M7.5 16.7v.1M11.5 7.2h5M11.5 16.7h5',
    room: 'M3 20.5h18M6 20.5V5.5A2 2 0 0 1 8 3.5h8a2 2 0 0 1 2 2v15M14.5 12v.1',
    screen: 'M5 4h14a2.5 2.5 0 0 1 2.5 2.5v7.5a2.5 2.5 0 0 1-2.5 2.5h-14a2.5 2.5 0 0 1-2.5-2.5v-7.5a2.5 2.5 0 0 1 2.5-2.5zM8 20.5h8M12 13.5V7.5M9 10l3-3 3 3',
    search: 'M4 10.5a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0 -13 0zM15.5 15.5l5 5',
    send: 'M4 12L3.5 4l18 8-18 8zM4 12h8',
    settings:
        'M4 7h9M17.5 7H20M4 17h2.5M11 17h9M12.9 7a2.3 2.3 0 1 0 4.6 0a2.3 2.3 0 1 0 -4.6 0zM6.5 17a2.3 2.3 0 1 0 4.6 0a2.3 2.3 0 1 0 -4.6 0z',
    speaker: 'M4 9.5v5h3.5l5 4v-13l-5 4zM16 9a4.2 4.2 0 0 1 0 6M18.5 6.5a7.8 7.8 0 0 1 0 11',
    'speaker-off': 'M4 9.5v5h3.5l5 4v-13l-5 4zM16.5 9.5l5 5M21.5 9.5l-5 5',
    'speaker-view':
        'M4.5 4h15a1.5 1.5 0 0 1 1.5 1.5v7.5a1.5 1.5 0 0 1-1.5 1.5h-15a1.5 1.5 0 0 1-1.5-1.5v-7.5a1.5 1.5 0 0 1 1.5-1.5zM4 19h3M10.5 19h3M17 19h3',
    warning: 'M12 4l9 16H3zM12 10v4.5M12 17.2v.1',
    network:
        'M2.5 9.5a14 14 0 0 1 19 0M5.8 13a9.3 9.3 0 0 1 12.4 0M9 16.4a4.6 4.6 0 0 1 6 0M11 19.5a1 1 0 1 0 2 0a1 1 0 1 0 -2 0z',
};

/** What is filled. */
const FILLS = {
    leave: 'M12 8.5c-3.9 0-7.4 1.1-9.6 3-.6.5-.8 1.2-.6 1.9l.7 2.5c.3.9 1.1 1.4 2 1.2l3-.7c.7-.2 1.3-.8 1.3-1.5l.1-2.1c1-.3 2-.4 3.1-.4s2.1.1 3.1.4l.1 2.1c0 .7.6 1.3 1.3 1.5l3 .7c.9.2 1.7-.3 2-1.2l.7-2.5c.2-.7 0-1.4-.6-1.9-2.2-1.9-5.7-3-9.6-3z',
    more: 'M3 12a2 2 0 1 0 4 0a2 2 0 1 0 -4 0zM10 12a2 2 0 1 0 4 0a2 2 0 1 0 -4 0zM17 12a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z',
};

/** @typedef {keyof LINES | keyof FILLS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * A sign in the color of the text around it. The element around it says what it means.
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    draw(svg, name);
    return svg;
}

/**
 * Shows another sign in place of the one before.
 * @param {SVGSVGElement} svg
 * @param {IconName} name
 */
export function draw(svg, name) {
    if (svg.dataset.icon === name) return;
    svg.dataset.icon = name;
    const path = document.createElementNS(SVG, 'path');
    const line = /** @type {Record<string, string>} */ (LINES)[name];
    path.setAttribute('d', line ?? /** @type {Record<string, string>} */ (FILLS)[name]);
    if (line === undefined) path.setAttribute('class', 'filled');
    svg.replaceChildren(path);
}
