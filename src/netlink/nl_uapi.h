/*
 * Kernel interfaces of MPTCP under names of our own, as of 6.18: a distribution's linux/mptcp.h is
 * as old as the distribution. The kernel copies as much as both sides know, so sizes are compared
 * at run time and what is missing stays zero.
 */
#ifndef BRI_NL_UAPI_H
#define BRI_NL_UAPI_H

#include <stdint.h>
#include <sys/socket.h>

#define BRI_IPPROTO_MPTCP 262

/* getsockopt(SOL_MPTCP): 1 to 3 since 5.16, 4 since 6.5; SOL_TCP 43 since 6.10 */
#define BRI_SOL_MPTCP           284
#define BRI_MPTCP_INFO          1
#define BRI_MPTCP_TCPINFO       2
#define BRI_MPTCP_SUBFLOW_ADDRS 3
#define BRI_MPTCP_FULL_INFO     4
#define BRI_TCP_IS_MPTCP        43

#define BRI_MPTCP_INFO_FALLBACK   1u
#define BRI_MPTCP_INFO_REMOTE_KEY 2u /* the peer's key has come: joins are possible */

struct bri_uapi_mptcp_info {
	uint8_t subflows; /* extra ones */
	uint8_t add_addr_signal;
	uint8_t add_addr_accepted;
	uint8_t subflows_max;
	uint8_t add_addr_signal_max;
	uint8_t add_addr_accepted_max;
	uint32_t flags;
	uint32_t token;
	uint64_t write_seq;
	uint64_t snd_una;
	uint64_t rcv_nxt;
	uint8_t local_addr_used;
	uint8_t local_addr_max;
	uint8_t csum_enabled;
	uint32_t retransmits;
	uint64_t bytes_retrans; /* these four: 6.5 */
	uint64_t bytes_sent;
	uint64_t bytes_received;
	uint64_t bytes_acked;
	uint8_t subflows_total;   /* 6.8 */
	uint8_t endp_laminar_max; /* 6.18 */
	uint8_t reserved[2];
	uint32_t last_data_sent; /* ms ago; these three: 6.10 */
	uint32_t last_data_recv;
	uint32_t last_ack_recv;
};
_Static_assert(sizeof(struct bri_uapi_mptcp_info) == 96, "struct mptcp_info of 6.18");

/* MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS begin with this */
struct bri_uapi_subflow_data {
	uint32_t size_subflow_data;
	uint32_t num_subflows;
	uint32_t size_kernel;
	uint32_t size_user;
} __attribute__((aligned(8)));

struct bri_uapi_subflow_addrs {
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
};
_Static_assert(sizeof(struct bri_uapi_subflow_addrs) == 256, "struct mptcp_subflow_addrs");

struct bri_uapi_subflow_info {
	uint32_t id;
	struct bri_uapi_subflow_addrs addrs;
};
_Static_assert(sizeof(struct bri_uapi_subflow_info) == 264, "struct mptcp_subflow_info");

struct bri_uapi_full_info {
	uint32_t size_tcpinfo_kernel;
	uint32_t size_tcpinfo_user;
	uint32_t size_sfinfo_kernel;
	uint32_t size_sfinfo_user;
	uint32_t num_subflows;
	uint32_t size_arrays_user; /* elements */
	uint64_t subflow_info;     /* pointers */
	uint64_t tcp_info;
	struct bri_uapi_mptcp_info info;
};
_Static_assert(sizeof(struct bri_uapi_full_info) == 40 + 96, "struct mptcp_full_info");

struct bri_uapi_tcp_info {
	uint8_t state;
	uint8_t ca_state;
	uint8_t retransmits;
	uint8_t probes;
	uint8_t backoff;
	uint8_t options;
	uint8_t wscale;
	uint8_t limits;
	uint32_t rto;
	uint32_t ato;
	uint32_t snd_mss;
	uint32_t rcv_mss;
	uint32_t unacked;
	uint32_t sacked;
	uint32_t lost;
	uint32_t retrans;
	uint32_t fackets;
	uint32_t last_data_sent;
	uint32_t last_ack_sent;
	uint32_t last_data_recv;
	uint32_t last_ack_recv;
	uint32_t pmtu;
	uint32_t rcv_ssthresh;
	uint32_t rtt;
	uint32_t rttvar;
	uint32_t snd_ssthresh;
	uint32_t snd_cwnd;
	uint32_t advmss;
	uint32_t reordering;
	uint32_t rcv_rtt;
	uint32_t rcv_space;
	uint32_t total_retrans;
	uint64_t pacing_rate;
	uint64_t max_pacing_rate;
	uint64_t bytes_acked;
	uint64_t bytes_received;
	uint32_t segs_out;
	uint32_t segs_in;
	uint32_t notsent_bytes;
	uint32_t min_rtt;
	uint32_t data_segs_in;
	uint32_t data_segs_out;
	uint64_t delivery_rate;
	uint64_t busy_time;
	uint64_t rwnd_limited;
	uint64_t sndbuf_limited;
	uint32_t delivered;
	uint32_t delivered_ce;
	uint64_t bytes_sent;
	uint64_t bytes_retrans;
	uint32_t dsack_dups;
	uint32_t reord_seen;
	uint32_t rcv_ooopack;
	uint32_t snd_wnd;
};
_Static_assert(sizeof(struct bri_uapi_tcp_info) == 232, "struct tcp_info up to snd_wnd (5.4)");

#endif
