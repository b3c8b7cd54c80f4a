/*
 * The kernel settings that the daemon changes, and how they are put back: when it stops, and, after
 * it was killed, when it starts again. What was there before is noted first.
 */
#ifndef BRI_DAEMON_SETTINGS_H
#define BRI_DAEMON_SETTINGS_H

#include "base/base.h"

#define BRI_SETTINGS_WHY_MAX 256u

struct bri_settings;
struct bri_state;

/*
 * bri_settings_open(): changes nothing yet. What an earlier daemon left changed, because it was
 * killed, is put back by bri_settings_close(): meanwhile it may be what is wanted anyway.
 *   state  where it is noted; borrowed until bri_settings_close()
 * Returns 0 or -ENOMEM.
 */
int bri_settings_open(struct bri_state *state, struct bri_settings **ret);

/* bri_settings_is_left(): there is such a change. */
bool bri_settings_is_left(const struct bri_settings *s);

/* bri_settings_has_userspace_pm(): this kernel can let a daemon manage paths (5.19). */
bool bri_settings_has_userspace_pm(void);

/* bri_settings_is_userspace_pm(): new sockets of this namespace are managed by a daemon now. */
bool bri_settings_is_userspace_pm(void);

/* bri_settings_is_strict_reverse_path(): the kernel drops what comes from an address by another
 * interface than its answer would take (rp_filter = 1). */
bool bri_settings_is_strict_reverse_path(const char *interface);

/*
 * bri_settings_take_pm(): from now on new sockets are ours (userspace), or the kernel's path
 * manager's. Returns 0, -ENOENT (there is no choice in this kernel) or -errno.
 */
int bri_settings_take_pm(
	struct bri_settings *s, bool userspace, char why[static BRI_SETTINGS_WHY_MAX]);

/* bri_settings_close(): puts everything back, and removes the note. NULL is harmless. */
void bri_settings_close(struct bri_settings *s);

#endif
