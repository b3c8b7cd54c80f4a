/* Options of IP, and the metadata of one datagram. Knows nothing of sockets. */
#ifndef BRI_API_IP_OPTIONS_H
#define BRI_API_IP_OPTIONS_H

#include "api/protocol.h"

struct bri_ip_options {
	struct nw_protocol_options base;
	nw_ip_version_t version;
	uint8_t hop_limit;    /* 0: the system's default */
	bool use_minimum_mtu; /* IPv6 only: 1280 */
	bool disable_fragmentation;
	bool calculate_receive_time;
	bool disable_multicast_loopback;
	nw_ip_local_address_preference_t local_address_preference;
};

/* Attached to what is sent (ECN, service class), or to what was received (all three). */
struct bri_ip_metadata {
	struct nw_protocol_metadata base;
	nw_ip_ecn_flag_t ecn;
	nw_service_class_t service_class;
	uint64_t receive_time_ns; /* CLOCK_MONOTONIC; 0: not asked for */
};

/* bri_ip_metadata_new(): of a received datagram. Returns +1, or NULL: no memory. */
nw_protocol_metadata_t bri_ip_metadata_new(
	nw_ip_ecn_flag_t ecn, nw_service_class_t service_class, uint64_t receive_time_ns);

#endif
