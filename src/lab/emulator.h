/*
 * The emulator process: forwards frames between the ends of the paths, runs the events, serves the
 * control sockets. Knows of its owner only a control socket and a pidfd.
 */
#ifndef BRI_LAB_EMULATOR_H
#define BRI_LAB_EMULATOR_H

#include "lab/control.h"

/*
 * bri_emulator_run(): process 1 of the lab. Returns never: exits when the owner dies, says quit or
 * when setting up failed (then the hello says why).
 *   control_fd  the owner's control socket; owned
 *   owner_fd    pidfd of the owner; owned
 *   pidns       this is a process namespace of its own
 */
_Noreturn void bri_emulator_run(const struct bri_lab_config *config, const char *id, int control_fd,
	int owner_fd, bool pidns);

#endif
