/*
 * Attributes of netlink messages: parse into a table, then require. Every length is checked and
 * nothing is read past the bytes given, whatever they say. Knows no particular message.
 */
#ifndef BRI_NL_ATTR_H
#define BRI_NL_ATTR_H

#include <libmnl/libmnl.h>
#include "base/base.h"
#include "base/ip.h"

/* Positive conditions of src/netlink. */
#define BRI_NL_OTHER   1 /* a well-formed message, but not of the kind this decoder reads */
#define BRI_NL_OVERRUN 2 /* the kernel dropped events: read the whole state again */
#define BRI_NL_INTERRUPTED                                                                         \
	3             /* the state changed under every attempt at a dump: may miss something */
#define BRI_NL_MORE 4 /* bounded work is done, more waits to be received */

/* A request under construction: all of ours are small. */
#define BRI_NL_REQUEST_MAX 256u
struct bri_nl_request {
	_Alignas(8) uint8_t bytes[BRI_NL_REQUEST_MAX];
};

/* bri_nl_request_init(): a message header with flags NLM_F_REQUEST and `flags`, then `extra` zeroed
 * bytes. */
void *bri_nl_request_init(struct bri_nl_request *req, uint16_t type, uint16_t flags, size_t extra);
/* bri_nl_request_put(): append an attribute. Aborts when it does not fit: requests are ours. */
void bri_nl_request_put(struct bri_nl_request *req, uint16_t type, const void *value, size_t size);
/* bri_nl_request_nest(): attributes put from here to bri_nl_request_nest_end() are inside it. */
struct nlattr *bri_nl_request_nest(struct bri_nl_request *req, uint16_t type);
void bri_nl_request_nest_end(struct bri_nl_request *req, struct nlattr *nest);
static inline struct nlmsghdr *bri_nl_request_header(struct bri_nl_request *req)
{
	return (struct nlmsghdr *)(void *)req->bytes;
}

/*
 * bri_nl_attr_table(): table[type] = attribute, for types below n; NULL where absent, the last of
 * several. Unknown types are left out.
 *   payload   4-byte aligned
 * Returns 0, or -EBADMSG when the bytes are not a list of attributes.
 */
int bri_nl_attr_table(const void *payload, size_t size, const struct nlattr **table, size_t n);
/* bri_nl_attr_nested(): the same of an attribute's payload. A NULL attribute gives an empty table.
 */
int bri_nl_attr_nested(const struct nlattr *attr, const struct nlattr **table, size_t n);
/*
 * bri_nl_attr_of_message(): the same of a message's payload after its fixed part.
 * Returns 0, or -EBADMSG, also when the fixed part is not all there.
 */
int bri_nl_attr_of_message(
	const struct nlmsghdr *msg, size_t fixed, const struct nlattr **table, size_t n);

/* Values. False, and ret is not written, when attr is NULL or too short for the type. */
bool bri_nl_attr_u8(const struct nlattr *attr, uint8_t *ret);
bool bri_nl_attr_u16(const struct nlattr *attr, uint16_t *ret);
bool bri_nl_attr_u32(const struct nlattr *attr, uint32_t *ret);
bool bri_nl_attr_u64(const struct nlattr *attr, uint64_t *ret);
/* bri_nl_attr_ip(): exactly 4 or 16 bytes, as the family wants. */
bool bri_nl_attr_ip(const struct nlattr *attr, int family, struct bri_ip *ret);
/* bri_nl_attr_name(): 1 to size - 1 bytes before a zero or the end; always zero-terminated. */
bool bri_nl_attr_name(const struct nlattr *attr, char *ret, size_t size);

/* bri_nl_attr_ip_size(): 4, 16, or 0 for other families. */
size_t bri_nl_attr_ip_size(int family);

#endif
