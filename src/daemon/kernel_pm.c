/*
 * See kernel_pm.h. The note of what to put back has lines
 *     limits SUBFLOWS ADDRESSES        as they were
 *     ours ID ADDRESS                  an endpoint that we made
 *     theirs ID FLAGS PORT IFINDEX ADDRESS   one that we took away for a while
 * and is written before the change that it is about.
 */
#include "daemon/kernel_pm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/pm_socket.h"
#include "netlink/nl_pm_command.h"
#include "transport/netstate.h"

#define NOTE          "endpoints"
#define ENDPOINTS_MAX 8u /* the kernel's limit */
#define SUBFLOWS_MAX  8u /* likewise */
#define ID_MAX        255u

struct bri_kernel_pm {
	struct bri_pm_socket pm;
	struct bri_state *state;
	enum bri_kernel_pm_mode mode;
	bool has_limits; /* they were changed; as they were: */
	struct bri_nl_pm_limits limits;
	size_t n_ours, n_theirs, n_usable;
	struct bri_nl_pm_endpoint ours[ENDPOINTS_MAX];
	struct bri_nl_pm_endpoint theirs[ENDPOINTS_MAX]; /* taken away, as they were */
	struct bri_ip usable[BRI_POLICY_ADDRESSES_MAX];  /* at the last update */
};

/* --- the kernel --- */

static int ignore(void *context, const struct nlmsghdr *msg)
{
	(void)context;
	(void)msg;
	return 0;
}

static int call(struct bri_kernel_pm *k, struct bri_nl_request *req)
{
	int r = bri_nl_socket_call(k->pm.socket, req, ignore, NULL);

	return r > 0 ? -EIO : r;
}

static int add_endpoint(struct bri_kernel_pm *k, const struct bri_nl_pm_endpoint *e)
{
	struct bri_nl_request req;

	bri_nl_pm_encode_add_endpoint(&req, &k->pm.family, e);
	return call(k, &req);
}

static int delete_endpoint(struct bri_kernel_pm *k, uint8_t id, const struct bri_ip *ip)
{
	struct bri_nl_request req;

	bri_nl_pm_encode_del_endpoint(&req, &k->pm.family, id, ip);
	return call(k, &req);
}

static int on_limits(void *context, const struct nlmsghdr *msg)
{
	struct bri_kernel_pm *k = context;
	int r = bri_nl_pm_decode_limits(msg, &k->pm.family, &k->limits);

	return r == BRI_NL_OTHER ? 0 : r;
}

static int set_limits(struct bri_kernel_pm *k, const struct bri_nl_pm_limits *limits)
{
	struct bri_nl_request req;

	bri_nl_pm_encode_set_limits(&req, &k->pm.family, limits);
	return call(k, &req);
}

/* --- the note --- */

static size_t add_line(char *text, size_t at, const char *line, const struct bri_ip *ip)
{
	char name[INET6_ADDRSTRLEN];

	if (at >= BRI_STATE_TEXT_MAX || !inet_ntop(ip->family, ip->bytes, name, sizeof(name)))
		return at;
	return at + (size_t)snprintf(text + at, BRI_STATE_TEXT_MAX - at, "%s %s\n", line, name);
}

static int note(struct bri_kernel_pm *k)
{
	char text[BRI_STATE_TEXT_MAX] = "", line[80];
	size_t at = 0;

	if (k->has_limits)
		at = (size_t)snprintf(text, sizeof(text), "limits %u %u\n", k->limits.subflows,
			k->limits.add_addr_accepted);
	for (size_t i = 0; i < k->n_ours; i++) {
		snprintf(line, sizeof(line), "ours %u", k->ours[i].id);
		at = add_line(text, at, line, &k->ours[i].ip);
	}
	for (size_t i = 0; i < k->n_theirs; i++) {
		const struct bri_nl_pm_endpoint *e = &k->theirs[i];

		snprintf(line, sizeof(line), "theirs %u %u %u %u", e->id, e->flags, e->port,
			e->ifindex);
		at = add_line(text, at, line, &e->ip);
	}
	if (!*text) {
		bri_state_remove(k->state, NOTE);
		return 0;
	}
	return bri_state_write(k->state, NOTE, text);
}

static bool parse_ip(const char *text, struct bri_ip *ret)
{
	struct bri_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return false;
	*ret = ip;
	return true;
}

