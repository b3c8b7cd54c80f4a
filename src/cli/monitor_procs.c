/*
 * Whose socket is it: /proc/PID/fd is searched for inodes. Only what the user may see is found. A
 * machine can have a hundred thousand descriptors: a search reads so many a look, and goes on where
 * it stopped in the next one. What a whole search did not find is not searched for again at once:
 * it is most likely another user's.
 */
#include "cli/monitor_collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/process_tokens.h"

#define LINKS_PER_LOOK 20000u /* some 20 ms */
#define PROCS_PER_LOOK 4000u
#define RETRY_FIRST    1u /* looks to wait after a search without success; doubles */
#define RETRY_MOST     32u

struct known {
	uint32_t inode;
	uint32_t seen;  /* the look in which it was asked for last */
	uint32_t retry; /* not found: the look from which on to search again */
	uint32_t wait;  /* looks between the last two attempts */
	int32_t pid;    /* 0: not found */
	char program[BRI_MONITOR_PROGRAM_SIZE];
};

struct bri_procs {
	uint32_t look;
	size_t n, max; /* sorted by inode */
	struct known *known;
	DIR *proc; /* a search under way; NULL: none */
};

int bri_procs_new(struct bri_procs **ret)
{
	struct bri_procs *procs = calloc(1, sizeof(*procs));

	if (!procs)
		return -ENOMEM;
	*ret = procs;
	return 0;
}

void bri_procs_free(struct bri_procs *procs)
{
	if (!procs)
		return;
	if (procs->proc)
		closedir(procs->proc);
	free(procs->known);
	free(procs);
}

static int by_inode(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static struct known *find(const struct bri_procs *procs, uint32_t inode)
{
	struct known key = { .inode = inode };

	return procs->n ? bsearch(&key, procs->known, procs->n, sizeof(key), by_inode) : NULL;
}

/* Forgets inodes that nobody asks for: the kernel gives their numbers away again. */
static void forget(struct bri_procs *procs)
{
	size_t kept = 0;

	for (size_t i = 0; i < procs->n; i++)
		if (procs->known[i].seen == procs->look)
			procs->known[kept++] = procs->known[i];
	procs->n = kept;
}

/* The process is gone, the socket is not: it was another's too, and has to be searched for. */
static void check(struct known *known, uint32_t look)
{
	if (known->pid == 0 || kill(known->pid, 0) == 0 || errno != ESRCH)
		return;
	known->pid = 0;
	known->retry = look;
	known->wait = RETRY_FIRST;
}

/* Marks the asked-for inodes as such and adds new ones at the end, to be sorted in. */
static void ask(struct bri_procs *procs, const struct bri_monitor_snapshot *snapshot)
{
	size_t n = procs->n; /* find() looks at the sorted ones only, as long as n is not told */

	if (snapshot->n_connections + n > procs->max) {
		size_t wanted = snapshot->n_connections + n;
		struct known *bigger = reallocarray(procs->known, wanted, sizeof(*procs->known));

		if (!bigger)
			return; /* new ones stay without a name in this look */
		procs->known = bigger;
		procs->max = wanted;
	}
	for (size_t i = 0; i < snapshot->n_connections; i++) {
		uint32_t inode = snapshot->connections[i].inode;
		struct known *known = inode ? find(procs, inode) : NULL;

		if (known) {
			known->seen = procs->look;
			check(known, procs->look);
		} else if (inode) {
			procs->known[n++] = (struct known) {
				.inode = inode,
				.seen = procs->look,
				.retry = procs->look,
				.wait = RETRY_FIRST,
			};
		}
	}
	if (n > procs->n)
		qsort(procs->known, n, sizeof(*procs->known), by_inode);
	procs->n = n;
}

static bool anything_to_search(const struct bri_procs *procs)
{
	for (size_t i = 0; i < procs->n; i++)
		if (procs->known[i].pid == 0 && procs->look >= procs->known[i].retry)
			return true;
	return false;
}

static void read_program(int process, char ret[static BRI_MONITOR_PROGRAM_SIZE])
{
	int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, BRI_MONITOR_PROGRAM_SIZE - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = 0;
	/* the kernel's own newline; one in the name is the name's */
	if (n > 0 && ret[n - 1] == '\n')
		ret[n - 1] = 0;
}

static void take(struct known *known, int process, uint32_t pid)
{
	read_program(process, known->program);
	known->pid = (int32_t)pid;
}

/* One process. Returns the links read. */
static size_t search_process(struct bri_procs *procs, const char *name, uint32_t pid)
{
	int process = openat(dirfd(procs->proc), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t n = 0;

	if (!directory && fd >= 0)
		close(fd);
	/* a process with more descriptors than a look's work is not searched to its end */
	while (directory && n < LINKS_PER_LOOK && (entry = readdir(directory))) {
		struct known *known;

		if (entry->d_name[0] == '.')
			continue;
		n++;
		known = find(procs, bri_process_socket_inode(dirfd(directory), entry->d_name));
		if (known && known->pid == 0)
			take(known, process, pid);
	}
	if (directory)
		closedir(directory);
	if (process >= 0)
		close(process);
	return n;
}

/* The search has seen every process: what it did not find waits, longer each time. */
static void finish_search(struct bri_procs *procs)
{
	closedir(procs->proc);
	procs->proc = NULL;
	for (size_t i = 0; i < procs->n; i++) {
		struct known *known = &procs->known[i];

		if (known->pid != 0 || procs->look < known->retry)
			continue;
		known->retry = procs->look + known->wait;
		if (known->wait < RETRY_MOST)
			known->wait *= 2;
	}
}

static void search(struct bri_procs *procs)
{
	const struct dirent *entry;
	size_t links = 0, processes = 0;
	uint32_t pid;

	if (!procs->proc)
		procs->proc = opendir("/proc");
	if (!procs->proc)
		return;
	while (links < LINKS_PER_LOOK && processes < PROCS_PER_LOOK) {
		entry = readdir(procs->proc);
		if (!entry) {
			finish_search(procs);
			return;
		}
		if (bri_cli_parse_u32(entry->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		processes++;
		links += search_process(procs, entry->d_name, pid);
	}
}

void bri_procs_fill(struct bri_procs *procs, struct bri_monitor_snapshot *snapshot)
{
	procs->look++;
	ask(procs, snapshot);
	forget(procs);
	if (procs->proc || anything_to_search(procs))
		search(procs);
	for (size_t i = 0; i < snapshot->n_connections; i++) {
		struct bri_monitor_connection *connection = &snapshot->connections[i];
		const struct known *known =
			connection->inode ? find(procs, connection->inode) : NULL;

		if (!known || known->pid == 0)
			continue;
		connection->pid = known->pid;
		memcpy(connection->program, known->program, sizeof(connection->program));
	}
}
