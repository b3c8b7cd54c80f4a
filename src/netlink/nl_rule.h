/*
 * RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE: rules of policy routing, as far as they choose a table by
 * the source address.
 */
#ifndef BRI_NL_RULE_H
#define BRI_NL_RULE_H

#include "netlink/nl_attr.h"

struct bri_nl_rule {
	bool removed;         /* RTM_DELRULE */
	uint8_t family;       /* AF_INET, AF_INET6 */
	uint32_t priority;    /* smaller comes first */
	uint32_t table;       /* 0: none (the rule forbids, or jumps) */
	uint8_t protocol;     /* FRA_PROTOCOL: who made it; RTPROT_KERNEL, RTPROT_STATIC, ... */
	struct bri_ip source; /* family 0: any */
	uint8_t source_prefix;
	/* Decoded only: it says `from source lookup table` and nothing more. Others select by what
	 * is not here, or do something else. */
	bool plain;
};

/* bri_nl_rule_encode_dump(): family AF_UNSPEC: of all. */
void bri_nl_rule_encode_dump(struct bri_nl_request *req, uint8_t family);
/*
 * bri_nl_rule_encode_add(), _del(): with all that is in rule; the kernel's answer is -EEXIST for
 * one that is there, -ENOENT for one that is not.
 * Returns 0 or -EINVAL (not an IP family, a source of another one, a prefix of no or too many bits,
 * no table).
 */
int bri_nl_rule_encode_add(struct bri_nl_request *req, const struct bri_nl_rule *rule);
int bri_nl_rule_encode_del(struct bri_nl_request *req, const struct bri_nl_rule *rule);
/* bri_nl_rule_decode(): returns 0, BRI_NL_OTHER (another message or family), or -EBADMSG. */
int bri_nl_rule_decode(const struct nlmsghdr *msg, struct bri_nl_rule *ret);

#endif
