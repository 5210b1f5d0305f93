// Where things are: below the folder that the page came from, which a proxy may serve under a path of its own.

/**
 * The gateway's WebSocket.
 * @param {string} page the page's own address
 */
export function socketUrl(page) {
    const url = new URL('ws', page);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
    return url.href;
}

/**
 * A link for browsers, whole.
 * @param {string} link as the relay gave it: whole, or `/#j=…` where it knows no public address
 * @param {string} page the page's own address
 */
export function linkUrl(link, page) {
    return new URL(link.replace(/^\/(?=#)/, './'), page).href;
}