/* What is wrong in it is passed over: the file is ours, and nothing depends on it but this. */
static void on_line(struct bri_kernel_pm *k, const char *line)
{
	char address[INET6_ADDRSTRLEN];
	struct bri_nl_pm_endpoint e = { 0 };
	unsigned id, port;

	if (sscanf(line, "limits %u %u", &k->limits.subflows, &k->limits.add_addr_accepted) == 2) {
		k->has_limits = true;
	} else if (sscanf(line, "ours %u %45s", &id, address) == 2) {
		e.id = (uint8_t)id;
		if (id && id <= ID_MAX && parse_ip(address, &e.ip) && k->n_ours < ENDPOINTS_MAX)
			k->ours[k->n_ours++] = e;
	} else if (sscanf(line, "theirs %u %u %u %u %45s", &id, &e.flags, &port, &e.ifindex,
			   address) == 5) {
		e.id = (uint8_t)id;
		e.port = (uint16_t)port;
		if (id && id <= ID_MAX && parse_ip(address, &e.ip) && k->n_theirs < ENDPOINTS_MAX)
			k->theirs[k->n_theirs++] = e;
	}
}

static void read_note(struct bri_kernel_pm *k)
{
	char text[BRI_STATE_TEXT_MAX], *save = NULL;
	int r = bri_state_read(k->state, NOTE, text);

	if (r < 0) {
		if (r != -ENOENT)
			bri_error("cannot read which endpoints are ours: %s", strerror(-r));
		return;
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		on_line(k, line);
}

/* --- putting back --- */

/* By number only where it is still ours: somebody may have made the list anew. */
static bool still_there(
	const struct bri_nl_pm_endpoint *list, int n, const struct bri_nl_pm_endpoint *wanted)
{
	for (int i = 0; i < n; i++) {
		if (list[i].id == wanted->id && bri_ip_equal(&list[i].ip, &wanted->ip))
			return true;
	}
	return false;
}

static void put_back_ours(struct bri_kernel_pm *k)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS];
	int n = bri_pm_socket_endpoints(&k->pm, list);

	for (size_t i = 0; i < k->n_ours; i++) {
		if (still_there(list, n, &k->ours[i]))
			delete_endpoint(k, k->ours[i].id, &k->ours[i].ip);
	}
	k->n_ours = 0;
}

static void put_back_theirs(struct bri_kernel_pm *k)
{
	int r;

	for (size_t i = 0; i < k->n_theirs; i++) {
		r = add_endpoint(k, &k->theirs[i]);
		if (r < 0 && r != -EEXIST)
			bri_warn("an endpoint could not be given back: %s %s", strerror(-r),
				bri_nl_socket_why(k->pm.socket));
	}
	k->n_theirs = 0;
}

static void put_back_limits(struct bri_kernel_pm *k)
{
	int r = k->has_limits ? set_limits(k, &k->limits) : 0;

	if (r < 0)
		bri_error("the kernel's limits could not be put back: %s", strerror(-r));
	k->has_limits = false;
}

static void put_back(struct bri_kernel_pm *k)
{
	put_back_ours(k);
	put_back_theirs(k);
	put_back_limits(k);
	bri_state_remove(k->state, NOTE);
}

/* As they are now; those that are gone, or are another's, are ours no more. */
static void adopt_ours(struct bri_kernel_pm *k)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS];
	int n = bri_pm_socket_endpoints(&k->pm, list);
	size_t kept = 0;

	for (size_t i = 0; i < k->n_ours; i++) {
		for (int e = 0; e < n; e++) {
			if (list[e].id == k->ours[i].id &&
				bri_ip_equal(&list[e].ip, &k->ours[i].ip))
				k->ours[kept++] = list[e];
		}
	}
	k->n_ours = kept;
}

/* --- life --- */

static int raise_limits(struct bri_kernel_pm *k)
{
	struct bri_nl_pm_limits limits;
	struct bri_nl_request req;
	int r;

	if (k->has_limits)
		return 0; /* raised already, by the daemon before us */
	bri_nl_pm_encode_get_limits(&req, &k->pm.family);
	r = bri_nl_socket_call(k->pm.socket, &req, on_limits, k);
	if (r != 0)
		return r < 0 ? r : -EIO;
	limits = k->limits;
	limits.subflows = SUBFLOWS_MAX;
	/* a server that wants no joins to its first address tells another (RFC 8684, 3.1: C) */
	if (limits.add_addr_accepted == 0)
		limits.add_addr_accepted = 1;
	k->has_limits = true;
	r = note(k);
	return r < 0 ? r : set_limits(k, &limits);
}

