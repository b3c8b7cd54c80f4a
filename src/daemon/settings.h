/*
 * The kernel settings that the daemon changes, and how they are put back: when it stops, and, after
 * it was killed, when it starts again. What was there before is written to a file first.
 */
#ifndef BRI_DAEMON_SETTINGS_H
#define BRI_DAEMON_SETTINGS_H

#include "base/base.h"

#define BRI_SETTINGS_WHY_MAX 256u

struct bri_settings;

/*
 * bri_settings_open(): puts back what an earlier daemon left changed, if it was killed.
 *   state_dir  where the file is kept; made if it is missing (mode 0755)
 *   why        out, on failure: one line that says what to do
 * Returns 0 or -errno.
 */
int bri_settings_open(
	const char *state_dir, char why[static BRI_SETTINGS_WHY_MAX], struct bri_settings **ret);

/* bri_settings_has_userspace_pm(): this kernel can let a daemon manage paths (5.19). */
bool bri_settings_has_userspace_pm(void);

/* bri_settings_is_userspace_pm(): new sockets of this namespace are managed by a daemon now. */
bool bri_settings_is_userspace_pm(void);

/* bri_settings_take_userspace_pm(): from now on new sockets are ours. Returns 0 or -errno. */
int bri_settings_take_userspace_pm(struct bri_settings *s, char why[static BRI_SETTINGS_WHY_MAX]);

/* bri_settings_close(): puts everything back, and removes the file. NULL is harmless. */
void bri_settings_close(struct bri_settings *s);

#endif
