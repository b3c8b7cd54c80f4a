/* Can this machine run a lab? Found out by running one. */
#include "lab/lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Runs inside: the exit code is an errno, all of which fit. */
static int try_mptcp(void *context)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	(void)context;
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static bool explain_mptcp(struct bri_lab *lab, char *why, size_t why_size)
{
	pid_t pid;
	int r = bri_lab_fork(lab, BRI_LAB_CLIENT, try_mptcp, NULL, &pid);

	if (r == 0)
		r = bri_lab_wait(lab, pid, 5000);
	if (r == 0)
		return true;
	if (r < 0)
		snprintf(why, why_size, "cannot run a process inside: %s", strerror(-r));
	else
		snprintf(why, why_size, "this kernel has no Multipath TCP (socket: %s)",
			strerror(r));
	return false;
}

bool bri_lab_supported(char *why, size_t why_size)
{
	struct bri_lab_config config = { .n_paths = 1, .paths = { { .name = "probe" } } };
	struct bri_lab *lab;
	bool ok;

	why[0] = 0;
	if (bri_lab_open_why(&config, why, why_size, &lab) < 0)
		return false;
	ok = explain_mptcp(lab, why, why_size);
	bri_lab_close(lab);
	return ok;
}
