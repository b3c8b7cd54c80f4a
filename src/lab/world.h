/*
 * The namespaces of a lab and what is configured in them. Runs in the emulator process, which is
 * in the lab's user namespace; sockets opened here keep working in the network namespace they were
 * opened in. Knows nothing of frames or of the lab's owner.
 */
#ifndef BRI_LAB_WORLD_H
#define BRI_LAB_WORLD_H

#include "lab/lab.h"
#include "lab/labnl.h"

#define BRI_WORLD_MIBS 3 /* /proc/net/netstat, snmp, snmp6 */

struct bri_world_side {
	int net_fd, mnt_fd, ioctl_fd, listen_fd;
	int mib_fd[BRI_WORLD_MIBS]; /* each reads its own namespace, whoever reads it; -1: none */
	struct bri_labnl nl, genl;  /* rtnetlink, generic netlink */
	int ifindex[BRI_LAB_MAX_PATHS];
};

struct bri_world {
	const struct bri_lab_config *config; /* borrowed */
	char id[64];
	bool pidns, ipv6;
	int user_fd, pid_fd;
	struct bri_world_side side[2];
	int middle_ifindex[BRI_LAB_MAX_PATHS]
			  [2]; /* the emulator's ends, by the side they lead to */
	char why[200];         /* the step that failed */
};

/*
 * bri_world_enter(): before the fork that makes process 1: a new user namespace, and if `pidns` a
 * new process namespace for the children. The caller's parent must write the id maps afterwards.
 */
int bri_world_enter(bool pidns);

/* bri_world_open(): everything else. Returns 0 or -errno with world->why; -EPERM with
 * world->why empty: no private /proc here, do it again without pidns. */
int bri_world_open(struct bri_world *world, const struct bri_lab_config *config, bool pidns);

/* bri_world_fail(): remembers the first failing step; returns error. */
int bri_world_fail(struct bri_world *world, int error, const char *fmt, ...) BRI_PRINTF(3, 4);

/* bri_world_write(): `text` to a file of /proc. Returns 0 or -errno. */
int bri_world_write(const char *path, const char *text);

/* bri_world_listen(): an abstract socket named after the lab, in the current network namespace. */
int bri_world_listen(const char *id, int *ret);

/*
 * bri_world_end(): kills what runs inside. Where there is a process namespace the kernel does that
 * when process 1 exits, and this does nothing; else it looks for the members of the user namespace.
 */
void bri_world_end(const struct bri_world *world);

/* worldnet.c: addresses, routes, path manager. */
int bri_worldnet_side(struct bri_world *world, enum bri_lab_side side);
int bri_worldnet_path(struct bri_world *world, struct bri_labnl *middle, uint32_t path);
int bri_worldnet_mptcp(struct bri_world *world);
int bri_worldnet_link(struct bri_world *world, enum bri_lab_side side, uint32_t path, bool up);
int bri_worldnet_restore(struct bri_world *world, uint32_t path);
int bri_worldnet_remove(struct bri_world *world, uint32_t path);

#endif
