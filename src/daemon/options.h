/*
 * braidd's command line. Knows nothing of what the options do.
 */
#ifndef BRI_DAEMON_OPTIONS_H
#define BRI_DAEMON_OPTIONS_H

#include "base/base.h"

#define BRI_STATE_DIR "/run/braid"

struct bri_options {
	const char *config_path; /* NULL: none was named. All texts are argv's */
	const char *socket_path; /* NULL: none was named */
	const char *state_dir;
	const char *user;    /* NULL: none was named */
	int default_service; /* enum bri_message_service; -1: none was named */
	bool check_config, kernel_pm, force, verbose;
};

/*
 * bri_options_parse(): prints what is to be printed (help, the version, one line for a mistake).
 * Returns -1 (go on), or the exit code: 0 or 2.
 */
int bri_options_parse(int argc, char **argv, struct bri_options *ret);

#endif
