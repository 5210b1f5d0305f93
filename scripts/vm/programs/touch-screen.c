// touch-screen WIDTH HEIGHT: a virtual touch screen of ten fingers (linux/uinput), driven by lines on stdin:
//   tap X Y         down, 50 ms, up
//   down X Y        a finger, which stays
//   move X Y        moves it
//   up              lifts it
//   sleep MS        waits
// Prints "ready" once the device exists, and "ok" after each line. The device goes away with the program.
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int device;
static int next_finger = 1;

static void emit(int type, int code, int value) {
    struct input_event event = {.type = type, .code = code, .value = value};
    if (write(device, &event, sizeof event) != sizeof event) {
        perror("/dev/uinput");
        exit(1);
    }
}

static void place(int x, int y) {
    emit(EV_ABS, ABS_MT_POSITION_X, x);
    emit(EV_ABS, ABS_MT_POSITION_Y, y);
    emit(EV_ABS, ABS_X, x);
    emit(EV_ABS, ABS_Y, y);
}

static void down(int x, int y) {
    emit(EV_ABS, ABS_MT_SLOT, 0);
    emit(EV_ABS, ABS_MT_TRACKING_ID, next_finger++ & 0xffff);
    place(x, y);
    emit(EV_KEY, BTN_TOUCH, 1);
    emit(EV_SYN, SYN_REPORT, 0);
}

static void move(int x, int y) {
    place(x, y);
    emit(EV_SYN, SYN_REPORT, 0);
}

static void up(void) {
    emit(EV_ABS, ABS_MT_TRACKING_ID, -1);
    emit(EV_KEY, BTN_TOUCH, 0);
    emit(EV_SYN, SYN_REPORT, 0);
}

static void axis(int code, int maximum, int per_mm) {
    struct uinput_abs_setup setup = {.code = code, .absinfo = {.maximum = maximum, .resolution = per_mm}};
    if (ioctl(device, UI_ABS_SETUP, &setup)) {
        perror("UI_ABS_SETUP");
        exit(1);
    }
}

static void create(int width, int height) {
    device = open("/dev/uinput", O_WRONLY | O_CLOEXEC);
    if (device < 0) {
        perror("/dev/uinput");
        exit(1);
    }
    ioctl(device, UI_SET_EVBIT, EV_KEY);
    ioctl(device, UI_SET_KEYBIT, BTN_TOUCH);
    ioctl(device, UI_SET_EVBIT, EV_ABS);
    // Without it, libinput takes the device for a touch pad.
    ioctl(device, UI_SET_PROPBIT, INPUT_PROP_DIRECT);
    axis(ABS_X, width - 1, 10);
    axis(ABS_Y, height - 1, 10);
    axis(ABS_MT_POSITION_X, width - 1, 10);
    axis(ABS_MT_POSITION_Y, height - 1, 10);
    axis(ABS_MT_SLOT, 9, 0);
    axis(ABS_MT_TRACKING_ID, 65535, 0);
    struct uinput_setup setup = {.id = {.bustype = BUS_USB, .vendor = 0x1d6b, .product = 0x0104}};
    strcpy(setup.name, "Virtual touch screen");
    if (ioctl(device, UI_DEV_SETUP, &setup) || ioctl(device, UI_DEV_CREATE)) {
        perror("UI_DEV_CREATE");
        exit(1);
    }
}

int main(int argc, char **argv) {
    int width, height, x, y;
    if (argc != 3 || (width = atoi(argv[1])) < 1 || (height = atoi(argv[2])) < 1) {
        fprintf(stderr, "usage: %s WIDTH HEIGHT <COMMANDS\n", argv[0]);
        return 64;
    }
    create(width, height);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "tap %d %d", &x, &y) == 2) {
            down(x, y);
            usleep(50000);
            up();
        } else if (sscanf(line, "down %d %d", &x, &y) == 2) {
            down(x, y);
        } else if (sscanf(line, "move %d %d", &x, &y) == 2) {
            move(x, y);
        } else if (strncmp(line, "up", 2) == 0) {
            up();
        } else if (sscanf(line, "sleep %d", &x) == 1) {
            usleep((useconds_t)x * 1000);
        } else {
            fprintf(stderr, "no such command: %s", line);
            return 64;
        }
        puts("ok");
    }
    return 0;
}
