/*
 * The terminal of `braid monitor`: the alternate screen, raw keys, and everything as it was at the
 * end. Knows nothing of what is shown.
 */
#ifndef BRI_CLI_MONITOR_TTY_H
#define BRI_CLI_MONITOR_TTY_H

#include <termios.h>
#include "cli/monitor_screen.h"

struct bri_tty {
	int in, out;  /* borrowed; a terminal each */
	int writer;   /* non-blocking, of our own: a terminal that hangs must not hang us */
	int signals;  /* signalfd */
	bool entered; /* the alternate screen is shown */
	bool gone;    /* the terminal was closed */
	struct termios saved;
	struct bri_screen last; /* what is shown: only lines that differ are written */
	bool last_valid;
	unsigned last_width;
};

/*
 * bri_tty_open(): enters the alternate screen; SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP come by
 * `signals` from now on. Returns 0 or -errno (nothing has changed then).
 */
int bri_tty_open(struct bri_tty *tty, int in, int out);
/* bri_tty_close(): the terminal as it was. */
void bri_tty_close(struct bri_tty *tty);
void bri_tty_size(const struct bri_tty *tty, unsigned *ret_width, unsigned *ret_height);
/* bri_tty_show(): takes the screen; it is empty afterwards. Returns 0, -errno. */
int bri_tty_show(struct bri_tty *tty, struct bri_screen *screen, unsigned width);
/* bri_tty_suspend(): as Ctrl-Z asks; returns when the user has brought us back. */
void bri_tty_suspend(struct bri_tty *tty);

#endif
