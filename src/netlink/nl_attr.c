/* Attributes of netlink messages, with every length checked. Knows no particular message. */
#include "netlink/nl_attr.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void *bri_nl_request_init(struct bri_nl_request *req, uint16_t type, uint16_t flags, size_t extra)
{
	struct nlmsghdr *hdr;

	if (MNL_NLMSG_HDRLEN + extra > sizeof(req->bytes))
		bri_abort("netlink request header of %zu bytes", extra);
	memset(req, 0, sizeof(*req));
	hdr = mnl_nlmsg_put_header(req->bytes);
	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return mnl_nlmsg_put_extra_header(hdr, extra);
}

void bri_nl_request_put(struct bri_nl_request *req, uint16_t type, const void *value, size_t size)
{
	if (!mnl_attr_put_check(bri_nl_request_header(req), sizeof(req->bytes), type, size, value))
		bri_abort("netlink request too small for attribute %u of %zu bytes", type, size);
}

struct nlattr *bri_nl_request_nest(struct bri_nl_request *req, uint16_t type)
{
	struct nlattr *nest =
		mnl_attr_nest_start_check(bri_nl_request_header(req), sizeof(req->bytes), type);

	if (!nest)
		bri_abort("netlink request too small for nest %u", type);
	return nest;
}

void bri_nl_request_nest_end(struct bri_nl_request *req, struct nlattr *nest)
{
	mnl_attr_nest_end(bri_nl_request_header(req), nest);
}

int bri_nl_attr_table(const void *payload, size_t size, const struct nlattr **table, size_t n)
{
	const uint8_t *at = payload;
	size_t left = size;

	memset(table, 0, n * sizeof(*table));
	while (left > 0) {
		const struct nlattr *attr = (const void *)at;
		size_t step;

		/* attributes are at most 64 KiB long, so the comparison in mnl's int cannot wrap */
		if (!mnl_attr_ok(attr, (int)bri_min_size(left, INT32_MAX)))
			return -EBADMSG;
		if (mnl_attr_get_type(attr) < n)
			table[mnl_attr_get_type(attr)] = attr;
		step = MNL_ALIGN(attr->nla_len);
		if (step >= left) /* the last one's padding may be missing */
			break;
		at += step;
		left -= step;
	}
	return 0;
}

int bri_nl_attr_nested(const struct nlattr *attr, const struct nlattr **table, size_t n)
{
	if (!attr) {
		memset(table, 0, n * sizeof(*table));
		return 0;
	}
	return bri_nl_attr_table(
		mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), table, n);
}

int bri_nl_attr_of_message(
	const struct nlmsghdr *msg, size_t fixed, const struct nlattr **table, size_t n)
{
	size_t size = msg->nlmsg_len, skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(fixed);

	if (size < MNL_NLMSG_HDRLEN + fixed)
		return -EBADMSG;
	if (size < skip)
		skip = size; /* no attributes: the fixed part's padding is missing */
	return bri_nl_attr_table((const uint8_t *)msg + skip, size - skip, table, n);
}

static bool copy_value(const struct nlattr *attr, void *ret, size_t size)
{
	if (!attr || mnl_attr_get_payload_len(attr) < size)
		return false;
	memcpy(ret, mnl_attr_get_payload(attr), size);
	return true;
}

bool bri_nl_attr_u8(const struct nlattr *attr, uint8_t *ret)
{
	return copy_value(attr, ret, sizeof(*ret));
}

bool bri_nl_attr_u16(const struct nlattr *attr, uint16_t *ret)
{
	return copy_value(attr, ret, sizeof(*ret));
}

bool bri_nl_attr_u32(const struct nlattr *attr, uint32_t *ret)
{
	return copy_value(attr, ret, sizeof(*ret));
}

bool bri_nl_attr_u64(const struct nlattr *attr, uint64_t *ret)
{
	return copy_value(attr, ret, sizeof(*ret));
}

size_t bri_nl_attr_ip_size(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

bool bri_nl_attr_ip(const struct nlattr *attr, int family, struct bri_ip *ret)
{
	size_t size = bri_nl_attr_ip_size(family);

	if (!attr || size == 0 || mnl_attr_get_payload_len(attr) != size)
		return false;
	*ret = (struct bri_ip) { .family = (uint16_t)family };
	memcpy(ret->bytes, mnl_attr_get_payload(attr), size);
	return true;
}

bool bri_nl_attr_name(const struct nlattr *attr, char *ret, size_t size)
{
	size_t len;

	if (!attr)
		return false;
	len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (len == 0 || len >= size)
		return false;
	memcpy(ret, mnl_attr_get_payload(attr), len);
	ret[len] = '\0';
	return true;
}
