/* See rivals.h; sock_diag(7) of netlink sockets: linux/netlink_diag.h. */
#include "daemon/rivals.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/pm_socket.h"

struct search {
	uint32_t group, found; /* its address, which most programs let be their process's number */
};

static bool has_group(const struct nlattr *groups, uint32_t group)
{
	const uint8_t *bits = mnl_attr_get_payload(groups);
	size_t at = (group - 1) / 8;

	/* an array of unsigned long, as long as the protocol has groups; the kernel's bit order */
	if (mnl_attr_get_payload_len(groups) <= at)
		return false;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	at ^= sizeof(long) - 1;
	if (mnl_attr_get_payload_len(groups) <= at)
		return false;
#endif
	return bits[at] >> ((group - 1) % 8) & 1;
}

static int on_socket(void *context, const struct nlmsghdr *msg)
{
	const struct nlattr *tb[NETLINK_DIAG_GROUPS + 1];
	struct search *s = context;
	struct netlink_diag_msg fixed;

	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return 0;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	if (fixed.ndiag_protocol == NETLINK_GENERIC && tb[NETLINK_DIAG_GROUPS] &&
		has_group(tb[NETLINK_DIAG_GROUPS], s->group))
		s->found = fixed.ndiag_portid;
	return 0;
}

static void name_of(uint32_t portid, char ret[static BRI_RIVAL_NAME_MAX])
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/comm", portid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		(void)fclose(f);
	}
	if (*comm)
		snprintf(ret, BRI_RIVAL_NAME_MAX, "%s (process %u)", comm, portid);
	else
		snprintf(ret, BRI_RIVAL_NAME_MAX, "a program (netlink port %u)", portid);
}

static int search_for(struct search *search)
{
	struct netlink_diag_req *fixed;
	struct bri_nl_request req;
	struct bri_nl_socket *sock;
	int r = bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &sock);

	if (r < 0)
		return r;
	fixed = bri_nl_request_init(&req, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*fixed));
	fixed->sdiag_family = AF_NETLINK;
	fixed->sdiag_protocol = NETLINK_GENERIC;
	fixed->ndiag_show = NDIAG_SHOW_GROUPS;
	r = bri_nl_socket_call(sock, &req, on_socket, search);
	bri_nl_socket_close(sock);
	return r;
}

int bri_rivals_find(char ret[static BRI_RIVAL_NAME_MAX])
{
	struct search search = { 0 };
	struct bri_pm_socket pm;
	int r = bri_pm_socket_open(&pm);

	if (r < 0)
		return r;
	search.group = pm.family.events_group;
	bri_pm_socket_close(&pm);
	r = search_for(&search);
	if (r < 0) {
		/* the module netlink_diag is missing: it is an option of the kernel */
		bri_debug("other listeners cannot be looked for: %s", strerror(-r));
		return r == -ENOENT || r == -EINVAL || r == -EPROTONOSUPPORT ? 0 : r;
	}
	if (!search.found)
		return 0;
	name_of(search.found, ret);
	return 1;
}

void bri_rivals_warn(void)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS];
	struct bri_pm_socket pm;
	int n = bri_pm_socket_open(&pm);

	if (n == 0) {
		n = bri_pm_socket_endpoints(&pm, list);
		bri_pm_socket_close(&pm);
	}
	if (n < 0)
		bri_debug("endpoints cannot be listed: %s", strerror(-n));
	else if (n > 0)
		bri_info("the kernel has %d endpoints (NetworkManager's, or by ip-mptcp): they are "
			 "left alone, and have no effect on new connections",
			n);
}
