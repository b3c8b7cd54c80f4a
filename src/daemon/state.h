/*
 * Small files that say what has to be put back, in a directory that one daemon at a time has. They
 * outlive a crash, and count in the network namespace that they were written in. Knows not what is
 * in them.
 */
#ifndef BRI_STATE_H
#define BRI_STATE_H

#include "base/base.h"

#define BRI_STATE_WHY_MAX  256u
#define BRI_STATE_TEXT_MAX 8192u

struct bri_state;

/*
 * bri_state_open(): takes the directory; made if it is missing (mode 0755).
 *   why  out, on failure: one line that says what to do
 * Returns 0, -EADDRINUSE (another daemon has it), or -errno.
 */
int bri_state_open(
	const char *directory, char why[static BRI_STATE_WHY_MAX], struct bri_state **ret);
/* bri_state_close(): NULL is harmless. */
void bri_state_close(struct bri_state *s);

/* bri_state_write(): all of it or the old file, also after a crash. Returns 0 or -errno. */
int bri_state_write(struct bri_state *s, const char *name, const char *text);
/* bri_state_read(): returns 0, -ENOENT (there is none that counts here), -EFBIG or -errno. */
int bri_state_read(struct bri_state *s, const char *name, char ret[static BRI_STATE_TEXT_MAX]);
void bri_state_remove(struct bri_state *s, const char *name);

#endif
