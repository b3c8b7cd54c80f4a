/*
 * gnutls-serv: this program makes its certificate and becomes it, so that what is measured is the
 * one that GnuTLS comes with. It answers a line with that line, and nobody else can tell when it
 * listens: a child that ends asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tls.h"

enum { ASK_EVERY_US = 2000, ASK_MAX = 2000 };

static struct bench_opts opts;

/* It takes no port 0. Should another take this one first, it ends, and so does the sample. */
static uint16_t free_port(void)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int fd = bench_listen(&opts, 0);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		bench_die("getsockname");
	close(fd);
	return ntohs(addr.sin_port);
}

static bool listens(const struct sockaddr_in *to)
{
	int fd = bench_socket(&opts, 0);
	bool connected = !connect(fd, (const struct sockaddr *)to, sizeof(*to));

	close(fd);
	return connected;
}

static void announce_when_it_listens(uint16_t port)
{
	struct sockaddr_in to;

	signal(SIGCHLD, SIG_IGN); /* nobody will wait for the child */
	switch (fork()) {
	case -1: bench_die("fork");
	case 0: break;
	default: return;
	}
	opts.port = port;
	to = bench_address(&opts, 0);
	for (unsigned i = 0; i < ASK_MAX && !listens(&to); i++)
		usleep(ASK_EVERY_US);
	bench_announce(port);
	_exit(0);
}

/* A file of this process and of what it becomes. */
static void make_pem(char *ret_path, size_t size)
{
	gnutls_datum_t pem = bench_tls_pem();
	int fd = memfd_create("pem", 0);

	if (fd < 0 || write(fd, pem.data, pem.size) != (ssize_t)pem.size)
		bench_die("PEM");
	gnutls_free(pem.data);
	snprintf(ret_path, size, "/proc/self/fd/%d", fd);
}

int main(int argc, char **argv)
{
	char port[8], pem[40];
	int null;

	bench_start_server(argc, argv, &opts);
	snprintf(port, sizeof(port), "%u", free_port());
	make_pem(pem, sizeof(pem));
	announce_when_it_listens((uint16_t)strtoul(port, NULL, 10));
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		bench_die("/dev/null"); /* it says much about every connection */
	execl(BENCH_GNUTLS_SERV, "gnutls-serv", "--quiet", "--echo", "--disable-client-cert",
		"--noticket", "--nodb", "--priority", BENCH_TLS_PRIORITY, "--x509certfile", pem,
		"--x509keyfile", pem, "--port", port, (char *)NULL);
	_exit(127);
}
