SUMMARY = "The kiosk's image for a developer's desk: SSH as root without a password"
DESCRIPTION = "Anyone on the network can take a board with this image over; never give it to a room."
SECTION = "images"

require conclave-image.inc

# That it is open is what this image is for.
# nooelint: oelint.var.badimagefeature
IMAGE_FEATURES += "allow-empty-password allow-root-login empty-root-password ssh-server-dropbear"
IMAGE_INSTALL += "alsa-utils-amixer alsa-utils-aplay libdrm-tests strace"
