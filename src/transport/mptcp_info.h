/*
 * What the kernel tells about one connected TCP or MPTCP socket: is it multipath now, its subflows
 * and their measurements, and when it is not multipath, why. Knows nothing of connections above it.
 */
#ifndef BRI_MPTCP_INFO_H
#define BRI_MPTCP_INFO_H

#include <sys/socket.h>
#include "base/base.h"
#include "netlink/nl_tcpinfo.h"

/* The kernel takes 8 extra subflows by default, a userspace path manager more; past this: not told.
 */
#define BRI_MPTCP_MAX_SUBFLOWS 32u

/*
 * Why a connection is not multipath. The values are those of the public braid_multipath_reason_t
 * (braid/multipath.h), in the same order.
 */
enum bri_mptcp_reason {
	BRI_MPTCP_REASON_NONE = 0,           /* it is multipath */
	BRI_MPTCP_REASON_NOT_REQUESTED = 1,  /* multipath service disabled */
	BRI_MPTCP_REASON_UNDECIDED = 2,      /* not connected yet */
	BRI_MPTCP_REASON_NOT_TCP = 3,        /* UDP, QUIC: no multipath on this transport */
	BRI_MPTCP_REASON_KERNEL_TOO_OLD = 4, /* EINVAL: before 5.6 */
	BRI_MPTCP_REASON_NOT_BUILT_IN = 5,   /* EPROTONOSUPPORT */
	BRI_MPTCP_REASON_DISABLED = 6,       /* ENOPROTOOPT: net.mptcp.enabled = 0 */
	BRI_MPTCP_REASON_BLOCKED = 7,        /* EPERM, EACCES: SELinux, seccomp, eBPF */
	BRI_MPTCP_REASON_PEER_REFUSED = 8,  /* the answer had no MP_CAPABLE: server, or middlebox */
	BRI_MPTCP_REASON_BLACKHOLE = 9,     /* this host stopped asking, see blackhole_timeout */
	BRI_MPTCP_REASON_STRIPPED = 10,     /* options were lost after the handshake */
	BRI_MPTCP_REASON_INCOMPATIBLE = 11, /* an option of the socket rules it out (TCP MD5) */
	BRI_MPTCP_REASON_OTHER = 12,        /* fell back, or no socket; nothing tells why */
	BRI_MPTCP_REASON_SYN_DROPPED = 13,  /* SYNs that ask were lost, a plain one was answered */
	BRI_MPTCP_REASON_CLIENT_PLAIN = 14, /* accepted: the client opened plain TCP */
};

/* Counters of the namespace (MPTcpExt) that tell causes apart; -1: this kernel has none of the
 * name. */
struct bri_mptcp_mib {
	int64_t syn_tx;          /* MPCapableSYNTX */
	int64_t fallback_synack; /* MPCapableFallbackSYNACK */
	int64_t fallback_ack;    /* MPCapableFallbackACK */
	int64_t syn_drop;        /* MPCapableSYNTXDrop */
	int64_t syn_disabled;    /* MPCapableSYNTXDisabled */
	int64_t blackhole;       /* Blackhole */
	int64_t data_fallback;   /* MPCapableDataFallback */
	int64_t dss_fallback;    /* DssFallback */
	int64_t md5_fallback;    /* MD5SigFallback */
	int64_t simult_fallback; /* SimultConnectFallback */
};

/* What the reason is decided from. Zero-initialised = nothing known. */
struct bri_mptcp_facts {
	bool requested;
	bool is_tcp; /* the transport is TCP or MPTCP */
	bool connected;
	bool is_mptcp;       /* bri_mptcp_info_get() says so */
	bool accepted;       /* by a listener */
	bool accepted_mptcp; /* ... as MPTCP (SO_PROTOCOL), and fell back since */
	int socket_errno;    /* of socket(IPPROTO_MPTCP), positive; 0: it was created */
	bool has_mib;        /* before and after are set */
	bool has_syn_retrans;
	uint32_t syn_retrans; /* tcpi_total_retrans just after the handshake */
	struct bri_mptcp_mib before, after;
};

struct bri_mptcp_info {
	bool is_mptcp;     /* false: plain TCP, or fallen back */
	bool has_bytes;    /* false on MPTCP before 6.5 */
	uint32_t token;    /* local token; 0 when not MPTCP */
	uint32_t subflows; /* all of them, the initial one included if it lives */
	uint32_t retransmits;
	bool checksum;
	bool has_remote_key; /* the handshake is over as far as Multipath TCP goes */
	uint64_t bytes_sent, bytes_received, bytes_acked, bytes_retrans;
};

