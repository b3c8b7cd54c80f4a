/* See process_tokens.h. */
#include "cli/process_tokens.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "netlink/nl_diag.h"
#include "netlink/nl_socket.h"

#define ITEMS_MAX 1048576u /* descriptors of a process: fs.nr_open */

#define STATE_LISTEN 10

struct numbers {
	size_t n, room;
	uint32_t *list;
};

static int add(struct numbers *s, uint32_t number)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		uint32_t *list;

		if (room > ITEMS_MAX)
			return -E2BIG;
		list = reallocarray(s->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	s->list[s->n++] = number;
	return 0;
}

uint32_t bri_process_socket_inode(int directory, const char *name)
{
	static const char prefix[] = "socket:[";
	char link[64];
	ssize_t n = readlinkat(directory, name, link, sizeof(link) - 1);
	uint32_t inode;

	if (n < (ssize_t)sizeof(prefix) || strncmp(link, prefix, sizeof(prefix) - 1) != 0 ||
		link[n - 1] != ']')
		return 0;
	link[n - 1] = 0;
	return bri_cli_parse_u32(link + sizeof(prefix) - 1, 1, UINT32_MAX, &inode) == 0 ? inode : 0;
}

/* The inodes of the sockets. */
static int read_sockets(uint32_t pid, struct numbers *ret)
{
	const struct dirent *entry;
	char path[40];
	DIR *directory;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT ? -ESRCH : -errno;
	for (;;) {
		uint32_t inode;

		errno = 0;
		entry = readdir(directory);
		if (!entry) {
			r = errno == ENOENT ? -ESRCH : -errno; /* ENOENT: it ended meanwhile */
			break;
		}
		inode = bri_process_socket_inode(dirfd(directory), entry->d_name);
		if (inode)
			r = add(ret, inode);
		if (r < 0)
			break;
	}
	closedir(directory);
	return r;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* A descriptor that was duplicated is there twice. */
static void sort_once(struct numbers *s)
{
	size_t kept = 0;

	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), ascending);
	for (size_t i = 0; i < s->n; i++)
		if (i == 0 || s->list[i] != s->list[i - 1])
			s->list[kept++] = s->list[i];
	s->n = kept;
}

struct search {
	const struct numbers *inodes;
	struct numbers tokens;
	size_t n_before; /* of the family that was asked for before */
};

static void restart(void *context)
{
	struct search *s = context;

	s->tokens.n = s->n_before;
}

static int on_socket(void *context, const struct nlmsghdr *msg)
{
	struct search *s = context;
	struct bri_nl_diag d;

	if (bri_nl_diag_decode(msg, true, &d) != 0 || d.state == STATE_LISTEN || !d.has_mptcp ||
		!d.mptcp.token || !s->inodes->n)
		return 0;
	if (!bsearch(&d.inode, s->inodes->list, s->inodes->n, sizeof(d.inode), ascending))
		return 0;
	return add(&s->tokens, d.mptcp.token);
}

static int search_kernel(struct search *s)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct bri_nl_request req;
	struct bri_nl_socket *diag = NULL;
	int r = bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &diag);

	for (size_t i = 0; i < BRI_LEN(families) && r == 0; i++) {
		s->n_before = s->tokens.n;
		bri_nl_diag_encode_dump(&req, families[i], true);
		r = bri_nl_socket_dump(diag, &req, restart, on_socket, s);
		if (r == BRI_NL_INTERRUPTED)
			r = 0; /* connections come and go: nearly all of them */
		else if (r == -ENOENT)
			r = 0; /* a kernel without Multipath TCP has no connections of it */
	}
	bri_nl_socket_close(diag);
	return r;
}

int bri_process_tokens(uint32_t pid, uint32_t **ret, size_t *ret_n)
{
	struct numbers inodes = { 0 };
	struct search s = { .inodes = &inodes };
	int r = read_sockets(pid, &inodes);

	sort_once(&inodes);
	if (r == 0)
		r = search_kernel(&s);
	free(inodes.list);
	if (r < 0) {
		free(s.tokens.list);
		return r;
	}
	sort_once(&s.tokens);
	*ret = s.tokens.list;
	*ret_n = s.tokens.n;
	return 0;
}
