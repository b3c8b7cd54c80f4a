/* Making the namespaces of a lab. Knows nothing of frames, addresses or the lab's owner. */
#include "lab/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_KILL_PASSES 100

int bri_world_fail(struct bri_world *world, int error, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (world->why[0])
		return error;
	va_start(ap, fmt);
	vsnprintf(world->why, sizeof(world->why), fmt, ap);
	va_end(ap);
	len = strlen(world->why);
	snprintf(world->why + len, sizeof(world->why) - len, ": %s", strerror(-error));
	return error;
}

int bri_world_enter(bool pidns)
{
	return unshare(CLONE_NEWUSER | (pidns ? CLONE_NEWPID : 0)) < 0 ? -errno : 0;
}

int bri_world_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* The right defaults for a host with several uplinks; what a kernel lacks is no failure. */
static void set_sysctls(const struct bri_lab_config *config)
{
	static const char *const settings[][2] = {
		{ "net/ipv4/conf/all/rp_filter", "0" },
		{ "net/ipv4/conf/default/rp_filter", "0" },
		{ "net/ipv6/conf/all/disable_ipv6", "0" },
		{ "net/ipv6/conf/default/disable_ipv6", "0" },
		{ "net/ipv6/conf/default/accept_dad", "0" },
		{ "net/ipv6/conf/default/accept_ra", "0" },
		{ "net/ipv6/conf/default/router_solicitations", "0" },
		{ "net/ipv6/conf/default/dad_transmits", "0" },
		{ "net/ipv4/ping_group_range", "0 0" },
	};
	char path[128];

	for (size_t i = 0; i < BRI_LEN(settings); i++) {
		snprintf(path, sizeof(path), "/proc/sys/%s", settings[i][0]);
		(void)bri_world_write(path, settings[i][1]);
	}
	(void)bri_world_write("/proc/sys/net/mptcp/enabled", config->mptcp_off ? "0" : "1");
}