#define BRI_MPTCP_BACKUP_LOCAL  1u /* this end asked that the path be backup */
#define BRI_MPTCP_BACKUP_REMOTE 2u /* the peer did */

struct bri_mptcp_subflow {
	uint32_t id; /* stable in the connection; its place in the list where has_id is false */
	bool has_id;
	bool has_flags; /* backup, local_id, remote_id and ifindex are known (sock_diag) */
	uint8_t backup; /* BRI_MPTCP_BACKUP_* */
	uint8_t local_id, remote_id;           /* address ids of RFC 8684 */
	uint32_t ifindex;                      /* the device it is bound to; 0: none */
	struct sockaddr_storage local, remote; /* IPv4 is AF_INET also on an IPv6 socket */
	struct bri_tcp_stats tcp;
};

/*
 * bri_mptcp_info_get(): what a TCP or MPTCP socket is now.
 * Returns 0, or -EBADF, -ENOTSOCK, -EOPNOTSUPP (neither TCP nor MPTCP). Context: any; no blocking.
 */
int bri_mptcp_info_get(int fd, struct bri_mptcp_info *ret);

/* bri_mptcp_is_active(): bri_mptcp_info_get()'s is_mptcp alone, by one system call where the kernel
 * has it (6.10). */
bool bri_mptcp_is_active(int fd);

/*
 * bri_mptcp_info_subflows(): the living subflows, initial one first; of plain TCP: one entry.
 *   ret    room for `max` (bounded by BRI_MPTCP_MAX_SUBFLOWS)
 *   ret_n  how many were written
 * Flags are not filled in (has_flags false): see bri_mptcp_info_flags().
 * Returns 0, or a negative errno (-ENOTCONN before the connection is made).
 */
int bri_mptcp_info_subflows(int fd, struct bri_mptcp_subflow *ret, size_t max, size_t *ret_n);

/*
 * bri_mptcp_info_flags(): asks sock_diag for backup flags, address ids and device of subflows.
 *   token   of the connection, from bri_mptcp_info_get(); entries that are not its are left alone
 * Returns how many were found (0 or more), or -errno when sock_diag cannot be asked.
 * Context: any; costs one netlink exchange a subflow.
 */
int bri_mptcp_info_flags(uint32_t token, struct bri_mptcp_subflow *subflows, size_t n);

/* bri_mptcp_mib_read(): one counter of MPTcpExt by name. Returns 0, -ENOENT (no such counter),
 * -errno. */
int bri_mptcp_mib_read(const char *name, uint64_t *ret);
/* bri_mptcp_mib_parse(): the same from the text of /proc/net/netstat. Pure. */
int bri_mptcp_mib_parse(const char *text, size_t size, const char *name, uint64_t *ret);
/* bri_mptcp_mib_take(): the counters that tell causes apart, now. Returns 0 or -errno. */
int bri_mptcp_mib_take(struct bri_mptcp_mib *ret);

/* bri_mptcp_reason_decide(): pure. Counters are the whole namespace's: what it says is the
 * likeliest. */
enum bri_mptcp_reason bri_mptcp_reason_decide(const struct bri_mptcp_facts *facts);

/*
 * bri_mptcp_reason_prime(): remember the counters as they are before the first MPTCP connection of
 * the process. Cheap from the second call on. Call it before connect() or listen().
 * bri_mptcp_reason_observe(): why this connected socket is not multipath; BRI_MPTCP_REASON_NONE if
 * it is. Call it once, when the connection is established and bri_mptcp_info_get() says "not
 * MPTCP". The counters are compared with those of the last call, so that nothing is read on the way
 * of connections that succeed. socket_errno  positive errno that socket(IPPROTO_MPTCP) gave, or 0
 */
void bri_mptcp_reason_prime(void);
enum bri_mptcp_reason bri_mptcp_reason_observe(int fd, bool accepted, int socket_errno);

/* bri_mptcp_reason_accepted_plain(): the same for a socket that an MPTCP listener accepted as TCP;
 * it may be closed by now. Reads the counters: not for every client of a server, but when asked. */
enum bri_mptcp_reason bri_mptcp_reason_accepted_plain(void);

/* bri_mptcp_reason_from_errno(): of socket(IPPROTO_MPTCP) alone. */
enum bri_mptcp_reason bri_mptcp_reason_from_errno(int socket_errno);

/* One line for a person, and what to do about it ("" when there is nothing). Static strings. */
const char *bri_mptcp_reason_text(enum bri_mptcp_reason reason);
const char *bri_mptcp_reason_fix(enum bri_mptcp_reason reason);

#endif
