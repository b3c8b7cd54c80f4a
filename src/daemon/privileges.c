/* See privileges.h; capabilities(7), user_namespaces(7). System calls by their numbers: libcap is
 * not worth it for two of them. */
#include "daemon/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_MAX 64 /* of two 32-bit words */

struct account {
	uid_t uid;
	gid_t gid;
};

static int BRI_PRINTF(3, 4)
	fail(char why[static BRI_PRIVILEGES_WHY_MAX], int r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, BRI_PRIVILEGES_WHY_MAX, fmt, args);
	va_end(args);
	return r;
}

static int get_capabilities(uint64_t *ret_permitted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (size_t i = 0; i < BRI_LEN(data); i++)
		data[i].permitted = data[i].effective = (uint32_t)(caps >> (32 * i));
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Whether 0 is root of the machine: in a user namespace the user braid is likely not mapped. */
static bool is_initial_user_namespace(void)
{
	char text[64];
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	unsigned inside, outside, count;
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

static bool find_account(const char *name, struct account *ret)
{
	/* one thread: no need of the reentrant form */
	const struct passwd *entry = getpwnam(name);

	if (!entry)
		return false;
	*ret = (struct account) { entry->pw_uid, entry->pw_gid };
	return true;
}

/* Whom to become. Returns 0, 1 (nobody else), or -errno. */
static int choose(const struct bri_privileges *wanted, char why[static BRI_PRIVILEGES_WHY_MAX],
	struct account *ret)
{
	if (!wanted->user) {
		if (geteuid() != 0 || !is_initial_user_namespace())
			return 1;
		return find_account(BRI_PRIVILEGES_USER, ret) ? 0 : 1;
	}
	if (geteuid() != 0)
		return fail(
			why, -EPERM, "--user %s: only root can become another user", wanted->user);
	if (!find_account(wanted->user, ret))
		return fail(why, -ENOENT, "--user %s: there is no such user", wanted->user);
	return 0;
}

/* A directory that was there may be anybody's (/tmp): it is not given away. */
static int make_directory(
	const char *path, const struct account *account, char why[static BRI_PRIVILEGES_WHY_MAX])
{
	if (mkdir(path, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return fail(why, -errno, "cannot make %.120s: %s", path, strerror(errno));
	}
	if (account && lchown(path, account->uid, account->gid) < 0)
		return fail(why, -errno, "cannot give %.120s away: %s", path, strerror(errno));
	return 0;
}

static int become(const struct account *account)
{
	/* else the permitted set would go with user 0 */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
		setresuid(account->uid, account->uid, account->uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* Without CAP_SETPCAP the bounding set stays; with no_new_privs nothing comes out of it. */
static void empty_bounding_set(uint64_t keep)
{
	for (unsigned cap = 0; cap < CAPS_MAX; cap++) {
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
}

int bri_privileges_drop(
	const struct bri_privileges *wanted, char why[static BRI_PRIVILEGES_WHY_MAX])
{
	uint64_t keep = UINT64_C(1) << CAP_NET_ADMIN, held = 0;
	struct account account = { 0, 0 };
	int r, other = choose(wanted, why, &account);

	if (other < 0)
		return other;
	r = get_capabilities(&held);
	if (r < 0)
		return fail(why, r, "capabilities: %s", strerror(-r));
	if (!(held & keep))
		return fail(why, -EPERM,
			"CAP_NET_ADMIN is missing: start braidd as root, or by its service");
	for (size_t i = 0; i < BRI_LEN(wanted->directories); i++) {
		if (!wanted->directories[i])
			continue;
		r = make_directory(wanted->directories[i], other == 0 ? &account : NULL, why);
		if (r < 0)
			return r;
	}
	/* proc_pid_fd(5): the list wants the one, what an entry leads to the other */
	if (wanted->see_processes)
		keep |= UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH;
	empty_bounding_set(keep);
	if (other == 0)
		r = become(&account);
	if (r < 0)
		return fail(
			why, r, "cannot become user %u: %s", (unsigned)account.uid, strerror(-r));
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* older kernels: none */
	r = set_capabilities(held & keep);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? fail(why, r, "cannot drop capabilities: %s", strerror(-r)) : 0;
}
