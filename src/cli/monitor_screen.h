/*
 * The live view of `braid monitor`: what is on the screen for a model and a size, and what a key
 * does. Pure: no terminal in it.
 */
#ifndef BRI_CLI_MONITOR_SCREEN_H
#define BRI_CLI_MONITOR_SCREEN_H

#include "cli/monitor_format.h"

#define BRI_SCREEN_MAX_WIDTH   1000u /* a terminal may tell any size; the rest stays empty */
#define BRI_SCREEN_MAX_HEIGHT  500u  /* the same */
#define BRI_SCREEN_FILTER_SIZE 64u   /* fits on the last line of most terminals */

struct bri_screen_view {
	unsigned width, height; /* of the terminal */
	bool unicode, colour;
	bool paused;
	size_t scroll; /* lines of the list above the first one shown; clamped when drawn */
	size_t page;   /* lines of the list on the screen: set when drawn */
	bool editing;  /* the filter is being typed */
	char filter[BRI_SCREEN_FILTER_SIZE]; /* in effect, also while it is typed */
	char before[BRI_SCREEN_FILTER_SIZE]; /* what Escape goes back to */
	const char *message;                 /* on the last line, instead of the help; NULL */
};

/* Lines of a screen: without line ends. */
struct bri_screen {
	size_t n, stride;
	char *bytes;
};

int bri_screen_init(struct bri_screen *screen, unsigned width, unsigned height); /* 0, -ENOMEM */
void bri_screen_fini(struct bri_screen *screen);
static inline char *bri_screen_line(const struct bri_screen *screen, size_t i)
{
	return screen->bytes + i * screen->stride;
}

/*
 * bri_screen_draw(): fills all lines.
 *   screen   made for the view's width and height
 */
void bri_screen_draw(const struct bri_monitor_model *model, struct bri_screen_view *view,
	struct bri_screen *screen);

enum bri_screen_key {
	BRI_SCREEN_NOTHING,
	BRI_SCREEN_REDRAW,
	BRI_SCREEN_LOOK, /* look again at once */
	BRI_SCREEN_QUIT,
};

/* bri_screen_keys(): bytes read from a terminal in raw mode, whole sequences. */
enum bri_screen_key bri_screen_keys(struct bri_screen_view *view, const char *bytes, size_t n);

#endif
