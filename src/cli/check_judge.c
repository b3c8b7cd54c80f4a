/* What the facts of `braid check` mean, and what to do about them. Reads nothing itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "cli/check.h"
#include "netlink/nl_pm.h"

#define SYSCTL_FIX(assignment)                                                                     \
	"sudo sysctl -w " assignment "   (keep: echo '" assignment                                 \
	"' | sudo tee /etc/sysctl.d/90-mptcp.conf)"

static void judge_socket(const struct bri_check_facts *facts, struct bri_report *report)
{
	const char *text, *fix;
	int err = facts->socket_errno;

	switch (err) {
	case 0:
		bri_report_add(report, BRI_VERDICT_OK, "kernel.socket", "MPTCP sockets", NULL,
			"Linux %s makes them%s", facts->kernel,
			facts->socket6_errno ? " (IPv4 only: no IPv6 here)" : "");
		return;
	case EINVAL:
		text = "this kernel is older than 5.6 and does not know MPTCP";
		fix = "install kernel 5.6 or newer; 6.12 or newer is recommended";
		break;
	case EPROTONOSUPPORT:
		text = "this kernel was built without MPTCP";
		fix = "run a kernel with CONFIG_MPTCP=y: the stock kernels of Debian, Ubuntu, "
		      "Fedora and RHEL have it";
		break;
	case ENOPROTOOPT:
		text = "MPTCP is switched off (net.mptcp.enabled = 0)";
		fix = SYSCTL_FIX("net.mptcp.enabled=1");
		break;
	case EPERM:
	case EACCES:
		text = "a security policy forbids MPTCP sockets (SELinux, AppArmor, seccomp or "
		       "eBPF)";
		fix = "SELinux: see 'sudo ausearch -m avc -ts recent'; container: allow socket() "
		      "with protocol 262 "
		      "in its seccomp profile";
		break;
	default:
		text = "";
		fix = "";
		break;
	}
	bri_report_fix(
		bri_report_add(report, BRI_VERDICT_BAD, "kernel.socket", "MPTCP sockets", NULL,
			"%s%s%s (Linux %s)", text, *text ? ": " : "", strerror(err), facts->kernel),
		"%s", fix);
}

static void judge_blackhole(const struct bri_check_facts *facts, struct bri_report *report)
{
	const char *timeout = facts->sysctl[BRI_SYSCTL_BLACKHOLE];
	struct bri_report_row *row;

	if (facts->socket_errno || facts->blackholes == BRI_CHECK_UNKNOWN || !*timeout)
		return; /* before 6.12 there is no detection */
	if (facts->probe == BRI_PROBE_SUSPENDED) {
		row = bri_report_add(report, BRI_VERDICT_BAD, "kernel.blackhole",
			"blackhole detection", NULL,
			"the kernel stopped asking for MPTCP, for every program: %lld times a SYN "
			"with the MPTCP "
			"option was lost and a plain one answered. Some firewall on the way drops "
			"it",
			(long long)facts->blackholes);
		bri_report_fix(row,
			"sudo sysctl -w net.mptcp.blackhole_timeout=0 && sudo sysctl -w "
			"net.mptcp.blackhole_timeout=%s   (resets it; 0 alone switches the "
			"detection off)",
			strcmp(timeout, "0") == 0 ? "3600" : timeout);
	} else if (strcmp(timeout, "0") == 0) {
		bri_report_add(report, BRI_VERDICT_NOTE, "kernel.blackhole", "blackhole detection",
			NULL, "switched off: each connection tries MPTCP anew");
	} else if (facts->blackholes > 0) {
		bri_report_add(report, BRI_VERDICT_NOTE, "kernel.blackhole", "blackhole detection",
			NULL,
			"MPTCP was suspended %lld times since boot (%lld SYNs with MPTCP lost); it "
			"is used again now",
			(long long)facts->blackholes, (long long)facts->syn_drops);
	} else {
		bri_report_add(report, BRI_VERDICT_OK, "kernel.blackhole", "blackhole detection",
			NULL, "no path here has swallowed MPTCP (it would suspend MPTCP for %s s)",
			timeout);
	}
}

