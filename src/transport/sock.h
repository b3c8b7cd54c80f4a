/*
 * Kernel sockets: MPTCP, TCP and UDP. The only code that calls socket(2). Options come as plain
 * values; what the kernel refuses on MPTCP is told apart from what fails.
 * Knows nothing of names, racing or handlers.
 */
#ifndef BRI_SOCK_H
#define BRI_SOCK_H

#include <net/if.h>
#include <sys/uio.h>
#include "transport/mptcp_info.h"
#include "transport/sockaddr.h"

enum bri_sock_kind {
	BRI_SOCK_TCP,
	BRI_SOCK_UDP,
};

enum bri_sock_address_preference {
	BRI_SOCK_ADDRESS_DEFAULT,
	BRI_SOCK_ADDRESS_TEMPORARY,
	BRI_SOCK_ADDRESS_STABLE,
};

/* Zero-initialised: a plain TCP socket with the system's defaults. Times in seconds; 0: system's.
 */
struct bri_sock_config {
	enum bri_sock_kind kind;
	bool multipath; /* ask for IPPROTO_MPTCP, fall back to TCP */
	bool reuse_address;
	bool fast_open;
	union bri_sockaddr local;    /* AF_UNSPEC: not bound */
	char interface[IF_NAMESIZE]; /* "": any. Binds the socket to the device */
	int family;                  /* AF_UNSPEC: any */
	uint8_t dscp;

	bool no_delay, no_push, keepalive;
	uint32_t keepalive_count, keepalive_idle_s, keepalive_interval_s;
	uint32_t maximum_segment_size;
	uint32_t connection_timeout_s;
	uint32_t drop_time_s; /* no acknowledgement for so long: the connection is lost */

	uint8_t hop_limit; /* 0: system's */
	bool minimum_mtu, no_fragmentation, receive_time, no_multicast_loopback, no_checksum;
	enum bri_sock_address_preference address_preference;
};

struct bri_sock {
	int fd;
	bool mptcp;        /* the socket is IPPROTO_MPTCP (it may still fall back) */
	bool user_timeout; /* the kernel watches drop_time_s; else the caller has to */
	int mptcp_errno;   /* positive errno of socket(IPPROTO_MPTCP), 0: it worked or was not asked
			      for */
};

/*
 * bri_sock_open(): a non-blocking socket for talking to `remote`, with the options of config,
 * bound. ret   out: fd is the caller's to close Returns 0, or -EMFILE, -ENFILE, -ENOMEM,
 * -EAFNOSUPPORT, -EADDRINUSE, -EADDRNOTAVAIL, -ENODEV (no such interface), -EPERM. Context: any
 * thread, does not block.
 */
int bri_sock_open(const struct bri_sock_config *config, const union bri_sockaddr *remote,
	struct bri_sock *ret);
/* bri_sock_connect(): 0: connected; -EINPROGRESS: wait for EPOLLOUT, then bri_sock_error(). */
int bri_sock_connect(int fd, const union bri_sockaddr *remote);
/* bri_sock_connect_data(): TCP Fast Open: SYN with the first data where the kernel has a cookie.
 * ret_n: taken. */
int bri_sock_connect_data(int fd, const union bri_sockaddr *remote, const struct iovec *iov,
	size_t count, size_t *ret_n);
/* bri_sock_error(): takes SO_ERROR; 0 or -errno. */
int bri_sock_error(int fd);

/*
 * bri_sock_listen(): a socket that listens on `local` (TCP: accepts; UDP: receives from all).
 * With the IPv6 wildcard it takes IPv4 too. Errors as bri_sock_open().
 */
int bri_sock_listen(const struct bri_sock_config *config, const union bri_sockaddr *local,
	int backlog, struct bri_sock *ret);
/* bri_sock_accept(): ret_remote may be NULL. Returns the descriptor or -errno (-EAGAIN: none).
 * Options of the listener that are not inherited are set. */
int bri_sock_accept(int fd, const struct bri_sock_config *config, union bri_sockaddr *ret_remote);

/* 0 or -errno. Here and from accept and datagrams, IPv4 addresses of a dual-stack socket are IPv4.
 */
int bri_sock_local(int fd, union bri_sockaddr *ret);
int bri_sock_remote(int fd, union bri_sockaddr *ret);

/* bri_sock_abort(): close with RST (SO_LINGER 0). */
void bri_sock_abort(int fd);

/*
 * The data path of a stream. bri_sock_read(): bytes, 0 at the end of the stream, or -errno
 * (-EAGAIN: nothing now; -ETIMEDOUT: without any subflow for net.mptcp.close_timeout, too).
 * bri_sock_write(): bytes taken, or -errno. bri_sock_finish(): FIN; reading goes on.
 */
ssize_t bri_sock_read(int fd, void *buf, size_t size);
ssize_t bri_sock_write(int fd, const struct iovec *iov, size_t count);
void bri_sock_finish(int fd);

/* Bytes received and not read; sent and not acknowledged. 0 or -errno. */
int bri_sock_unread(int fd, uint32_t *ret);
int bri_sock_unacknowledged(int fd, uint32_t *ret);
/* bri_sock_pace(): bytes a second at most. -EOPNOTSUPP on MPTCP. */
int bri_sock_pace(int fd, uint64_t rate);

/* What came with a datagram. */
struct bri_sock_datagram {
	union bri_sockaddr from, to;
	uint32_t ifindex;         /* 0: not known */
	uint8_t ecn;              /* the two bits of the IP header */
	uint64_t receive_time_ns; /* wall clock; 0: not asked for */
};

/* bri_sock_receive_datagram(): bytes (0 is an empty datagram), or -errno; a datagram longer than
 * size is cut. */
ssize_t bri_sock_receive_datagram(int fd, void *buf, size_t size, struct bri_sock_datagram *ret);
/*
 * bri_sock_send_datagram(): to: may be NULL on a connected socket where ecn is -1. from: the local
 * address to send from, or NULL. ecn: -1 for the socket's own.
 */
ssize_t bri_sock_send_datagram(int fd, const struct iovec *iov, size_t count,
	const union bri_sockaddr *to, const union bri_sockaddr *from, int ecn);

/* bri_sock_mtu(): path MTU of a connected socket, or of the interface; 0: not known. */
uint32_t bri_sock_mtu(int fd);

/* bri_sock_take_inherited(): the n-th descriptor of socket activation (LISTEN_FDS) with this name
 * (LISTEN_FDNAMES), as a duplicate, or -ENOENT. */
int bri_sock_take_inherited(const char *name, struct bri_sock *ret);

#endif
