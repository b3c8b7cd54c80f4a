/*
 * sock_diag(7): MPTCP connections, and TCP sockets with what they are as MPTCP subflows.
 * A subflow belongs to the connection whose token is its local token.
 */
#ifndef BRI_NL_DIAG_H
#define BRI_NL_DIAG_H

#include <sys/socket.h>
#include "netlink/nl_attr.h"
#include "netlink/nl_tcpinfo.h"
#include "netlink/nl_uapi.h"

/* flags of a subflow (INET_ULP_INFO_MPTCP) */
#define BRI_NL_SUBFLOW_MCAP_REMOTE       1u
#define BRI_NL_SUBFLOW_MCAP_LOCAL        2u
#define BRI_NL_SUBFLOW_JOIN_REMOTE       4u
#define BRI_NL_SUBFLOW_JOIN_LOCAL        8u
#define BRI_NL_SUBFLOW_BACKUP_REMOTE     16u
#define BRI_NL_SUBFLOW_BACKUP_LOCAL      32u
#define BRI_NL_SUBFLOW_FULLY_ESTABLISHED 64u
#define BRI_NL_SUBFLOW_CONNECTED         128u

struct bri_nl_diag {
	uint8_t family;
	uint8_t state; /* TCP_ESTABLISHED = 1, TCP_LISTEN = 10 */
	uint32_t uid;
	uint32_t inode;
	uint64_t cookie;
	uint32_t ifindex; /* the device it is bound to; 0: none */
	struct sockaddr_storage local, remote;
	bool has_mptcp;                   /* an MPTCP connection or listener */
	struct bri_uapi_mptcp_info mptcp; /* zero past what the kernel knows */
	bool has_tcp;
	struct bri_tcp_stats tcp;
	bool has_subflow; /* a TCP socket that is an MPTCP subflow */
	uint32_t token_local, token_remote;
	uint32_t subflow_flags; /* BRI_NL_SUBFLOW_* */
	uint8_t local_id, remote_id;
};

/* bri_nl_diag_encode_dump(): all MPTCP connections (mptcp) or TCP sockets, in any state, of one
 * family. */
void bri_nl_diag_encode_dump(struct bri_nl_request *req, int family, bool mptcp);

/*
 * bri_nl_diag_encode_tcp(): the one TCP socket with these addresses: costs one look-up in the
 * kernel's table where a dump costs all of it. ifindex   the device it is bound to, or 0 The answer
 * is -ENOENT when there is none. Returns 0 or -EINVAL (not two addresses of one IP family).
 */
int bri_nl_diag_encode_tcp(struct bri_nl_request *req, const struct sockaddr *local,
	const struct sockaddr *remote, uint32_t ifindex);

/* bri_nl_diag_encode_token(): the one MPTCP connection with this local token. The answer is -ENOENT
 * when there is none. */
void bri_nl_diag_encode_token(struct bri_nl_request *req, uint32_t token);

/*
 * bri_nl_diag_decode(): one socket.
 *   mptcp   it is the answer to a question for MPTCP connections
 * Returns 0, BRI_NL_OTHER, or -EBADMSG.
 */
int bri_nl_diag_decode(const struct nlmsghdr *msg, bool mptcp, struct bri_nl_diag *ret);

#endif
