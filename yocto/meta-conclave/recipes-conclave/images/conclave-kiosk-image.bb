SUMMARY = "The screen of a meeting room: starts into Conclave, nothing to sign in to"
DESCRIPTION = "Read-only root, two slots for updates on a Raspberry Pi, what is kept on a partition of its own, no SSH, no password."
SECTION = "images"

require conclave-image.inc
