/* Whose socket it is: the real /proc, with processes of the test's own. */
#include "monitor_util.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/monitor_collect.h"

#define LOOKS 2000 /* each is a bounded part of a search; a machine may have many processes */

static uint32_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

static void look_at(struct bri_procs *procs, struct look *l, uint32_t inode)
{
	struct bri_monitor_connection c = { .cookie = 1, .inode = inode };

	begin_look(l, SECOND);
	add(l, &c);
	seal(l);
	bri_procs_fill(procs, &l->snapshot);
}

/* The process that has it, as soon as a search finds one that is not `other`; 0: none does. */
static int32_t search(struct bri_procs *procs, struct look *l, uint32_t inode, int32_t other)
{
	for (int i = 0; i < LOOKS; i++) {
		look_at(procs, l, inode);
		if (l->snapshot.connections->pid && l->snapshot.connections->pid != other)
			return l->snapshot.connections->pid;
	}
	return 0;
}

/* A child that has inherited everything, and ends with the test at the latest. */
static pid_t holder(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		pause();
		_exit(1);
	}
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void finds_programs(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bri_procs *procs;
	struct look l;
	uint32_t inode;
	pid_t a, b, found;

	(void)state;
	assert_true(fd >= 0);
	inode = inode_of(fd);
	assert_int_equal(bri_procs_new(&procs), 0);
	init_look(&l);
	assert_int_equal(prctl(PR_SET_NAME, "a \033[1mname\n"), 0);
	assert_int_equal(search(procs, &l, inode, 0), getpid());
	/* as it is: making it harmless is for who shows it */
	assert_string_equal(l.snapshot.connections->program, "a \033[1mname\n");

	/* what was asked for no more is forgotten, and found again */
	look_at(procs, &l, 0);
	assert_int_equal(l.snapshot.connections->pid, 0);
	a = holder();
	b = holder();
	close(fd);
	found = search(procs, &l, inode, 0);
	assert_true(found == a || found == b);

	/* its process ends, another one still has it */
	end(found);
	assert_int_equal(search(procs, &l, inode, found), found == a ? b : a);
	end(found == a ? b : a);

	fini_look(&l);
	bri_procs_free(procs);
}

static void nobody_has_it(void **state)
{
	struct bri_procs *procs;
	struct look l;

	(void)state;
	assert_int_equal(bri_procs_new(&procs), 0);
	init_look(&l);
	for (int i = 0; i < 100; i++) {
		look_at(procs, &l, UINT32_MAX);
		assert_int_equal(l.snapshot.connections->pid, 0);
	}
	fini_look(&l);
	bri_procs_free(procs);
	bri_procs_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_programs),
		cmocka_unit_test(nobody_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
