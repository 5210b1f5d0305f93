// Elements made in one expression. Texts become text nodes, so nothing that people typed is ever read as HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with attributes and children. `class` and every other attribute goes by its HTML name; an attribute that
 * begins with `on` is a listener; true writes an empty attribute, false and undefined none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else if (value !== undefined && value !== false)
            element.setAttribute(name, value === true ? '' : String(value));
    }
    add(element, ...children);
    return element;
}

/**
 * Appends what is there of the children.
 * @param {Element} element
 * @param {...Child} children
 */
export function add(element, ...children) {
    for (const child of children) if (child) element.append(child);
}

let drawn = 0;

/** A name for an element that no other has. */
export function freshId() {
    drawn += 1;
    return `e${drawn}`;
}

/**
 * Sets an attribute only when it changes, so that nothing is laid out or read aloud again without need.
 * @param {Element} element
 * @param {string} name
 * @param {string | null} value null takes it away
 */
export function set(element, name, value) {
    if (element.getAttribute(name) === value) return;
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
}
