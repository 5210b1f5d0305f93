# The official touch screens, without a line of one's own.
RPI_EXTRA_CONFIG:append:conclave = "display_auto_detect=1\n"
