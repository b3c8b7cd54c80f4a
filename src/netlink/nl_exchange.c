/* One netlink question and its answers (netlink(7)). Pure: no socket in it. */
#include "netlink/nl_exchange.h"

#include <errno.h>
#include <string.h>

void bri_nl_exchange_init(struct bri_nl_exchange *ex, uint32_t seq, uint32_t port)
{
	*ex = (struct bri_nl_exchange) { .seq = seq, .port = port };
}

static void finish(struct bri_nl_exchange *ex, int result)
{
	ex->done = true;
	ex->result = ex->stopped ? ex->stopped : result;
}

/* NLMSG_ERROR and NLMSG_DONE begin with an int: 0 or -errno. NLMSG_DONE of old kernels has none. */
static int end_code(const struct nlmsghdr *msg, int32_t *ret)
{
	*ret = 0;
	if (mnl_nlmsg_get_payload_len(msg) >= sizeof(*ret))
		memcpy(ret, mnl_nlmsg_get_payload(msg), sizeof(*ret));
	else if (msg->nlmsg_type == NLMSG_ERROR)
		return -EBADMSG;
	/* NLMSG_DONE may carry a positive length of the dump; only errors are of interest */
	if (*ret > 0 && msg->nlmsg_type == NLMSG_ERROR)
		return -EBADMSG;
	if (*ret > 0)
		*ret = 0;
	return *ret < -4095 ? -EBADMSG : 0; /* the kernel's MAX_ERRNO */
}

/* How much of an NLMSG_ERROR or NLMSG_DONE comes before its attributes; 0: it has none. */
static size_t attributes_at(const struct nlmsghdr *msg)
{
	struct nlmsgerr fixed;
	size_t echo;

	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (msg->nlmsg_type == NLMSG_DONE)
		return sizeof(int32_t);
	if (mnl_nlmsg_get_payload_len(msg) < sizeof(fixed))
		return 0;
	if (msg->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(fixed);
	/* not capped: all of the request is repeated, not only its header */
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	echo = fixed.msg.nlmsg_len;
	if (echo < sizeof(fixed.msg) || echo > msg->nlmsg_len)
		return 0;
	return sizeof(fixed) + MNL_ALIGN(echo - sizeof(fixed.msg));
}

/* The extended acknowledgement's text. It only explains: one that is damaged is none. */
static void read_why(const struct nlmsghdr *msg, char ret[static BRI_NL_WHY_MAX])
{
	const struct nlattr *tb[NLMSGERR_ATTR_MSG + 1];
	size_t skip = attributes_at(msg), size;

	if (skip == 0 || bri_nl_attr_of_message(msg, skip, tb, BRI_LEN(tb)) < 0 ||
		!tb[NLMSGERR_ATTR_MSG])
		return;
	size = bri_min_size(mnl_attr_get_payload_len(tb[NLMSGERR_ATTR_MSG]), BRI_NL_WHY_MAX - 1);
	memcpy(ret, mnl_attr_get_payload(tb[NLMSGERR_ATTR_MSG]), size);
	ret[size] = '\0';
}

static int one_message(
	struct bri_nl_exchange *ex, const struct nlmsghdr *msg, bri_nl_message_f fn, void *context)
{
	int32_t code;

	if (msg->nlmsg_seq != ex->seq || (ex->port && msg->nlmsg_pid != ex->port))
		return 0;
	if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
		ex->interrupted = true;
	switch (msg->nlmsg_type) {
	case NLMSG_NOOP: return 0;
	case NLMSG_OVERRUN: ex->interrupted = true; return 0;
	case NLMSG_ERROR:
	case NLMSG_DONE:
		if (end_code(msg, &code) < 0)
			return -EBADMSG;
		if (code < 0)
			read_why(msg, ex->why);
		finish(ex, code);
		return 0;
	default:
		/* after the handler has had enough the rest is read, since the kernel goes on
		 * sending it */
		if (!ex->stopped && fn)
			ex->stopped = fn(context, msg);
		return 0;
	}
}

/* mnl_nlmsg_ok() with the length as it is: not as an int that may have wrapped. */
static bool whole_message(const uint8_t *at, size_t left)
{
	const struct nlmsghdr *msg = (const void *)at;

	return left >= sizeof(*msg) && msg->nlmsg_len >= sizeof(*msg) && msg->nlmsg_len <= left;
}

int bri_nl_exchange_rx(struct bri_nl_exchange *ex, const void *bytes, size_t size,
	bri_nl_message_f fn, void *context)
{
	const uint8_t *at = bytes;
	size_t left = size;

	while (left > 0 && !ex->done) {
		const struct nlmsghdr *msg = (const void *)at;
		size_t step;

		if (!whole_message(at, left) || one_message(ex, msg, fn, context) < 0) {
			finish(ex, -EBADMSG);
			return -EBADMSG;
		}
		step = bri_min_size(MNL_ALIGN((size_t)msg->nlmsg_len), left);
		at += step;
		left -= step;
	}
	return 0;
}

void bri_nl_acks_init(
	struct bri_nl_acks *acks, uint32_t first_seq, uint32_t port, int *results, size_t n)
{
	*acks = (struct bri_nl_acks) {
		.first_seq = first_seq, .port = port, .n = n, .left = n, .results = results
	};
	for (size_t i = 0; i < n; i++)
		results[i] = BRI_NL_ACK_NONE;
}

static int one_ack(struct bri_nl_acks *acks, const struct nlmsghdr *msg)
{
	uint32_t i = msg->nlmsg_seq - acks->first_seq; /* wraps with the numbers */
	int32_t code;

	if (msg->nlmsg_type != NLMSG_ERROR || i >= acks->n ||
		(acks->port && msg->nlmsg_pid != acks->port))
		return 0;
	if (end_code(msg, &code) < 0)
		return -EBADMSG;
	if (acks->results[i] != BRI_NL_ACK_NONE)
		return 0;
	if (code < 0)
		read_why(msg, acks->why);
	acks->results[i] = code;
	acks->left--;
	return 0;
}

int bri_nl_acks_rx(struct bri_nl_acks *acks, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	size_t left = size;

	while (left > 0) {
		const struct nlmsghdr *msg = (const void *)at;
		size_t step;

		if (!whole_message(at, left) || one_ack(acks, msg) < 0)
			return -EBADMSG;
		step = bri_min_size(MNL_ALIGN((size_t)msg->nlmsg_len), left);
		at += step;
		left -= step;
	}
	return 0;
}

int bri_nl_exchange_events(const void *bytes, size_t size, bri_nl_message_f fn, void *context)
{
	const uint8_t *at = bytes;
	size_t left = size;

	while (left > 0) {
		const struct nlmsghdr *msg = (const void *)at;
		size_t step;
		int r;

		if (!whole_message(at, left))
			return -EBADMSG;
		r = msg->nlmsg_type >= NLMSG_MIN_TYPE ? fn(context, msg) : 0;
		if (r != 0)
			return r;
		step = bri_min_size(MNL_ALIGN((size_t)msg->nlmsg_len), left);
		at += step;
		left -= step;
	}
	return 0;
}
