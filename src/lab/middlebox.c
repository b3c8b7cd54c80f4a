/* Multipath TCP's option in frames: found, removed. Knows nothing of what it means. */
#include "lab/middlebox.h"

#include "base/base.h"

#define ETHERNET     14u
#define TYPE_IP4     0x0800u
#define TYPE_IP6     0x86ddu
#define IP6_HEADER   40u
#define TCP          6u
#define TCP_MIN      20u
#define TCP_SYN      0x02u
#define OPTION_END   0u
#define OPTION_NOP   1u
#define OPTION_MPTCP 30u

/* A TCP segment inside a frame. */
struct segment {
	uint8_t *tcp;
	uint32_t len, header;     /* of the segment; of its header with options */
	const uint8_t *addresses; /* source and destination, for the checksum */
	uint32_t addresses_len;
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static bool find_ip4(uint8_t *ip, uint32_t len, struct segment *ret)
{
	uint32_t header = len >= 20 ? (ip[0] & 15u) * 4 : 0;
	uint32_t total = len >= 20 ? get16(ip + 2) : 0;

	/* a fragment has no whole segment */
	if (header < 20 || total < header || total > len || ip[9] != TCP || get16(ip + 6) & 0x3fff)
		return false;
	*ret = (struct segment) {
		.tcp = ip + header, .len = total - header, .addresses = ip + 12, .addresses_len = 8
	};
	return true;
}

static bool find_ip6(uint8_t *ip, uint32_t len, struct segment *ret)
{
	uint32_t payload = len >= IP6_HEADER ? get16(ip + 4) : 0;

	if (len < IP6_HEADER || payload > len - IP6_HEADER || ip[6] != TCP)
		return false;
	*ret = (struct segment) {
		.tcp = ip + IP6_HEADER, .len = payload, .addresses = ip + 8, .addresses_len = 32
	};
	return true;
}

static bool find_segment(uint8_t *frame, uint32_t len, struct segment *ret)
{
	uint32_t type = len >= ETHERNET ? get16(frame + 12) : 0;
	bool found = false;

	if (type == TYPE_IP4)
		found = find_ip4(frame + ETHERNET, len - ETHERNET, ret);
	else if (type == TYPE_IP6)
		found = find_ip6(frame + ETHERNET, len - ETHERNET, ret);
	if (!found || ret->len < TCP_MIN)
		return false;
	ret->header = (uint32_t)(ret->tcp[12] >> 4) * 4;
	return ret->header >= TCP_MIN && ret->header <= ret->len;
}

/* The next option of ours from *at on, its length in *ret_len; NULL: no more. */
static uint8_t *next_option(const struct segment *s, uint32_t *at, uint32_t *ret_len)
{
	while (*at < s->header) {
		uint8_t *option = s->tcp + *at;
		uint32_t len = option[0] == OPTION_NOP ? 1 : 0;

		if (option[0] == OPTION_END)
			return NULL;
		if (!len && *at + 1 < s->header)
			len = option[1];
		if (!len || (len < 2 && option[0] != OPTION_NOP) || *at + len > s->header)
			return NULL;
		*at += len;
		if (option[0] == OPTION_MPTCP) {
			*ret_len = len;
			return option;
		}
	}
	return NULL;
}

static uint64_t sum_of(const uint8_t *bytes, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(bytes + i);
	return len % 2 ? sum + ((uint32_t)bytes[len - 1] << 8) : sum;
}

/* RFC 9293 section 3.1, over the pseudo header of IPv4 or IPv6 (RFC 8200 section 8.1). */
static void set_checksum(const struct segment *s)
{
	uint64_t sum;

	s->tcp[16] = s->tcp[17] = 0;
	sum = sum_of(s->addresses, s->addresses_len) + TCP + s->len + sum_of(s->tcp, s->len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	s->tcp[16] = (uint8_t)(~sum >> 8);
	s->tcp[17] = (uint8_t)~sum;
}

bool bri_middlebox_drops(enum bri_lab_mptcp mode, const void *frame, uint32_t len)
{
	struct segment s;
	uint32_t at = TCP_MIN, option_len;

	/* only read from here on */
	if (mode != BRI_LAB_MPTCP_DROP_SYN || !find_segment((uint8_t *)(uintptr_t)frame, len, &s) ||
		!(s.tcp[13] & TCP_SYN))
		return false;
	return next_option(&s, &at, &option_len) != NULL;
}

void bri_middlebox_change(enum bri_lab_mptcp mode, void *frame, uint32_t len)
{
	struct segment s;
	uint32_t at = TCP_MIN, option_len;
	uint8_t *option;
	bool changed = false;

	if ((mode != BRI_LAB_MPTCP_STRIP && mode != BRI_LAB_MPTCP_STRIP_DATA) ||
		!find_segment(frame, len, &s) ||
		(mode == BRI_LAB_MPTCP_STRIP_DATA && s.tcp[13] & TCP_SYN))
		return;
	while ((option = next_option(&s, &at, &option_len))) {
		for (uint32_t i = 0; i < option_len; i++)
			option[i] = OPTION_NOP;
		changed = true;
	}
	if (changed)
		set_checksum(&s);
}
