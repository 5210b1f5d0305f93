SUMMARY = "The kiosk's image for a developer's desk: SSH as root without a password"
DESCRIPTION = "Anyone on the network can take a board with this image over; never give it to a room."

require conclave-image.inc

IMAGE_FEATURES += "allow-empty-password allow-root-login empty-root-password ssh-server-dropbear"
IMAGE_INSTALL += "alsa-utils-amixer alsa-utils-aplay libdrm-tests strace"
