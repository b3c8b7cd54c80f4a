/* struct tcp_info of any kernel into the values we use. Pure. */
#include "netlink/nl_tcpinfo.h"

#include <errno.h>
#include <string.h>

#include "netlink/nl_uapi.h"

int bri_nl_tcpinfo_decode(const void *bytes, size_t size, struct bri_tcp_stats *ret)
{
	struct bri_uapi_tcp_info raw = { 0 };

	/* the first struct tcp_info (2.4) ended after reordering */
	if (size < offsetof(struct bri_uapi_tcp_info, rcv_rtt))
		return -EBADMSG;
	memcpy(&raw, bytes, bri_min_size(size, sizeof(raw)));
	*ret = (struct bri_tcp_stats) {
		.state = raw.state,
		.retransmits = raw.retransmits,
		.backoff = raw.backoff,
		.rto_us = raw.rto,
		.rtt_us = raw.rtt,
		.rttvar_us = raw.rttvar,
		/* the kernel says ~0 while it has no sample */
		.min_rtt_us = raw.min_rtt == UINT32_MAX ? 0 : raw.min_rtt,
		.snd_mss = raw.snd_mss,
		.rcv_mss = raw.rcv_mss,
		.pmtu = raw.pmtu,
		.snd_cwnd = raw.snd_cwnd,
		.unacked = raw.unacked,
		.sacked = raw.sacked,
		.lost = raw.lost,
		.retrans = raw.retrans,
		.total_retrans = raw.total_retrans,
		.last_data_sent_ms = raw.last_data_sent,
		.last_data_recv_ms = raw.last_data_recv,
		.last_ack_recv_ms = raw.last_ack_recv,
		.bytes_sent = raw.bytes_sent,
		.bytes_acked = raw.bytes_acked,
		.bytes_received = raw.bytes_received,
		.bytes_retrans = raw.bytes_retrans,
		.delivery_rate = raw.delivery_rate,
		.pacing_rate = raw.pacing_rate,
		.segs_out = raw.segs_out,
		.segs_in = raw.segs_in,
		.data_segs_out = raw.data_segs_out,
		.data_segs_in = raw.data_segs_in,
		.notsent_bytes = raw.notsent_bytes,
		.dsack_dups = raw.dsack_dups,
		.rcv_ooopack = raw.rcv_ooopack,
	};
	return 0;
}
