/* Commands of the generic netlink family mptcp_pm. Pure: knows no socket. */
#include "netlink/nl_pm_command.h"

#include <string.h>
#include <sys/socket.h>

#include "netlink/nl_pm_wire.h"

static void begin(struct bri_nl_request *req, const struct bri_nl_pm_family *family, uint8_t cmd)
{
	bri_nl_pm_wire_begin(req, family->id, NLM_F_ACK, cmd);
}

static void begin_token(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint8_t cmd, uint32_t token)
{
	begin(req, family, cmd);
	bri_nl_request_put(req, BRI_NL_PM_ATTR_TOKEN, &token, sizeof(token));
}

static void put_u8(struct bri_nl_request *req, uint16_t type, uint8_t value)
{
	bri_nl_request_put(req, type, &value, sizeof(value));
}

static void put_u16(struct bri_nl_request *req, uint16_t type, uint16_t value)
{
	bri_nl_request_put(req, type, &value, sizeof(value));
}

static void put_u32(struct bri_nl_request *req, uint16_t type, uint32_t value)
{
	bri_nl_request_put(req, type, &value, sizeof(value));
}

static void put_ip(struct bri_nl_request *req, const struct bri_ip *ip)
{
	size_t size = bri_nl_attr_ip_size(ip->family);

	put_u16(req, BRI_NL_PM_ADDR_FAMILY, ip->family);
	if (size > 0)
		bri_nl_request_put(
			req, size == 4 ? BRI_NL_PM_ADDR_4 : BRI_NL_PM_ADDR_6, ip->bytes, size);
}

static struct bri_ip mapped(const struct bri_ip *v4)
{
	struct bri_ip v6 = { .family = AF_INET6, .bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(v6.bytes + 12, v4->bytes, 4);
	return v6;
}

/* Begins the nest of one end of a subflow. */
static struct nlattr *begin_end(
	struct bri_nl_request *req, uint16_t type, const struct bri_ip *ip, bool as_mapped)
{
	struct nlattr *nest = bri_nl_request_nest(req, type);
	struct bri_ip v6;

	if (as_mapped && ip->family == AF_INET) {
		v6 = mapped(ip);
		ip = &v6;
	}
	put_ip(req, ip);
	return nest;
}

void bri_nl_pm_encode_create(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t, uint8_t local_id, uint8_t remote_id,
	uint32_t ifindex, bool backup)
{
	struct nlattr *nest;

	begin_token(req, family, BRI_NL_PM_CMD_SUBFLOW_CREATE, token);
	/* not mapped, whatever the connection is: both ways work, and this one needs no IPv6 */
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR, &t->local, false);
	put_u8(req, BRI_NL_PM_ADDR_ID, local_id);
	if (backup)
		put_u32(req, BRI_NL_PM_ADDR_FLAGS, BRI_NL_PM_BACKUP);
	if (ifindex != 0)
		put_u32(req, BRI_NL_PM_ADDR_IF_IDX, ifindex);
	bri_nl_request_nest_end(req, nest);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR_REMOTE, &t->remote, false);
	put_u8(req, BRI_NL_PM_ADDR_ID, remote_id);
	put_u16(req, BRI_NL_PM_ADDR_PORT, t->remote_port);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_destroy(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t)
{
	struct nlattr *nest;

	begin_token(req, family, BRI_NL_PM_CMD_SUBFLOW_DESTROY, token);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR, &t->local, t->mapped);
	put_u16(req, BRI_NL_PM_ADDR_PORT, t->local_port);
	bri_nl_request_nest_end(req, nest);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR_REMOTE, &t->remote, t->mapped);
	put_u16(req, BRI_NL_PM_ADDR_PORT, t->remote_port);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_remove(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, uint8_t local_id)
{
	begin_token(req, family, BRI_NL_PM_CMD_REMOVE, token);
	put_u8(req, BRI_NL_PM_ATTR_LOC_ID, local_id);
}

void bri_nl_pm_encode_set_backup(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_nl_pm_tuple *t, bool backup)
{
	struct nlattr *nest;

	begin_token(req, family, BRI_NL_PM_CMD_SET_FLAGS, token);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR, &t->local, t->mapped);
	put_u16(req, BRI_NL_PM_ADDR_PORT, t->local_port);
	put_u32(req, BRI_NL_PM_ADDR_FLAGS, backup ? BRI_NL_PM_BACKUP : 0);
	bri_nl_request_nest_end(req, nest);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR_REMOTE, &t->remote, t->mapped);
	put_u16(req, BRI_NL_PM_ADDR_PORT, t->remote_port);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_announce(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	uint32_t token, const struct bri_ip *ip, uint16_t port, uint8_t id)
{
	struct nlattr *nest;

	begin_token(req, family, BRI_NL_PM_CMD_ANNOUNCE, token);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR, ip, false);
	put_u8(req, BRI_NL_PM_ADDR_ID, id);
	if (port != 0)
		put_u16(req, BRI_NL_PM_ADDR_PORT, port);
	put_u32(req, BRI_NL_PM_ADDR_FLAGS, BRI_NL_PM_SIGNAL);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_add_endpoint(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, const struct bri_nl_pm_endpoint *e)
{
	struct nlattr *nest;

	begin(req, family, BRI_NL_PM_CMD_ADD_ADDR);
	nest = begin_end(req, BRI_NL_PM_ATTR_ADDR, &e->ip, false);
	if (e->id != 0)
		put_u8(req, BRI_NL_PM_ADDR_ID, e->id);
	if (e->port != 0)
		put_u16(req, BRI_NL_PM_ADDR_PORT, e->port);
	put_u32(req, BRI_NL_PM_ADDR_FLAGS, e->flags);
	if (e->ifindex != 0)
		put_u32(req, BRI_NL_PM_ADDR_IF_IDX, e->ifindex);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_del_endpoint(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, uint8_t id, const struct bri_ip *ip)
{
	struct nlattr *nest;

	begin(req, family, BRI_NL_PM_CMD_DEL_ADDR);
	nest = bri_nl_request_nest(req, BRI_NL_PM_ATTR_ADDR);
	if (ip)
		put_ip(req, ip);
	put_u8(req, BRI_NL_PM_ADDR_ID, id);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_set_endpoint_flags(struct bri_nl_request *req,
	const struct bri_nl_pm_family *family, uint8_t id, uint32_t flags)
{
	struct nlattr *nest;

	begin(req, family, BRI_NL_PM_CMD_SET_FLAGS);
	nest = bri_nl_request_nest(req, BRI_NL_PM_ATTR_ADDR);
	put_u8(req, BRI_NL_PM_ADDR_ID, id);
	put_u32(req, BRI_NL_PM_ADDR_FLAGS, flags);
	bri_nl_request_nest_end(req, nest);
}

void bri_nl_pm_encode_set_endpoint_backup(
	struct bri_nl_request *req, const struct bri_nl_pm_family *family, uint8_t id, bool backup)
{
	bri_nl_pm_encode_set_endpoint_flags(req, family, id, backup ? BRI_NL_PM_BACKUP : 0);
}

void bri_nl_pm_encode_set_limits(struct bri_nl_request *req, const struct bri_nl_pm_family *family,
	const struct bri_nl_pm_limits *limits)
{
	begin(req, family, BRI_NL_PM_CMD_SET_LIMITS);
	put_u32(req, BRI_NL_PM_ATTR_RCV_ADD_ADDRS, limits->add_addr_accepted);
	put_u32(req, BRI_NL_PM_ATTR_SUBFLOWS, limits->subflows);
}
