/*
 * The network as this host sees it: interfaces, addresses, routes, whether DNS is configured; and
 * the question "which interfaces can this connection use?". Snapshots never change once made. Knows
 * nothing of connections, sockets or public objects.
 */
#ifndef BRI_NETSTATE_H
#define BRI_NETSTATE_H

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/base.h"
#include "base/ip.h"

struct dispatch_queue_s;

/* The values of nw_interface_type_t. */
enum bri_iftype {
	BRI_IFTYPE_OTHER = 0,
	BRI_IFTYPE_WIFI = 1,
	BRI_IFTYPE_CELLULAR = 2,
	BRI_IFTYPE_WIRED = 3,
	BRI_IFTYPE_LOOPBACK = 4,
};
#define BRI_IFTYPE_BIT(type) (1u << (unsigned)(type))

/* Limits: a host can have any number of containers and routes. What is over is not seen. */
#define BRI_NETSTATE_MAX_INTERFACES 4096u
#define BRI_NETSTATE_MAX_ADDRESSES  16384u
#define BRI_NETSTATE_MAX_ROUTES     1024u

#define BRI_NETADDR_TENTATIVE  1u /* duplicate address detection is not over, or has failed */
#define BRI_NETADDR_DEPRECATED 2u
#define BRI_NETADDR_TEMPORARY  4u /* RFC 8981 */
#define BRI_NETADDR_LINK       8u /* scope link */

struct bri_netaddr {
	uint32_t ifindex;
	struct bri_ip ip;
	uint8_t prefix;
	uint8_t flags; /* BRI_NETADDR_* */
};

struct bri_netroute {
	uint32_t ifindex;
	uint32_t metric;
	uint32_t table;
	struct bri_ip dst; /* family always set; prefix 0: a default route */
	uint8_t prefix;
	struct bri_ip gateway; /* family 0: on link */
};

struct bri_netif {
	uint32_t index;
	char name[IF_NAMESIZE];
	char kind[IF_NAMESIZE]; /* of linkinfo: "veth", "wireguard"; "" for hardware */
	uint16_t hwtype;        /* ARPHRD_* */
	enum bri_iftype type;
	uint32_t mtu;
	bool up;      /* administratively */
	bool running; /* can pass packets: carrier, not dormant */
	bool dormant; /* up, comes to life on demand (RFC 2863) */
	bool multicast;
	bool expensive;
	bool constrained;
};

/* Immutable; reference counted. Interfaces by index, addresses and routes by interface. */
struct bri_netstate {
	_Atomic int32_t refs;
	bool complete;   /* false: the kernel could not be asked; what is absent may exist */
	bool all_routes; /* false: there are more than the limit; all default routes are here */
	bool has_dns;
	size_t n_interfaces, n_addresses, n_routes;
	struct bri_netif *interfaces;
	struct bri_netaddr *addresses;
	struct bri_netroute *routes; /* unicast, not the local table; main table's and others' */
};

/*
 * bri_netstate_get(): the current snapshot, +1, bri_netstate_put() it. Never NULL but for no
 * memory. The first call opens the monitor and reads the network; later ones are a lock and a
 * count. Context: any thread.
 */
struct bri_netstate *bri_netstate_get(void);
struct bri_netstate *bri_netstate_ref(struct bri_netstate *state);
void bri_netstate_put(struct bri_netstate *state);

/* bri_netstate_read(): reads the network now, past the monitor. Returns 0 or -errno. Blocks some
 * 100 us. */
int bri_netstate_read(struct bri_netstate **ret);

/*
 * bri_netstate_subscribe(): fn(context, state) on `queue` after each change, some 20 ms after the
 * first event of a burst. The state is borrowed for the call, and is the newest at that moment.
 * Never called inside this call, nor for the state that is current now.
 * Returns 0 or -errno. Context: any thread.
 * bri_netstate_unsubscribe(): NULL is harmless. Called on `queue`: fn is not called again. Called
 * elsewhere: a call that has begun may still run.
 */
struct bri_netstate_sub;
typedef void (*bri_netstate_f)(void *context, struct bri_netstate *state);
int bri_netstate_subscribe(struct dispatch_queue_s *queue, void *context, bri_netstate_f fn,
	struct bri_netstate_sub **ret);
void bri_netstate_unsubscribe(struct bri_netstate_sub *sub);

