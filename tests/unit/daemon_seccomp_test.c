/* What braidd's filter of system calls lets through, and what not: each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "daemon/seccomp.h"

/* The errno that fn() ended with, in a filtered process; 128 + its signal; 200: no filter. */
static int filtered(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || bri_seccomp_install() < 0)
			_exit(200);
		_exit(fn() & 0xff);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int answer(long r)
{
	return r < 0 ? errno : 0;
}

static int run_program(void)
{
	char *const argv[] = { (char *)"true", NULL };

	return answer(execve("/bin/true", argv, argv + 1));
}

static int make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static int trace(void)
{
	return answer(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int internet_socket(void)
{
	return answer(socket(AF_INET, SOCK_STREAM, 0));
}

static int packet_socket(void)
{
	return answer(socket(AF_PACKET, SOCK_RAW, 0));
}

static int be_root(void)
{
	return answer(syscall(SYS_setuid, 0));
}

static int enter_namespace(void)
{
	return answer(syscall(SYS_unshare, 0));
}

static int kill_others(void)
{
	return answer(kill(getppid(), 0));
}

static int unix_socket(void)
{
	return answer(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

static int netlink_socket(void)
{
	return answer(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static void *thread(void *context)
{
	return context;
}

static int make_thread(void)
{
	pthread_t id;
	void *got = NULL;
	int r = pthread_create(&id, NULL, thread, &got);

	if (r == 0)
		r = pthread_join(id, &got);
	return r ? r : got != &got;
}

static int read_file(void)
{
	char text[16];
	int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	long n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return answer(n);
}

static int use_memory(void)
{
	char *p = malloc(64u << 20);

	if (!p)
		return ENOMEM;
	p[0] = p[(64u << 20) - 1] = 1;
	free(p);
	return 0;
}

static void lists(void **state)
{
	static const struct {
		const char *name;
		int (*fn)(void);
		int wanted;
	} cases[] = {
		{ "execve", run_program, EPERM },
		{ "fork", make_process, EPERM },
		{ "ptrace", trace, EPERM },
		{ "AF_INET", internet_socket, EAFNOSUPPORT },
		{ "AF_PACKET", packet_socket, EAFNOSUPPORT },
		{ "setuid", be_root, EPERM },
		{ "unshare", enter_namespace, EPERM },
		{ "kill", kill_others, EPERM },
		{ "AF_UNIX", unix_socket, 0 },
		{ "AF_NETLINK", netlink_socket, 0 },
		{ "thread", make_thread, 0 },
		{ "file", read_file, 0 },
		{ "memory", use_memory, 0 },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		int got = filtered(cases[i].fn);

		if (got == 200) {
			print_message("no filter in this build, or here\n");
			skip();
		}
		if (got != cases[i].wanted)
			fail_msg("%s: %d, not %d", cases[i].name, got, cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lists) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