static void judge_probe(const struct bri_check_facts *facts, struct bri_report *report)
{
	switch (facts->probe) {
	case BRI_PROBE_MULTIPATH:
		bri_report_add(report, BRI_VERDICT_OK, "kernel.loopback", "test connection", NULL,
			"a connection over loopback is Multipath TCP");
		break;
	case BRI_PROBE_FELL_BACK:
		bri_report_fix(bri_report_add(report, BRI_VERDICT_BAD, "kernel.loopback",
				       "test connection", NULL,
				       "a connection over loopback fell back to plain TCP"),
			"look for firewall rules or eBPF programs that touch TCP options (nft list "
			"ruleset)");
		break;
	case BRI_PROBE_SUSPENDED: /* the blackhole row says it */
	case BRI_PROBE_NOT_DONE: break;
	}
}

static void judge_sysctls(const struct bri_check_facts *facts, struct bri_report *report)
{
	size_t missing = 0;

	if (strcmp(facts->sysctl[BRI_SYSCTL_JOIN_INITIAL], "0") == 0)
		bri_report_add(report, BRI_VERDICT_NOTE, "sysctl.allow_join_initial_addr_port",
			"sysctl", NULL,
			"allow_join_initial_addr_port = 0: clients of servers here need an "
			"announced address "
			"(right behind a load balancer, wrong elsewhere)");
	if (strcmp(facts->sysctl[BRI_SYSCTL_CHECKSUM], "1") == 0)
		bri_report_add(report, BRI_VERDICT_NOTE, "sysctl.checksum_enabled", "sysctl", NULL,
			"checksum_enabled = 1: costs CPU on every byte, finds middleboxes that "
			"change data");
	if (strcmp(facts->sysctl[BRI_SYSCTL_STALE], "0") == 0)
		bri_report_fix(
			bri_report_add(report, BRI_VERDICT_WARN, "sysctl.stale_loss_cnt", "sysctl",
				NULL, "stale_loss_cnt = 0: a path that falls silent is never left"),
			SYSCTL_FIX("net.mptcp.stale_loss_cnt=4"));
	if (*facts->sysctl[BRI_SYSCTL_SCHEDULER] &&
		strcmp(facts->sysctl[BRI_SYSCTL_SCHEDULER], "default") != 0)
		bri_report_add(report, BRI_VERDICT_NOTE, "sysctl.scheduler", "sysctl", NULL,
			"the packet scheduler is '%s', not the kernel's default",
			facts->sysctl[BRI_SYSCTL_SCHEDULER]);
	for (size_t i = 0; i < BRI_SYSCTL_N; i++)
		missing += !*facts->sysctl[i];
	if (missing && missing < BRI_SYSCTL_N)
		bri_report_add(report, BRI_VERDICT_NOTE, "sysctl.missing", "sysctl", NULL,
			"this kernel lacks %zu of the %d settings of the newest ones", missing,
			BRI_SYSCTL_N);
}

static bool is_userspace_pm(const struct bri_check_facts *facts)
{
	if (*facts->sysctl[BRI_SYSCTL_PATH_MANAGER])
		return strcmp(facts->sysctl[BRI_SYSCTL_PATH_MANAGER], "kernel") != 0;
	return strcmp(facts->sysctl[BRI_SYSCTL_PM_TYPE], "1") == 0;
}

static const struct bri_check_way *way_of(const struct bri_check_link *link, int family)
{
	return family == AF_INET ? &link->v4 : &link->v6;
}

/* An endpoint that makes the kernel open subflows from this address. */
static const struct bri_check_endpoint *endpoint_of(
	const struct bri_check_facts *facts, const struct bri_check_way *way, int family)
{
	for (size_t i = 0; i < facts->n_endpoints; i++) {
		const struct bri_check_endpoint *e = &facts->endpoints[i];

		if (e->family == family && (e->flags & BRI_NL_PM_SUBFLOW) &&
			memcmp(e->address, way->address, family == AF_INET ? 4 : 16) == 0)
			return e;
	}
	return NULL;
}

static bool is_path(const struct bri_check_link *link, const struct bri_check_way *way)
{
	return link->up && link->running && way->has_address &&
	       (way->has_default || way->leaves_by == link->index);
}

/* Packets of a subflow from this address leave by this interface. */
static bool is_routed(const struct bri_check_facts *facts, const struct bri_check_link *link,
	const struct bri_check_way *way, int family)
{
	const struct bri_check_endpoint *e;

	if (way->leaves_by == link->index)
		return true;
	/* a subflow bound to the device needs no source rule, but strict filtering drops the
	 * answers */
	e = endpoint_of(facts, way, family);
	return e && e->ifindex == link->index && way->has_default && !way->strict_filter;
}