int bri_kernel_pm_open(
	struct bri_state *state, enum bri_kernel_pm_mode mode, struct bri_kernel_pm **ret)
{
	struct bri_kernel_pm *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->state = state;
	k->mode = mode;
	r = bri_pm_socket_open(&k->pm);
	if (r < 0) {
		free(k);
		return r;
	}
	read_note(k);
	if (mode == BRI_KERNEL_PM_STEER) {
		adopt_ours(k);
		r = raise_limits(k);
	} else if (k->n_ours || k->has_limits) {
		put_back_ours(k);
		put_back_limits(k);
		r = note(k);
	}
	if (r < 0) {
		bri_kernel_pm_close(k);
		return r;
	}
	*ret = k;
	return 0;
}

void bri_kernel_pm_close(struct bri_kernel_pm *k)
{
	if (!k)
		return;
	if (k->n_ours || k->n_theirs || k->has_limits)
		put_back(k);
	bri_pm_socket_close(&k->pm);
	free(k);
}

/* --- addresses that go and come --- */

static bool has_ip(const struct bri_ip *list, size_t n, const struct bri_ip *ip)
{
	for (size_t i = 0; i < n; i++) {
		if (bri_ip_equal(&list[i], ip))
			return true;
	}
	return false;
}

static void forget(struct bri_nl_pm_endpoint *list, size_t *n, size_t i)
{
	memmove(&list[i], &list[i + 1], (--*n - i) * sizeof(*list));
}

static void take_away(struct bri_kernel_pm *k, const struct bri_nl_pm_endpoint *e)
{
	int r;

	if (k->n_theirs == ENDPOINTS_MAX)
		return;
	k->theirs[k->n_theirs++] = *e;
	r = note(k);
	if (r == 0)
		r = delete_endpoint(k, e->id, &e->ip);
	if (r < 0) {
		bri_warn("an endpoint could not be taken away: %s", strerror(-r));
		k->n_theirs--;
	}
}

static void lose(struct bri_kernel_pm *k, const struct bri_ip *ip)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS];
	int n = bri_pm_socket_endpoints(&k->pm, list);

	for (int i = 0; i < n; i++) {
		bool ours = false;

		if (!bri_ip_equal(&list[i].ip, ip))
			continue;
		for (size_t o = 0; o < k->n_ours && !ours; o++)
			ours = k->ours[o].id == list[i].id;
		if (!ours) {
			take_away(k, &list[i]);
			continue;
		}
		delete_endpoint(k, list[i].id, ip);
	}
	for (size_t o = k->n_ours; o-- > 0;) {
		if (bri_ip_equal(&k->ours[o].ip, ip))
			forget(k->ours, &k->n_ours, o);
	}
	/* id 0: the subflows that connections began with, whatever endpoint there is. None: fine */
	delete_endpoint(k, 0, ip);
	note(k);
}

static void give_back(struct bri_kernel_pm *k, const struct bri_ip *ip)
{
	for (size_t i = k->n_theirs; i-- > 0;) {
		int r;

		if (!bri_ip_equal(&k->theirs[i].ip, ip))
			continue;
		r = add_endpoint(k, &k->theirs[i]);
		if (r < 0 && r != -EEXIST)
			bri_warn("an endpoint could not be given back: %s %s", strerror(-r),
				bri_nl_socket_why(k->pm.socket));
		forget(k->theirs, &k->n_theirs, i);
		note(k);
	}
}

static uint8_t free_id(const struct bri_kernel_pm *k, const struct bri_nl_pm_endpoint *list, int n)
{
	/* from above: those of others are counted up from 1 */
	for (unsigned id = ID_MAX; id > 0; id--) {
		bool taken = false;

		for (int i = 0; i < n && !taken; i++)
			taken = list[i].id == id;
		for (size_t i = 0; i < k->n_theirs && !taken; i++)
			taken = k->theirs[i].id == id;
		if (!taken)
			return (uint8_t)id;
	}
	return 0;
}

