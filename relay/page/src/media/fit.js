// How a frame goes into a picture of another shape.

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

/** The part of the frame's middle that fills the picture. @param {Size} frame @param {Size} picture @returns {Box} */
export function middle(frame, picture) {
    const scale = Math.max(picture.width / frame.width, picture.height / frame.height);
    return inMiddle({ width: picture.width / scale, height: picture.height / scale }, frame);
}

/** The part of the picture that the whole frame takes. @param {Size} frame @param {Size} picture @returns {Box} */
export function whole(frame, picture) {
    return inMiddle(within(frame, picture), picture);
}

/** The frame's size, made smaller where it does not go into so much space. @param {Size} frame @param {Size} most @returns {Size} */
export function atMost(frame, most) {
    return most.width < frame.width || most.height < frame.height ? within(frame, most) : frame;
}

/** @param {Size} frame @param {Size} space @returns {Size} */
function within(frame, space) {
    const scale = Math.min(space.width / frame.width, space.height / frame.height);
    return {
        width: Math.max(1, Math.round(frame.width * scale)),
        height: Math.max(1, Math.round(frame.height * scale)),
    };
}

/** @param {Size} size @param {Size} space @returns {Box} */
function inMiddle({ width, height }, space) {
    return { x: (space.width - width) / 2, y: (space.height - height) / 2, width, height };
}