bool bri_check_usable(
	const struct bri_check_facts *facts, const struct bri_check_link *link, int family)
{
	const struct bri_check_way *way = way_of(link, family);

	if (!is_path(link, way) || !is_routed(facts, link, way, family))
		return false;
	return way->is_main || is_userspace_pm(facts) || facts->pm_errno ||
	       (endpoint_of(facts, way, family) && facts->limit_subflows > 0);
}

static size_t count_paths(const struct bri_check_facts *facts)
{
	size_t n = 0;

	for (size_t i = 0; i < facts->n_links; i++)
		n += is_path(&facts->links[i], &facts->links[i].v4) ||
		     is_path(&facts->links[i], &facts->links[i].v6);
	return n;
}

static void judge_limits(
	const struct bri_check_facts *facts, struct bri_report *report, size_t n_paths)
{
	size_t wanted = 0;

	for (size_t i = 0; i < facts->n_endpoints; i++)
		wanted += (facts->endpoints[i].flags & BRI_NL_PM_SUBFLOW) != 0;
	if (n_paths > 1 && n_paths - 1 > wanted)
		wanted = n_paths - 1;
	if (wanted > 8)
		wanted = 8; /* the kernel's own maximum */
	if (facts->limit_subflows == 0 || facts->limit_subflows < wanted)
		bri_report_fix(bri_report_add(report, BRI_VERDICT_WARN, "pm.limits", "limits", NULL,
				       "at most %u further subflows a connection, and accepts %u "
				       "announced addresses",
				       facts->limit_subflows, facts->limit_accepted),
			"sudo ip mptcp limits set subflows %zu add_addr_accepted %u",
			wanted > 2 ? wanted : 2, facts->limit_accepted);
	else
		bri_report_add(report, BRI_VERDICT_OK, "pm.limits", "limits", NULL,
			"up to %u further subflows a connection; accepts %u announced addresses",
			facts->limit_subflows, facts->limit_accepted);
}

static void append(char *text, size_t size, const char *word, const char *separator)
{
	size_t n = strlen(text);

	if (n + 1 < size)
		snprintf(text + n, size - n, "%s%s", n ? separator : "", word);
}

static void judge_endpoint(const struct bri_check_facts *facts, const struct bri_check_endpoint *e,
	struct bri_report *report)
{
	static const char *const names[] = { "signal", "subflow", "backup", "fullmesh", "implicit",
		"laminar" };
	char address[INET6_ADDRSTRLEN], flags[96] = "", device[IF_NAMESIZE + 16] = "",
					where[IF_NAMESIZE + 8];
	bool present = false;

	inet_ntop(e->family, e->address, address, sizeof(address));
	for (size_t i = 0; i < BRI_LEN(names); i++)
		if (e->flags & (1u << i))
			append(flags, sizeof(flags), names[i], " ");
	snprintf(where, sizeof(where), "interface %u", e->ifindex);
	for (size_t i = 0; i < facts->n_links; i++) {
		const struct bri_check_link *link = &facts->links[i];
		const struct bri_check_way *way = way_of(link, e->family);

		if (link->index == e->ifindex)
			snprintf(where, sizeof(where), "%s", link->name);
		present |= way->has_address &&
			   memcmp(way->address, e->address, e->family == AF_INET ? 4 : 16) == 0;
	}
	if (e->ifindex)
		snprintf(device, sizeof(device), " dev %s", where);
	bri_report_add(report, BRI_VERDICT_OK, "pm.endpoint", "endpoint", NULL, "id %u %s%s%s%s%s",
		e->id, address, device, *flags ? " " : "", flags,
		present || facts->links_errno ? "" : " (not the first address of an interface)");
}

static void judge_pm(const struct bri_check_facts *facts, struct bri_report *report, size_t n_paths)
{
	if (is_userspace_pm(facts)) {
		bri_report_fix(
			bri_report_add(report, BRI_VERDICT_NOTE, "pm.type", "path manager", NULL,
				"a program decides about paths (braidd, mptcpd); without one "
				"running no "
				"further path is opened or accepted"),
			"back to the kernel's: sudo sysctl -w net.mptcp.%s",
			*facts->sysctl[BRI_SYSCTL_PATH_MANAGER] ? "path_manager=kernel"
								: "pm_type=0");
		return;
	}
	bri_report_add(report, BRI_VERDICT_OK, "pm.type", "path manager", NULL,
		"the kernel's: endpoints and limits decide about paths");
	if (facts->pm_errno) {
		bri_report_add(report, BRI_VERDICT_NOTE, "pm.limits", "limits", NULL,
			"cannot be read: %s", strerror(facts->pm_errno));
		return;
	}
	judge_limits(facts, report, n_paths);
	for (size_t i = 0; i < facts->n_endpoints; i++)
		judge_endpoint(facts, &facts->endpoints[i], report);
	if (facts->n_endpoints == 0)
		bri_report_add(report, BRI_VERDICT_NOTE, "pm.endpoint", "endpoint", NULL,
			"none: connections use one path unless the peer opens more");
}