static void replace_file(const char *path, const char *scratch, const char *text)
{
	int fd = open(scratch, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return;
	n = write(fd, text, strlen(text));
	close(fd);
	if (n == (ssize_t)strlen(text))
		(void)mount(scratch, path, NULL, MS_BIND, NULL);
}

/* Names of the lab's hosts, and a resolver that is inside. Comfort: a failure changes nothing. */
static void private_etc(const struct bri_lab_config *config)
{
	char hosts[2048];
	int n;

	if (mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k") < 0)
		return;
	n = snprintf(hosts, sizeof(hosts),
		"127.0.0.1 localhost\n::1 localhost\n%s server\n%s server\n", BRI_LAB_SERVICE4,
		BRI_LAB_SERVICE6);
	for (uint32_t i = 0; i < config->n_paths; i++) {
		n += snprintf(hosts + n, sizeof(hosts) - (size_t)n,
			"10.%u.0.1 server-%s\nfd%u::1 server-%s\n10.%u.0.2 client-%s\n"
			"fd%u::2 client-%s\n",
			10 + i, config->paths[i].name, 10 + i, config->paths[i].name, 10 + i,
			config->paths[i].name, 10 + i, config->paths[i].name);
		if (n < 0 || (size_t)n >= sizeof(hosts))
			break;
	}
	replace_file("/etc/hosts", "/mnt/hosts", hosts);
	replace_file("/etc/resolv.conf", "/mnt/resolv.conf",
		"nameserver " BRI_LAB_SERVICE4 "\noptions timeout:1 attempts:2\n");
	(void)umount2("/mnt", MNT_DETACH);
}

/* /sys shows the network namespace it was mounted in. Locked-down /sys: then the host's stays. */
static void private_sys(void)
{
	(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
}

static int open_fd(struct bri_world *world, const char *path, int *ret)
{
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? bri_world_fail(world, -errno, "%s", path) : 0;
}

int bri_world_listen(const char *id, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "braid-lab/%s", id);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 8) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

/* One look at all processes. Returns whether any of ours was there: it may have forked meanwhile.
 */
static bool kill_members(const struct stat *own)
{
	DIR *dir = opendir("/proc");
	bool found = false;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct stat other;
		char path[64];

		if (pid <= 1 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		if (stat(path, &other) == 0 && other.st_ino == own->st_ino &&
			other.st_dev == own->st_dev && kill(pid, SIGKILL) == 0)
			found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

void bri_world_end(const struct bri_world *world)
{
	struct stat own;

	if (world->pidns || fstat(world->user_fd, &own) < 0)
		return;
	for (int i = 0; i < MAX_KILL_PASSES && kill_members(&own); i++)
		;
}

static int make_side(struct bri_world *world, enum bri_lab_side which)
{
	static const char *const mibs[BRI_WORLD_MIBS] = {
		"/proc/thread-self/net/netstat",
		"/proc/thread-self/net/snmp",
		"/proc/thread-self/net/snmp6",
	};
	struct bri_world_side *side = &world->side[which];
	int r;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return bri_world_fail(world, -errno, "network namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return bri_world_fail(world, -errno, "private mounts");
	private_sys();
	private_etc(world->config);
	set_sysctls(world->config);
	r = open_fd(world, "/proc/thread-self/ns/net", &side->net_fd);
	if (r == 0)
		r = open_fd(world, "/proc/thread-self/ns/mnt", &side->mnt_fd);
	if (r < 0)
		return r;
	for (size_t i = 0; i < BRI_WORLD_MIBS; i++)
		side->mib_fd[i] = open(mibs[i], O_RDONLY | O_CLOEXEC);
	side->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (side->ioctl_fd < 0)
		return bri_world_fail(world, -errno, "IPv4 socket");
	r = bri_labnl_open(&side->nl, NETLINK_ROUTE);
	if (r == 0)
		r = bri_labnl_open(&side->genl, NETLINK_GENERIC);
	if (r < 0)
		return bri_world_fail(world, r, "netlink");
	r = bri_world_listen(world->id, &side->listen_fd);
	if (r < 0)
		return bri_world_fail(world, r, "control socket");
	return bri_worldnet_side(world, which);
}

/* The emulator's own network namespace: no stack in it but the ends of the paths. */
static int make_middle(struct bri_world *world)
{
	struct bri_labnl middle;
	int r;

	if (unshare(CLONE_NEWNET) < 0)
		return bri_world_fail(world, -errno, "network namespace");
	(void)bri_world_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	(void)bri_world_write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	r = bri_labnl_open(&middle, NETLINK_ROUTE);
	if (r < 0)
		return bri_world_fail(world, r, "rtnetlink");
	for (uint32_t i = 0; r == 0 && i < world->config->n_paths; i++)
		r = bri_worldnet_path(world, &middle, i);
	bri_labnl_close(&middle);
	return r;
}

/* A process namespace needs its own /proc, which containers with a masked /proc refuse. */
static int make_proc(struct bri_world *world)
{
	if (unshare(CLONE_NEWNS) < 0)
		return bri_world_fail(world, -errno, "mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return bri_world_fail(world, -errno, "private mounts");
	if (world->pidns &&
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -EPERM;
	return 0;
}

int bri_world_open(struct bri_world *world, const struct bri_lab_config *config, bool pidns)
{
	int r;

	world->config = config;
	world->pidns = pidns;
	world->ipv6 = true; /* until it is seen not to work */
	world->pid_fd = -1;
	r = make_proc(world);
	if (r == 0)
		r = open_fd(world, "/proc/thread-self/ns/user", &world->user_fd);
	if (r == 0 && pidns)
		r = open_fd(world, "/proc/thread-self/ns/pid", &world->pid_fd);
	if (r == 0)
		r = make_side(world, BRI_LAB_CLIENT);
	if (r == 0)
		r = make_side(world, BRI_LAB_SERVER);
	if (r == 0)
		r = make_middle(world);
	if (r == 0)
		r = bri_worldnet_mptcp(world);
	return r;
}