/* Look-ups; results are borrowed from the snapshot. NULL: none. */
const struct bri_netif *bri_netstate_by_index(const struct bri_netstate *state, uint32_t index);
const struct bri_netif *bri_netstate_by_name(const struct bri_netstate *state, const char *name);
/* bri_netstate_by_address(): the interface that owns this local address (a subflow's, say). */
const struct bri_netif *bri_netstate_by_address(
	const struct bri_netstate *state, const struct sockaddr *local);

/* bri_netstate_equal(): the same content. */
bool bri_netstate_equal(const struct bri_netstate *a, const struct bri_netstate *b);

/* ---- evaluation: netstate_evaluate.c, pure ---- */

/* The values of nw_path_status_t and nw_path_unsatisfied_reason_t. */
enum bri_path_status {
	BRI_PATH_INVALID = 0,
	BRI_PATH_SATISFIED = 1,
	BRI_PATH_UNSATISFIED = 2,
	BRI_PATH_SATISFIABLE = 3,
};
enum bri_path_reason {
	BRI_PATH_NOT_AVAILABLE = 0,
	BRI_PATH_CELLULAR_DENIED = 1,
	BRI_PATH_WIFI_DENIED = 2,
	BRI_PATH_LOCAL_NETWORK_DENIED = 3,
	BRI_PATH_VPN_INACTIVE = 4,
};

#define BRI_NETSTATE_MAX_PROHIBITED 64u /* as many as parameters take */

/* Zero-initialised: any path to the internet. */
struct bri_netstate_query {
	const struct sockaddr *remote; /* AF_INET or AF_INET6; NULL: not known (yet) */
	const struct sockaddr
		*local; /* address the connection is bound to; NULL or wildcard: any */
	/*
	 * Without a remote: false asks for a default route, as a monitor does; true takes any
	 * interface with an address, loopback last: a name that is not resolved yet, a listener.
	 */
	bool any_destination;
	int ip_version;                /* 4, 6; 0: any */
	uint32_t required_index;       /* 0: none */
	enum bri_iftype required_type; /* BRI_IFTYPE_OTHER: none */
	uint32_t prohibited_types;     /* BRI_IFTYPE_BIT()s */
	uint32_t prohibited_indexes[BRI_NETSTATE_MAX_PROHIBITED];
	size_t n_prohibited;
	bool prohibit_expensive;
	bool prohibit_constrained;
	uint32_t route_ifindex; /* the kernel's own choice (bri_netstate_route()), goes first; 0:
				   not asked */
};

#define BRI_NETSTATE_MAX_USABLE   16u
#define BRI_NETSTATE_MAX_GATEWAYS 16u

struct bri_netstate_result {
	enum bri_path_status status;
	enum bri_path_reason reason; /* of unsatisfied */
	bool has_ipv4, has_ipv6, has_dns;
	bool expensive, constrained; /* of the first interface */
	size_t n_interfaces, n_gateways;
	struct bri_netif interfaces[BRI_NETSTATE_MAX_USABLE]; /* best first */
	struct {
		struct bri_ip ip;
		uint32_t ifindex;
	} gateways[BRI_NETSTATE_MAX_GATEWAYS]; /* of the interfaces, in their order */
};

/*
 * bri_netstate_evaluate(): which interfaces can carry this, in what order. Pure.
 * Order: the kernel's choice, the longest matching prefix, the main table's metric, then wired,
 * wifi, cellular, other. Where the snapshot is not complete what is absent is given the benefit
 * of the doubt: the kernel decides when the connection is tried.
 */
void bri_netstate_evaluate(const struct bri_netstate *state, const struct bri_netstate_query *query,
	struct bri_netstate_result *ret);

/*
 * bri_netstate_route(): what the kernel's routing says for a destination.
 *   local, ifindex  optional: bound address and device; NULL and 0
 *   ret_ifindex     the device it would leave by; ret_source: the address it would have (family 0:
 * none) Returns 0, or -ENETUNREACH, -EHOSTUNREACH, -errno. Context: any; one netlink exchange.
 */
int bri_netstate_route(const struct sockaddr *remote, const struct sockaddr *local,
	uint32_t ifindex, uint32_t *ret_ifindex, struct bri_ip *ret_source);

/* bri_ip_from_sockaddr(): IPv4-mapped becomes AF_INET; family 0 when it is neither v4 nor v6. */
struct bri_ip bri_ip_from_sockaddr(const struct sockaddr *sa);
bool bri_ip_equal(const struct bri_ip *a, const struct bri_ip *b);
bool bri_ip_is_loopback(const struct bri_ip *ip);
bool bri_ip_in_prefix(const struct bri_ip *ip, const struct bri_ip *net, unsigned prefix);

#endif
