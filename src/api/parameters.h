/*
 * nw_parameters: everything a connection or listener is created with. Not locked: as in the
 * original, an application changes parameters from one thread at a time, and before it starts what
 * uses them. Knows nothing of connections, which copy what they need when they start.
 */
#ifndef BRI_API_PARAMETERS_H
#define BRI_API_PARAMETERS_H

#include "api/protocol_stack.h"

/* More interfaces than that are not told apart by hand. */
#define BRI_PARAMETERS_PROHIBITED_MAX 64
#define BRI_INTERFACE_TYPES           5 /* nw_interface_type_t: other, wifi, cellular, wired, loopback */

struct nw_parameters {
	struct bri_object base;
	nw_protocol_stack_t stack;         /* internal reference, never NULL, the same for life */
	nw_endpoint_t local_endpoint;      /* internal reference; NULL: any */
	nw_interface_t required_interface; /* internal reference; NULL: any */
	nw_privacy_context_t privacy_context;  /* internal reference; never NULL */
	nw_interface_t *prohibited_interfaces; /* internal references, in the order they came */
	size_t prohibited_interface_count;

	nw_interface_type_t required_interface_type; /* other: any */
	nw_multipath_service_t multipath_service;
	nw_service_class_t service_class;
	nw_parameters_expired_dns_behavior_t expired_dns_behavior;
	nw_parameters_attribution_t attribution;

	uint8_t prohibited_types[BRI_INTERFACE_TYPES]; /* in the order they came */
	uint8_t prohibited_type_count;
	uint8_t custom_ip_protocol; /* with is_custom_ip: the number in the IP header */
	bool is_custom_ip;
	bool is_application_service;
	bool reuse_local_address;
	bool include_peer_to_peer;
	bool fast_open_enabled;
	bool local_only;
	bool prefer_no_proxy;
	bool prohibit_expensive;
	bool prohibit_constrained;
	bool allow_ultra_constrained;
	bool requires_dnssec_validation;
};

/* What a connection with these parameters runs over. */
enum bri_parameters_transport {
	BRI_PARAMETERS_TCP, /* also generic parameters, which name no transport */
	BRI_PARAMETERS_UDP,
	BRI_PARAMETERS_CUSTOM_IP, /* not built: start fails with ENOTSUP */
	BRI_PARAMETERS_OTHER,     /* a transport of another module, e.g. QUIC */
};

enum bri_parameters_transport bri_parameters_transport(const struct nw_parameters *params);

struct bri_tcp_options;
struct bri_udp_options;
struct bri_ip_options;

/* The options of one protocol, borrowed, live; NULL: not in the stack (tcp also in generic ones).
 */
const struct bri_tcp_options *bri_parameters_tcp(const struct nw_parameters *params);
const struct bri_udp_options *bri_parameters_udp(const struct nw_parameters *params);
const struct bri_ip_options *bri_parameters_ip(const struct nw_parameters *params);

/* bri_parameters_prohibits_type(): nw_parameters_prohibit_interface_type() was called with it. */
bool bri_parameters_prohibits_type(const struct nw_parameters *params, nw_interface_type_t type);

/*
 * bri_parameters_prohibits_index(): an interface with this index of the kernel is prohibited by
 * name.
 */
bool bri_parameters_prohibits_index(const struct nw_parameters *params, uint32_t index);

#endif
