/*
 * Lines of `braid run --verbose`, written from inside somebody else's program: async-signal-safe,
 * no memory, one write(2) a line, errno unchanged. Knows nothing of what they say.
 *
 * They go to what was standard error when `braid run` started, through a descriptor of its own with
 * a high number. Whoever closes it (many programs close all descriptors before they start another)
 * may get the number for something else: so the file is compared each time, and standard error is
 * taken instead where it still is that file. Otherwise nothing is written.
 */
#ifndef BRI_RUN_SAY_H
#define BRI_RUN_SAY_H

#include "base/base.h"

#define BRI_SAY_ENV_SIZE 80

/*
 * bri_say_open(): makes the descriptor, which executed programs inherit.
 *   ret  the value of BRI_ENV_VERBOSE for bri_say_init()
 * Returns the descriptor (ours to close) or a negative errno.
 */
int bri_say_open(char ret[static BRI_SAY_ENV_SIZE]);
/* bri_say_init(): once, before other threads; `env` NULL or damaged: nothing is said. */
void bri_say_init(const char *env);
bool bri_say_enabled(void);

struct bri_say {
	char text[256]; /* what does not fit is cut */
	size_t used;
};

/* bri_say_begin() .. bri_say_end(): one line, "braid run: PID: ...". */
void bri_say_begin(struct bri_say *say, int pid);
void bri_say_text(struct bri_say *say, const char *text);
void bri_say_number(struct bri_say *say, long number);
/* bri_say_error(): errno's name where it is one that is met here, else the number. */
void bri_say_error(struct bri_say *say, int error);
void bri_say_end(struct bri_say *say);

#endif
