/* RTM_*RULE messages (linux/fib_rules.h). Pure: knows no socket. */
#include "netlink/nl_rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* What makes a rule select by more than the source address. */
static const uint8_t other_selectors[] = {
	FRA_DST,
	FRA_IIFNAME,
	FRA_OIFNAME,
	FRA_GOTO,
	FRA_FWMARK,
	FRA_FLOW,
	FRA_TUN_ID,
	FRA_L3MDEV,
	FRA_UID_RANGE,
	FRA_IP_PROTO,
	FRA_SPORT_RANGE,
	FRA_DPORT_RANGE,
};

#define ATTR_N (FRA_DPORT_RANGE + 1)

void bri_nl_rule_encode_dump(struct bri_nl_request *req, uint8_t family)
{
	struct fib_rule_hdr *fixed =
		bri_nl_request_init(req, RTM_GETRULE, NLM_F_DUMP, sizeof(*fixed));

	fixed->family = family;
}

static int encode(
	struct bri_nl_request *req, uint16_t type, uint16_t flags, const struct bri_nl_rule *rule)
{
	size_t size = bri_nl_attr_ip_size(rule->family);
	struct fib_rule_hdr *fixed;

	if (size == 0 || rule->source_prefix > 8 * size || rule->table == 0)
		return -EINVAL;
	if (rule->source.family ? rule->source.family != rule->family : rule->source_prefix != 0)
		return -EINVAL;
	fixed = bri_nl_request_init(req, type, (uint16_t)(NLM_F_ACK | flags), sizeof(*fixed));
	fixed->family = rule->family;
	fixed->src_len = rule->source_prefix;
	fixed->action = FR_ACT_TO_TBL;
	/* 8 bits of it; RT_TABLE_UNSPEC where they are not enough, all are in the attribute */
	fixed->table = rule->table <= UINT8_MAX ? (uint8_t)rule->table : RT_TABLE_UNSPEC;
	if (rule->source_prefix > 0)
		bri_nl_request_put(req, FRA_SRC, rule->source.bytes, size);
	bri_nl_request_put(req, FRA_PRIORITY, &rule->priority, sizeof(rule->priority));
	bri_nl_request_put(req, FRA_TABLE, &rule->table, sizeof(rule->table));
	bri_nl_request_put(req, FRA_PROTOCOL, &rule->protocol, sizeof(rule->protocol));
	return 0;
}

int bri_nl_rule_encode_add(struct bri_nl_request *req, const struct bri_nl_rule *rule)
{
	return encode(req, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

int bri_nl_rule_encode_del(struct bri_nl_request *req, const struct bri_nl_rule *rule)
{
	return encode(req, RTM_DELRULE, 0, rule);
}

static bool is_plain(const struct fib_rule_hdr *fixed, const struct nlattr **tb)
{
	if (fixed->action != FR_ACT_TO_TBL || fixed->dst_len != 0 || fixed->tos != 0 ||
		(fixed->flags & FIB_RULE_INVERT) != 0)
		return false;
	for (size_t i = 0; i < BRI_LEN(other_selectors); i++) {
		if (tb[other_selectors[i]])
			return false;
	}
	return true;
}

int bri_nl_rule_decode(const struct nlmsghdr *msg, struct bri_nl_rule *ret)
{
	const struct nlattr *tb[ATTR_N];
	struct bri_nl_rule rule = { .removed = msg->nlmsg_type == RTM_DELRULE };
	struct fib_rule_hdr fixed;

	if (msg->nlmsg_type != RTM_NEWRULE && msg->nlmsg_type != RTM_DELRULE)
		return BRI_NL_OTHER;
	if (bri_nl_attr_of_message(msg, sizeof(fixed), tb, BRI_LEN(tb)) < 0)
		return -EBADMSG;
	memcpy(&fixed, mnl_nlmsg_get_payload(msg), sizeof(fixed));
	if (bri_nl_attr_ip_size(fixed.family) == 0)
		return BRI_NL_OTHER;
	if (fixed.src_len > 8 * bri_nl_attr_ip_size(fixed.family))
		return -EBADMSG;
	rule.family = fixed.family;
	rule.source_prefix = fixed.src_len;
	rule.table = fixed.table;
	bri_nl_attr_u32(tb[FRA_TABLE], &rule.table);
	bri_nl_attr_u32(tb[FRA_PRIORITY], &rule.priority); /* absent: 0, as the kernel has it */
	bri_nl_attr_u8(tb[FRA_PROTOCOL], &rule.protocol);
	if (!bri_nl_attr_ip(tb[FRA_SRC], rule.family, &rule.source) &&
		(tb[FRA_SRC] || rule.source_prefix != 0))
		return -EBADMSG;
	rule.plain = is_plain(&fixed, tb);
	*ret = rule;
	return 0;
}