static const char *link_name(const struct bri_check_facts *facts, uint32_t index)
{
	for (size_t i = 0; i < facts->n_links; i++)
		if (facts->links[i].index == index)
			return facts->links[i].name;
	return "nowhere";
}

/* The network part of address/prefix, as text. */
static void format_network(const struct bri_check_way *way, int family, char *ret, size_t size)
{
	uint8_t net[16];
	char text[INET6_ADDRSTRLEN];
	size_t bytes = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < bytes; i++) {
		unsigned before = (unsigned)(8 * i);
		unsigned keep = way->prefix > before ? way->prefix - before : 0;

		/* 0xff00 shifted by the bits to keep ends in that many ones, at the top of the byte
		 */
		net[i] = way->address[i] & (uint8_t)(0xff00u >> (keep < 8 ? keep : 8));
	}
	inet_ntop(family, net, text, sizeof(text));
	snprintf(ret, size, "%s/%u", text, way->prefix);
}

static void fix_routing(const struct bri_check_link *link, const struct bri_check_way *way,
	int family, struct bri_report_row *row)
{
	const char *ip = family == AF_INET ? "ip" : "ip -6";
	char address[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN + 8] = "",
								   network[INET6_ADDRSTRLEN + 8];
	uint32_t table = 1000 + link->index; /* far from the tables that systems name */

	inet_ntop(family, way->address, address, sizeof(address));
	format_network(way, family, network, sizeof(network));
	if (way->has_gateway) {
		memcpy(gateway, "via ", 5);
		inet_ntop(family, way->gateway, gateway + 4, INET6_ADDRSTRLEN);
		append(gateway, sizeof(gateway), "", " ");
	}
	bri_report_fix(row,
		"sudo %s route add %s dev %s scope link table %u; sudo %s route add default %sdev "
		"%s table %u; "
		"sudo %s rule add from %s table %u",
		ip, network, link->name, table, ip, gateway, link->name, table, ip, address, table);
}

static void judge_way(const struct bri_check_facts *facts, const struct bri_check_link *link,
	int family, size_t n_paths, struct bri_report *report)
{
	const struct bri_check_way *way = way_of(link, family);
	const char *version = family == AF_INET ? "IPv4" : "IPv6";
	char address[INET6_ADDRSTRLEN];
	struct bri_report_row *row;

	if (!is_path(link, way) || n_paths < 2)
		return;
	inet_ntop(family, way->address, address, sizeof(address));
	if (is_routed(facts, link, way, family)) {
		bri_report_add(report, BRI_VERDICT_OK, "net.source_routing", "source routing",
			link->name, "%s: packets from %s leave here", version, address);
	} else {
		row = bri_report_add(report, BRI_VERDICT_WARN, "net.source_routing",
			"source routing", link->name,
			"%s: packets from %s leave by %s, so this path cannot be used", version,
			address, link_name(facts, way->leaves_by));
		fix_routing(link, way, family, row);
	}
	if (way->strict_filter && way->leaves_by != link->index)
		bri_report_fix(
			bri_report_add(report, BRI_VERDICT_WARN, "net.rp_filter", "rp_filter",
				link->name, "strict: answers that come in here are dropped"),
			"sudo sysctl -w net.ipv4.conf.%s.rp_filter=2", link->name);
	if (!way->is_main && !is_userspace_pm(facts) && !facts->pm_errno &&
		!endpoint_of(facts, way, family))
		bri_report_fix(
			bri_report_add(report, BRI_VERDICT_WARN, "pm.endpoint.missing", "endpoint",
				link->name, "%s: none for %s: the kernel opens no subflow from it",
				version, address),
			"sudo ip mptcp endpoint add %s dev %s subflow   (add 'backup' to keep it "
			"in reserve)",
			address, link->name);
}

