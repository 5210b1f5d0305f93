# panic: whatever stops the kernel restarts the board, which ends a trial of an update.
CMDLINE:append:conclave = " rauc.slot=A ro quiet loglevel=3 vt.global_cursor_default=0 consoleblank=0 panic=10"