static void make_endpoint(struct bri_kernel_pm *k, const struct bri_policy_address *a, bool backup)
{
	struct bri_nl_pm_endpoint list[BRI_NL_PM_MAX_ENDPOINTS], e = { .ip = a->ip };
	int n = bri_pm_socket_endpoints(&k->pm, list), r;

	if (n < 0 || n >= (int)ENDPOINTS_MAX || k->n_ours == ENDPOINTS_MAX)
		return;
	for (int i = 0; i < n; i++) {
		if (bri_ip_equal(&list[i].ip, &a->ip))
			return; /* somebody else's: as he wants it */
	}
	e.id = free_id(k, list, n);
	e.flags = BRI_NL_PM_SUBFLOW | (backup ? BRI_NL_PM_BACKUP : 0);
	e.ifindex = a->ifindex;
	k->ours[k->n_ours++] = e;
	r = note(k);
	if (r == 0)
		r = add_endpoint(k, &e);
	if (r < 0) {
		bri_warn("no endpoint: %s %s", strerror(-r), bri_nl_socket_why(k->pm.socket));
		k->n_ours--;
		note(k);
	}
}

static void set_backup(struct bri_kernel_pm *k, struct bri_nl_pm_endpoint *e, bool backup)
{
	struct bri_nl_request req;
	int r;

	if (backup == ((e->flags & BRI_NL_PM_BACKUP) != 0))
		return;
	bri_nl_pm_encode_set_endpoint_backup(&req, &k->pm.family, e->id, backup);
	r = call(k, &req);
	if (r < 0) {
		bri_debug("endpoint %u: flags: %s", e->id, strerror(-r));
		return;
	}
	e->flags = BRI_NL_PM_SUBFLOW | (backup ? BRI_NL_PM_BACKUP : 0);
}

static const struct bri_policy_address *best_of(const struct bri_policy_address *list, size_t n)
{
	const struct bri_policy_address *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (list[i].usable && (!best || bri_policy_prefers(&list[i], best)))
			best = &list[i];
	}
	return best;
}

/* The best is both families' best interface: IPv4 and IPv6 of it are alike. */
static void steer(struct bri_kernel_pm *k, const struct bri_policy_address *list, size_t n,
	enum bri_service service)
{
	const struct bri_policy_address *best = best_of(list, n);

	for (size_t i = 0; i < n; i++) {
		bool backup = service != BRI_SERVICE_AGGREGATE && list[i].ifindex != best->ifindex;
		size_t o = 0;

		if (!list[i].usable)
			continue;
		while (o < k->n_ours && !bri_ip_equal(&k->ours[o].ip, &list[i].ip))
			o++;
		if (o < k->n_ours)
			set_backup(k, &k->ours[o], backup);
		else
			make_endpoint(k, &list[i], backup);
	}
}

static void drop_all_ours(struct bri_kernel_pm *k)
{
	while (k->n_ours) {
		delete_endpoint(k, k->ours[k->n_ours - 1].id, &k->ours[k->n_ours - 1].ip);
		k->n_ours--;
	}
	note(k);
}

void bri_kernel_pm_update(struct bri_kernel_pm *k, const struct bri_policy_address *addresses,
	size_t n, enum bri_service service)
{
	struct bri_ip usable[BRI_POLICY_ADDRESSES_MAX];
	size_t n_usable = 0;

	for (size_t i = 0; i < n && n_usable < BRI_LEN(usable); i++) {
		if (addresses[i].usable)
			usable[n_usable++] = addresses[i].ip;
	}
	for (size_t i = 0; i < k->n_usable; i++) {
		if (!has_ip(usable, n_usable, &k->usable[i]))
			lose(k, &k->usable[i]);
	}
	/* while no daemon was there to see it */
	for (size_t i = k->n_ours; i-- > 0;) {
		struct bri_ip ip = k->ours[i].ip;

		if (!has_ip(usable, n_usable, &ip))
			lose(k, &ip);
	}
	for (size_t i = 0; i < n_usable; i++)
		give_back(k, &usable[i]);
	memcpy(k->usable, usable, n_usable * sizeof(usable[0]));
	k->n_usable = n_usable;
	if (k->mode != BRI_KERNEL_PM_STEER)
		return;
	if (service == BRI_SERVICE_NONE)
		drop_all_ours(k);
	else if (n_usable)
		steer(k, addresses, n, service);
}
