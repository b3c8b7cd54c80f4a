/*
 * `braid check` in three parts: facts read from this host (check_facts.c), what they mean
 * (check_judge.c, pure), and a connection to a host or from one (check_host.c, check_listen.c).
 * TLS is in check_tls.h.
 */
#ifndef BRI_CLI_CHECK_H
#define BRI_CLI_CHECK_H

#include <net/if.h>
#include <netinet/in.h>
#include "cli/cli.h"
#include "cli/report.h"

#define BRI_CHECK_MAX_LINKS     256
#define BRI_CHECK_MAX_ENDPOINTS 16 /* the kernel keeps 8 */

/* The sysctls of net.mptcp that are shown; the index is also the one of the values. */
enum bri_check_sysctl {
	BRI_SYSCTL_ENABLED,
	BRI_SYSCTL_ADD_ADDR_TIMEOUT,
	BRI_SYSCTL_CHECKSUM,
	BRI_SYSCTL_JOIN_INITIAL,
	BRI_SYSCTL_STALE,
	BRI_SYSCTL_PM_TYPE,
	BRI_SYSCTL_PATH_MANAGER,
	BRI_SYSCTL_SCHEDULER,
	BRI_SYSCTL_CLOSE_TIMEOUT,
	BRI_SYSCTL_BLACKHOLE,
	BRI_SYSCTL_SYN_RETRANS,
	BRI_SYSCTL_N,
};

extern const char *const bri_check_sysctl_names[BRI_SYSCTL_N];

/* What a connection from this host to this host over loopback became: the kernel's whole machinery.
 */
enum bri_check_probe {
	BRI_PROBE_NOT_DONE,
	BRI_PROBE_MULTIPATH,
	BRI_PROBE_FELL_BACK,
	BRI_PROBE_SUSPENDED, /* fell back because of the blackhole detection */
};

/* One address family of an interface: what a path needs. */
struct bri_check_way {
	bool has_address;
	uint8_t address[16];
	uint8_t prefix;
	bool has_default; /* a default route in some table leaves by this interface */
	bool has_gateway;
	uint8_t gateway[16];
	uint32_t leaves_by; /* interface of packets with this source to the internet; 0: none */
	bool is_main;       /* where packets without a chosen source leave */
	bool strict_filter; /* rp_filter 1 (IPv4) */
};

struct bri_check_link {
	uint32_t index;
	char name[IF_NAMESIZE];
	const char *type; /* "wifi", "cellular", "wired", "other": static */
	bool up, running;
	struct bri_check_way v4, v6;
};

struct bri_check_endpoint {
	uint8_t id;
	int family; /* AF_INET, AF_INET6 */
	uint8_t address[16];
	uint16_t port;
	uint32_t flags; /* BRI_NL_PM_* */
	uint32_t ifindex;
};

#define BRI_CHECK_UNKNOWN (-1)

struct bri_check_facts {
	char kernel[128];
	int socket_errno; /* of socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); 0: it works */
	int socket6_errno;
	enum bri_check_probe probe;
	char sysctl[BRI_SYSCTL_N][64];               /* "" : this kernel does not have it */
	int64_t blackholes, syn_drops, syn_disabled; /* counters; BRI_CHECK_UNKNOWN: none such */
	int pm_errno;                                /* 0: limits and endpoints are known */
	uint32_t limit_subflows, limit_accepted;
	size_t n_endpoints;
	struct bri_check_endpoint endpoints[BRI_CHECK_MAX_ENDPOINTS];
	int links_errno; /* 0: links are known */
	bool links_cut;  /* there are more */
	size_t n_links;
	struct bri_check_link links[BRI_CHECK_MAX_LINKS];
};

/* bri_check_facts_read(): asks the kernel. What cannot be known is marked so; never fails. */
void bri_check_facts_read(struct bri_check_facts *ret);

#define BRI_CHECK_MAX_NAMES 16 /* twice the endpoints that the kernel keeps */

struct bri_check_names {
	size_t n;
	char name[BRI_CHECK_MAX_NAMES][IF_NAMESIZE];
};

struct bri_check_summary {
	bool works;                     /* a program that asks for MPTCP gets it */
	size_t n_paths;                 /* interfaces that lead to the internet */
	char main_path[IF_NAMESIZE];    /* "" : none */
	struct bri_check_names extra;   /* further paths that can be used now */
	struct bri_check_names unready; /* further paths that something keeps from being used */
};

/* bri_check_judge(): rows with verdict and fix, and the summary. Pure. */
void bri_check_judge(const struct bri_check_facts *facts, struct bri_report *report,
	struct bri_check_summary *ret);

/* bri_check_usable(): this interface's way of a family can carry a further subflow now. Pure. */
bool bri_check_usable(
	const struct bri_check_facts *facts, const struct bri_check_link *link, int family);

void bri_check_facts_json(const struct bri_check_facts *facts, struct bri_json *json);

/*
 * bri_check_host(): connects and adds rows.
 *   with_tls    once more with TLS, when the first connection was made
 *   timeout_ns  for each connection
 *   json        NULL, or where an object "host" is written
 * Returns an exit code, of the first connection: multipath, not multipath, unreachable.
 */
int bri_check_host(const struct bri_cli_target *target, bool with_tls, uint64_t timeout_ns,
	struct bri_report *report, struct bri_json *json);

/* bri_check_listen(): answers HTTP until SIGINT or SIGTERM. `address` "": any. Returns an exit
 * code. */
int bri_check_listen(const struct bri_cli_target *target);

#endif
