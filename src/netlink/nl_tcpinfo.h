/*
 * struct tcp_info as the kernel writes it, of any age, decoded into the values we use.
 * Comes by getsockopt(TCP_INFO), MPTCP_FULL_INFO and sock_diag alike.
 */
#ifndef BRI_NL_TCPINFO_H
#define BRI_NL_TCPINFO_H

#include "base/base.h"

/* Zero where the kernel is too old to tell. */
struct bri_tcp_stats {
	uint8_t state;       /* TCP_ESTABLISHED = 1 ... */
	uint8_t retransmits; /* timeouts in a row without an answer */
	uint8_t backoff;
	uint32_t rto_us;
	uint32_t rtt_us, rttvar_us, min_rtt_us;
	uint32_t snd_mss, rcv_mss, pmtu;
	uint32_t snd_cwnd;                                               /* segments */
	uint32_t unacked, sacked, lost, retrans;                         /* segments in flight */
	uint32_t total_retrans;                                          /* segments, ever */
	uint32_t last_data_sent_ms, last_data_recv_ms, last_ack_recv_ms; /* ms ago */
	uint64_t bytes_sent; /* retransmissions included */
	uint64_t bytes_acked, bytes_received, bytes_retrans;
	uint64_t delivery_rate; /* bytes a second */
	uint64_t pacing_rate;
	uint32_t segs_out, segs_in, data_segs_out, data_segs_in;
	uint32_t notsent_bytes;
	uint32_t dsack_dups;  /* segments the peer got twice */
	uint32_t rcv_ooopack; /* segments that came out of order */
};

/*
 * bri_nl_tcpinfo_decode(): `bytes` is what the kernel wrote, `size` how much of it.
 * Returns 0, or -EBADMSG when it is shorter than the first kernel's (state is not there).
 */
int bri_nl_tcpinfo_decode(const void *bytes, size_t size, struct bri_tcp_stats *ret);

#endif
