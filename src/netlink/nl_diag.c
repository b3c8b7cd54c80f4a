/* sock_diag messages (sock_diag(7), linux/inet_diag.h). Pure: knows no socket. */
#include "netlink/nl_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

/* INET_ULP_INFO_MPTCP is a nest of these (linux/mptcp.h) */
enum {
	SUBFLOW_TOKEN_REM = 1,
	SUBFLOW_TOKEN_LOC = 2,
	SUBFLOW_FLAGS = 8,
	SUBFLOW_ID_REM = 9,
	SUBFLOW_ID_LOC = 10,
	SUBFLOW_N,
};

#define ALL_STATES  0xfffu
#define EXT(number) ((uint8_t)(1u << ((number)-1)))

static struct inet_diag_req_v2 *begin(struct bri_nl_request *req, int family, uint16_t flags)
{
	struct inet_diag_req_v2 *fixed =
		bri_nl_request_init(req, SOCK_DIAG_BY_FAMILY, flags, sizeof(*fixed));

	fixed->sdiag_family = (uint8_t)family;
	fixed->sdiag_protocol = IPPROTO_TCP;
	fixed->idiag_ext = EXT(INET_DIAG_INFO);
	fixed->idiag_states = ALL_STATES;
	return fixed;
}

void bri_nl_diag_encode_dump(struct bri_nl_request *req, int family, bool mptcp)
{
	/* the field is 8 bits wide, the protocol's number is not: the attribute overrides it */
	uint32_t protocol = mptcp ? BRI_IPPROTO_MPTCP : IPPROTO_TCP;

	begin(req, family, NLM_F_DUMP);
	bri_nl_request_put(req, INET_DIAG_REQ_PROTOCOL, &protocol, sizeof(protocol));
}

static bool put_address(const struct sockaddr *sa, uint32_t *addr, uint16_t *port_be)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(addr, &in->sin_addr, sizeof(in->sin_addr));
		*port_be = in->sin_port;
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		memcpy(addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		*port_be = in6->sin6_port;
		return true;
	}
	return false;
}

int bri_nl_diag_encode_tcp(struct bri_nl_request *req, const struct sockaddr *local,
	const struct sockaddr *remote, uint32_t ifindex)
{
	struct inet_diag_req_v2 *fixed;

	if (local->sa_family != remote->sa_family)
		return -EINVAL;
	fixed = begin(req, local->sa_family, NLM_F_ACK);
	if (!put_address(local, fixed->id.idiag_src, &fixed->id.idiag_sport) ||
		!put_address(remote, fixed->id.idiag_dst, &fixed->id.idiag_dport))
		return -EINVAL;
	fixed->id.idiag_if = ifindex;
	fixed->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	fixed->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return 0;
}

void bri_nl_diag_encode_token(struct bri_nl_request *req, uint32_t token)
{
	uint32_t protocol = BRI_IPPROTO_MPTCP;
	/* the kernel looks for the token alone; the family only has to be one that it knows */
	struct inet_diag_req_v2 *fixed = begin(req, AF_INET, NLM_F_ACK);

	fixed->id.idiag_cookie[0] = token;
	fixed->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	bri_nl_request_put(req, INET_DIAG_REQ_PROTOCOL, &protocol, sizeof(protocol));
}

/* An IPv6 socket that talks IPv4 has mapped addresses: tell them as IPv4. */
static void get_address(int family, const uint32_t *addr, uint16_t port_be, uint32_t ifindex,
	struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port_be };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port_be };

	memset(ret, 0, sizeof(*ret));
	memcpy(&in6.sin6_addr, addr, sizeof(in6.sin6_addr));
	if (family == AF_INET) {
		memcpy(&in.sin_addr, addr, sizeof(in.sin_addr));
		memcpy(ret, &in, sizeof(in));
	} else if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(&in.sin_addr, &addr[3], sizeof(in.sin_addr));
		memcpy(ret, &in, sizeof(in));
	} else {
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			in6.sin6_scope_id = ifindex;
		memcpy(ret, &in6, sizeof(in6));
	}
}

static int decode_subflow(const struct nlattr *attr, struct bri_nl_diag *diag)
{
	const struct nlattr *ulp[INET_ULP_INFO_MPTCP + 1], *tb[SUBFLOW_N];

	if (bri_nl_attr_nested(attr, ulp, BRI_LEN(ulp)) < 0)
		return -EBADMSG;
	if (!ulp[INET_ULP_INFO_MPTCP])
		return 0; /* another upper layer, kTLS say */
	if (bri_nl_attr_nested(ulp[INET_ULP_INFO_MPTCP], tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	/* a subflow that is just being made has no token yet: it belongs to nothing we could name
	 */
	if (!bri_nl_attr_u32(tb[SUBFLOW_TOKEN_LOC], &diag->token_local))
		return 0;
	bri_nl_attr_u32(tb[SUBFLOW_TOKEN_REM], &diag->token_remote);
	bri_nl_attr_u32(tb[SUBFLOW_FLAGS], &diag->subflow_flags);
	bri_nl_attr_u8(tb[SUBFLOW_ID_LOC], &diag->local_id);
	bri_nl_attr_u8(tb[SUBFLOW_ID_REM], &diag->remote_id);
	diag->has_subflow = true;
	return 0;
}

static int decode_info(const struct nlattr *attr, bool mptcp, struct bri_nl_diag *diag)
{
	size_t size;

	if (!attr)
		return 0;
	size = mnl_attr_get_payload_len(attr);
	if (mptcp) {
		memcpy(&diag->mptcp, mnl_attr_get_payload(attr),
			bri_min_size(size, sizeof(diag->mptcp)));
		diag->has_mptcp = size >= offsetof(struct bri_uapi_mptcp_info, write_seq);
		return diag->has_mptcp ? 0 : -EBADMSG;
	}
	if (size == 0) /* sockets in TIME_WAIT and requests have none */
		return 0;
	if (bri_nl_tcpinfo_decode(mnl_attr_get_payload(attr), size, &diag->tcp) < 0)
		return -EBADMSG;
	diag->has_tcp = true;
	return 0;
}

int bri_nl_diag_decode(const struct nlmsghdr *msg, bool mptcp, struct bri_nl_diag *ret)
{
	const struct nlattr *tb[INET_DIAG_ULP_INFO + 1];
	struct bri_nl_diag diag = { 0 };
	struct inet_diag_msg fixed;

	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	if (bri_nl_attr_ip_size(fixed.idiag_family) == 0)
		return BRI_NL_OTHER;
	if (decode_info(tb[INET_DIAG_INFO], mptcp, &diag) < 0 ||
		decode_subflow(tb[INET_DIAG_ULP_INFO], &diag) < 0)
		return -EBADMSG;

	diag.family = fixed.idiag_family;
	diag.state = fixed.idiag_state;
	diag.uid = fixed.idiag_uid;
	diag.inode = fixed.idiag_inode;
	diag.cookie = (uint64_t)fixed.id.idiag_cookie[1] << 32 | fixed.id.idiag_cookie[0];
	diag.ifindex = fixed.id.idiag_if;
	get_address(fixed.idiag_family, fixed.id.idiag_src, fixed.id.idiag_sport, diag.ifindex,
		&diag.local);
	get_address(fixed.idiag_family, fixed.id.idiag_dst, fixed.id.idiag_dport, diag.ifindex,
		&diag.remote);
	*ret = diag;
	return 0;
}
