/*
 * The list of hints. Not in it, so their error stays: what the program's correctness or security
 * rests on (TCP_ULP: programs do TLS themselves then; TCP_MD5SIG, TCP_REPAIR*, IP_TTL and IP_MINTTL
 * of RFC 5082, IP_UNICAST_IF, filters), and what makes later calls behave differently
 * (SO_ZEROCOPY, SO_TXTIME, SO_PEEK_OFF, *_RECVERR, *_PKTINFO, TCP_INQ, TCP_SAVE_SYN,
 * TCP_TIMESTAMP).
 */
#include "run/options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

/* newer than glibc 2.36 */
#define RTO_MAX_MS    44
#define RTO_MIN_US    45
#define DELACK_MAX_US 46

struct hint {
	int level, option;
	const char *name;
};

#define HINT(level, option)                                                                        \
	{                                                                                          \
		level, option, #option                                                             \
	}

static const struct hint hints[] = {
	HINT(IPPROTO_TCP, TCP_USER_TIMEOUT), HINT(IPPROTO_TCP, TCP_QUICKACK),
	HINT(IPPROTO_TCP, TCP_SYNCNT), HINT(IPPROTO_TCP, TCP_LINGER2),
	HINT(IPPROTO_TCP, TCP_WINDOW_CLAMP), HINT(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS),
	HINT(IPPROTO_TCP, TCP_THIN_DUPACK), { IPPROTO_TCP, RTO_MAX_MS, "TCP_RTO_MAX_MS" },
	{ IPPROTO_TCP, RTO_MIN_US, "TCP_RTO_MIN_US" },
	{ IPPROTO_TCP, DELACK_MAX_US, "TCP_DELACK_MAX_US" },
	/* set on newer kernels, refused by older ones */
	HINT(IPPROTO_TCP, TCP_NODELAY), HINT(IPPROTO_TCP, TCP_CORK), HINT(IPPROTO_TCP, TCP_MAXSEG),
	HINT(IPPROTO_TCP, TCP_NOTSENT_LOWAT), HINT(IPPROTO_TCP, TCP_KEEPIDLE),
	HINT(IPPROTO_TCP, TCP_KEEPINTVL), HINT(IPPROTO_TCP, TCP_KEEPCNT),
	HINT(IPPROTO_TCP, TCP_DEFER_ACCEPT), HINT(IPPROTO_TCP, TCP_FASTOPEN),
	HINT(IPPROTO_TCP, TCP_FASTOPEN_CONNECT), HINT(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE),
	HINT(IPPROTO_IP, IP_TOS), HINT(IPPROTO_IP, IP_MTU_DISCOVER),
	HINT(IPPROTO_IPV6, IPV6_TCLASS), HINT(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	HINT(IPPROTO_IPV6, IPV6_DONTFRAG), HINT(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL),
	HINT(SOL_SOCKET, SO_MAX_PACING_RATE),
	HINT(SOL_SOCKET, SO_OOBINLINE), /* Multipath TCP has no urgent data to put in line */
};

const char *bri_options_hint(int level, int option)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].level == level && hints[i].option == option)
			return hints[i].name;
	return NULL;
}
