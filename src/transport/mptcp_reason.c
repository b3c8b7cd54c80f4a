/*
 * Why a connection is not multipath, from the few things the kernel tells: the errno of socket(),
 * how the socket is now, and what the namespace's counters did meanwhile (kernel-side causes are
 * counted, never told a socket). So with other programs at work the answer is the likeliest one.
 */
#include "transport/mptcp_info.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/nl_uapi.h"

#define NETSTAT_PATH "/proc/thread-self/net/netstat"
#define MIB_PREFIX   "MPTcpExt: "
#define NETSTAT_MAX  (64u * 1024u) /* 7.3: some 9 KiB. What is longer is not what we know */

/* One line of `text` from *at on, without its end. False: no more. */
static bool next_line(const char *text, size_t size, size_t *at, const char **ret, size_t *ret_len)
{
	const char *end;

	if (*at >= size)
		return false;
	end = memchr(text + *at, '\n', size - *at);
	*ret = text + *at;
	*ret_len = end ? (size_t)(end - *ret) : size - *at;
	*at += *ret_len + 1;
	return true;
}

/* The next word of a line. */
static bool next_word(const char *line, size_t len, size_t *at, const char **ret, size_t *ret_len)
{
	while (*at < len && line[*at] == ' ')
		(*at)++;
	if (*at >= len)
		return false;
	*ret = line + *at;
	while (*at < len && line[*at] != ' ')
		(*at)++;
	*ret_len = (size_t)(line + *at - *ret);
	return true;
}

static int parse_number(const char *word, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9' || value > (UINT64_MAX - 9) / 10)
			return -EBADMSG;
		value = value * 10 + (uint64_t)(word[i] - '0');
	}
	*ret = value;
	return len > 0 ? 0 : -EBADMSG;
}

/* A table is two lines of the same prefix: names, then values, in the same order. */
static int find_in_table(const char *names, size_t names_len, const char *values, size_t values_len,
	const char *name, uint64_t *ret)
{
	size_t at = 0, value_at = 0, len, value_len;
	const char *word, *value;

	while (next_word(names, names_len, &at, &word, &len)) {
		if (!next_word(values, values_len, &value_at, &value, &value_len))
			return -EBADMSG;
		if (len == strlen(name) && memcmp(word, name, len) == 0)
			return parse_number(value, value_len, ret);
	}
	return -ENOENT;
}

int bri_mptcp_mib_parse(const char *text, size_t size, const char *name, uint64_t *ret)
{
	const char *line, *values;
	size_t at = 0, len, values_len, skip = sizeof(MIB_PREFIX) - 1;

	while (next_line(text, size, &at, &line, &len)) {
		if (len < skip || memcmp(line, MIB_PREFIX, skip) != 0)
			continue;
		if (!next_line(text, size, &at, &values, &values_len) || values_len < skip ||
			memcmp(values, MIB_PREFIX, skip) != 0)
			return -EBADMSG;
		return find_in_table(
			line + skip, len - skip, values + skip, values_len - skip, name, ret);
	}
	return -ENOENT;
}