static void judge_link(const struct bri_check_facts *facts, const struct bri_check_link *link,
	struct bri_report *report)
{
	char a4[INET6_ADDRSTRLEN] = "", a6[INET6_ADDRSTRLEN] = "", text[128] = "";
	const char *role;

	(void)facts;
	if (link->v4.has_address) {
		inet_ntop(AF_INET, link->v4.address, a4, sizeof(a4));
		append(text, sizeof(text), a4, " ");
	}
	if (link->v6.has_address) {
		inet_ntop(AF_INET6, link->v6.address, a6, sizeof(a6));
		append(text, sizeof(text), a6, " ");
	}
	if (!link->running)
		role = "no carrier";
	else if (link->v4.is_main || link->v6.is_main)
		role = "main path";
	else if (is_path(link, &link->v4) || is_path(link, &link->v6))
		role = "further path";
	else
		role = "no default route: reaches its own network only";
	bri_report_add(report, link->running ? BRI_VERDICT_OK : BRI_VERDICT_NOTE, "net.interface",
		"interface", link->name, "%s, %s, %s", link->type, text, role);
}

static void add_name(struct bri_check_names *names, const char *name)
{
	if (names->n < BRI_CHECK_MAX_NAMES)
		snprintf(names->name[names->n++], IF_NAMESIZE, "%s", name);
}

static void summarise(const struct bri_check_facts *facts, struct bri_check_summary *ret)
{
	*ret = (struct bri_check_summary) { 0 };
	ret->works = facts->socket_errno == 0 &&
		     (facts->probe == BRI_PROBE_MULTIPATH || facts->probe == BRI_PROBE_NOT_DONE);
	ret->n_paths = count_paths(facts);
	for (size_t i = 0; i < facts->n_links; i++) {
		const struct bri_check_link *link = &facts->links[i];

		if (!is_path(link, &link->v4) && !is_path(link, &link->v6))
			continue;
		if (link->v4.is_main || (link->v6.is_main && !*ret->main_path))
			snprintf(ret->main_path, sizeof(ret->main_path), "%s", link->name);
	}
	for (size_t i = 0; i < facts->n_links; i++) {
		const struct bri_check_link *link = &facts->links[i];
		bool usable = bri_check_usable(facts, link, AF_INET) ||
			      bri_check_usable(facts, link, AF_INET6);

		if ((!is_path(link, &link->v4) && !is_path(link, &link->v6)) ||
			strcmp(link->name, ret->main_path) == 0)
			continue;
		if (usable)
			add_name(&ret->extra, link->name);
		else
			add_name(&ret->unready, link->name);
	}
}

static void judge_network(const struct bri_check_facts *facts,
	const struct bri_check_summary *summary, struct bri_report *report)
{
	if (facts->links_errno) {
		bri_report_add(report, BRI_VERDICT_WARN, "net.interface", "interface", NULL,
			"the network cannot be read: %s", strerror(facts->links_errno));
		return;
	}
	for (size_t i = 0; i < facts->n_links; i++)
		judge_link(facts, &facts->links[i], report);
	if (facts->links_cut)
		bri_report_add(report, BRI_VERDICT_NOTE, "net.interface.more", "interface", NULL,
			"there are more than the %d shown", BRI_CHECK_MAX_LINKS);
	for (size_t i = 0; i < facts->n_links; i++) {
		judge_way(facts, &facts->links[i], AF_INET, summary->n_paths, report);
		judge_way(facts, &facts->links[i], AF_INET6, summary->n_paths, report);
	}
	if (summary->n_paths == 0)
		bri_report_add(report, BRI_VERDICT_WARN, "net.paths", "paths", NULL,
			"none: no interface with an address and a default route");
	else if (summary->n_paths == 1)
		bri_report_add(report, BRI_VERDICT_NOTE, "net.paths", "paths", NULL,
			"one only: this host is not multi-homed, MPTCP has nothing to choose from "
			"here");
	else
		bri_report_add(report, BRI_VERDICT_OK, "net.paths", "paths", NULL,
			"%zu: this host is multi-homed", summary->n_paths);
}

void bri_check_judge(const struct bri_check_facts *facts, struct bri_report *report,
	struct bri_check_summary *ret)
{
	summarise(facts, ret);
	judge_socket(facts, report);
	judge_probe(facts, report);
	judge_blackhole(facts, report);
	judge_sysctls(facts, report);
	if (facts->socket_errno == 0)
		judge_pm(facts, report, ret->n_paths);
	judge_network(facts, ret, report);
}
