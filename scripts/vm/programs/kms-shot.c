// kms-shot CARD OUT.ppm: saves what the first lit CRTC of a DRM card shows.
// Plain ioctls (linux/drm): GETCRTC names the framebuffer, GETFB2 its memory, MAP_DUMB makes it readable. Linear 32-bit
// formats only. Needs root. Call it once the program that draws has opened the card.
#include <libdrm/drm.h>
#include <libdrm/drm_mode.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int save(const char *path, const struct drm_mode_fb_cmd2 *fb, const uint8_t *pixels) {
    FILE *out = fopen(path, "wb");
    if (!out) return fail(path);
    fprintf(out, "P6\n%u %u\n255\n", fb->width, fb->height);
    uint8_t *row = malloc((size_t)fb->width * 3);
    if (!row) return fail("malloc");
    for (uint32_t y = 0; y < fb->height; y++) {
        const uint8_t *source = pixels + (size_t)y * fb->pitches[0];
        for (uint32_t x = 0; x < fb->width; x++) {
            row[3 * x] = source[4 * x + 2];
            row[3 * x + 1] = source[4 * x + 1];
            row[3 * x + 2] = source[4 * x];
        }
        fwrite(row, 3, fb->width, out);
    }
    free(row);
    return fclose(out) ? fail(path) : 0;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s CARD OUT.ppm\n", argv[0]);
        return 64;
    }
    int card = open(argv[1], O_RDWR);
    if (card < 0) return fail(argv[1]);
    // The first program to open a card becomes its master, and then the program that draws could not draw.
    ioctl(card, DRM_IOCTL_DROP_MASTER, 0);
    uint32_t crtcs[8] = {0};
    struct drm_mode_card_res resources = {.crtc_id_ptr = (uintptr_t)crtcs, .count_crtcs = 8};
    if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources)) return fail("MODE_GETRESOURCES");
    for (uint32_t i = 0; i < resources.count_crtcs && i < 8; i++) {
        struct drm_mode_crtc crtc = {.crtc_id = crtcs[i]};
        if (ioctl(card, DRM_IOCTL_MODE_GETCRTC, &crtc) || !crtc.fb_id) continue;
        struct drm_mode_fb_cmd2 fb = {.fb_id = crtc.fb_id};
        if (ioctl(card, DRM_IOCTL_MODE_GETFB2, &fb)) return fail("MODE_GETFB2");
        struct drm_mode_map_dumb map = {.handle = fb.handles[0]};
        if (ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map)) return fail("MODE_MAP_DUMB");
        size_t length = (size_t)fb.pitches[0] * fb.height;
        void *pixels = mmap(NULL, length, PROT_READ, MAP_SHARED, card, (off_t)map.offset);
        if (pixels == MAP_FAILED) return fail("mmap");
        return save(argv[2], &fb, pixels);
    }
    fprintf(stderr, "%s: no lit CRTC\n", argv[1]);
    return 5;
}
