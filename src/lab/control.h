/* What is said over a lab's control sockets: one request, one reply, each one packet. Both ends are
 * the same program's code; `magic` tells another version apart. */
#ifndef BRI_LAB_CONTROL_H
#define BRI_LAB_CONTROL_H

#include "lab/lab.h"
#include "lab/world.h"

#define BRI_CONTROL_MAGIC UINT32_C(0x62724c02)

enum bri_control_op {
	BRI_CONTROL_HELLO, /* replies with the descriptors below */
	BRI_CONTROL_SET,
	BRI_CONTROL_STATS,
	BRI_CONTROL_START,
	BRI_CONTROL_QUIT, /* owner only: no reply, the end */
};

struct bri_control_request {
	uint32_t magic;
	uint32_t op;
	uint32_t path;
	struct bri_lab_change change;
};

/* Descriptors of a hello, in order: user, then net, mnt, mibs of the client, of the server, then
 * pid where there is one. A mib the kernel lacks is replaced by the user descriptor. */
#define BRI_CONTROL_SIDE_FDS (2 + BRI_WORLD_MIBS)
#define BRI_CONTROL_MAX_FDS  (1 + 2 * BRI_CONTROL_SIDE_FDS + 1)

struct bri_control_hello {
	uint32_t n_paths;
	char name[BRI_LAB_MAX_PATHS][BRI_LAB_NAME_SIZE];
	char id[64];
	bool pidns;
	bool mib[2][BRI_WORLD_MIBS];
};

struct bri_control_reply {
	uint32_t magic;
	int32_t error; /* 0 or -errno; -EAGAIN: to be done again without a process namespace */
	char why[200];
	union {
		struct bri_control_hello hello;
		struct bri_lab_stats stats;
	} u;
};

#endif