/* The whole file, to be freed. */
static int read_netstat(char **ret, size_t *ret_size)
{
	char *text = malloc(NETSTAT_MAX);
	size_t n = 0;
	int fd, r = 0;

	if (!text)
		return -ENOMEM;
	fd = open(NETSTAT_PATH, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		r = -errno;
	while (r == 0 && n < NETSTAT_MAX) {
		ssize_t k = read(fd, text + n, NETSTAT_MAX - n);

		if (k < 0 && errno != EINTR)
			r = -errno;
		if (k == 0)
			break;
		if (k > 0)
			n += (size_t)k;
	}
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_size = n;
	return 0;
}

int bri_mptcp_mib_read(const char *name, uint64_t *ret)
{
	char *text;
	size_t size;
	int r;

	r = read_netstat(&text, &size);
	if (r < 0)
		return r;
	r = bri_mptcp_mib_parse(text, size, name, ret);
	free(text);
	return r;
}

int bri_mptcp_mib_take(struct bri_mptcp_mib *ret)
{
	static const struct {
		const char *name;
		size_t offset;
	} table[] = {
		{ "MPCapableSYNTX", offsetof(struct bri_mptcp_mib, syn_tx) },
		{ "MPCapableFallbackSYNACK", offsetof(struct bri_mptcp_mib, fallback_synack) },
		{ "MPCapableFallbackACK", offsetof(struct bri_mptcp_mib, fallback_ack) },
		{ "MPCapableSYNTXDrop", offsetof(struct bri_mptcp_mib, syn_drop) },
		{ "MPCapableSYNTXDisabled", offsetof(struct bri_mptcp_mib, syn_disabled) },
		{ "Blackhole", offsetof(struct bri_mptcp_mib, blackhole) },
		{ "MPCapableDataFallback", offsetof(struct bri_mptcp_mib, data_fallback) },
		{ "DssFallback", offsetof(struct bri_mptcp_mib, dss_fallback) },
		{ "MD5SigFallback", offsetof(struct bri_mptcp_mib, md5_fallback) },
		{ "SimultConnectFallback", offsetof(struct bri_mptcp_mib, simult_fallback) },
	};
	char *text;
	size_t size;
	int r;

	r = read_netstat(&text, &size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		uint64_t value;
		int64_t *field = (int64_t *)(void *)((char *)ret + table[i].offset);

		*field = bri_mptcp_mib_parse(text, size, table[i].name, &value) < 0
				 ? -1
				 : (int64_t)bri_min_u64(value, INT64_MAX);
	}
	free(text);
	return 0;
}

enum bri_mptcp_reason bri_mptcp_reason_from_errno(int socket_errno)
{
	switch (socket_errno) {
	case 0: return BRI_MPTCP_REASON_NONE;
	case EINVAL: return BRI_MPTCP_REASON_KERNEL_TOO_OLD;
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT: return BRI_MPTCP_REASON_NOT_BUILT_IN;
	case ENOPROTOOPT: return BRI_MPTCP_REASON_DISABLED;
	case EPERM:
	case EACCES: return BRI_MPTCP_REASON_BLOCKED;
	default: return BRI_MPTCP_REASON_OTHER;
	}
}

static bool grew(int64_t before, int64_t after)
{
	return before >= 0 && after > before;
}

static enum bri_mptcp_reason from_counters(const struct bri_mptcp_facts *f)
{
	const struct bri_mptcp_mib *a = &f->before, *b = &f->after;

	if (grew(a->md5_fallback, b->md5_fallback))
		return BRI_MPTCP_REASON_INCOMPATIBLE;
	if (f->accepted) {
		if (grew(a->fallback_ack, b->fallback_ack) ||
			grew(a->data_fallback, b->data_fallback))
			return BRI_MPTCP_REASON_STRIPPED;
		return BRI_MPTCP_REASON_OTHER;
	}
	/*
	 * The option is dropped from a SYN only after it was sent twice and more: a socket that
	 * retransmitted nothing is not the one that was counted.
	 */
	if (grew(a->syn_drop, b->syn_drop) && (!f->has_syn_retrans || f->syn_retrans > 0))
		return BRI_MPTCP_REASON_SYN_DROPPED;
	/* while this is so no SYN of the host asks: a refusal counted beside it was another's,
	 * earlier */
	if (grew(a->syn_disabled, b->syn_disabled))
		return BRI_MPTCP_REASON_BLACKHOLE;
	if (grew(a->fallback_synack, b->fallback_synack))
		return BRI_MPTCP_REASON_PEER_REFUSED;
	if (grew(a->data_fallback, b->data_fallback) || grew(a->dss_fallback, b->dss_fallback))
		return BRI_MPTCP_REASON_STRIPPED;
	return BRI_MPTCP_REASON_OTHER;
}

enum bri_mptcp_reason bri_mptcp_reason_decide(const struct bri_mptcp_facts *facts)
{
	if (facts->is_mptcp)
		return BRI_MPTCP_REASON_NONE;
	if (!facts->is_tcp)
		return BRI_MPTCP_REASON_NOT_TCP;
	if (!facts->requested)
		return BRI_MPTCP_REASON_NOT_REQUESTED;
	if (facts->socket_errno != 0)
		return bri_mptcp_reason_from_errno(facts->socket_errno);
	if (!facts->connected)
		return BRI_MPTCP_REASON_UNDECIDED;
	/* accepted as TCP: it never was anything else, or the last of the handshake came without
	 * the option (MPCapableFallbackACK): then the kernel makes it TCP before it is accepted */
	if (facts->accepted && !facts->accepted_mptcp)
		return facts->has_mib && grew(facts->before.fallback_ack, facts->after.fallback_ack)
			       ? BRI_MPTCP_REASON_STRIPPED
			       : BRI_MPTCP_REASON_CLIENT_PLAIN;
	return facts->has_mib ? from_counters(facts) : BRI_MPTCP_REASON_OTHER;
}

/* The counters as they were when a reason was last asked for. One for the process, as the counters
 * are. */
static struct {
	pthread_mutex_t lock;
	bool primed;
	struct bri_mptcp_mib mib;
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

void bri_mptcp_reason_prime(void)
{
	static _Atomic bool done;

	if (atomic_load_explicit(&done, memory_order_acquire))
		return;
	pthread_mutex_lock(&last.lock);
	if (!last.primed)
		last.primed = bri_mptcp_mib_take(&last.mib) == 0;
	pthread_mutex_unlock(&last.lock);
	atomic_store_explicit(&done, true, memory_order_release);
}

static bool take_counters(struct bri_mptcp_facts *facts)
{
	bool have;

	if (bri_mptcp_mib_take(&facts->after) < 0)
		return false;
	pthread_mutex_lock(&last.lock);
	have = last.primed;
	facts->before = last.mib;
	last.mib = facts->after;
	last.primed = true;
	pthread_mutex_unlock(&last.lock);
	return have;
}

enum bri_mptcp_reason bri_mptcp_reason_observe(int fd, bool accepted, int socket_errno)
{
	struct bri_mptcp_facts facts = { .requested = true,
		.is_tcp = true,
		.connected = true,
		.accepted = accepted,
		.socket_errno = socket_errno };
	struct bri_mptcp_subflow flow;
	struct bri_mptcp_info info;
	int protocol = 0;
	socklen_t len = sizeof(protocol);
	size_t n;

	if (socket_errno != 0)
		return bri_mptcp_reason_from_errno(socket_errno);
	if (bri_mptcp_info_get(fd, &info) < 0)
		return BRI_MPTCP_REASON_OTHER;
	if (info.is_mptcp)
		return BRI_MPTCP_REASON_NONE;
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0)
		facts.accepted_mptcp = accepted && protocol == BRI_IPPROTO_MPTCP;
	if (bri_mptcp_info_subflows(fd, &flow, 1, &n) == 0 && n == 1) {
		facts.has_syn_retrans = true;
		facts.syn_retrans = flow.tcp.total_retrans;
	}
	facts.has_mib = take_counters(&facts);
	return bri_mptcp_reason_decide(&facts);
}

enum bri_mptcp_reason bri_mptcp_reason_accepted_plain(void)
{
	struct bri_mptcp_facts facts = {
		.requested = true, .is_tcp = true, .connected = true, .accepted = true
	};

	facts.has_mib = take_counters(&facts);
	return bri_mptcp_reason_decide(&facts);
}

static const struct {
	const char *text, *fix;
} words[] = {
	[BRI_MPTCP_REASON_NONE] = { "the connection is multipath", "" },
	[BRI_MPTCP_REASON_UNDECIDED] = { "not connected yet", "" },
	[BRI_MPTCP_REASON_NOT_REQUESTED] = { "multipath was not asked for",
		"set a multipath service (handover, interactive or aggregate) in the parameters" },
	[BRI_MPTCP_REASON_KERNEL_TOO_OLD] = { "this kernel has no Multipath TCP",
		"use Linux 5.6 or newer, better 6.1 or newer" },
	[BRI_MPTCP_REASON_NOT_BUILT_IN] = { "this kernel was built without Multipath TCP",
		"use a kernel with CONFIG_MPTCP=y (Debian's and Ubuntu's have it)" },
	[BRI_MPTCP_REASON_DISABLED] = { "Multipath TCP is switched off on this host",
		"sysctl net.mptcp.enabled=1" },
	[BRI_MPTCP_REASON_BLOCKED] = { "this program may not open Multipath TCP sockets",
		"allow IPPROTO_MPTCP sockets in the SELinux policy, seccomp filter or eBPF "
		"program" },
	[BRI_MPTCP_REASON_BLACKHOLE] = { "this host has stopped asking for multipath, because SYNs "
					 "that asked were lost before",
		"V=$(sysctl -n net.mptcp.blackhole_timeout); sysctl net.mptcp.blackhole_timeout=0; "
		"sysctl net.mptcp.blackhole_timeout=$V" },
	[BRI_MPTCP_REASON_SYN_DROPPED] = { "packets that ask for multipath are lost on the way, "
					   "plain ones are answered",
		"find the firewall on the path that drops TCP option 30, or use another path" },
	[BRI_MPTCP_REASON_PEER_REFUSED] = { "the server, or a middlebox before it, does not speak "
					    "Multipath TCP",
		"enable Multipath TCP on the server (there: braid check --listen), or look for a "
		"proxy "
		"on the path" },
	[BRI_MPTCP_REASON_STRIPPED] = { "a middlebox on the path removed the Multipath TCP options "
					"after the handshake",
		"find the proxy or firewall on the path that removes TCP option 30, or use another "
		"path" },
	[BRI_MPTCP_REASON_CLIENT_PLAIN] = { "the client opened a plain TCP connection",
		"let the client ask for multipath, or run it under mptcpize" },
	[BRI_MPTCP_REASON_INCOMPATIBLE] = { "an option of the socket rules multipath out",
		"do not use TCP MD5 signatures on this socket" },
	[BRI_MPTCP_REASON_NOT_TCP] = { "this transport has no multipath", "use TCP" },
	[BRI_MPTCP_REASON_OTHER] = { "the connection fell back to TCP; the kernel does not tell "
				     "why",
		"look at: nstat -az 'MPTcpExt*'" },
};

const char *bri_mptcp_reason_text(enum bri_mptcp_reason reason)
{
	return (size_t)reason < BRI_LEN(words) ? words[reason].text : "unknown reason";
}

const char *bri_mptcp_reason_fix(enum bri_mptcp_reason reason)
{
	return (size_t)reason < BRI_LEN(words) ? words[reason].fix : "";
}
