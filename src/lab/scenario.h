/*
 * Scenario files: a lab and its timed events as text. One statement a line, words separated by
 * blanks, `#` starts a comment:
 *
 *     seed 42                                   of loss and jitter
 *     path NAME [SETTING...] [backup] [mtu N]   NAME is the interface; at least one path
 *     mptcp endpoints on|off                    kernel path manager: a subflow endpoint a path
 *     mptcp off                                 no MPTCP at all
 *     at TIME NAME CHANGE...                    since the start; NAME is a path already declared
 *     end TIME                                  the run is over at the latest
 *
 *     SETTING: delay TIME | jitter TIME | rate RATE | loss PERCENT | queue SIZE |
 *              mptcp pass|strip|strip-data|drop-syn   what a middlebox does with TCP option 30
 *              to-server | to-client | both     which direction the settings after it are for
 *     CHANGE:  SETTING | up | down | silent | deladdr | addaddr
 *     TIME:    10ms 1.5s 300us 2m 0             delay is one way: the round trip takes twice that
 *     RATE:    50mbit 1.5gbit 800kbit 9600bit 0 (0: unlimited)
 *     PERCENT: 1% 0.25% 0
 *     SIZE:    1500 64k 1m                      bytes, KiB, MiB; 0: one BDP, at least 64k
 *
 * Pure but for bri_scenario_load(). Knows nothing of running labs.
 */
#ifndef BRI_LAB_SCENARIO_H
#define BRI_LAB_SCENARIO_H

#include "lab/lab.h"

#define BRI_SCENARIO_MAX_BYTES   65536
#define BRI_SCENARIO_MAX_CHANGES 8 /* in one line: each change of direction begins a new one */

struct bri_scenario {
	struct bri_lab_config config; /* its events are those below */
	struct bri_lab_event events[BRI_LAB_MAX_EVENTS];
	bool has_seed;
	uint64_t end_ns; /* BRI_NEVER: no end */
};

/*
 * bri_scenario_parse(): text[0..len) to a scenario; free it with free(3).
 * Returns 0, -ENOMEM, or -EINVAL and in `why` one line: "line 3: ...".
 */
int bri_scenario_parse(
	const char *text, size_t len, char *why, size_t why_size, struct bri_scenario **ret);

/* bri_scenario_load(): the same for a file, or, if there is none, a shipped scenario's name. */
int bri_scenario_load(const char *name, char *why, size_t why_size, struct bri_scenario **ret);

/* bri_scenario_shipped(): the name of the i-th shipped scenario; NULL past the last. */
const char *bri_scenario_shipped(size_t i);

/*
 * bri_scenario_parse_changes(): "CHANGE..." as above. Returns how many changes were written, to be
 * applied in order, or -EINVAL with `why`.
 */
int bri_scenario_parse_changes(const char *text, char *why, size_t why_size,
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES]);

/* bri_scenario_mptcp_word(): static. */
const char *bri_scenario_mptcp_word(enum bri_lab_mptcp mode);

/* bri_scenario_format(): a change in those words, for a log line. Cut when too long. */
void bri_scenario_format(const struct bri_lab_change *change, char *text, size_t size);

#endif
