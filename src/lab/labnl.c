/* Netlink requests with an acknowledgement. Knows nothing of paths. */
#include "lab/labnl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ANSWERS 64 /* datagrams read for one request; the kernel sends one or two */

static struct nlmsghdr *request(struct bri_labnl *nl)
{
	return (struct nlmsghdr *)nl->buffer;
}

/* Zeroed, aligned room at the end of the request. The lab's own requests are bounded: running out
 * is a bug of ours. */
static void *extend(struct bri_labnl *nl, size_t len)
{
	char *at = (char *)nl->buffer + nl->len;

	len = NLMSG_ALIGN(len);
	if (len > sizeof(nl->buffer) - nl->len)
		bri_abort("lab: netlink request too long");
	memset(at, 0, len);
	nl->len += len;
	return at;
}

int bri_labnl_open(struct bri_labnl *nl, int protocol)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int one = 1;

	*nl = (struct bri_labnl) { .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) };
	if (nl->fd < 0)
		return -errno;
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (bind(nl->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		bri_labnl_close(nl);
		return r;
	}
	return 0;
}

void bri_labnl_close(struct bri_labnl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

void bri_labnl_begin(
	struct bri_labnl *nl, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	struct nlmsghdr *h;

	nl->len = 0;
	h = extend(nl, sizeof(*h));
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	h->nlmsg_seq = ++nl->seq;
	memcpy(extend(nl, len), header, len);
}

void bri_labnl_put(struct bri_labnl *nl, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
	char *at = extend(nl, NLA_HDRLEN + len);

	memcpy(at, &attr, sizeof(attr));
	if (len)
		memcpy(at + NLA_HDRLEN, data, len);
}

void bri_labnl_put_u32(struct bri_labnl *nl, uint16_t type, uint32_t value)
{
	bri_labnl_put(nl, type, &value, sizeof(value));
}

void bri_labnl_put_string(struct bri_labnl *nl, uint16_t type, const char *string)
{
	bri_labnl_put(nl, type, string, strlen(string) + 1);
}

size_t bri_labnl_nest(struct bri_labnl *nl, uint16_t type)
{
	return bri_labnl_nest_header(nl, type, NULL, 0);
}

size_t bri_labnl_nest_header(struct bri_labnl *nl, uint16_t type, const void *header, size_t len)
{
	size_t nest = nl->len;

	bri_labnl_put(nl, type, header, len);
	return nest;
}

void bri_labnl_nest_end(struct bri_labnl *nl, size_t nest)
{
	char *at = (char *)nl->buffer + nest;
	uint16_t len = (uint16_t)(nl->len - nest);

	memcpy(at + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

/* One answer: 1 when it is the verdict on the request (in *ret), 0 when it is something else. An
 * answer with data is left in the buffer, from its payload on, for the caller to parse. */
static int read_answer(struct bri_labnl *nl, int *ret)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)nl->buffer;
	ssize_t n = recv(nl->fd, nl->buffer, sizeof(nl->buffer), 0);
	struct nlmsgerr error;

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0) {
		*ret = -errno;
		return 1;
	}
	nl->len = (size_t)n;
	if (nl->len < sizeof(*h) || h->nlmsg_seq != nl->seq)
		return 0;
	if (h->nlmsg_type != NLMSG_ERROR) {
		*ret = 0;
		return 1;
	}
	if (nl->len < NLMSG_HDRLEN + sizeof(error)) {
		*ret = -EBADMSG;
		return 1;
	}
	memcpy(&error, (char *)nl->buffer + NLMSG_HDRLEN, sizeof(error));
	*ret = error.error;
	return 1;
}

int bri_labnl_talk(struct bri_labnl *nl)
{
	int r = -EBADMSG;

	request(nl)->nlmsg_len = (uint32_t)nl->len;
	if (send(nl->fd, nl->buffer, nl->len, 0) < 0)
		return -errno;
	for (unsigned i = 0; i < MAX_ANSWERS; i++) {
		if (read_answer(nl, &r))
			return r;
	}
	return -EBADMSG;
}

/* The family id is an attribute of CTRL_CMD_GETFAMILY's one answer. */
static int resolve_mptcp(struct bri_labnl *nl)
{
	struct genlmsghdr genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	int r;

	if (nl->mptcp_family)
		return 0;
	bri_labnl_begin(nl, GENL_ID_CTRL, 0, &genl, sizeof(genl));
	request(nl)->nlmsg_flags = NLM_F_REQUEST; /* one answer, no acknowledgement after it */
	bri_labnl_put_string(nl, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME);
	r = bri_labnl_talk(nl);
	if (r < 0)
		return r == -ENOENT ? -EPROTONOSUPPORT : r;
	while (at + NLA_HDRLEN <= nl->len) {
		struct nlattr attr;

		memcpy(&attr, (char *)nl->buffer + at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > nl->len - at)
			break;
		if (attr.nla_type == CTRL_ATTR_FAMILY_ID && attr.nla_len >= NLA_HDRLEN + 2) {
			memcpy(&nl->mptcp_family, (char *)nl->buffer + at + NLA_HDRLEN, 2);
			return 0;
		}
		at += NLA_ALIGN(attr.nla_len);
	}
	return -EPROTONOSUPPORT;
}

int bri_labnl_mptcp_endpoint(
	struct bri_labnl *nl, int family, const void *address, uint32_t flags, int ifindex)
{
	struct genlmsghdr genl = { .cmd = MPTCP_PM_CMD_ADD_ADDR, .version = MPTCP_PM_VER };
	uint16_t family16 = (uint16_t)family;
	bool v4 = family == AF_INET;
	size_t nest;
	int r = resolve_mptcp(nl);

	if (r < 0)
		return r;
	bri_labnl_begin(nl, nl->mptcp_family, 0, &genl, sizeof(genl));
	nest = bri_labnl_nest(nl, MPTCP_PM_ATTR_ADDR | NLA_F_NESTED);
	bri_labnl_put(nl, MPTCP_PM_ADDR_ATTR_FAMILY, &family16, sizeof(family16));
	bri_labnl_put(nl, v4 ? MPTCP_PM_ADDR_ATTR_ADDR4 : MPTCP_PM_ADDR_ATTR_ADDR6, address,
		v4 ? sizeof(struct in_addr) : sizeof(struct in6_addr));
	bri_labnl_put_u32(nl, MPTCP_PM_ADDR_ATTR_FLAGS, flags);
	bri_labnl_put_u32(nl, MPTCP_PM_ADDR_ATTR_IF_IDX, (uint32_t)ifindex);
	bri_labnl_nest_end(nl, nest);
	return bri_labnl_talk(nl);
}

int bri_labnl_mptcp_limits(struct bri_labnl *nl, uint32_t subflows, uint32_t add_addr_accepted)
{
	struct genlmsghdr genl = { .cmd = MPTCP_PM_CMD_SET_LIMITS, .version = MPTCP_PM_VER };
	int r = resolve_mptcp(nl);

	if (r < 0)
		return r;
	bri_labnl_begin(nl, nl->mptcp_family, 0, &genl, sizeof(genl));
	bri_labnl_put_u32(nl, MPTCP_PM_ATTR_RCV_ADD_ADDRS, add_addr_accepted);
	bri_labnl_put_u32(nl, MPTCP_PM_ATTR_SUBFLOWS, subflows);
	return bri_labnl_talk(nl);
}
